"""Files that rows name, and whether they are what the rows say.

Belongs here: which columns name files, and comparing. Stays out: what becomes of a file that is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import HomeError, TableError
from catalog.ids import file_digest
from catalog.snapshots import SNAPSHOTS, named_versions
from catalog.store import NO_VERSION, Catalog
from catalog.tables import TABLES

_COLUMNS = {
    "videos": (("path", "digest"),),
    "clips": (("wav_path", "wav_digest"), ("frames_path", "frames_digest")),
    "sounds": (("wav_path", "wav_digest"),),
    "photos": (("path", "digest"),),
    "checkpoints": (("path", "digest"),),
    "masks": (("path", "digest"),),
    "remixes": (("out_path", "digest"),),
}
_OUTSIDE = "remixes"
"""The table whose files lie where a person asked for it, and may have been moved on by them."""

_FILES_STAND = {"ready", "remixed", "unchanged", "untouched", None}  # untouched: as unchanged used to be called


@dataclass(frozen=True, kw_only=True)
class NamedFile:
    """A file that a row names: of which table and row, where it lies, and its SHA-256 where the row knows it."""

    table: str
    key: str
    path: Path
    digest: str | None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A table or a file that is not what it should be, and how; one that could not be reached may be whole."""

    table: str
    item: str
    found: str
    path: Path | None = None
    is_reached: bool = True


def named_files(catalog: Catalog, table: str, version: int | None = None) -> list[NamedFile]:
    """Return the files that the rows of a table name, by default now; empty for a table that names none.

    A file that several rows name comes once, with the first of them.
    """
    if table not in _COLUMNS:
        return []
    key, columns = TABLES[table].key, _COLUMNS[table]
    has_status = "status" in TABLES[table].schema.names
    wanted = [key, *(column for pair in columns for column in pair), *(["status"] if has_status else [])]
    rows = catalog.read_rows(table, columns=wanted, version=version)
    found: dict[str, NamedFile] = {}
    for row in rows:
        for path, digest in columns:
            if row[path] and row[path] not in found and row.get("status") in _FILES_STAND:
                place = _place(catalog, table, row[path])
                found[row[path]] = NamedFile(table=table, key=row[key], path=place, digest=row[digest])
    return list(found.values())


def snapshot_files(catalog: Catalog, table: str) -> tuple[list[NamedFile], list[Problem]]:
    """Return the files that only versions of a table name that other rows name, and the versions that are lost."""
    versions = named_versions(catalog, table)
    known = {file.path for file in named_files(catalog, table)} if versions else set()
    found: dict[Path, NamedFile] = {}
    lost = []
    for version in versions:
        try:
            found |= {file.path: file for file in named_files(catalog, table, version)}
        except TableError as error:
            lost.append(Problem(table=table, item=f"table {table}, version {version}", found=str(error)))
    return [file for path, file in found.items() if path not in known], lost


def checked(catalog: Catalog, *, remixes: bool = False) -> Iterator[tuple[str, Problem | None]]:
    """Yield, for every table and every file that a row names, what was looked at and its problem, or None.

    Every file is read whole. Remixes are looked at only where wished: their owner may have moved them.
    """
    for table in TABLES:
        try:
            files = named_files(catalog, table) if table in _COLUMNS else []
            catalog.read_arrow(table)
            older, lost = snapshot_files(catalog, table) if table in SNAPSHOTS else ([], [])
        except TableError as error:
            yield table, Problem(table=table, item=f"table {table}", found=str(error))
            continue
        yield table, _lost_log(catalog, table)
        yield from ((table, problem) for problem in lost)
        for file in [*files, *older] if remixes or table != _OUTSIDE else ():
            yield table, _problem(catalog, file)


def _lost_log(catalog: Catalog, table: str) -> Problem | None:
    """Return the problem of a table that seems never written, though its rows lie there."""
    if catalog.version(table) == NO_VERSION and any((catalog.home.tables / table).rglob("*.parquet")):
        return Problem(
            table=table, item=f"table {table}", found="has rows, but lost the log that tells which are valid"
        )
    return None


def _problem(catalog: Catalog, file: NamedFile) -> Problem | None:
    is_reached = True
    try:
        if catalog.home.bucket and file.table != _OUTSIDE:
            catalog.home.fetched(catalog.home.relative(file.path), file.digest)
            return None
        if not file.path.is_file():
            found = "is missing"
        elif file.digest is None or file_digest(file.path) == file.digest:
            return None
        else:
            found = "is not what was written"
    except HomeError as error:
        found = str(error)
    except ConnectionError as error:
        found, is_reached = f"cannot be read: {error}", False
    except OSError as error:
        found = f"cannot be read: {error.strerror}"
    return Problem(table=file.table, item=str(file.path), found=found, path=file.path, is_reached=is_reached)


def _place(catalog: Catalog, table: str, text: str) -> Path:
    return Path(text) if table == _OUTSIDE else catalog.home.absolute(text)
