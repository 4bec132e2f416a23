"""A home copied to another folder while runs go on, and back.

A copy is itself a home: `varemix check --home COPY` reads it, `varemix status --home COPY` tells of it. The tables
are copied first, each at one version, then the files that their rows name, which were there before the rows; so every
row of the copy has its file. What is copied already is not copied again. What was dropped on the desk, and its
sessions, come along; unfinished training (`work`) is left out.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deltalake import DeltaTable

from catalog.errors import HomeError
from catalog.files import Home, remove_leftovers, replacing, temporary_beside
from catalog.named_files import named_files, snapshot_files
from catalog.rooms import files_of, files_of_desk
from catalog.snapshots import SNAPSHOTS
from catalog.store import NO_VERSION, Catalog
from catalog.tables import TABLES

_MARK = "backup.json"
_WITHOUT_ROWS = ("reports", "checkpoints")
_LOG = "_delta_log"
_VERSION_DIGITS = 20


@dataclass(frozen=True, kw_only=True)
class Copied:
    """How many files were copied, of how many bytes, how many stood already, and which rows' files were not there."""

    num_files: int
    num_bytes: int
    num_standing: int
    missing: tuple[str, ...]


def back_up(catalog: Catalog, target: Path) -> Copied:
    """Copy a home into a folder that is new, empty, or an earlier backup, which it replaces.

    Raises HomeError for any other folder. Stopped anywhere, what was there before still stands.
    """
    home, target = catalog.home, target.expanduser().resolve()
    _check_target(home, target)
    target.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    tables = temporary_beside(target / "tables")
    versions = {name: _copy_table(catalog, name, tables / name) for name in TABLES}
    places = list(_files(catalog, versions))
    copied = _copy_files(home.root, target, places)
    _exchange(tables, target / "tables")
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    mark = {"home": str(home.root), "made_at": made_at, "versions": versions}
    with replacing(target / _MARK) as temporary:
        temporary.write_text(json.dumps(mark, indent=1))
    return copied


def restore(backup: Path, home: Path) -> Copied:
    """Copy a backup into a home that is new or empty. Raises HomeError for any other, and for what is no backup."""
    backup, home = backup.expanduser().resolve(), home.expanduser().resolve()
    if not (backup / _MARK).is_file():
        raise HomeError(f"'{backup}' is no backup: it has no {_MARK}. Give a folder that `varemix backup` wrote.")
    if home.exists() and any(home.iterdir()):
        raise HomeError(f"'{home}' is not empty. Move it away first, or give another --home; nothing is written over.")
    home.mkdir(parents=True, exist_ok=True)
    found = sorted(path for path in backup.rglob("*") if path.is_file() and path != backup / _MARK)
    in_tables = [path for path in found if path.is_relative_to(backup / "tables")]
    files = [path for path in found if not path.is_relative_to(backup / "tables")]
    # As ever the files first, and the tables, whole, last.
    first = _copy_files(backup, home, [path.relative_to(backup).as_posix() for path in files])
    tables = temporary_beside(home / "tables")
    for path in in_tables:
        place = tables / path.relative_to(backup / "tables")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    _exchange(tables, home / "tables")
    return first


def _check_target(home: Home, target: Path) -> None:
    if home.bucket:
        raise HomeError(
            f"The data folder {home.address!r} lies in a bucket, whose own versions keep it. Turn those on, or copy it "
            "with the tools of the store."
        )
    if target.is_relative_to(home.root) or home.root.is_relative_to(target):
        raise HomeError(
            f"The backup '{target}' and the data folder '{home.root}' lie within each other. Give another folder."
        )
    if not target.exists() or not any(target.iterdir()):
        return
    try:
        of = json.loads((target / _MARK).read_text())["home"]
    except (OSError, ValueError, KeyError, TypeError):
        raise HomeError(
            f"'{target}' is neither empty nor a backup. Give a folder that is; nothing is written over."
        ) from None
    if of != str(home.root):
        raise HomeError(f"'{target}' is a backup of '{of}', not of '{home.root}'. Give another folder.")


def _copy_table(catalog: Catalog, name: str, target: Path) -> int:
    """Copy a table as it is at its newest version, which is returned; what is committed meanwhile is left out.

    Files of a table are never changed, only added, and removed only by a vacuum, which spares the newest version.
    """
    version = catalog.version(name)
    source = catalog.home.tables / name
    if version == NO_VERSION:
        return version
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        is_log = inside.parts[0] == _LOG
        if path.is_dir() or path.name.startswith(".") or (is_log and not _is_up_to(path.name, version)):
            continue
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(path, target / inside)
        except FileNotFoundError:  # a vacuum was quicker: only old versions needed it
            continue
    if not DeltaTable.is_deltatable(str(target)) or DeltaTable(target).version() != version:
        raise HomeError(
            f"Table {name!r} could not be copied whole from '{source}'. Is the data folder a folder of this machine? "
            "A bucket is backed up by its own means."
        )
    return version


def _is_up_to(log_name: str, version: int) -> bool:
    digits = log_name[:_VERSION_DIGITS]
    return digits.isdecimal() and int(digits) <= version


def _files(catalog: Catalog, versions: dict[str, int]) -> Iterator[str]:
    """Yield where the files lie, relative to the home, that a copy of the tables needs."""
    home = catalog.home
    seen: set[str] = set()
    named = [
        file for name, version in versions.items() if name != "remixes" for file in named_files(catalog, name, version)
    ]
    older = [file for table in SNAPSHOTS for file in snapshot_files(catalog, table)[0]]
    places = [home.relative(file.path) for file in [*named, *older]]
    places += [home.relative(path) for path in files_of_desk(home)]
    places += [file.path for room in _WITHOUT_ROWS for file in files_of(home, room) if file.is_ours]
    for place in places:
        if place not in seen:
            seen.add(place)
            yield place


def _copy_files(source: Path, target: Path, places: list[str]) -> Copied:
    num_files = num_bytes = num_standing = 0
    missing = []
    for place in places:
        here, there = source / place, target / place
        try:
            status = here.stat()
            if there.exists() and _looks_same(there, status.st_size, status.st_mtime_ns):
                num_standing += 1
                continue
            with replacing(there) as temporary:
                shutil.copy2(here, temporary)
        except FileNotFoundError:
            missing.append(place)
            continue
        num_files, num_bytes = num_files + 1, num_bytes + status.st_size
    return Copied(num_files=num_files, num_bytes=num_bytes, num_standing=num_standing, missing=tuple(missing))


def _looks_same(there: Path, num_bytes: int, modified_ns: int) -> bool:
    status = there.stat()
    return (status.st_size, status.st_mtime_ns) == (num_bytes, modified_ns)


def _exchange(new: Path, old: Path) -> None:
    """Put a folder, which may be missing, in the place of another."""
    new.mkdir(parents=True, exist_ok=True)
    away = temporary_beside(old)
    if old.exists():
        old.rename(away)
    new.rename(old)
    shutil.rmtree(away, ignore_errors=True)
