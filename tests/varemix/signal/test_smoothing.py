import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import filtfilt

from tests.grids import FINE_GRID
from varemix.errors import UsageError
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.smoothing import context_frames, zlbm, zlbm_blocks
from varemix.signal.smoothing_time import MOST_SMOOTHING_S, decay_of, smoothing_of


def binary_mask(frames: int) -> np.ndarray:
    return (np.random.default_rng(0).random((6, frames)) > 0.6).astype(np.float64)


@pytest.mark.parametrize("decay", [0.2, 0.8, 0.95])
def test_zlbm_is_a_zero_phase_single_pole_low_pass(decay):
    mask = binary_mask(200)
    expected = filtfilt([1 - decay], [1, -decay], mask, axis=-1, padtype=None)
    np.testing.assert_allclose(zlbm(mask, decay), expected, rtol=0, atol=1e-12)


def test_smoothed_masks_stay_within_zero_and_one():
    smooth = zlbm(binary_mask(300), 0.8)
    assert smooth.min() >= 0
    assert smooth.max() <= 1


def test_a_constant_mask_is_unchanged():
    np.testing.assert_allclose(zlbm(np.full((3, 50), 0.7), 0.8), 0.7, rtol=1e-12)


def test_a_lone_bin_spreads_evenly_to_both_sides():
    mask = np.zeros((1, 101))
    mask[0, 50] = 1
    smooth = zlbm(mask, 0.8)[0]
    np.testing.assert_allclose(smooth[10:91], smooth[10:91][::-1], atol=1e-4)


def test_no_decay_changes_nothing():
    mask = binary_mask(20)
    np.testing.assert_array_equal(zlbm(mask, 0.0), mask)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_that_cannot_be_is_refused(decay):
    with pytest.raises(UsageError, match="outside"):
        zlbm(binary_mask(5), decay)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("block_frames", [1, 7, 64, 500])
def test_smoothing_in_blocks_equals_smoothing_the_whole(decay, block_frames):
    mask = binary_mask(333)
    blocks = (mask[:, first : first + block_frames] for first in range(0, 333, block_frames))
    smooth = np.concatenate(list(zlbm_blocks(blocks, decay)), axis=-1)
    np.testing.assert_allclose(smooth, zlbm(mask, decay), rtol=0, atol=1e-6)


def test_what_lies_further_away_than_the_context_has_no_effect():
    for smoothing_s in (0.01, 0.05, 1.0):
        decay = decay_of(smoothing_s, PAPER_GRID)
        mask = np.zeros((1, 3 * context_frames(decay) + 3), dtype=np.float32)
        mask[..., -1] = 1
        assert zlbm(mask, decay)[0, -1 - context_frames(decay)] < 1e-6
    assert context_frames(0.0) == 0


@pytest.mark.parametrize("smoothing_s", [0.001, 0.017, 0.052, 1.0, MOST_SMOOTHING_S])
def test_a_time_constant_is_the_time_in_which_a_sound_is_forgotten_but_for_one_in_e(grid: Grid, smoothing_s: float):
    decay = decay_of(smoothing_s, grid)
    assert 0 <= decay < 1
    assert decay ** (smoothing_s / grid.hop_s) == pytest.approx(1 / math.e, rel=1e-9)


def test_no_time_is_no_decay(grid: Grid):
    assert decay_of(0.0, grid) == 0
    assert decay_of(5e-324, grid) == 0
    assert smoothing_of(0.0) == 0


@pytest.mark.parametrize("smoothing_s", [-0.001, 10.1, math.nan, math.inf, -math.inf])
def test_a_time_constant_that_cannot_be_is_refused(smoothing_s: float):
    with pytest.raises(UsageError, match=r"Smoothing over .* s is out of range; give a time constant from 0 to 10 sec"):
        decay_of(smoothing_s, PAPER_GRID)


@pytest.mark.parametrize(("decay", "time_ms"), [(0.1, 5.04), (0.5, 16.75), (0.8, 52.03), (0.97, 381.2)])
def test_a_decay_as_it_used_to_be_given_reads_as_a_time_and_means_the_same_on_the_papers_grid(
    decay: float, time_ms: float
):
    assert 1000 * smoothing_of(decay) == pytest.approx(time_ms, rel=1e-3)
    assert decay_of(smoothing_of(decay), PAPER_GRID) == pytest.approx(decay, abs=1e-12)


@pytest.mark.parametrize("smoothing_s", [smoothing_of(0.8), 0.2])
@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID, replace(PAPER_GRID, hop_samples=128)], ids="{0.hop_s}".format)
def test_an_onset_rises_in_the_same_seconds_on_any_hop(grid: Grid, smoothing_s: float):
    num_before = grid.frames_in(2)
    onset = np.zeros((1, 2 * num_before))
    onset[:, num_before:] = 1
    frames = np.arange(2 * num_before) - num_before
    time_s = (frames + 0.5) * grid.hop_s  # since the onset, which lies halfway between two frames
    rise = np.where(time_s < 0, 0.5 * np.exp(time_s / smoothing_s), 1 - 0.5 * np.exp(-time_s / smoothing_s))
    near = np.abs(time_s) < 1
    smooth = zlbm(onset, decay_of(smoothing_s, grid))[0]
    np.testing.assert_allclose(smooth[near], rise[near], atol=0.015)  # the hop is up to half of the time constant
