from math import log

import pytest
import torch
from torch.nn import functional

from tests.grids import GRIDS
from varemix.signal.frequency_grid import (
    bins_of_rows,
    power_on_rows,
    row_widths,
    to_bins,
    to_linear_bins,
    to_log_rows,
    to_rows,
)
from varemix.signal.grid import PAPER_GRID, Grid

SIZES = sorted({(grid.num_bins, grid.num_rows) for grid in GRIDS.values()})


def reference_warp(values: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """The definition by grid_sample, as the published code states it, with aligned corners."""
    frames = values.shape[-1]
    x = torch.linspace(-1, 1, frames, dtype=values.dtype)
    grid = torch.stack(torch.broadcast_tensors(x[None, :], positions[:, None]), dim=-1)
    return functional.grid_sample(values[None, None], grid[None], align_corners=True)[0, 0]


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("num_bins", "num_rows"), SIZES)
def test_log_rows_equal_the_published_warp(num_bins: int, num_rows: int) -> None:
    linear = rand(num_bins, 9)
    v = torch.linspace(-1, 1, num_rows, dtype=torch.float64)
    expected = reference_warp(linear, (21 ** ((v + 1) / 2) - 11) / 10)
    torch.testing.assert_close(to_log_rows(linear, num_rows), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("num_bins", "num_rows"), SIZES)
def test_linear_bins_equal_the_published_inverse_warp(num_bins: int, num_rows: int) -> None:
    rows = rand(num_rows, 9)
    v = torch.linspace(-1, 1, num_bins, dtype=torch.float64)
    expected = reference_warp(rows, 2 * torch.log(10 * v + 11) / log(21) - 1)
    torch.testing.assert_close(to_linear_bins(rows, num_bins), expected, rtol=0, atol=1e-9)


def test_ends_of_the_spectrum_stay_ends(grid: Grid) -> None:
    rows = to_rows(torch.arange(float(grid.num_bins))[:, None], grid)[:, 0]
    assert rows[0] == 0
    assert rows[-1] == grid.num_bins - 1
    assert (rows.diff() > 0).all()


def test_low_frequencies_get_more_rows_than_high_ones(grid: Grid) -> None:
    rows = to_rows(torch.arange(float(grid.num_bins))[:, None], grid)[:, 0] / grid.num_bins
    assert (rows < 0.25).sum() > 2 * (rows > 0.75).sum()


def test_there_and_back_keeps_a_smooth_spectrum(grid: Grid) -> None:
    smooth = torch.sin(12.8 * torch.linspace(0, 1, grid.num_bins))[:, None].repeat(1, 5)
    torch.testing.assert_close(to_bins(to_rows(smooth, grid), grid), smooth, rtol=0, atol=0.02)


def test_where_the_bins_are_the_rows_all_stays_as_it_is() -> None:
    grid, values = PAPER_GRID.on_bins(), rand(2, PAPER_GRID.num_bins, 3)
    for same in (to_rows(values, grid), to_bins(values, grid), power_on_rows(values, grid)):
        assert torch.equal(same, values)
    assert torch.equal(bins_of_rows(values.mT, grid), values.mT)


def test_eleven_masks_are_read_on_the_bins_at_once_as_mask_by_mask(grid: Grid) -> None:
    masks = rand(11, grid.num_rows, 7)
    one_by_one = torch.stack([to_bins(mask, grid) for mask in masks])
    assert one_by_one.shape == (11, grid.num_bins, 7)
    torch.testing.assert_close(to_bins(masks, grid), one_by_one, rtol=0, atol=0)
    torch.testing.assert_close(bins_of_rows(masks.mT, grid), one_by_one.mT, rtol=0, atol=1e-15)


def test_a_weighted_sum_is_the_same_on_the_rows_and_on_the_bins(grid: Grid) -> None:
    masks, weights = rand(11, grid.num_rows, 7), torch.linspace(-1, 3, 11, dtype=torch.float64)
    summed_on_bins = torch.tensordot(weights, to_bins(masks, grid), dims=1)
    torch.testing.assert_close(to_bins(torch.tensordot(weights, masks, dims=1), grid), summed_on_bins)


def test_reading_rows_leaves_them_as_they_were(grid: Grid) -> None:
    rows = rand(5, grid.num_rows)
    before = rows.clone()
    bins_of_rows(rows, grid)
    assert torch.equal(rows, before)


def test_power_that_is_gathered_on_the_rows_is_all_there(grid: Grid) -> None:
    power = rand(2, grid.num_bins, 6) ** 8
    rows = power_on_rows(power, grid)
    assert rows.shape == (2, grid.num_rows, 6)
    assert (rows >= 0).all()
    torch.testing.assert_close(rows.sum(dim=-2), power.sum(dim=-2), rtol=1e-12, atol=0)


def test_power_of_one_bin_lies_on_the_rows_that_it_is_read_from(grid: Grid) -> None:
    for place in (0, 1, grid.num_bins // 3, grid.num_bins - 1):
        power = torch.zeros(grid.num_bins, 1, dtype=torch.float64)
        power[place] = 2
        rows = power_on_rows(power, grid)[:, 0]
        assert (rows > 0).sum() <= 2
        middle = (rows * torch.arange(float(grid.num_rows))).sum() / 2
        position = to_bins(torch.arange(float(grid.num_rows), dtype=torch.float64)[:, None], grid)[place, 0]
        assert middle == pytest.approx(float(position), abs=1e-9)


def test_what_a_mask_lets_through_is_the_same_counted_on_the_rows_and_on_the_bins(grid: Grid) -> None:
    mask, power = rand(grid.num_rows, 6), rand(grid.num_bins, 6, seed=1) ** 4
    on_bins = (to_bins(mask, grid) * power).sum()
    assert float((mask * power_on_rows(power, grid)).sum()) == pytest.approx(float(on_bins), rel=1e-12)


def test_of_a_mask_that_is_steady_along_frequency_the_square_is_the_same_as_well(grid: Grid) -> None:
    steady, power = rand(1, 6).expand(grid.num_rows, -1), rand(grid.num_bins, 6, seed=1) ** 4
    on_bins = (to_bins(steady, grid).square() * power).sum()
    on_rows = (steady.square() * power_on_rows(power, grid)).sum()
    assert float(on_rows) == pytest.approx(float(on_bins), rel=1e-12)


@pytest.mark.parametrize(("num_bins", "num_rows"), SIZES)
def test_a_row_is_as_wide_as_the_stretch_of_bins_around_it(num_bins: int, num_rows: int) -> None:
    positions = to_log_rows(torch.linspace(0, 1, num_bins, dtype=torch.float64)[:, None], num_rows)[:, 0]
    grid = Grid(window_samples=2 * num_bins - 2, hop_samples=num_bins // 2, log_rows=num_rows, floor=1e-3)
    widths = row_widths(grid, torch.device("cpu")).double()
    assert float(widths.mean()) == pytest.approx(1, abs=1e-6)
    spacing = (positions[2:] - positions[:-2]) / 2
    torch.testing.assert_close(widths[1:-1] / widths[1:-1].mean(), spacing / spacing.mean(), rtol=0.01, atol=0)
