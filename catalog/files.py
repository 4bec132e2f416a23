"""Where everything lies under the home folder, and files that are never half-written.

Belongs here: places, names of files, atomic writing. Stays out: what the files hold.

A home may be a bucket (`catalog.bucket`). Its tables are read and written there; of its files this machine has a
mirror, a folder like that of any other home: what a step needs is `fetched` into it once, and what a step made in it
is `kept` in the bucket, whole, before a row tells of it. The mirror can be thrown away whenever nothing runs.
"""

import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from catalog.bucket import Bucket, is_bucket
from catalog.errors import HomeError
from catalog.ids import checked_name, checked_video_id, file_digest

_HOME_VARIABLE = "VAREMIX_HOME"
_MIRROR_VARIABLE = "VAREMIX_MIRROR"
_DEFAULT_MIRRORS = Path("~/.cache/varemix")
_DEFAULT_HOME = Path("data")
_TEMPORARY_PREFIX = ".part-"
LEFT_PREFIXES = (_TEMPORARY_PREFIX, ".download-")  # the latter are folders of downloads that were killed
_WRITER = re.compile(r"\.part-(?P<neighbourhood>[0-9a-f]{8})-(?P<process_id>[0-9]{1,9})-")
MAX_NAME_BYTES = 255  # of a file's name on all usual file systems
_CUT = "~"
_CUT_MARK = re.compile(rf"{_CUT}[0-9a-f]{{8}}")
_LEFTOVER_AGE_S = 24 * 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Home:
    """The folder that holds the tables and all files; `Home.open` makes one that can be written.

    Where the home is a bucket, `root` is the mirror on this machine. Methods that name a place create nothing, but for
    `work`; `replacing` creates the folders above its file.
    """

    root: Path
    bucket: Bucket | None = None

    @classmethod
    def open(cls, path: Path | str | None = None) -> "Home":
        """The home at `path`, else at $VAREMIX_HOME, else at ./data; created if it is not there.

        `path` may be the address of a bucket, s3://BUCKET/FOLDER; its mirror lies in $VAREMIX_MIRROR. Raises HomeError
        if it is no folder or cannot be written.
        """
        home = cls.chosen(path)
        if home.bucket:
            _check_once(home.bucket)
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
        wanted = path or os.environ.get(_HOME_VARIABLE) or _DEFAULT_HOME
        bucket = Bucket.at(wanted) if isinstance(wanted, str) and is_bucket(wanted) else None
        chosen = _mirror(bucket) if bucket else Path(wanted)
        try:
            return cls(chosen.expanduser().resolve(), bucket)
        except (OSError, ValueError, RuntimeError) as error:
            raise _unusable(chosen, error) from error

    @property
    def address(self) -> str:
        """What `open` opens this home by, here and on other machines."""
        return self.bucket.address if self.bucket else str(self.root)

    def table(self, name: str) -> str:
        """Where a Delta table lies."""
        return f"{self.bucket.address}/tables/{name}" if self.bucket else str(self.tables / name)

    @property
    def tables(self) -> Path:
        """The folder of the Delta tables, and of the locks of those who write them here."""
        return self.root / "tables"

    @property
    def reports(self) -> Path:
        """The folder of reports for people."""
        return self.root / "reports"

    @property
    def desk(self) -> Path:
        """What was dropped on the desk, and its sessions; of a home in a bucket, too, it lies on this machine alone."""
        return self.root / "desk"

    @property
    def dropped(self) -> Path:
        """The library of the recordings that were dropped on the desk."""
        return self.desk / "recordings"

    @property
    def photos(self) -> Path:
        """The folder of the pictures that were dropped on the desk."""
        return self.desk / "pictures"

    @property
    def sessions(self) -> Path:
        """The folder of the sessions of the desk."""
        return self.desk / "sessions"

    def video(self, video_id: str) -> Path:
        """The file of a video. Raises IdError for an id that cannot be, like all places below."""
        return self._fanned("videos", checked_video_id(video_id), "video", ".mp4")

    def wav(self, clip_id: str) -> Path:
        """The sound of a clip."""
        return self._fanned("clips", checked_name(clip_id, "Clip id"), "clip", ".wav")

    def frames(self, clip_id: str) -> Path:
        """The frames of a clip, a row a frame."""
        return self._fanned("clips", checked_name(clip_id, "Clip id"), "clip", ".frames.parquet")

    def sounds(self, pack_id: str) -> Path:
        """A file of many sounds without pictures, one after the other."""
        return self._fanned("sounds", checked_name(pack_id, "Pack id"), "sounds", ".wav")

    def photo(self, picture_id: str) -> Path:
        """A photo to learn from."""
        return self._fanned("photos", checked_name(picture_id, "Picture id"), "photo", ".jpg")

    def checkpoint(self, checkpoint_id: str) -> Path:
        """The weights of a checkpoint."""
        name = checked_name(checkpoint_id, "Model id")
        return self.root / "checkpoints" / f"checkpoint-{name}.safetensors"

    def masks(self, mask_id: str) -> Path:
        """The masks of a track."""
        return self._fanned("masks", checked_name(mask_id, "Mask id"), "masks", ".parquet")

    def mask_files(self) -> dict[str, float]:
        """Every mask file that is there, as tables call it, and when it was written, in seconds since 1970."""
        if self.bucket:
            return {name: written_s for name, (_, written_s) in self.bucket.found("masks").items()}
        paths = [path for path in (self.root / "masks").rglob("*.parquet") if not path.name.startswith(".")]
        return {self.relative(path): path.stat().st_mtime for path in paths}

    def order(self, name: str) -> Path:
        """What is to be done by another process; one that is left lying goes with the leftovers."""
        return self.root / "work" / f"{_TEMPORARY_PREFIX}order-{checked_name(name, 'Order')}.json"

    def answer(self, name: str) -> Path:
        """What became of an order."""
        return self.order(name).with_suffix(".answer.json")

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
        raise HomeError(f"{str(path)!r} lies outside the data folder {str(self.root)!r}; expected a path within it.")

    def absolute(self, text: str) -> Path:
        """The path that `relative` turned into `text`.

        Raises HomeError for a text that would leave the home. The check reads the text alone: folders within
        the home may be links that its owner made.
        """
        parts = PurePosixPath(text).parts
        if not parts or text.startswith("/") or ".." in parts or "\0" in text:
            raise HomeError(
                f"The stored path {text!r} is not within the data folder; expected a relative path without '..'."
            )
        return self.root.joinpath(*parts)

    def holds(self, text: str, digest: str | None = None, num_bytes: int | None = None) -> bool:
        """Whether the file that tables call `text` is there as it was written, as far as is known of it.

        The digest is looked at in a folder; in a bucket the size is, which costs no transfer: `fetched` looks at the
        digest then. Raises HomeError like `absolute`.
        """
        path = self.absolute(text)
        if self.bucket:
            found = self.bucket.num_bytes(text)
            return found is not None and num_bytes in {None, found}
        return path.exists() and digest in {None, digest and file_digest(path)}

    def surveyed(self, folder: str) -> "Home":
        """The same home, prepared to tell of many files of a folder whether it `holds` them."""
        return Home(self.root, self.bucket.listed(folder)) if self.bucket else self

    def fetched(self, text: str, digest: str | None = None) -> Path:
        """The path of the file that tables call `text`, to be read on this machine.

        From a bucket it is brought here, unless it is here with this digest. Raises HomeError if the bucket has it no
        longer or another one; a folder's file is whatever it is.
        """
        path = self.absolute(text)
        if self.bucket is None or (path.exists() and digest in {None, digest and file_digest(path)}):
            return path
        try:
            with replacing(path) as temporary:
                self.bucket.get(text, temporary)
                found = digest and file_digest(temporary)
                if found != digest:
                    raise HomeError(
                        f"{text!r} in {self.address!r} is not as it was recorded: SHA-256 {found}, expected {digest}. "
                        "Restore it, or run again the step that made it."
                    )
        except FileNotFoundError as error:
            raise HomeError(
                f"{text!r} is not in {self.address!r} any more. Run again the step that made it."
            ) from error
        return path

    def keep(self, path: Path) -> None:
        """Put a file that was made in the home into its bucket, if it has one: whole, before a row tells of it."""
        if self.bucket:
            self.bucket.put(path, self.relative(path))

    def remove(self, text: str) -> int:
        """Remove the file that tables call `text`, if it is there; returns how many bytes it had."""
        path = self.absolute(text)
        here = path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
        if self.bucket is None:
            return here
        there = self.bucket.num_bytes(text) or 0
        self.bucket.remove(text)
        return there

    def num_bytes(self, text: str) -> int:
        """How large the file that tables call `text` is, 0 where there is none."""
        path = self.absolute(text)
        if self.bucket:
            return self.bucket.num_bytes(text) or 0
        return path.stat().st_size if path.exists() else 0

    def remove_leftovers(self, *, dry_run: bool = False) -> list[Path]:
        """Remove what killed writers left in the home; see the function of the same name."""
        return remove_leftovers(self.root, dry_run=dry_run)

    def _fanned(self, room: str, name: str, prefix: str, suffix: str) -> Path:
        """A place in one of 256 subfolders; the prefix keeps a leading '-' of an id from standing first."""
        subfolder = hashlib.sha256(name.encode("ascii")).hexdigest()[:2]
        return self.root / room / subfolder / f"{prefix}-{name}{suffix}"


def fitting_name(stem: str, ending: str = "", *, most_bytes: int = MAX_NAME_BYTES) -> str:
    """`stem` and `ending` as the name of a file; where no file can have so long a one, with the stem cut.

    The mark of a name that was cut, and eight digits of its digest, which keep names apart, follow the cut.
    """
    name = f"{stem}{ending}"
    if len(os.fsencode(name)) <= most_bytes:
        return name
    mark = f"{_CUT}{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    room = most_bytes - len(os.fsencode(mark + ending))
    cut = unicodedata.normalize("NFC", stem).encode("utf-8", "surrogateescape")[: max(0, room)]
    return f"{cut.decode('utf-8', 'ignore').rstrip()}{mark}{ending}"


def cut_note(name: str, *, of: str) -> str:
    """What is to be told of a file called `name` where that was cut, or an empty text; `of` is what it was made of."""
    was_cut = _CUT_MARK.search(name) and not _CUT_MARK.search(of)
    return f"its name was cut to {MAX_NAME_BYTES} bytes, the most that names of files can have" if was_cut else ""


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
        for path in [Path(top, name) for name in (*folders, *names) if name.startswith(LEFT_PREFIXES)]:
            try:
                if _is_left(path):
                    if not dry_run:
                        _remove(path)
                    removed.append(path)
            except OSError as error:
                _log.warning("Leftover %s stays: %s", path, error)
    return removed


def _mirror(bucket: Bucket) -> Path:
    """Where the mirror of a bucket lies, apart from those of others."""
    place = hashlib.sha256(bucket.address.encode()).hexdigest()[:16]
    return Path(os.environ.get(_MIRROR_VARIABLE) or _DEFAULT_MIRRORS) / place


@lru_cache(maxsize=8)
def _check_once(bucket: Bucket) -> None:
    bucket.check()


def _unusable(chosen: Path, error: Exception) -> HomeError:
    return HomeError(
        f"The data folder {str(chosen)!r} cannot be written ({error}); expected a folder "
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
    import psutil  # only what sweeps needs it, and every command loads this module

    return bool(psutil.pid_exists(process_id))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _flush_to_disk(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # names are written through there, and folders cannot be opened
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
