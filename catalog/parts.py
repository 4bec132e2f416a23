"""The parts of a table of very many rows: a few rows are found and replaced without a look at all the others.

Belongs here: which part a row lies in, which parts a question is about, which have become crowded. Stays out: reading
and merging (`catalog.store`).

A part is a folder of the Delta table, named after the digest of one column, `Table.spread_by`. A table that was made
before it had parts goes on without them.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from catalog.tables import Table

PART = "part"
"""The column that names the part of a row, two hexadecimal digits."""

NUM_PARTS = 64
"""So many that a shard's rows lie in few of them, and so few that opening all of them is quick.

Not to be changed: a row of a table that stands would be looked for in another part.
"""

_MANY_PARTS = 48
_CROWDED = 16


def has_parts(delta: DeltaTable) -> bool:
    """Whether a table has parts."""
    return delta.metadata().partition_columns == [PART]


def part_of(value: object) -> str:
    """The part of the rows with this value, a text or None."""
    first_byte = hashlib.sha256(str(value or "").encode()).digest()[0]
    return f"{first_byte % NUM_PARTS:02x}"


def schema_with_parts(table: Table) -> pa.Schema:
    """The columns as they are stored."""
    return table.schema.append(pa.field(PART, pa.string())) if table.spread_by else table.schema


def with_parts(table: Table, rows: pa.Table) -> pa.Table:
    """Rows of `table`, each with its part."""
    assert table.spread_by is not None
    return rows.append_column(PART, pa.array(map(part_of, rows.column(table.spread_by).to_pylist()), pa.string()))


def asked_parts(table: Table, where: Mapping[str, object]) -> list[str] | None:
    """The parts that hold all rows that meet `where`; None for all parts, or nearly all."""
    if table.spread_by is None or table.spread_by not in where:
        return None
    wanted: Any = where[table.spread_by]
    values = wanted if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    parts = sorted({part_of(value) for value in values})
    return parts if 0 < len(parts) <= _MANY_PARTS else None


def crowded_parts(delta: DeltaTable) -> list[str]:
    """The parts that consist of so many files that joining them pays."""
    actions: Any = delta.get_add_actions(flatten=True)
    counts = Counter(map(str, pa.table(actions).column(f"partition.{PART}").to_pylist()))
    return sorted(part for part, count in counts.items() if count >= _CROWDED)
