import json

import numpy as np
import pytest

from varemix.errors import UsageError
from varemix.remix.mute_depth import DEEPEST_DB, EXPONENTS, DepthMeter, DepthTable
from varemix.weights import MUTE_DEPTH


def certain_db(mask: float) -> np.ndarray:
    """Return what mutes by a mask that is the same everywhere do if it is right, [2, E]."""
    meter = DepthMeter(1)
    power = np.random.default_rng(0).uniform(0.5, 2, (8, 30)).astype(np.float32)
    for first in (0, 12):
        piece = power[:, first : first + 12 + first]
        meter.add(np.full((1, *piece.shape), mask, np.float32), piece)
    return meter.certain_db()[:, 0]


def test_a_mask_of_a_half_takes_six_decibels_of_all() -> None:
    own, rest = certain_db(0.5)
    assert own[EXPONENTS.index(1)] == rest[EXPONENTS.index(1)] == pytest.approx(-6.02, abs=0.01)


def test_what_is_sure_is_removed_whole_and_what_takes_nothing_removes_nothing() -> None:
    assert (certain_db(1.0)[0] == DEEPEST_DB).all()
    assert (certain_db(0.0) == 0).all()


def test_a_lower_exponent_goes_deeper_and_costs_the_rest_more() -> None:
    for change_db in certain_db(0.7):
        assert (np.diff(change_db) > 0).all()


def test_the_table_that_comes_along_goes_deeper_where_masks_are_surer() -> None:
    table = DepthTable(MUTE_DEPTH)
    sure, unsure = table.expected(certain_db(0.9)), table.expected(certain_db(0.3))
    for deep, shallow in zip(sure, unsure, strict=True):
        assert deep.deepest_db <= deep.mute_db <= deep.least_db <= 0.5
        assert deep.mute_db < shallow.mute_db


def test_between_the_rows_of_a_table_it_is_linear_and_a_file_that_is_none_is_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = [{"certain_db": -20, "reached_db": -10, "deepest_db": -12, "least_db": -8}]
    rows += [{"certain_db": 0, "reached_db": 0, "deepest_db": 0, "least_db": 0}]
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"mute": rows, "rest": rows}))
    (half,) = DepthTable(file).expected(np.array([[-10.0], [-2.0]]), [1.0])
    assert (half.mute_db, half.deepest_db, half.rest_db) == (-5, -6, -1)
    file.write_text("{}")
    with pytest.raises(UsageError, match="is no table of mutes"):
        DepthTable(file)
