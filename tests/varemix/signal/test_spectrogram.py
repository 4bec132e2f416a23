"""The transform beside PyTorch's, and filtering whose result is known, on the grids in use and on any that can be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.grids import FINE_GRID
from varemix.signal.frequency_grid import to_rows
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.spectrogram import (
    filter_cells,
    filter_samples,
    held_at_ends,
    num_touched_cells,
    spectrum_of_cells,
    stft,
)

any_grid = st.integers(2, 40).flatmap(
    lambda half: st.builds(
        Grid,
        window_samples=st.just(2 * half),
        hop_samples=st.integers(1, half + 1),
        log_rows=st.one_of(st.none(), st.integers(2, 30)),
        floor=st.just(1e-3),
    )
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gains_for(num_samples: int, grid: Grid, *, seed: int = 1) -> Tensor:
    """Return a gain in 0..1 for every row and frame of a signal."""
    shape = (grid.num_rows, grid.num_frames(num_samples))
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def lengths_around(grid: Grid) -> list[int]:
    """Return lengths from one sample to several windows, on and around what hops and windows make of them."""
    hop, window = grid.hop_samples, grid.window_samples
    return [1, 2, hop - 1, hop, hop + 1, window // 2, window, 3 * hop - 1, 3 * hop, 3 * window + 7, 10 * hop]


def torchs(samples: Tensor, grid: Grid) -> Tensor:
    window = torch.hann_window(grid.window_samples, dtype=torch.float64)
    return torch.stft(
        samples,
        grid.window_samples,
        hop_length=grid.hop_samples,
        window=window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    )


def test_a_training_window_has_512_frames_of_512_bins() -> None:
    assert stft(noise(262_140), PAPER_GRID).shape == (512, 512)


def test_spectrum_equals_torch_stft(grid: Grid) -> None:
    for num_samples in lengths_around(grid):
        samples = noise(2, num_samples)
        spectrum = stft(samples, grid)
        assert spectrum.shape == (2, grid.num_bins, grid.num_frames(num_samples))
        torch.testing.assert_close(spectrum, torchs(samples, grid), rtol=0, atol=1e-9)


@pytest.mark.parametrize("channels", [(), (1,), (2,), (3, 2)])
def test_unit_gains_return_the_input(grid: Grid, channels: tuple[int, ...]) -> None:
    for num_samples in lengths_around(grid):
        samples = noise(*channels, num_samples)
        filtered = filter_samples(samples, torch.ones_like(gains_for(num_samples, grid)), grid)
        torch.testing.assert_close(filtered, samples, rtol=0, atol=1e-12)


def test_unit_gains_return_the_input_in_single_precision(grid: Grid) -> None:
    samples = noise(2, RATE_HZ).float()
    filtered = filter_samples(samples, torch.ones_like(gains_for(RATE_HZ, grid)).float(), grid)
    torch.testing.assert_close(filtered, samples, rtol=0, atol=5e-6)


@given(grid=any_grid, num_samples=st.integers(1, 300))
@settings(max_examples=60)
def test_on_any_grid_the_spectrum_is_torchs_and_unit_gains_return_the_input(grid: Grid, num_samples: int) -> None:
    samples = noise(num_samples)
    torch.testing.assert_close(stft(samples, grid), torchs(samples, grid), rtol=0, atol=1e-9)
    filtered = filter_samples(samples, torch.ones_like(gains_for(num_samples, grid)), grid)
    torch.testing.assert_close(filtered, samples, rtol=0, atol=1e-9)


def test_muting_rows_removes_a_sine_in_them_and_leaves_another(grid: Grid) -> None:
    time_s = torch.arange(RATE_HZ, dtype=torch.float64) / RATE_HZ
    low, high = (torch.sin(2 * torch.pi * hz * time_s) for hz in (900, 9_000))
    is_high = torch.from_numpy(grid.bins_hz > 3_000).double()[:, None].expand(-1, grid.num_frames(RATE_HZ))
    middle = slice(grid.window_samples, -grid.window_samples)
    for kept, own_grid in ((to_rows(is_high, grid), grid), (is_high, grid.on_bins())):
        difference = filter_samples(low + high, kept, own_grid) - high
        assert difference[middle].abs().max() < 1e-3


def test_gains_that_differ_from_frame_to_frame_are_cross_faded_by_the_windows_power(grid: Grid) -> None:
    num_samples, hop, window = 5 * grid.window_samples + 3, grid.hop_samples, grid.window_samples
    gains = np.random.default_rng(3).random(grid.num_frames(num_samples))
    power = np.hanning(window + 1)[:-1] ** 2  # the periodic window
    weighted, total = np.zeros((2, num_samples))
    num_beyond = 4  # frames beyond the ends, more than have a part; the first and the last gain serve them
    for frame in range(-num_beyond, len(gains) + num_beyond):
        own = np.arange(num_samples) - frame * hop + window // 2
        is_within = (own >= 0) & (own < window)
        total[is_within] += power[own[is_within]]
        weighted[is_within] += gains[np.clip(frame, 0, len(gains) - 1)] * power[own[is_within]]
    samples = noise(num_samples)
    filtered = filter_samples(samples, torch.from_numpy(gains).expand(grid.num_rows, -1), grid)
    torch.testing.assert_close(filtered, samples * torch.from_numpy(weighted / total), rtol=0, atol=1e-9)


@pytest.mark.parametrize("block_frames", [1, 3, 16])
def test_filtering_stretch_by_stretch_equals_filtering_the_whole(grid: Grid, block_frames: int) -> None:
    num_samples, hop, overlap = 20 * grid.hop_samples - 5, grid.hop_samples, 2 * grid.reach_hops - 1
    samples, gains = noise(2, num_samples), gains_for(num_samples, grid)
    held = held_at_ends(gains, grid.reach_hops - 1, grid.reach_hops)
    left = overlap * hop
    padded = functional.pad(samples, (left, num_touched_cells(held.shape[-1], grid) * hop - left - num_samples))
    blocks = []
    for first in range(0, held.shape[-1] - overlap, block_frames):
        own = held[:, first : first + block_frames + overlap]
        cells = padded[:, first * hop : (first + num_touched_cells(own.shape[-1], grid)) * hop]
        blocks.append(filter_cells(cells, own, grid))
    whole = filter_samples(samples, gains, grid)
    torch.testing.assert_close(torch.cat(blocks, -1)[:, :num_samples], whole, rtol=0, atol=1e-12)


def test_the_spectrum_of_a_stretch_is_the_signals(grid: Grid) -> None:
    num_samples, hop, reach = 12 * grid.hop_samples, grid.hop_samples, grid.reach_hops
    samples, first, num_frames = noise(num_samples), 3, 4
    start = (first - reach) * hop
    cells = samples[start : start + num_touched_cells(num_frames, grid) * hop]
    expected = stft(samples, grid)[:, first : first + num_frames]
    torch.testing.assert_close(spectrum_of_cells(cells, grid), expected, rtol=0, atol=1e-12)


def test_no_gain_is_blown_up_at_the_ends(grid: Grid) -> None:
    for num_samples in (262_140, grid.hop_samples + 1, 3):
        samples = torch.ones(num_samples, dtype=torch.float64)
        for own_grid in (grid, grid.on_bins()):
            assert filter_samples(samples, gains_for(num_samples, own_grid), own_grid).abs().max() < 4


def test_one_signal_is_filtered_by_several_gains_at_once(grid: Grid) -> None:
    samples = noise(3_000)
    gains = torch.stack([gains_for(3_000, grid, seed=seed) for seed in range(11)])
    together = filter_samples(samples, gains, grid)
    for one, gain in zip(together, gains, strict=True):
        torch.testing.assert_close(one, filter_samples(samples, gain, grid))


def test_what_is_measured_on_the_way_are_the_spectra_and_the_gains_of_their_bins() -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    num_frames, grid = 6, FINE_GRID
    cells = noise(2, num_touched_cells(num_frames, grid) * grid.hop_samples)
    gains = torch.rand(grid.num_rows, num_frames, dtype=torch.float64)
    heeded = filter_cells(cells, gains, grid, lambda spectra, own: seen.append((spectra, own)))
    torch.testing.assert_close(heeded, filter_cells(cells, gains, grid), rtol=0, atol=0)
    [(spectra, bin_gains)] = seen
    assert bin_gains.shape == (num_frames, grid.num_bins)
    torch.testing.assert_close(spectra, spectrum_of_cells(cells, grid).transpose(-1, -2), rtol=0, atol=0)
    on_bins = filter_cells(cells, bin_gains.transpose(-1, -2), replace(grid, log_rows=None))
    torch.testing.assert_close(on_bins, heeded, rtol=0, atol=1e-12)
