from math import log

import torch
from torch.nn import functional

from varemix.signal.frequency_grid import to_linear_bins, to_log_rows


def reference_warp(values: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """The definition by grid_sample, as the published code states it, with aligned corners."""
    frames = values.shape[-1]
    x = torch.linspace(-1, 1, frames, dtype=values.dtype)
    grid = torch.stack(torch.broadcast_tensors(x[None, :], positions[:, None]), dim=-1)
    return functional.grid_sample(values[None, None], grid[None], align_corners=True)[0, 0]


def test_log_rows_equal_the_published_warp():
    linear = torch.rand(512, 9, dtype=torch.float64)
    v = torch.linspace(-1, 1, 256, dtype=torch.float64)
    expected = reference_warp(linear, (21 ** ((v + 1) / 2) - 11) / 10)
    torch.testing.assert_close(to_log_rows(linear, 256), expected, rtol=0, atol=1e-9)


def test_linear_bins_equal_the_published_inverse_warp():
    rows = torch.rand(256, 9, dtype=torch.float64)
    v = torch.linspace(-1, 1, 512, dtype=torch.float64)
    expected = reference_warp(rows, 2 * torch.log(10 * v + 11) / log(21) - 1)
    torch.testing.assert_close(to_linear_bins(rows, 512), expected, rtol=0, atol=1e-9)


def test_ends_of_the_spectrum_stay_ends():
    linear = torch.arange(512.0)[:, None]
    rows = to_log_rows(linear, 256)[:, 0]
    assert rows[0] == 0
    assert rows[-1] == 511
    assert (rows.diff() > 0).all()


def test_low_frequencies_get_more_rows_than_high_ones():
    rows = to_log_rows(torch.arange(512.0)[:, None], 256)[:, 0]
    assert (rows < 128).sum() > 2 * (rows > 384).sum()


def test_there_and_back_keeps_a_smooth_spectrum():
    smooth = torch.sin(torch.arange(512.0) / 40)[:, None].repeat(1, 5)
    back = to_linear_bins(to_log_rows(smooth, 256), 512)
    torch.testing.assert_close(back, smooth, rtol=0, atol=0.02)
