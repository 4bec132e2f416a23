import numpy as np
import pytest

from varemix.errors import MediaError, UsageError
from varemix.remix.mixer import filtered_blocks, remix, separate, separate_and_add
from varemix.signal.smoothing import zlbm
from varemix.signal.spectrogram import NUM_BINS, num_frames


def mix_and_masks(num_samples: int = 30_000, channels: int = 2, num_masks: int = 2):
    draw = np.random.default_rng(1)
    mix = draw.standard_normal((channels, num_samples)) * 0.1
    masks = draw.random((num_masks, NUM_BINS, num_frames(num_samples)))
    return mix, masks


def test_unit_gains_return_the_input_bit_for_bit():
    mix, masks = mix_and_masks()
    np.testing.assert_array_equal(remix(mix, masks, [0.0, 0.0]), mix)


def test_masks_of_nothing_return_the_input_bit_for_bit():
    mix, masks = mix_and_masks()
    np.testing.assert_array_equal(remix(mix, masks * 0, [6.0, -6.0]), mix)


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 3.0, 12.0])
def test_a_mask_of_everything_is_a_plain_gain(gain_db):
    mix, masks = mix_and_masks(num_masks=1)
    remixed = remix(mix, np.ones_like(masks), [gain_db])
    np.testing.assert_allclose(remixed, mix * 10 ** (gain_db / 20), rtol=0, atol=1e-7)


def test_muting_everything_leaves_silence():
    mix, masks = mix_and_masks(num_masks=1)
    assert np.abs(remix(mix, np.ones_like(masks), [-np.inf])).max() < 1e-12


def test_the_remix_is_linear_in_the_gains_where_nothing_is_clipped():
    mix, masks = mix_and_masks()
    masks /= masks.sum(axis=0)
    both = remix(mix, masks, [3.0, 5.0]) - mix
    one = remix(mix, masks, [3.0, 0.0]) - mix
    other = remix(mix, masks, [0.0, 5.0]) - mix
    np.testing.assert_allclose(both, one + other, rtol=0, atol=1e-6)


def test_gains_and_masks_must_pair_up():
    mix, masks = mix_and_masks()
    with pytest.raises(UsageError, match="3 gains"):
        remix(mix, masks, [0.0, 1.0, 2.0])


def test_stems_of_masks_that_share_everything_add_up_to_the_mix():
    mix, masks = mix_and_masks()
    masks /= masks.sum(axis=0)
    np.testing.assert_allclose(separate(mix, masks).sum(axis=0), mix, rtol=0, atol=1e-10)


def test_separate_and_add_weighs_the_stems():
    mix, masks = mix_and_masks()
    first, second = separate(mix, masks)
    np.testing.assert_allclose(separate_and_add(mix, masks, [0.5, 2.0]), 0.5 * first + 2 * second, atol=1e-12)


def test_separate_and_add_smooths_the_masks_before_it_weighs_them():
    mix, masks = mix_and_masks()
    smooth = np.ascontiguousarray(zlbm(masks, 0.8))
    expected = separate_and_add(mix, smooth, [0.5, 2.0])
    np.testing.assert_allclose(separate_and_add(mix, masks, [0.5, 2.0], decay=0.8), expected, atol=1e-12)
    assert np.abs(expected - separate_and_add(mix, masks, [0.5, 2.0])).max() > 0.01


@pytest.mark.parametrize("num_samples", [100, 511, 512, 1024, 5000, 51_201])
@pytest.mark.parametrize("block_samples", [64, 700, 100_000])
@pytest.mark.parametrize("block_frames", [1, 5, 1000])
def test_filtering_block_by_block_equals_filtering_the_whole(num_samples, block_samples, block_frames):
    mix, masks = mix_and_masks(num_samples, num_masks=1)
    samples = (mix[:, i : i + block_samples] for i in range(0, num_samples, block_samples))
    gains = (masks[0, :, i : i + block_frames] for i in range(0, masks.shape[-1], block_frames))
    filtered = np.concatenate(list(filtered_blocks(samples, gains)), axis=-1)
    np.testing.assert_allclose(filtered, separate(mix, masks)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("frames_off", [-2, -1, 1, 40])
def test_masks_of_another_length_are_refused(frames_off):
    mix, masks = mix_and_masks(num_masks=1)
    gains = np.resize(masks[0].T, (masks.shape[-1] + frames_off, NUM_BINS)).T
    with pytest.raises(MediaError, match="not as long"):
        list(filtered_blocks([mix], [gains]))
