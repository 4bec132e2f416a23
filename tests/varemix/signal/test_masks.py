import numpy as np
import torch

from varemix.signal.masks import binarise, ideal_binary, ideal_ratio, random_binary


def test_ideal_binary_mask_gives_a_bin_to_the_source_with_most_of_it():
    magnitudes = torch.tensor([[[3.0, 1.0, 0.0]], [[1.0, 3.0, 0.0]]])
    mix = magnitudes.sum(0)
    assert ideal_binary(magnitudes, mix).tolist() == [[[1, 0, 0]], [[0, 1, 0]]]


def test_ideal_ratio_masks_share_every_bin_whole():
    magnitudes = torch.rand(3, 20, 10)
    torch.testing.assert_close(ideal_ratio(magnitudes).sum(0), torch.ones(20, 10))


def test_ideal_ratio_mask_of_silence_is_zero():
    assert ideal_ratio(torch.zeros(2, 4, 4)).abs().max() == 0


def test_random_masks_repeat_by_seed_and_are_even():
    mask = random_binary((512, 512), seed=3)
    assert torch.equal(mask, random_binary((512, 512), seed=3))
    assert not torch.equal(mask, random_binary((512, 512), seed=4))
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert abs(mask.mean() - 0.5) < 0.01


def test_one_half_is_not_yet_a_source():
    assert binarise(np.array([0.5, 0.51])).tolist() == [0, 1]
