"""Files of a home that no row names any more, what is half done of work that is over, and their removal.

Nothing goes that is young, that a link leads to, that bears a name this software does not give, or whose table was
never written (it may have been lost: then its files are all there is). Files that a named snapshot of `clips`,
`sounds` or `photos` tells of stay with it.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.errors import TableError
from catalog.files import Home
from catalog.rooms import Found, files_of
from catalog.snapshots import named_versions
from catalog.store import NO_VERSION, Catalog
from tasks.shards import Outcome
from tasks.trained import card_path, curves_path

ABANDONED_AFTER_DAYS = 30.0
"""Unfinished training that nothing went on with for so long is given up."""

_DAY_S = 24 * 3600.0
_TITLE = re.compile(rb"<title>[^<]*(?:model|checkpoint) ([A-Za-z0-9_-]{1,64})")
_TITLE_BYTES = 1 << 14


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """Something in a home that may go, and why."""

    found: Found
    reason: str


@task(name="tidy rooms", task_run_name="tidy rooms", cache_policy=NO_CACHE)
def tidy_rooms(*, home: str, grace_days: float, dry_run: bool = False) -> tuple[list[Outcome], int]:
    """Remove what nothing needs in the rooms of a home; return it, and the bytes that are free, or would be."""
    catalog = Catalog(Home.open(home))
    gone = [orphan for orphan in orphans(catalog, grace_days) if dry_run or _removed(catalog.home, orphan.found)]
    outcomes = [Outcome(item=orphan.found.path, status="done", reason=orphan.reason) for orphan in gone]
    return outcomes, sum(orphan.found.num_bytes for orphan in gone)


def orphans(catalog: Catalog, grace_days: float) -> list[Orphan]:
    """Return what may go from all rooms but that of masks, for which see `tasks.tidy`.

    What is younger than `grace_days` may belong to a run whose rows are still to be written. All is looked at, and
    every table read, before anything is said. Raises TableError for a table that cannot be read.
    """
    oldest_s = time.time() - grace_days * _DAY_S
    found: list[Orphan] = []
    for room, table, judged in (
        ("videos", "videos", _unnamed("no row of videos names it", _videos)),
        ("clips", "clips", _of_snapshots("clips", ["wav_path", "frames_path"])),
        ("sounds", "sounds", _of_snapshots("sounds", ["wav_path"])),
        ("photos", "photos", _of_snapshots("photos", ["path"])),
        ("checkpoints", "checkpoints", _unnamed("no row of checkpoints names it", _checkpoints)),
        ("reports", "checkpoints", _reports),
        ("work", "checkpoints", _work),
    ):
        # The files first: what is written while the rows are read is too young.
        old = [file for file in files_of(catalog.home, room) if file.is_ours and file.modified_s < oldest_s]
        if old and (catalog.version(table) != NO_VERSION or room == "work"):
            found += judged(catalog, old)
    return found


_Judge = Callable[[Catalog, list[Found]], list[Orphan]]


def _unnamed(reason: str, named: Callable[[Catalog], set[str]]) -> _Judge:
    """Return what tells of files that no row names; `named` returns the paths that rows name."""

    def judge(catalog: Catalog, old: list[Found]) -> list[Orphan]:
        known = named(catalog)
        return [Orphan(found=file, reason=reason) for file in old if file.path not in known]

    return judge


def _videos(catalog: Catalog) -> set[str]:
    return _paths(catalog.read_rows("videos", columns=["path"]))


def _of_snapshots(table: str, columns: list[str]) -> _Judge:
    """Return what tells of files that no row of a table names, as it is now or in a snapshot that another row names."""

    def named(catalog: Catalog) -> set[str]:
        known = _paths(catalog.read_rows(table, columns=columns))
        for version in named_versions(catalog, table):
            known |= _paths(_snapshot(catalog, table, columns, version))
        return known

    return _unnamed(f"no row of {table}, of now or of a named snapshot, names it", named)


def _snapshot(catalog: Catalog, table: str, columns: list[str], version: int) -> list[dict[str, Any]]:
    try:
        return catalog.read_rows(table, columns=columns, version=version)
    except TableError:
        # A version that was lost before versions were kept names no files. The newest one was read: the table is whole.
        return []


def _checkpoints(catalog: Catalog) -> set[str]:
    rows = catalog.read_rows("checkpoints", columns=["checkpoint_id", "path"])
    ids = [row["checkpoint_id"] for row in rows]
    curves = [curves_path(catalog.home, name) for name in ids]
    beside = [
        *curves,
        *(curve.with_suffix(".csv") for curve in curves),
        *(card_path(catalog.home, name) for name in ids),
    ]
    return _paths(rows) | {catalog.home.relative(path) for path in beside}


def _paths(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {path for row in rows for name, path in row.items() if name.endswith("path") and path}


def _reports(catalog: Catalog, old: list[Found]) -> list[Orphan]:
    """Tell of reports whose title names a checkpoint that the catalog does not know."""
    known = set(catalog.read("checkpoints", columns=["checkpoint_id"])["checkpoint_id"])
    told = ((file, _reported(catalog.home, file)) for file in old)
    return [
        Orphan(found=file, reason=f"is about model {name}, which is gone")
        for file, name in told
        if name is not None and name not in known
    ]


def _reported(home: Home, file: Found) -> str | None:
    with home.fetched(file.path).open("rb") as report:
        title = _TITLE.search(report.read(_TITLE_BYTES))
    return title[1].decode("ascii") if title else None


def _work(catalog: Catalog, old: list[Found]) -> list[Orphan]:
    """Tell of training that was finished, or that nobody went on with."""
    rows = catalog.read_rows("checkpoints", columns=["checkpoint_id", "path"])
    done = {row["checkpoint_id"] for row in rows if row["path"] and catalog.home.holds(row["path"])}
    given_up_s = time.time() - ABANDONED_AFTER_DAYS * _DAY_S
    told = ((file, file.path.removeprefix("work/work-"), file.modified_s < given_up_s) for file in old)
    return [
        Orphan(
            found=file,
            reason="its training is finished"
            if name in done
            else f"not gone on with for {ABANDONED_AFTER_DAYS:g} days",
        )
        for file, name, is_given_up in told
        if name in done or is_given_up
    ]


def _removed(home: Home, found: Found) -> bool:
    """Remove something unless it was changed since it was found; return whether it is gone by our hand."""
    path = home.absolute(found.path)
    try:
        if found.room == "work":
            if found not in files_of(home, "work"):
                return False
            shutil.rmtree(path)
        elif home.bucket:  # files there have names that are given once
            home.remove(found.path)
        else:
            status = path.lstat()
            if (status.st_size, status.st_mtime) != (found.num_bytes, found.modified_s):
                return False
            path.unlink()
    except FileNotFoundError:
        return False
    return True
