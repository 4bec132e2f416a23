import numpy as np
import pytest
from scipy.signal import filtfilt

from varemix.errors import UsageError
from varemix.signal.smoothing import zlbm, zlbm_blocks


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
