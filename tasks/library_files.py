"""What lies in the folder of a library: recordings, recordings of kinds that are not served, and what lies beside them.

Names that begin with a dot are names like all others, but for what systems and we leave lying; a folder that a link
leads to is looked through once. Stays out: what is in the files (`tasks.library`).
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from catalog.files import LEFT_PREFIXES
from varemix.errors import MediaError, UsageError
from varemix.media.audio import SERVED_SUFFIXES

_PASSED_OVER = ("._", ".DS_Store", *LEFT_PREFIXES)  # what macOS keeps beside files, and what a killed run of ours left
_DSD, _TRACKER = "DSD", "tracker music"
# Recordings and videos of kinds that are not served, by their usual suffixes.
NOT_SERVED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((".dsf", ".dff", ".dst"), _DSD),
        **dict.fromkeys((".ra", ".rm", ".rmvb", ".ram"), "RealAudio"),
        **dict.fromkeys((".aa", ".aax", ".aaxc", ".m4p"), "protected sound"),
        **dict.fromkeys((".mid", ".midi", ".kar", ".rmi"), "MIDI"),
        **dict.fromkeys((".mod", ".xm", ".it", ".s3m"), _TRACKER),
        **dict.fromkeys((".mp1", ".mp2", ".m2a", ".mpa"), "MPEG layer I or II"),
        **dict.fromkeys((".ac3", ".eac3", ".ec3"), "AC-3"),
        **dict.fromkeys((".dts", ".dtshd"), "DTS"),
        **dict.fromkeys((".thd", ".truehd", ".mlp"), "TrueHD"),
        **dict.fromkeys((".amr", ".awb", ".gsm", ".qcp", ".evrc"), "telephone sound"),
        **dict.fromkeys((".shn",), "Shorten"),
        **dict.fromkeys((".ofr", ".ofs"), "OptimFROG"),
        **dict.fromkeys((".la", ".pac", ".als", ".optimfrog"), "rare lossless sound"),
        **dict.fromkeys((".spx",), "Speex"),
        **dict.fromkeys((".sd2", ".voc", ".8svx", ".iff", ".vqf", ".aud"), "old sound"),
        **dict.fromkeys((".avi", ".divx"), "AVI"),
        **dict.fromkeys((".wmv", ".asf"), "Windows Media video"),
        **dict.fromkeys((".mpg", ".mpeg", ".vob", ".m2v", ".dat"), "MPEG video"),
        **dict.fromkeys((".ts", ".mts", ".m2ts", ".tp"), "MPEG transport streams"),
        **dict.fromkeys((".flv", ".f4v", ".swf"), "Flash video"),
        **dict.fromkeys((".ogv", ".ogm"), "Ogg video"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The files of a library, sorted, and the folders that could not be opened."""

    recordings: Sequence[Path]
    not_served: Sequence[Path]
    beside: Sequence[Path]
    closed_folders: Sequence[Path] = field(default_factory=tuple)

    def facts(self) -> dict[str, str]:
        """Return what is to be told of what is not served, as facts for people; nothing where all is."""
        kinds = Counter(NOT_SERVED[path.suffix.lower()] for path in self.not_served)
        told = ", ".join(f"{number} of {kind}" for kind, number in sorted(kinds.items()))
        closed = ", ".join(map(str, self.closed_folders[:3])) + (", ..." if len(self.closed_folders) > 3 else "")
        return {name: text for name, text in {"not served": told, "folders not opened": closed}.items() if text}


def contents_of(library: Path, *, apart_from: Sequence[Path] = ()) -> Contents:
    """Return the files below the folder of a library; links that lead into one of `apart_from` are not followed.

    Raises UsageError when the folder is not there.
    """
    if not library.is_dir():
        raise UsageError(f"There is no folder '{library}'; give the folder of a library.")
    closed: list[Path] = []
    files: list[Path] = sorted(_files(library, [folder.resolve() for folder in apart_from], closed))
    served = [path for path in files if path.suffix.lower() in SERVED_SUFFIXES]
    others = [path for path in files if path.suffix.lower() in NOT_SERVED]
    known = {*served, *others}
    return Contents(
        recordings=served,
        not_served=others,
        beside=[path for path in files if path not in known],
        closed_folders=closed,
    )


def library_files(library: Path, *, apart_from: Sequence[Path] = ()) -> list[Path]:
    """Return the recordings below the folder, sorted; see `contents_of`. Raises MediaError when there are none."""
    found = contents_of(library, apart_from=apart_from)
    if not found.recordings:
        told = "; ".join(f"{name}: {text}" for name, text in found.facts().items())
        raise MediaError(
            f"The library '{library}' holds no recordings; audio files or videos were expected below it."
            f"{f' It holds ({told}).' if told else ''}"
        )
    return list(found.recordings)


def _files(library: Path, apart_from: Sequence[Path], closed: list[Path]) -> Iterator[Path]:
    """Yield the files, of folders that links lead to after all others, and those once."""
    seen: set[tuple[int, int]] = set()
    waiting = [library]
    while waiting:
        top = waiting.pop(0)
        if top.is_symlink() and _is_within(top.resolve(), apart_from):
            continue
        for folder, subfolders, names in os.walk(top, onerror=lambda error: closed.append(Path(str(error.filename)))):
            facts = Path(folder).stat()
            if (facts.st_dev, facts.st_ino) in seen:
                subfolders.clear()
                continue
            seen.add((facts.st_dev, facts.st_ino))
            subfolders[:] = sorted(name for name in subfolders if not name.startswith(_PASSED_OVER))
            waiting += [path for name in subfolders if (path := Path(folder, name)).is_symlink()]
            yield from (Path(folder, name) for name in names if not name.startswith(_PASSED_OVER))


def _is_within(folder: Path, others: Sequence[Path]) -> bool:
    return any(folder.is_relative_to(other) or other.is_relative_to(folder) for other in others)
