"""A person's cookies for downloads: looked at, and copied, so that their own file is never written to.

yt-dlp writes the cookies that it got back into the file it was given, and shows lines that it cannot read as they
are; so it is given a copy that holds only whole lines. What a cookie says is told to nobody.
"""

import os
import stat
from pathlib import Path

from varemix.errors import UsageError

COOKIES_VARIABLE = "VAREMIX_COOKIES"
_HTTP_ONLY = "#HttpOnly_"
_NUM_FIELDS = 7  # Netscape's format: host, subdomains, path, only https, end, name, value
_MAX_BYTES = 8 * 2**20


def copy_cookies(source: Path, copy: Path) -> None:
    """Write the cookies of a file, which is only read, to `copy`, which only its owner may read.

    Raises UsageError for a file that is not there, that others may read, or that is none of Netscape's format.
    """
    try:
        with source.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"The cookies file '{source}' cannot be read ({error.strerror}). Correct --cookies or {COOKIES_VARIABLE}."
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"The cookies file '{source}' may be used by others (mode {stat.S_IMODE(mode):o}): who has it is logged in "
            f"as you. Run `chmod 600 '{source}'`, and renew the cookies if others had them."
        )
    lines = _checked_lines(source, content)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("# Netscape HTTP Cookie File\n" + "".join(f"{line}\n" for line in lines))


def _checked_lines(source: Path, content: bytes) -> list[str]:
    expected = "expected cookies in Netscape's format (cookies.txt), as extensions of browsers save them"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"The cookies file '{source}' is no text in UTF-8; {expected}.") from None
    if len(content) > _MAX_BYTES:
        raise UsageError(f"The cookies file '{source}' has more than {_MAX_BYTES} bytes; {expected}.")
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        fields = line.split("\t")
        if len(fields) != _NUM_FIELDS or not (fields[4].isdecimal() or not fields[4]):
            raise UsageError(f"Line {number} of the cookies file '{source}' is no cookie; {expected}.")
        lines.append(line)
    return lines
