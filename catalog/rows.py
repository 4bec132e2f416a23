"""Rows as they go into the tables and come out of them: checks, types, and what stands for a missing value.

Belongs here: plain rows -> Arrow -> pandas. Stays out: where the rows are stored (`catalog.store`).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from catalog.errors import TableError
from catalog.tables import Table

Row = Mapping[str, object]

_INT64_RANGE = range(-(2**63), 2**63)


def rows_to_arrow(table: Table, rows: Sequence[Row]) -> pa.Table:
    """`rows` as an Arrow table with exactly the schema of `table`; of rows with the same key the last one
    stays.

    None, NaN, NaT and pandas.NA all mean that a value is missing, as does leaving out an optional column.
    `updated_at` is filled in where it is missing. Whole numbers may stand in columns of floats. Raises
    TableError that names row, column, what was found and what was expected.
    """
    now = datetime.now(UTC)
    latest: dict[object, dict[str, object]] = {}
    for index, row in enumerate(rows):
        checked = _checked_row(table, row, index, now)
        latest[checked[table.key]] = checked
    return pa.Table.from_pylist(list(latest.values()), schema=table.schema)


def arrow_to_frame(data: pa.Table) -> pd.DataFrame:
    """`data` as a frame whose types do not depend on what is missing.

    Texts are Python strings or None, lists are Python lists or None (dtype object), whole numbers are Int64
    with pandas.NA, floats are float64 with NaN, times are datetime64[us, UTC] with NaT.
    """
    columns = {name: _series(data.column(name)) for name in data.column_names}
    return pd.DataFrame(columns, index=pd.RangeIndex(data.num_rows))


def stored_value(table: Table, column: str, value: object, where: str) -> object:
    """`value` as `column` stores it, or None if missing; raises a TableError that begins with `where`."""
    field = table.schema.field(column)
    plain = _plain(value)
    if plain is None:
        return None
    if not _fits(plain, field.type):
        raise TableError(
            f"{where}: column {column!r} holds {_shown(value)}; expected {_type_name(field.type)}. Convert it before."
        )
    choices = table.choices(column)
    if choices and plain not in choices:
        raise TableError(f"{where}: column {column!r} holds {_shown(value)}; expected one of {', '.join(choices)}.")
    return plain


def _checked_row(table: Table, row: Row, index: int, now: datetime) -> dict[str, object]:
    where = f"Table {table.name!r}, row {index} ({table.key} {row.get(table.key)!r})"
    unknown = [name for name in row if name not in table.schema.names]
    if unknown:
        raise TableError(
            f"{where}: unknown column {', '.join(map(repr, unknown))}; expected {', '.join(table.schema.names)}."
        )
    checked = {name: stored_value(table, name, row.get(name), where) for name in table.schema.names}
    checked["updated_at"] = checked["updated_at"] or now
    missing = [name for name in table.schema.names if name in table.required and checked[name] is None]
    if missing:
        raise TableError(f"{where}: column {', '.join(map(repr, missing))} is missing; every row must fill it.")
    return checked


def _plain(value: object) -> object:
    """`value` without the types of NumPy and pandas, None if it is missing."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.floor("us").to_pydatetime()
    return list(value) if isinstance(value, tuple) else value


def _fits(value: object, type_: pa.DataType) -> bool:
    if pa.types.is_list(type_):
        return isinstance(value, list) and all(_fits(item, type_.value_type) for item in value)
    if pa.types.is_timestamp(type_):
        return isinstance(value, datetime) and value.utcoffset() is not None
    if pa.types.is_string(type_):
        return isinstance(value, str) and _is_unicode(value)
    if isinstance(value, bool):
        return False
    if pa.types.is_integer(type_):
        return isinstance(value, int) and value in _INT64_RANGE
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= 2**53)


def _is_unicode(text: str) -> bool:
    """Whether `text` has a UTF-8 form; names of files that are not UTF-8 have none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _type_name(type_: pa.DataType) -> str:
    if pa.types.is_list(type_):
        return f"a list, each {_type_name(type_.value_type)}"
    if pa.types.is_timestamp(type_):
        return "a datetime with a time zone"
    if pa.types.is_string(type_):
        return "a str of valid Unicode"
    return "an int of 64 bits" if pa.types.is_integer(type_) else "a float"


def _shown(value: object) -> str:
    return f"{repr(value)[:80]} ({type(value).__name__})"


def _series(column: pa.ChunkedArray) -> "pd.Series[Any]":
    if pa.types.is_integer(column.type):
        return pd.Series(pd.array(column.to_pylist(), dtype="Int64"))
    if pa.types.is_string(column.type) or pa.types.is_list(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    if pa.types.is_timestamp(column.type):
        return pd.Series(column.to_pandas()).astype("datetime64[us, UTC]")
    return pd.Series(column.to_pandas()).astype("float64")
