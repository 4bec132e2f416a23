"""The loudness that is estimated from spectra, beside that measured in samples."""

import math

import numpy as np
import pytest
import torch

from varemix.remix.levels import LoudnessMeter
from varemix.remix.mixer import filtered_blocks
from varemix.remix.spectral_loudness import SpectralLoudness
from varemix.signal.frequency_grid import to_rows
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid


def estimated(
    samples: np.ndarray, changes: np.ndarray, dry_wet: float = 1.0, grid: Grid = PAPER_GRID
) -> tuple[SpectralLoudness, np.ndarray]:
    """Return the estimate, and the samples with the change made, which is given on the grid's rows."""
    loudness = SpectralLoudness(grid, dry_wet)
    blocks = (samples[:, first : first + 50_000] for first in range(0, samples.shape[1], 50_000))
    gains = (changes[..., first : first + 37] for first in range(0, changes.shape[-1], 37))
    delta = np.concatenate(list(filtered_blocks(blocks, gains, grid, loudness.add)), axis=-1)
    return loudness, samples + dry_wet * delta


def no_change(samples: np.ndarray, grid: Grid = PAPER_GRID) -> np.ndarray:
    return np.zeros((grid.num_rows, grid.num_frames(samples.shape[1])), np.float32)


def measured_lufs(samples: np.ndarray) -> float:
    meter = LoudnessMeter(RATE_HZ, len(samples))
    meter.add(samples)
    assert meter.integrated_lufs is not None
    return meter.integrated_lufs


def music_like(seconds: float, num_channels: int) -> np.ndarray:
    """Return harmonic notes that come and go, some seconds of near silence among them."""
    draw = np.random.default_rng(3)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    notes = sum(np.sin(2 * np.pi * 110 * k * time_s + draw.uniform(0, 6)) / k for k in range(1, 30))
    envelope = np.abs(np.sin(2 * np.pi * 0.7 * time_s)) * np.where(time_s % 5 < 3.5, 1.0, 1e-3)
    return (0.1 * notes * envelope * np.linspace(1, 0.5, num_channels)[:, None]).astype(np.float32)


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("dry_wet", [1.0, 0.4])
def test_loudness_before_and_after_is_estimated_within_a_tenth(grid: Grid, num_channels: int, dry_wet: float) -> None:
    samples = music_like(12, num_channels)
    on_bins = np.where(grid.bins_hz < 1_700, -0.7, 0.5).astype(np.float32)[:, None]
    changes = to_rows(torch.from_numpy(on_bins), grid).numpy() + no_change(samples, grid)
    loudness, remixed = estimated(samples, changes, dry_wet, grid)
    assert loudness.before_lufs == pytest.approx(measured_lufs(samples), abs=0.1)
    assert loudness.after_lufs == pytest.approx(measured_lufs(remixed), abs=0.1)


def test_the_loudness_of_a_change_of_one_channel_is_estimated_within_a_tenth() -> None:
    samples = music_like(12, 2)
    changes = no_change(samples)
    loudness, remixed = estimated(samples, np.stack([changes - 0.9, changes]))
    assert loudness.before_lufs == pytest.approx(measured_lufs(samples), abs=0.1)
    assert loudness.after_lufs == pytest.approx(measured_lufs(remixed), abs=0.1)


def test_the_loudness_of_a_change_that_comes_and_goes_is_estimated_within_a_tenth(grid: Grid) -> None:
    samples = music_like(24, 1)
    time_s = np.arange(grid.num_frames(samples.shape[1])) * grid.hop_s
    changes = no_change(samples, grid) + (0.5 * np.sin(2 * np.pi * time_s / 3) - 0.2).astype(np.float32)
    loudness, remixed = estimated(samples, changes, grid=grid)
    assert loudness.after_lufs == pytest.approx(measured_lufs(remixed), abs=0.1)


def test_no_change_leaves_the_loudness(grid: Grid) -> None:
    samples = music_like(4, 2)
    loudness, _ = estimated(samples, no_change(samples, grid), grid=grid)
    assert loudness.after_lufs == loudness.before_lufs


def test_silence_is_infinitely_soft_and_what_is_too_short_has_no_loudness(grid: Grid) -> None:
    silence, short = np.zeros((2, RATE_HZ), np.float32), music_like(0.3, 1)
    for samples, expected in ((silence, -math.inf), (short, None)):
        loudness, _ = estimated(samples, no_change(samples, grid), grid=grid)
        assert loudness.before_lufs == expected
