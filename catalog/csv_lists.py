"""Lists as CSV: what a list is of, told by its first line, and its rows, each with the line that it stands on.

Belongs here: reading, names of columns, and the checks of cells that all lists share. Stays out: what the rows of a
list of videos, of sounds or of photos mean (`catalog.sources`, `sound_lists`, `photo_lists`).
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from catalog.errors import SourceListError

SPLITS: tuple[str, ...] = ("train", "val", "test")
UNSTATED = "unstated"
"""The licence of what nobody says anything of."""

ListKind = Literal["videos", "sounds", "photos"]
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST_TEXT = 500

SYNONYMS: Mapping[str, str] = {
    "class": "label",
    "instrument": "label",
    "pitch_hz": "pitch",
    "pitch_hz_or_blank": "pitch",
    "license": "licence",
    "licence_note": "licence",
    "photographer": "owner",
}
"""Names of columns that lists of sounds and of photos may use instead of ours."""


def read_text(path: Path) -> str:
    """The text of a list. Raises SourceListError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceListError(
            f"The list {str(path)!r} cannot be read ({error}); expected a CSV or JSON file in UTF-8. "
            "Check its path, or save it as UTF-8."
        ) from error


def list_kind(path: Path) -> ListKind:
    """What a list is of, by the columns that its first line names. Raises SourceListError for any other file."""
    text = read_text(path)
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        return "videos"
    found = {SYNONYMS.get(name, name) for name in _names(path, csv.reader(io.StringIO(text, newline="")))}
    if "video_id" in found:
        return "videos"
    if "file" in found:
        return "sounds" if "kind" in found else "photos"
    raise SourceListError(
        f"The list {str(path)!r} names the columns {', '.join(sorted(found)) or 'none'} in its first line. Expected "
        "are video_id,instrument,split of videos, file,label,kind,group,split of sounds, or file of photos."
    )


# Names of instruments that a duet's name may be made up of, and single instruments that are called like two.
_INSTRUMENTS = frozenset(
    (
        *("accordion", "acoustic_guitar", "bagpipe", "banjo", "bassoon", "bass_guitar", "cello"),
        *("clarinet", "congas", "double_bass", "drum", "drums", "drum_kit", "electric_bass"),
        *("electric_guitar", "erhu", "flute", "french_horn", "guitar", "guzheng", "harp"),
        *("harpsichord", "horn", "mandolin", "marimba", "oboe", "organ", "piano"),
        *("pipa", "recorder", "saxophone", "sax", "trombone", "trumpet", "tuba"),
        *("ukulele", "vibraphone", "viola", "violin", "voice", "vocals", "xylophone"),
    )
)
_SINGLE = frozenset({"piano_accordion", "harp_guitar", "guitar_banjo", "banjo_guitar", "banjo_ukulele", "viola_organ"})
_JOINING = frozenset({"and", "with", "plus", "duet", "duo", "trio", "quartet", "x", "vs", "feat"})
_MOST_WORDS = 2


def csv_rows(
    path: Path, text: str, required: Sequence[str], optional: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield for each row where it stands and its cells, stripped, "" where there is none; other columns are ignored.

    Raises SourceListError for a missing column, one that is named twice, and text that is no CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    found = [(synonyms or {}).get(name, name) for name in _names(path, reader)]
    missing = [column for column in required if column not in found]
    if missing:
        raise SourceListError(
            f"The list {str(path)!r} lacks the column {', '.join(missing)}; found {', '.join(found) or 'none'}, "
            f"expected {', '.join(required)} and perhaps {', '.join(optional)}. Name them in its first line."
        )
    twice = [column for column in (*required, *optional) if found.count(column) > 1]
    if twice:
        raise SourceListError(f"The list {str(path)!r} has the column {', '.join(twice)} twice. Keep one.")
    for line_num, row in _lines(path, reader):
        cells = dict(zip(found, row, strict=False))
        yield f"{str(path)!r}, line {line_num}", {name: cells.get(name, "").strip() for name in (*required, *optional)}


def checked_label(text: str, where: str, what: str = "label") -> str:
    """The name of an instrument as the catalog writes it: 'Acoustic Guitar' is acoustic_guitar.

    Raises SourceListError for what is no name, and for the names of several: a duet is no solo.
    """
    if several := instruments_in(text):
        raise SourceListError(
            f"{where}: the {what} {text[:80]!r} names {len(several)} instruments, {' and '.join(several)}; what is "
            "learnt from is of one instrument each. Leave duets out, or write one instrument's name as one word."
        )
    name = re.sub(r"[\s_]+", "_", text.strip().lower())
    if not _NAME.fullmatch(name):
        raise SourceListError(
            f"{where}: the {what} is {text[:80]!r}; expected 1 to 64 characters of a-z 0-9 _, such as acoustic_guitar."
        )
    return name


def instruments_in(text: str) -> list[str]:
    """The instruments that a name is made up of where these are several, as in 'flute violin'; else none."""
    words = [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word and word not in _JOINING]
    if "_".join(words) in _SINGLE:
        return []
    found = _taken_apart(words)
    return found if found and len(found) > 1 else []


def _taken_apart(words: Sequence[str]) -> list[str] | None:
    if not words:
        return []
    for length in range(min(len(words), _MOST_WORDS), 0, -1):
        name = "_".join(words[:length])
        if name in _INSTRUMENTS and (rest := _taken_apart(words[length:])) is not None:
            return [name, *rest]
    return None


def checked_choice(text: str, choices: Sequence[str], where: str, what: str) -> str:
    """The text itself where it is one of the choices."""
    if text not in choices:
        raise SourceListError(f"{where}: the {what} is {text[:80]!r}; expected one of {', '.join(choices)}.")
    return text


def checked_text(text: str, where: str, what: str) -> str:
    """The text itself where it says something, in one line of at most 500 characters."""
    if not text or len(text) > _LONGEST_TEXT or re.search(r"[\x00-\x1f\x7f]", text):
        raise SourceListError(f"{where}: the {what} is {text[:80]!r}; expected 1 to {_LONGEST_TEXT} characters.")
    return text


def licence_of(text: str, where: str) -> str:
    """What a list says of a licence, in one spacing; 'unstated' where it says nothing."""
    return checked_text(" ".join(text.split()), where, "licence") if text else UNSTATED


def place_of(path: Path, file: str, where: str) -> str:
    """Where a file of a list lies: its address on the web, or its absolute path.

    A relative path leads from the folder of the list, or from the folder beside it that is called as the list is:
    what `sounds.csv` names may lie in `sounds/`.
    """
    checked_text(file, where, "file")
    if is_address(file):
        return checked_address(file, where)
    beside, below = path.parent / file, path.parent / path.stem / file
    return str((below if below.exists() and not beside.exists() else beside).absolute())


def is_address(text: str) -> bool:
    """Whether a text is meant to lead into a net, and not to a file of this machine."""
    return "://" in text


def checked_address(text: str, where: str) -> str:
    """The text itself if it is an address of the web. Raises SourceListError that does not quote it otherwise."""
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or re.search(r"[\s\x00-\x1f\x7f]", text):
        # It is not quoted: it may hold a password.
        opening = f"{where}: the" if where else "The"
        raise SourceListError(f"{opening} URL is none; expected one of http:// or https://, with a host and no spaces.")
    return text


def _names(path: Path, reader: Any) -> list[str]:
    """The names in the first line, in small letters."""
    return next(([name.strip().lower() for name in row] for _, row in _lines(path, reader)), [])


def _lines(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of its line."""
    read = reader.line_num
    try:
        for row in reader:
            read = reader.line_num
            if row:
                yield read, row
    except csv.Error as error:
        raise SourceListError(f"{str(path)!r}, after line {read}: {error}; expected CSV.") from error


def each_once(rows: Iterator[tuple[str, Any]], key: Callable[[Any], object]) -> list[tuple[str, Any]]:
    """The rows in order without repetitions; two that say different things of one are an error."""
    first: dict[object, tuple[str, Any]] = {}
    for where, row in rows:
        earlier_where, earlier = first.setdefault(key(row), (where, row))
        if earlier != row:
            raise SourceListError(f"{where} says other things of the same than {earlier_where}. Keep the right one.")
    return list(first.values())
