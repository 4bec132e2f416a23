from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from catalog.errors import TableError
from catalog.rows import arrow_to_frame, rows_to_arrow
from catalog.tables import TABLES

MASKS = TABLES["masks"]
FULL: dict[str, object] = {"mask_id": "m", "track_id": "t", "checkpoint_id": "c", "status": "ready"}


def stored(**changes: object) -> dict[str, object]:
    (row,) = rows_to_arrow(MASKS, [{**FULL, **changes}]).to_pylist()
    return row


def test_left_out_columns_are_missing_and_the_time_is_filled_in() -> None:
    before = datetime.now(UTC)
    row = stored()
    assert {row[name] for name in ("reason", "path", "bits", "seconds")} == {None}
    assert isinstance(row["updated_at"], datetime)
    assert before <= row["updated_at"] <= datetime.now(UTC)


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_every_spelling_of_missing_is_missing(missing: object) -> None:
    row = stored(reason=missing, bits=missing, seconds=missing, queries=missing)
    assert {row[name] for name in ("reason", "bits", "seconds", "queries")} == {None}


def test_values_of_numpy_and_pandas_are_stored_as_plain_ones() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    row = stored(
        bits=np.int32(4),
        seconds=np.float32(0.5),
        queries=np.array(["violin", "cello"]),
        reason=np.str_("fine"),
        updated_at=pd.Timestamp(moment) + pd.Timedelta(nanoseconds=5),
    )
    assert (row["bits"], row["seconds"], row["queries"], row["reason"]) == (4, 0.5, ["violin", "cello"], "fine")
    assert row["updated_at"] == moment


def test_of_rows_with_the_same_key_the_last_one_counts() -> None:
    rows = [{**FULL, "bits": 1}, {**FULL, "mask_id": "n"}, {**FULL, "bits": 8}]
    assert [(row["mask_id"], row["bits"]) for row in rows_to_arrow(MASKS, rows).to_pylist()] == [
        ("m", 8),
        ("n", None),
    ]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("bits", "4", r"'4' \(str\); expected an int"),
        ("bits", 4.0, r"4\.0 \(float\); expected an int"),
        ("bits", True, r"True \(bool\); expected an int"),
        ("bits", 2**63, "expected an int of 64 bits"),
        ("seconds", "fast", r"'fast' \(str\); expected a float"),
        ("seconds", False, r"False \(bool\); expected a float"),
        ("track_id", 7, r"7 \(int\); expected a str"),
        ("track_id", "caf\udce9", "expected a str of valid Unicode"),
        ("queries", "violin", r"'violin' \(str\); expected a list"),
        ("queries", ["violin", 1], "expected a list, each a str"),
        ("updated_at", "today", "expected a datetime with a time zone"),
        ("updated_at", datetime(2024, 5, 1), "expected a datetime with a time zone"),
        ("status", "done", "expected one of ready, failed"),
    ],
)
def test_a_wrong_value_is_named_with_table_row_column_and_what_was_expected(
    column: str, value: object, expected: str
) -> None:
    with pytest.raises(TableError, match=expected):
        rows_to_arrow(MASKS, [{**FULL}, {**FULL, column: value}])
    with pytest.raises(TableError, match=rf"Table 'masks', row 1 \(mask_id 'm'\): column '{column}' holds"):
        rows_to_arrow(MASKS, [{**FULL}, {**FULL, column: value}])


def test_an_unknown_column_is_named_beside_the_known_ones() -> None:
    with pytest.raises(TableError, match=r"unknown column 'duration'; expected mask_id, track_id"):
        stored(duration=3)


@pytest.mark.parametrize("column", ["mask_id", "track_id", "checkpoint_id", "status"])
def test_a_required_column_cannot_be_missing(column: str) -> None:
    with pytest.raises(TableError, match=f"column '{column}' is missing"):
        stored(**{column: None})


def test_the_types_of_a_frame_do_not_depend_on_what_is_missing() -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    empty = arrow_to_frame(MASKS.schema.empty_table())
    bare = arrow_to_frame(rows_to_arrow(MASKS, [FULL]))
    row = {**FULL, "bits": 4, "seconds": 1, "queries": ["violin"], "reason": "", "updated_at": moment}
    full = arrow_to_frame(rows_to_arrow(MASKS, [row]))
    assert list(empty.dtypes) == list(bare.dtypes) == list(full.dtypes)
    assert [str(full[name].dtype) for name in ("reason", "queries", "bits", "seconds", "updated_at")] == [
        *("object", "object", "Int64", "float64", "datetime64[us, UTC]")
    ]
    assert bare["reason"][0] is None
    assert bare["queries"][0] is None
    assert bare["bits"][0] is pd.NA
    assert np.isnan(bare["seconds"][0])
    assert full["queries"][0] == ["violin"]
    assert full["updated_at"][0] == moment
