"""The one short-time Fourier transform of varemix, and filtering with it.

Conventions: 44.1 kHz; periodic Hann window, frames centred on multiples of the hop, zeros beyond the ends. A signal is
looked at in hop-long cells. A frame touches as many cells as it reaches hops, on either side; so the inverse of a run
of frames determines all cells but those at its ends, where further frames would have a part. Of a whole signal the
first and the last frame's gains also serve the frames beyond the ends. That makes filtering blockwise exact: the blocks
of a long signal give what the whole signal gives.

Source: Yang, Wei, Lerch 2020, section III; inverse by least squares (Griffin and Lim 1984).
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from varemix.signal.frequency_grid import bins_of_rows
from varemix.signal.grid import Grid

Heed = Callable[[Tensor, Tensor], None]
"""Is shown spectra [..., T, F] and the gains [..., T, F] of their bins, a frame after the other."""


def stft(samples: Tensor, grid: Grid) -> Tensor:
    """Return the complex spectrum [..., F, T] of real samples [..., S], with T = `grid.num_frames(S)`."""
    left = grid.reach_hops * grid.hop_samples
    right = (grid.num_frames(samples.shape[-1]) - 1) * grid.hop_samples + left - samples.shape[-1]
    return spectrum_of_cells(functional.pad(samples, (left, right)), grid)


def num_touched_cells(num_frames: int, grid: Grid) -> int:
    """Return how many cells so many consecutive frames touch."""
    return num_frames + 2 * grid.reach_hops - 1


def spectrum_of_cells(cells: Tensor, grid: Grid) -> Tensor:
    """Return the spectrum [..., F, T] of all cells [..., S] that T frames touch."""
    return _spectra(cells, grid).transpose(-1, -2)


def filter_cells(samples: Tensor, gains: Tensor, grid: Grid, heed: Heed | None = None) -> Tensor:
    """Filter a stretch of a signal with a gain for every row and frame, the phase kept.

    `samples` are the cells [..., S] that T frames touch, `gains` real and [..., R, T] on the grid's rows. Returns the
    T + 1 - 2 * `reach_hops` cells in the middle; the others only lend context. `heed` is shown spectra and gains, for
    what is to be measured of them.
    """
    bin_gains = bins_of_rows(gains.transpose(-1, -2), grid)  # a frame after the other, as the spectrum lies in memory
    spectra = _spectra(samples, grid)
    if heed is not None:
        heed(spectra, bin_gains)
    return _synthesise(spectra * bin_gains, grid)


def filter_samples(samples: Tensor, gains: Tensor, grid: Grid) -> Tensor:
    """Filter a whole signal [..., S] with gains [..., R, T] on the grid's rows, T = `grid.num_frames(S)`."""
    num_samples = samples.shape[-1]
    num_beyond = grid.reach_hops - 1  # frames before the first and after the last that have a part in the ends
    num_after = num_beyond + (num_samples % grid.hop_samples > 0)  # one more remakes what is left of a hop
    held = held_at_ends(gains, num_beyond, num_after)
    left = (2 * grid.reach_hops - 1) * grid.hop_samples
    right = num_touched_cells(held.shape[-1], grid) * grid.hop_samples - left - num_samples
    return filter_cells(functional.pad(samples, (left, right)), held, grid)[..., :num_samples]


def held_at_ends(gains: Tensor, num_before: int, num_after: int) -> Tensor:
    """Return gains [..., R, T] with the first frame repeated so often before, and the last one after."""
    first = gains[..., :1].expand(*gains.shape[:-1], num_before)
    last = gains[..., -1:].expand(*gains.shape[:-1], num_after)
    return torch.cat([first, gains, last], dim=-1)


def _spectra(cells: Tensor, grid: Grid) -> Tensor:
    """Return the spectrum [..., T, F] of the cells that T frames touch, a frame after the other."""
    margin = _margin(grid)
    frames = cells.unfold(-1, 2 * grid.reach_hops * grid.hop_samples, grid.hop_samples)
    frames = frames[..., margin : margin + grid.window_samples]
    return torch.fft.rfft(frames * _window(grid, cells.device, cells.dtype))


def _synthesise(spectra: Tensor, grid: Grid) -> Tensor:
    """Return the cells [..., S] that T frames [..., T, F] determine."""
    frames = torch.fft.irfft(spectra, n=grid.window_samples)
    window = _least_squares_window(grid, frames.device, frames.dtype)
    weighted, margin = frames.mul_(window), _margin(grid)
    padded = functional.pad(weighted, (margin, margin)) if margin else weighted
    parts = padded.unflatten(-1, (-1, grid.hop_samples))
    num_parts, num_cells = parts.shape[-2], parts.shape[-3] + 1 - parts.shape[-2]

    def part(place: int) -> Tensor:
        """Return what each cell has of the frame in which it is at that place."""
        first = num_parts - 1 - place
        return parts[..., first : first + num_cells, place, :]

    cells = part(0) + part(1)
    for place in range(2, num_parts):
        cells += part(place)
    return cells.flatten(-2)


def _margin(grid: Grid) -> int:
    """Return by how much the cells that a frame touches are longer than its window, on either side."""
    return grid.reach_hops * grid.hop_samples - grid.window_samples // 2


@lru_cache(maxsize=8)
def _least_squares_window(grid: Grid, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the window divided by the power that all frames' windows have at a place."""
    padded = functional.pad(_window(grid, device, torch.float64), (_margin(grid),) * 2)
    power = padded.square().unflatten(-1, (-1, grid.hop_samples)).sum(dim=0).repeat(2 * grid.reach_hops)
    margin = _margin(grid)
    return (padded / power)[margin : margin + grid.window_samples].to(dtype)


@lru_cache(maxsize=8)
def _window(grid: Grid, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.hann_window(grid.window_samples, periodic=True, dtype=torch.float64).to(device=device, dtype=dtype)
