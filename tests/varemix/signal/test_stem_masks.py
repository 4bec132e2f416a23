"""Masks that are made of stems: planted shares come back, none is claimed twice, silence claims nothing."""

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID
from varemix.signal.grid import PAPER_GRID
from varemix.signal.spectrogram import filter_samples, stft
from varemix.signal.stem_masks import stem_mask_blocks, stem_masks

GRIDS = [PAPER_GRID, FINE_GRID, FINE_GRID.on_bins()]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, size=shape).astype(np.float32)


def made(mix, stems, grid, **settings):
    signals = np.concatenate([mix[None], stems])
    blocks = np.split(signals, [1000, 7000, 7001], axis=-1)
    return np.concatenate(list(stem_mask_blocks(blocks, grid, **settings)), axis=-1)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_stem_that_is_a_share_of_the_mix_has_that_share_for_its_mask(grid):
    mix = noise(2, 40_000)
    masks = made(mix, np.stack([0.3 * mix, 0.6 * mix]), grid)
    assert masks.shape == (2, grid.num_rows, grid.num_frames(40_000))
    np.testing.assert_allclose(masks[0], 0.3, atol=1e-3)
    np.testing.assert_allclose(masks[1], 0.6, atol=1e-3)


@pytest.mark.parametrize("grid", GRIDS)
def test_no_bin_is_claimed_twice_whatever_the_stems(grid):
    masks = made(noise(2, 30_000), 3 * noise(4, 2, 30_000, seed=1), grid)
    assert masks.min() >= 0
    assert masks.sum(axis=0).max() <= 1 + 1e-6


def test_where_the_mix_is_silent_nothing_is_claimed():
    mix = noise(1, 60_000)
    mix[:, 20_000:] = 0
    masks = made(mix, mix[None], FINE_GRID)
    assert masks[..., :10].min() > 0.99
    assert masks[..., 30:].max() == 0


def test_each_channel_may_have_its_own_mask():
    left, right = noise(2, 30_000)
    stems = np.stack([np.stack([left, 0 * right]), np.stack([0 * left, right])])
    masks = made(stems.sum(axis=0), stems, FINE_GRID, per_channel=True)
    np.testing.assert_allclose(masks[0, 0], 1, atol=1e-3)
    np.testing.assert_allclose(masks[0, 1], 0, atol=1e-3)
    together = made(stems.sum(axis=0), stems, FINE_GRID)
    np.testing.assert_allclose(together.mean(), 0.5, atol=0.02)


@pytest.mark.parametrize("grid", GRIDS)
def test_what_the_masks_cut_out_is_the_stem_where_sources_lie_apart(grid):
    time_s = np.arange(60_000) / 44_100
    low, high = (np.sin(2 * np.pi * hz * time_s).astype(np.float32)[None] for hz in (220, 5_000))
    masks = made(low + high, np.stack([low, high]), grid)
    for stem, mask in zip((low, high), masks, strict=True):
        cut = filter_samples(torch.from_numpy(low + high), torch.from_numpy(mask), grid.applied).numpy()
        middle = slice(8_000, 50_000)
        assert np.abs(cut - stem)[:, middle].max() < 0.02


def test_blocks_change_nothing():
    mix, stems = noise(2, 30_000), noise(2, 2, 30_000, seed=3)
    spectra = stft(torch.from_numpy(np.concatenate([mix[None], stems])), FINE_GRID.applied)
    whole = stem_masks(spectra[1:], spectra[0], FINE_GRID.applied).numpy()
    np.testing.assert_allclose(made(mix, stems, FINE_GRID), whole, atol=2e-3)
