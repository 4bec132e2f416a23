"""Files that rows name, and whether they are what the rows say.

Belongs here: which columns name files, and comparing. Stays out: what becomes of a file that is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import HomeError, TableError
from catalog.ids import file_digest
from catalog.snapshots import SNAPSHOT_OF, named_versions
from catalog.store import NO_VERSION, Catalog
from catalog.tables import TABLES

_COLUMNS = {
    "videos": (("path", "digest"),),
    "clips": (("wav_path", "wav_digest"), ("frames_path", "frames_digest")),
    "checkpoints": (("path", "digest"),),
    "masks": (("path", "digest"),),
    "remixes": (("out_path", "digest"),),
}
_OUTSIDE = "remixes"
"""The table whose files lie where a person wished, and may have been moved on by them."""

_FILES_STAND = {"ready", "remixed", "untouched", None}


@dataclass(frozen=True, kw_only=True)
class NamedFile:
    """A file that a row names: of which table and row, where it lies, and its SHA-256 where the row knows it."""

    table: str
    key: str
    path: Path
    digest: str | None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A table or a file that is not what it should be, and how."""

    table: str
    item: str
    found: str
    path: Path | None = None


def named_files(catalog: Catalog, table: str, version: int | None = None) -> list[NamedFile]:
    """Return the files that the rows of a table name, by default now; empty for a table that names none."""
    if table not in _COLUMNS:
        return []
    key, columns = TABLES[table].key, _COLUMNS[table]
    has_status = "status" in TABLES[table].schema.names
    wanted = [key, *(column for pair in columns for column in pair), *(["status"] if has_status else [])]
    rows = catalog.read_rows(table, columns=wanted, version=version)
    return [
        NamedFile(table=table, key=row[key], path=_place(catalog, table, row[path]), digest=row[digest])
        for row in rows
        if row.get("status") in _FILES_STAND
        for path, digest in columns
        if row[path]
    ]


def snapshot_files(catalog: Catalog) -> tuple[list[NamedFile], list[Problem]]:
    """Return the files that only versions of `clips` name that other rows name, and the versions that are lost."""
    known = {file.path for file in named_files(catalog, SNAPSHOT_OF)}
    found: dict[Path, NamedFile] = {}
    lost = []
    for version in named_versions(catalog, SNAPSHOT_OF):
        try:
            found |= {file.path: file for file in named_files(catalog, SNAPSHOT_OF, version)}
        except TableError as error:
            item = f"table {SNAPSHOT_OF}, version {version}"
            lost.append(Problem(table=SNAPSHOT_OF, item=item, found=str(error)))
    return [file for path, file in found.items() if path not in known], lost


def checked(catalog: Catalog, *, remixes: bool = False) -> Iterator[tuple[str, Problem | None]]:
    """Yield, for every table and every file that a row names, what was looked at and its problem, or None.

    Every file is read whole. Remixes are looked at only where wished: their owner may have moved them.
    """
    for table in TABLES:
        try:
            files = named_files(catalog, table) if table in _COLUMNS else []
            catalog.read_arrow(table)
            older, lost = snapshot_files(catalog) if table == SNAPSHOT_OF else ([], [])
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
    except OSError as error:
        found = f"cannot be read: {error.strerror}"
    return Problem(table=file.table, item=str(file.path), found=found, path=file.path)


def _place(catalog: Catalog, table: str, text: str) -> Path:
    return Path(text) if table == _OUTSIDE else catalog.home.absolute(text)
