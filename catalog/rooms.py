"""The rooms of a home: which files lie in them, how large and how old they are, and which of them this software names.

Belongs here: looking. Stays out: what a file is needed for (`tasks.orphans`), and tables, whose files only Delta Lake
understands.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.files import Home

_ID = r"[A-Za-z0-9_-]{1,64}"
_NAMES = {
    "videos": rf"video-{_ID}\.mp4",
    "clips": rf"clip-{_ID}\.(wav|frames\.parquet)",
    "sounds": rf"sounds-{_ID}\.wav",
    "photos": rf"photo-{_ID}\.jpg",
    "checkpoints": rf"checkpoint-{_ID}\.(safetensors|curves\.(png|csv)|card\.md)",
    "masks": rf"masks-{_ID}\.parquet",
    "reports": rf"evaluate-{_ID}\.html",
    "work": rf"work-{_ID}",
}
ROOMS: tuple[str, ...] = tuple(_NAMES)
"""The folders of a data folder that hold files, but for `tables`."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file of a room, or a folder of `work`: where it lies relative to the home, its size and its latest change."""

    room: str
    path: str
    num_bytes: int
    modified_s: float

    @property
    def is_ours(self) -> bool:
        """Whether this software gives such names in this room; what somebody else put there is theirs."""
        return re.fullmatch(_NAMES[self.room], Path(self.path).name) is not None


def files_of(home: Home, room: str) -> list[Found]:
    """Return what lies in a room, sorted. Links are not followed below the room itself, and not named.

    Of a home in a bucket it is what lies in the bucket, but for `work`, which each machine has for itself.
    """
    if home.bucket and room != "work":
        entries = home.bucket.found(room)
    else:
        entries = {home.relative(path): measured for path, measured in _here(home.root / room, room)}
    return [
        Found(room=room, path=path, num_bytes=num_bytes, modified_s=modified_s)
        for path, (num_bytes, modified_s) in sorted(entries.items())
    ]


def folder_bytes(home: Home, folder: str) -> tuple[int, int]:
    """Return how many files lie below a folder of a home, in its bucket if it has one, and how many bytes they have."""
    if home.bucket and folder != "work":
        sizes = [num_bytes for num_bytes, _ in home.bucket.found(folder).values()]
    else:
        sizes = [status.st_size for _, status in _regular_files(home.root / folder)]
    return len(sizes), sum(sizes)


def files_of_desk(home: Home) -> list[Path]:
    """Return what was dropped on the desk, and its sessions; not what is only on its way there."""
    kept = (path.relative_to(home.desk) for path, _ in _regular_files(home.desk))
    return sorted(home.desk / path for path in kept if not any(part.startswith(".") for part in path.parts))


def _here(top: Path, room: str) -> Iterator[tuple[Path, tuple[int, float]]]:
    if room == "work":
        yield from ((path, _measured(path)) for path in top.glob("*") if path.is_dir() and not path.is_symlink())
    else:
        yield from ((path, (status.st_size, status.st_mtime)) for path, status in _regular_files(top))


def _measured(folder: Path) -> tuple[int, float]:
    """Return the bytes below a folder, and when the latest of its files was changed."""
    states = [status for _, status in _regular_files(folder)]
    latest_s = max((status.st_mtime for status in states), default=0.0)
    return sum(status.st_size for status in states), max(latest_s, folder.stat().st_mtime)


def _regular_files(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            try:
                status = path.lstat()
            except FileNotFoundError:  # somebody was quicker
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status
