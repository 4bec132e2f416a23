"""What lies beside the recordings of a library, brought along to their remixes: covers, cue sheets, lyrics, booklets.

Playlists and cue sheets name files; where a remix is called otherwise than its recording, they get its name.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from catalog.files import replacing, write_atomically
from tasks.shards import Outcome
from varemix.media.code_pages import likely_page

PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif")
WRITINGS = (".lrc", ".srt", ".txt", ".pdf", ".nfo", ".log", ".md", ".html", ".epub", ".djvu", ".accurip", ".ffp")
# What names files, and the part of it that is a name.
NAMING: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys((".m3u", ".m3u8"), re.compile(r"^(?P<name>[^#\r\n][^\r\n]*?)(?=\s*$)", re.MULTILINE)),
    ".pls": re.compile(r"(?<==)(?P<name>(?<=File\d=|ile\d\d=|le\d\d\d=)[^\r\n]+?)(?=\s*$)", re.MULTILINE),
    ".cue": re.compile(r'(?<=FILE ")(?P<name>[^"\r\n]+)(?=")'),
    ".xspf": re.compile(r"(?<=<location>)(?P<name>[^<]+)(?=</location>)"),
    ".wpl": re.compile(r'(?<=<media src=")(?P<name>[^"]+)(?=")'),
}


def bring_along(library: Path, files: Sequence[Path], out: Path, remixes: Mapping[Path, Path]) -> list[Outcome]:
    """Copy files of a library to the same places below `out`, those that name recordings with the names of remixes.

    `remixes` are paths below `out` by paths of recordings below the library. What is there as it should be stays.
    Returns an outcome for each file that is of a kind that goes along.
    """
    taken = {out / remix for remix in remixes.values()}
    outcomes = []
    for path in files:
        suffix, place = path.suffix.lower(), out / path.relative_to(library)
        if suffix not in (*PICTURES, *WRITINGS, *NAMING) or place in taken:
            continue
        name = str(path.relative_to(library))
        if place.parent.resolve().is_relative_to(library.resolve()):
            reason = f"'{place}' lies in the library, by a link. Choose another folder."
            outcomes.append(Outcome(item=name, status="failed", reason=reason))
            continue
        try:
            is_new = _named_anew(path, library, place, remixes) if suffix in NAMING else _copied(path, place)
        except OSError as error:
            outcomes.append(Outcome(item=name, status="failed", reason=f"cannot be brought along: {error.strerror}"))
            continue
        outcomes.append(Outcome(item=name, status="done" if is_new else "skipped"))
    return outcomes


def _copied(path: Path, place: Path) -> bool:
    """Copy a file unless its copy is there; tell whether it was copied."""
    facts = path.stat()
    if place.is_file() and (place.stat().st_size, place.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns):
        return False
    with replacing(place) as temporary:
        shutil.copy2(path, temporary)
    return True


def _named_anew(path: Path, library: Path, place: Path, remixes: Mapping[Path, Path]) -> bool:
    """Write a list of names with the names of remixes, in the encoding and with the slashes that it has."""
    content = path.read_bytes()
    encoding = _encoding(content)
    is_coded = path.suffix.lower() in (".xspf",)

    def anew(found: re.Match[str]) -> str:
        return _renamed(found["name"], path.parent, library, remixes, is_coded=is_coded)

    text = NAMING[path.suffix.lower()].sub(anew, content.decode(encoding))
    wanted = text.encode(encoding, "replace")
    if place.is_file() and place.read_bytes() == wanted:
        return False
    write_atomically(place, wanted)
    return True


def _renamed(name: str, folder: Path, library: Path, remixes: Mapping[Path, Path], *, is_coded: bool) -> str:
    """Return the name of the remix of the recording that a name means; the name itself where it is called alike."""
    plain: Callable[[str], str] = unquote if is_coded else str
    told = plain(name).removeprefix("file://")
    is_windows = "\\" in told and "/" not in told
    meant = Path(os.path.normpath(folder / (told.replace("\\", "/") if is_windows else told)))
    recording = meant.relative_to(library) if meant.is_relative_to(library) else None
    remix = remixes.get(recording) if recording else None
    is_within = not Path(told).is_absolute()
    if recording is None or remix is None or (remix == recording and is_within):
        return name
    new = os.path.relpath(library / remix, folder)  # as they lie to each other below `out`, too
    new = new.replace("/", "\\") if is_windows else new.replace(os.sep, "/")
    return quote(new) if is_coded else new


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        page = likely_page([content])
        try:
            content.decode(page)
        except UnicodeDecodeError:
            return "latin_1"
        return page
    return "utf-8"
