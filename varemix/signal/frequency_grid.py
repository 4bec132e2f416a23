"""Between linear bins and the log-frequency rows that networks see and masks are kept on.

The rows are denser where pitches are: row position v in [-1, 1] reads the linear position
y = (21 ** ((v + 1) / 2) - 11) / 10, and back v = 2 ln(10 y + 11) / ln 21 - 1, both with their ends on the first and
last bin (the `align_corners=True` of the original's day), linearly interpolated.

Source: Zhao et al. 2018, "The Sound of Pixels", whose public code defines this warp.
"""

from functools import lru_cache
from math import log

import torch
from torch import Tensor

from varemix.signal.grid import Grid

_BASE = 21.0


def to_log_rows(linear: Tensor, num_rows: int) -> Tensor:
    """Return values [..., F, T] read on `num_rows` log-frequency rows: [..., L, T]."""
    return _interpolate(linear, *_log_positions(linear.shape[-2], num_rows, linear.device, linear.dtype))


def to_linear_bins(rows: Tensor, num_bins: int) -> Tensor:
    """Return values [..., L, T] read on `num_bins` linear bins: [..., F, T]."""
    return _interpolate(rows, *_linear_positions(rows.shape[-2], num_bins, rows.device, rows.dtype))


def to_rows(linear: Tensor, grid: Grid) -> Tensor:
    """Return values [..., F, T] of linear bins read on the grid's rows: [..., R, T]."""
    return linear if grid.log_rows is None else to_log_rows(linear, grid.log_rows)


def to_bins(rows: Tensor, grid: Grid) -> Tensor:
    """Return values [..., R, T] on the grid's rows read on its linear bins: [..., F, T]."""
    return rows if grid.log_rows is None else to_linear_bins(rows, grid.num_bins)


def bins_of_rows(rows: Tensor, grid: Grid) -> Tensor:
    """Return values [..., T, R] on the grid's rows, a frame after the other, read on its linear bins: [..., T, F]."""
    if grid.log_rows is None:
        return rows.contiguous()
    below, fraction = _linear_positions(grid.log_rows, grid.num_bins, rows.device, rows.dtype)
    lower = rows.index_select(-1, below)
    return lower.lerp_(rows.index_select(-1, below + 1), fraction)


def power_on_rows(power: Tensor, grid: Grid) -> Tensor:
    """Return the power [..., F, T] of linear bins gathered on the grid's rows, [..., R, T]; none is lost.

    Each bin gives its two neighbouring rows the shares with which it would be read from them.
    """
    if grid.log_rows is None:
        return power
    below, fraction = _linear_positions(grid.log_rows, grid.num_bins, power.device, power.dtype)
    upper = power * fraction[:, None]
    rows = power.new_zeros(*power.shape[:-2], grid.log_rows, power.shape[-1])
    return rows.index_add_(-2, below, power - upper).index_add_(-2, below + 1, upper)


@lru_cache(maxsize=4)
def row_widths(grid: Grid, device: torch.device) -> Tensor:
    """Return how much of the linear axis each of the grid's rows stands for, [R], on average 1."""
    if grid.log_rows is None:
        return torch.ones(grid.num_rows, device=device)
    v = torch.linspace(-1, 1, grid.log_rows, dtype=torch.float64)
    widths = _BASE ** ((v + 1) / 2)  # the slope of the row's linear position, but for a factor
    return (widths / widths.mean()).to(device, torch.float32)


def _interpolate(values: Tensor, below: Tensor, fraction: Tensor) -> Tensor:
    lower = values.index_select(-2, below)
    upper = values.index_select(-2, below + 1)
    return lower + fraction[:, None] * (upper - lower)


@lru_cache(maxsize=16)
def _log_positions(num_bins: int, num_rows: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    v = torch.linspace(-1, 1, num_rows, dtype=torch.float64)
    y = (_BASE ** ((v + 1) / 2) - 11) / 10
    return _split(y, num_bins, device, dtype)


@lru_cache(maxsize=16)
def _linear_positions(num_rows: int, num_bins: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    v = torch.linspace(-1, 1, num_bins, dtype=torch.float64)
    y = 2 * torch.log(10 * v + 11) / log(_BASE) - 1
    return _split(y, num_rows, device, dtype)


def _split(y: Tensor, length: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the index below and the fraction above it, for positions y in [-1, 1] on a grid of that length."""
    position = ((y + 1) / 2 * (length - 1)).clamp(0, length - 1)
    below = position.floor().clamp(max=length - 2).long()
    return below.to(device), (position - below).to(device=device, dtype=dtype)
