"""Where everything lies under the home folder, and files that are never half-written.

Belongs here: places, names of files, atomic writing. Stays out: what the files hold.
"""

import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from catalog.errors import HomeError
from catalog.ids import checked_name, checked_video_id

_HOME_VARIABLE = "VAREMIX_HOME"
_DEFAULT_HOME = Path("data")
_TEMPORARY_PREFIX = ".part-"
_LEFT_PREFIXES = (_TEMPORARY_PREFIX, ".download-")  # the latter are folders of downloads that were killed
_WRITER = re.compile(r"\.part-(?P<neighbourhood>[0-9a-f]{8})-(?P<process_id>[0-9]{1,9})-")
_LEFTOVER_AGE_S = 24 * 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Home:
    """The folder that holds the tables and all files; `Home.open` makes one that can be written.

    Methods that name a place create nothing, but for `work`; `replacing` creates the folders above its file.
    """

    root: Path

    @classmethod
    def open(cls, path: Path | str | None = None) -> "Home":
        """The home at `path`, else at $VAREMIX_HOME, else at ./data; created if it is not there.

        Raises HomeError if it is no folder or cannot be written.
        """
        home = cls.chosen(path)
        try:
            home.root.mkdir(parents=True, exist_ok=True)
            probe = home.root / _temporary_name("")
            probe.touch(exist_ok=False)
            probe.unlink()
        except (OSError, ValueError) as error:
            raise _unusable(home.root, error) from error
        return home

    @classmethod
    def chosen(cls, path: Path | str | None = None) -> "Home":
        """The home that `open` would open, to look at: it need not be there, and nothing is created.

        Raises HomeError for a text that is no path.
        """
        chosen = Path(path or os.environ.get(_HOME_VARIABLE) or _DEFAULT_HOME)
        try:
            return cls(chosen.expanduser().resolve())
        except (OSError, ValueError, RuntimeError) as error:
            raise _unusable(chosen, error) from error

    @property
    def tables(self) -> Path:
        """The folder of the Delta tables."""
        return self.root / "tables"

    @property
    def reports(self) -> Path:
        """The folder of reports for people."""
        return self.root / "reports"

    @property
    def dropped(self) -> Path:
        """The library of the recordings that were dropped on the desk."""
        return self.root / "desk" / "recordings"

    @property
    def photos(self) -> Path:
        """The folder of the pictures that were dropped on the desk."""
        return self.root / "desk" / "pictures"

    def video(self, video_id: str) -> Path:
        """The file of a video. Raises IdError for an id that cannot be, like all places below."""
        return self._fanned("videos", checked_video_id(video_id), "video", ".mp4")

    def wav(self, clip_id: str) -> Path:
        """The sound of a clip."""
        return self._fanned("clips", checked_name(clip_id, "Clip id"), "clip", ".wav")

    def frames(self, clip_id: str) -> Path:
        """The frames of a clip, a row a frame."""
        return self._fanned("clips", checked_name(clip_id, "Clip id"), "clip", ".frames.parquet")

    def checkpoint(self, checkpoint_id: str) -> Path:
        """The weights of a checkpoint."""
        name = checked_name(checkpoint_id, "Checkpoint id")
        return self.root / "checkpoints" / f"checkpoint-{name}.safetensors"

    def masks(self, mask_id: str) -> Path:
        """The masks of a track."""
        return self._fanned("masks", checked_name(mask_id, "Mask id"), "masks", ".parquet")

    def all_masks(self) -> list[Path]:
        """Every mask file that is there, sorted."""
        return sorted(path for path in (self.root / "masks").rglob("*.parquet") if not path.name.startswith("."))

    def work(self, name: str) -> Path:
        """A folder for unfinished work that outlives a run; created if it is not there."""
        folder = self.root / "work" / f"work-{checked_name(name, 'Work name')}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def relative(self, path: Path) -> str:
        """`path` as tables store it: relative to the home, with '/'.

        Raises HomeError if it lies elsewhere.
        """
        for candidate in (path.absolute(), path.resolve()):
            if candidate.is_relative_to(self.root) and ".." not in candidate.parts:
                return candidate.relative_to(self.root).as_posix()
        raise HomeError(f"{str(path)!r} lies outside the home {str(self.root)!r}; expected a path within it.")

    def absolute(self, text: str) -> Path:
        """The path that `relative` turned into `text`.

        Raises HomeError for a text that would leave the home. The check reads the text alone: folders within
        the home may be links that its owner made.
        """
        parts = PurePosixPath(text).parts
        if not parts or text.startswith("/") or ".." in parts or "\0" in text:
            raise HomeError(f"The stored path {text!r} is not within the home; expected a relative path without '..'.")
        return self.root.joinpath(*parts)

    def remove_leftovers(self, *, dry_run: bool = False) -> list[Path]:
        """Remove what killed writers left in the home; see the function of the same name."""
        return remove_leftovers(self.root, dry_run=dry_run)

    def _fanned(self, room: str, name: str, prefix: str, suffix: str) -> Path:
        """A place in one of 256 subfolders; the prefix keeps a leading '-' of an id from standing first."""
        subfolder = hashlib.sha256(name.encode("ascii")).hexdigest()[:2]
        return self.root / room / subfolder / f"{prefix}-{name}{suffix}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, what it wrote there becomes `path`.

    Readers see the old file or the new one, never a half; after a power cut too, since the bytes reach the
    disk before the name does. When the block raises, the temporary file is removed and `path` stays as it
    was. Raises FileNotFoundError if the block wrote nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)
        _flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """Return a name beside `path` for something unfinished; what a killed process leaves there is a leftover."""
    return path.parent / _temporary_name(path.suffix)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder below `parent`, which goes with all in it when the block ends; see `remove_leftovers`."""
    folder = parent / _temporary_name("")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all. See `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def remove_leftovers(folder: Path, *, dry_run: bool = False) -> list[Path]:
    """Remove what killed writers left below a folder that may not be there; returns what was removed.

    What a process of this machine began goes when that process is gone, all else when it is more than a day old. A dry
    run only tells.
    """
    removed = []
    for top, folders, names in os.walk(folder):
        for path in [Path(top, name) for name in (*folders, *names) if name.startswith(_LEFT_PREFIXES)]:
            try:
                if _is_left(path):
                    if not dry_run:
                        _remove(path)
                    removed.append(path)
            except OSError as error:
                _log.warning("Leftover %s stays: %s", path, error)
    return removed


def _unusable(chosen: Path, error: Exception) -> HomeError:
    return HomeError(
        f"The home folder {str(chosen)!r} cannot be written ({error}); expected a folder "
        f"that is yours. Set {_HOME_VARIABLE} to one, or mend its permissions."
    )


def _temporary_name(suffix: str) -> str:
    return f"{_TEMPORARY_PREFIX}{_neighbourhood()}-{os.getpid()}-{secrets.token_hex(8)}{suffix}"


@lru_cache(maxsize=1)
def _neighbourhood() -> str:
    """A name for the processes among which this one's number is its own: those of this machine, or of a container."""
    try:
        facts = Path("/proc/sys/kernel/random/boot_id").read_text("ascii") + str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not on Linux
        facts = platform.node()
    return hashlib.sha256(facts.encode()).hexdigest()[:8]


def _is_left(path: Path) -> bool:
    """Whether nobody writes a temporary file any more, as far as can be known from here."""
    writer = _WRITER.match(path.name)
    if writer and writer["neighbourhood"] == _neighbourhood() and not _is_running(int(writer["process_id"])):
        return True
    return path.lstat().st_mtime < time.time() - _LEFTOVER_AGE_S


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another person's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
