"""What of a table is asked for: columns, rows that meet a condition, block by block.

Belongs here: questions, and the blocks that answer them. Stays out: opening and writing tables (`catalog.store`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from catalog.errors import TableError
from catalog.parts import PART
from catalog.rows import stored_value
from catalog.tables import Table


def missing_columns(table: Table, delta: DeltaTable) -> list[str]:
    """The columns of `table` that `delta` was made without, if rows may leave them out."""
    stored = {field.name for field in delta.schema().fields}
    return [name for name in table.schema.names if name not in stored and name not in table.required]


def chosen_rows(
    delta: DeltaTable,
    table: Table,
    columns: Sequence[str],
    condition: pc.Expression | None,
    parts: Sequence[str] | None,
    folder: Path | None,
) -> pa.Table:
    """These columns of the rows of `delta`, of some of its parts, that meet a condition.

    It lies in `folder`, unless in a bucket; there are no values where it was made without the column. Memory
    holds what is chosen and a few blocks.
    """
    missing = [name for name in missing_columns(table, delta) if name in columns]
    # Files are let go of in threads. Those of Delta Lake need Python for it, and abort a process that is ending.
    dataset = delta.to_pyarrow_dataset(
        filesystem=SubTreeFileSystem(str(folder), LocalFileSystem()) if folder else None,
        file_pruning_predicate=[(PART, "in", list(parts))] if parts else None,
    )
    blocks = dataset.to_batches(columns=[name for name in columns if name not in missing])

    def chosen(block: pa.RecordBatch) -> pa.Table:
        found = pa.Table.from_batches([block])
        for name in missing:
            field = table.schema.field(name)
            found = found.append_column(field, pa.nulls(found.num_rows, field.type))
        # Rows are chosen here and not by the dataset, whose comparisons with the files' statistics fail where the two
        # disagree on the type of texts.
        return found if condition is None else found.filter(condition)

    found = [each for each in map(chosen, blocks) if each.num_rows]
    empty = pa.schema([table.schema.field(name) for name in columns]).empty_table()
    return pa.concat_tables(found).select(columns) if found else empty


def chosen_schema(table: Table, columns: Sequence[str] | None) -> pa.Schema:
    """The schema of some columns, by default of all. Raises TableError for one that is not there."""
    if columns is None:
        return table.schema
    _check_columns(table, columns)
    return pa.schema([table.schema.field(column) for column in columns])


def _check_columns(table: Table, columns: Sequence[str]) -> None:
    unknown = [column for column in columns if column not in table.schema.names]
    if unknown:
        raise TableError(
            f"Table {table.name!r} has no column {', '.join(map(repr, unknown))}; "
            f"expected some of {', '.join(table.schema.names)}."
        )


def condition_of(table: Table, where: Mapping[str, object]) -> pc.Expression | None:
    """All of `where` as one Arrow expression."""
    _check_columns(table, list(where))
    whole: pc.Expression | None = None
    for column, wanted in where.items():
        values = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
        opening = f"Reading table {table.name!r}"
        stored = [stored_value(table, column, value, opening) for value in values]
        listed = pa.array([value for value in stored if value is not None], table.schema.field(column).type)
        part = pc.field(column).isin(listed)
        if None in stored:
            part = part | pc.field(column).is_null()
        whole = part if whole is None else whole & part
    return whole
