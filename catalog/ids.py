"""Ids that are digests of what they name, and the check of ids that strangers chose.

Belongs here: making and checking ids. Stays out: where the named things lie (`catalog.files`).
"""

import hashlib
import json
import math
import re
from pathlib import Path

from catalog.errors import IdError

_TYPES = "str, int, float, bool, None, and lists and dicts of these"
_ID_CHARACTERS = 20
_SCALARS = (str, int, float, bool, type(None))
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def content_id(kind: str, /, **parts: object) -> str:
    """20 hexadecimal characters that stand for `kind` and all its `parts`.

    The same parts give the same id in every process and on every machine; the order of names does not
    matter, the order of lists does. 1, 1.0 and True are three different parts. The id is the beginning of the
    SHA-256 of the parts' JSON with sorted names.

    Raises IdError for a part that is none of str, int, float (finite), bool, None, list, dict with str names:
    other types have no spelling that is sure to stay the same.
    """
    _check_part(parts, where=kind)
    text = json.dumps([kind, parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_ID_CHARACTERS]


def file_digest(path: Path) -> str:
    """The SHA-256 of the bytes of `path`, 64 hexadecimal characters. Raises OSError as `open` does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_name(text: str, what: str) -> str:
    """`text` itself, if it may become part of a file's name: 1 to 64 of A-Z a-z 0-9 _ and -.

    Raises IdError otherwise. The name may begin with '-' (YouTube's ids may), so put something before it
    wherever a program could take it for an option.
    """
    if not _NAME.fullmatch(text):
        raise IdError(
            f"{what} {text[:80]!r} is not one: expected 1 to 64 characters of A-Z a-z 0-9 _ and -. "
            "Correct it where it comes from."
        )
    return text


def checked_video_id(text: str) -> str:
    """`text` itself, if it can be the id of a video; raises IdError otherwise. See `checked_name`."""
    return checked_name(text, "Video id")


def _check_part(part: object, where: str) -> None:
    if type(part) is dict:
        for name, value in part.items():
            if type(name) is not str:
                raise IdError(f"A name in part {where!r} is {name!r} ({type(name).__name__}); expected a str.")
            _check_part(value, f"{where}.{name}")
    elif type(part) is list:
        for index, value in enumerate(part):
            _check_part(value, f"{where}[{index}]")
    elif type(part) not in _SCALARS:
        raise IdError(f"Part {where!r} is {part!r} ({type(part).__name__}); expected {_TYPES}. Convert it before.")
    elif isinstance(part, float) and not math.isfinite(part):
        raise IdError(f"Part {where!r} is {part}; expected a finite number.")
