"""Reading and merging rows of the Delta tables.

Belongs here: commits, retries, time travel. Stays out: what the columns mean (`catalog.tables`).

Delta Lake makes every merge atomic and refuses one of two that collide; the refused one is done again on what
the other wrote. Writers of one machine queue on a lock beside the table, so that collisions are left to
writers on other machines. A table's old versions stay readable until `vacuum`. A table that was made before a
column was thought of has no value there; the first merge adds the column.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field
from deltalake.exceptions import CommitFailedError, DeltaError
from filelock import FileLock

from catalog.errors import TableError
from catalog.files import Home
from catalog.parts import PART, asked_parts, crowded_parts, has_parts, schema_with_parts, with_parts
from catalog.rows import Row, arrow_to_frame, rows_to_arrow
from catalog.selection import chosen_rows, chosen_schema, condition_of, missing_columns
from catalog.snapshots import named_versions
from catalog.tables import TABLES, Table

NO_VERSION = -1
"""The version of a table that was never written; it can be read and is empty."""

_NUM_ATTEMPTS = 40
_LONGEST_PAUSE_S = 2.0
# Every merge adds a file. Small files are joined up to this size, so that neither many files nor the
# rewriting of a large one makes the next merge slow.
_MERGES_PER_COMPACTION = 16
_COMPACTED_BYTES = 4 * 2**20
_CONFIGURATION = {
    "delta.checkpointInterval": "20",
    "delta.dataSkippingNumIndexedCols": "0",  # ids are digests: no file can be skipped by their range
    # Time travel must not end because the log was tidied.
    "delta.logRetentionDuration": "interval 3650 days",
}

_log = logging.getLogger(__name__)


class Catalog:
    """The tables under a home folder. Many processes and threads may use their own at once.

    All methods raise TableError for an unknown table or column, and for a table that cannot be read or
    written. Processes that use it must be spawned, not forked: Delta Lake's threads do not survive a fork.
    """

    def __init__(self, home: Home) -> None:
        self.home = home

    def merge(self, name: str, rows: Sequence[Row]) -> int:
        """Write `rows` into table `name`: each replaces the row with its key entirely, or is new.

        All rows arrive or none. Of rows with the same key in one call the last one counts. Returns the number
        of rows written. See `catalog.rows.rows_to_arrow` for what is checked and filled in.
        """
        table = _table(name)
        if not rows:
            return 0
        source = rows_to_arrow(table, rows)
        with self._turn(table):
            version = _retried(table, lambda: self._merge_once(table, source))
            if version % _MERGES_PER_COMPACTION == 0:
                self._compact(table)
        return source.num_rows

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> pd.DataFrame:
        """The rows of table `name` as a frame, ordered by key; see `read_arrow` for the arguments.

        Types are the same whatever is missing: see `catalog.rows.arrow_to_frame`.
        """
        return arrow_to_frame(self.read_arrow(name, columns, where, version))

    def read_rows(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of table `name` as plain dicts, None where a value is missing; `merge` takes them back."""
        return self.read_arrow(name, columns, where, version).to_pylist()

    def read_arrow(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """The rows of table `name`, ordered by key, with the units and descriptions of its schema.

        `columns` defaults to all. `where` maps columns to a value, to None (missing), or to a list of values,
        of which a row must hold one; a row must meet all. `version` is one that `version` gave, by default
        the newest. A table that was never written is empty.
        """
        table = _table(name)
        schema = chosen_schema(table, columns)
        condition = condition_of(table, where or {})
        delta = None if version == NO_VERSION else self._open(table, version)
        if delta is None:
            return schema.empty_table()
        with _explained(table, "read"):
            needed = list(dict.fromkeys([*schema.names, table.key, *(where or {})]))
            parts = asked_parts(table, where or {}) if has_parts(delta) else None
            folder = None if self.home.bucket else self.home.tables / name
            chosen = chosen_rows(delta, table, needed, condition, parts, folder)
            return chosen.sort_by(table.key).select(schema.names).cast(schema)

    def version(self, name: str) -> int:
        """The newest version of table `name`; NO_VERSION, which is -1, if it was never written."""
        delta = self._open(_table(name), None)
        return NO_VERSION if delta is None else delta.version()

    def compact(self, name: str) -> None:
        """Join the small files of table `name`; `merge` does so by itself now and then."""
        table = _table(name)
        with self._turn(table):
            self._compact(table)

    def vacuum(self, name: str, keep_days: float = 30, *, dry_run: bool = False) -> list[str]:
        """Remove files that only versions older than `keep_days` need; returns their names, relative to the table.

        Those versions cannot be read any more, but for those that a row of some table names: they stay.
        """
        table = _table(name)
        kept = named_versions(self, name)
        with self._turn(table):
            delta = self._open(table, None)
            if delta is None:
                return []
            with _explained(table, "vacuumed"):
                return delta.vacuum(
                    round(keep_days * 24),
                    dry_run=dry_run,
                    enforce_retention_duration=False,
                    keep_versions=[version for version in kept if version <= delta.version()] or None,
                )

    @property
    def _options(self) -> dict[str, str] | None:
        return self.home.bucket.options if self.home.bucket else None

    @contextmanager
    def _turn(self, table: Table) -> Iterator[None]:
        """Wait for this process's turn to write `table`. The lock goes with the process that holds it."""
        self.home.tables.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home.tables / f".{table.name}.lock"):
            yield

    def _open(self, table: Table, version: int | None) -> DeltaTable | None:
        """The table at `version`, or None if it was never written."""
        address, options = self.home.table(table.name), self._options
        with _explained(table, "read" if version is None else f"read at version {version}"):
            if version is None and not DeltaTable.is_deltatable(address, options):
                return None
            return DeltaTable(address, version=version, storage_options=options)

    def _merge_once(self, table: Table, source: pa.Table) -> int:
        """Commit `source`, creating the table if need be; returns the new version."""
        delta = self._open(table, None) or DeltaTable.create(
            self.home.table(table.name),
            schema_with_parts(table),
            mode="ignore",
            partition_by=[PART] if table.spread_by else None,
            name=table.name,
            description=table.description,
            configuration=_CONFIGURATION,
            storage_options=self._options,
        )
        _check_stored_columns(table, delta)
        if missing := missing_columns(table, delta):
            delta.alter.add_columns([Field.from_arrow(table.schema.field(name)) for name in missing])
        is_same = f"stored.{table.key} = new.{table.key}"
        if has_parts(delta):
            source, is_same = with_parts(table, source), f"stored.{PART} = new.{PART} AND {is_same}"
        merger = delta.merge(
            source,
            predicate=is_same,
            source_alias="new",
            target_alias="stored",
            streamed_exec=False,
            commit_properties=CommitProperties(max_commit_retries=0),
        )
        merger.when_matched_update_all().when_not_matched_insert_all().execute()
        return delta.version()

    def _compact(self, table: Table) -> None:
        delta = self._open(table, None)
        if delta is None:
            return
        try:
            with _explained(table, "compacted"):
                parts = crowded_parts(delta) if has_parts(delta) else None
                if parts != []:
                    filters = None if parts is None else [(PART, "in", parts)]
                    delta.optimize.compact(filters, target_size=_COMPACTED_BYTES)
        except CommitFailedError as error:
            _log.info("Table %s is compacted another time: %s", table.name, error)


def _table(name: str) -> Table:
    if name not in TABLES:
        raise TableError(f"There is no table {name!r}; expected one of {', '.join(TABLES)}.")
    return TABLES[name]


def _check_stored_columns(table: Table, delta: DeltaTable) -> None:
    """Raise TableError if `delta` has other columns: a merge would drop their values without a word."""
    stored = {field.name for field in delta.schema().fields} | set(missing_columns(table, delta))
    stored -= {PART} if has_parts(delta) else set()
    if stored != set(table.schema.names):
        unknown, lacking = sorted(stored - set(table.schema.names)), sorted(set(table.schema.names) - stored)
        raise TableError(
            f"Table {table.name!r} could not be written: "
            + (f"it has {', '.join(unknown)}, which this version of the software does not know" if unknown else "")
            + (" and " if unknown and lacking else "")
            + (f"it lacks {', '.join(lacking)}, which this version needs" if lacking else "")
            + f". {'A newer' if unknown else 'Another'} version made it: "
            "install that one, restore a backup from before, or use another data folder."
        )


def _retried(table: Table, commit: Callable[[], int]) -> int:
    """The result of `commit`, done again after a pause whenever another writer came first."""
    pause_s = 0.05
    for _ in range(_NUM_ATTEMPTS):
        try:
            with _explained(table, "written"):
                return commit()
        except CommitFailedError as error:
            _log.debug("Table %s: another writer came first: %s", table.name, error)
        time.sleep(random.uniform(0.2, 1.0) * pause_s)  # noqa: S311 - no key
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    raise TableError(
        f"Table {table.name!r} could not be written: other writers came first {_NUM_ATTEMPTS} times. "
        "Run again, with fewer workers."
    )


@contextmanager
def _explained(table: Table, what: str) -> Iterator[None]:
    """Turn what Delta Lake raises into a TableError, but for lost races, which the caller tries again."""
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError, pa.ArrowException, ValueError) as error:
        raise TableError(
            f"Table {table.name!r} could not be {what}: {_in_one_line(error)}. Expected a Delta table as this "
            "version of the catalog writes it; check the disk, or restore the folder from a backup."
        ) from error


def _in_one_line(error: Exception) -> str:
    """Return an error's words without the colours and line ends that some of Delta Lake's bring along."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split()).rstrip(".")
