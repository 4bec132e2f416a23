import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.grids import FINE_GRID
from varemix.signal.grid import PAPER_GRID, Grid


def test_the_papers_grid_is_as_the_paper_has_it() -> None:
    assert (PAPER_GRID.num_bins, PAPER_GRID.num_rows, PAPER_GRID.num_frames(262_140)) == (512, 256, 512)
    assert PAPER_GRID.hop_s == pytest.approx(0.01161, abs=1e-6)
    assert PAPER_GRID.reach_hops == 1


def test_a_longer_window_has_more_bins_and_its_frames_reach_further() -> None:
    assert (FINE_GRID.num_bins, FINE_GRID.num_rows, FINE_GRID.reach_hops) == (2049, 512, 2)
    assert replace(FINE_GRID, hop_samples=1000).reach_hops == 3  # the third hop is begun
    assert replace(FINE_GRID, hop_samples=2048).reach_hops == 1


def test_bins_lie_evenly_from_nothing_to_half_the_rate(grid: Grid) -> None:
    assert grid.bins_hz.shape == (grid.num_bins,)
    assert (grid.bins_hz[0], grid.bins_hz[-1]) == (0, 22_050)
    np.testing.assert_allclose(np.diff(grid.bins_hz), 44_100 / grid.window_samples)


def test_a_frame_begins_with_every_hop(grid: Grid) -> None:
    hop = grid.hop_samples
    assert [grid.num_frames(num) for num in (0, 1, hop - 1, hop, 2 * hop - 1, 2 * hop)] == [1, 1, 1, 2, 2, 3]


def test_seconds_take_as_many_frames_as_pass_in_them() -> None:
    assert [grid.frames_in(5.944) for grid in (PAPER_GRID, FINE_GRID)] == [512, 256]
    assert [PAPER_GRID.frames_in(hops * PAPER_GRID.hop_s) for hops in (0, 0.4, 1.4, 1.6)] == [1, 1, 1, 2]


def test_on_bins_the_linear_bins_are_the_rows_and_the_transform_is_the_same(grid: Grid) -> None:
    on_bins = grid.on_bins()
    assert on_bins.num_rows == on_bins.num_bins == grid.num_bins
    assert replace(on_bins, log_rows=grid.log_rows) == grid
    assert on_bins.on_bins() == on_bins


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window_samples": 1023}, "a window of 1023 samples cannot be; give an even number"),
        ({"window_samples": 2, "hop_samples": 1}, "a window of 2 samples cannot be"),
        ({"window_samples": 0, "hop_samples": 0}, "a window of 0 samples cannot be"),
        ({"window_samples": -1022}, "a window of -1022 samples cannot be"),
        ({"hop_samples": 513}, "a hop of 513 samples does not fit a window of 1022; give at most half"),
        ({"hop_samples": 0}, "a hop of 0 samples does not fit"),
        ({"hop_samples": -512}, "a hop of -512 samples does not fit"),
        ({"log_rows": 1}, "1 log-frequency rows cannot be; give 2 or more"),
        ({"log_rows": 0}, "0 log-frequency rows cannot be"),
        ({"floor": 0.0}, "a floor of 0.0 cannot be; give a finite magnitude above 0"),
        ({"floor": -1e-3}, "a floor of -0.001 cannot be"),
        ({"floor": math.nan}, "a floor of nan cannot be"),
        ({"floor": math.inf}, "a floor of inf cannot be"),
    ],
    ids=str,
)
def test_a_grid_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PAPER_GRID, **wrong)


def test_the_longest_hop_and_the_fewest_rows_can_be() -> None:
    for least in (
        Grid(window_samples=4, hop_samples=3, log_rows=2, floor=1e-30),
        replace(PAPER_GRID, window_samples=1024, hop_samples=513),
    ):
        assert least.reach_hops == 1
