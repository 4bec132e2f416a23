from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.grids import FINE_GRID, SMALL_GRID
from varemix.errors import MediaError, UsageError
from varemix.remix.gains import factor, shares
from varemix.remix.mixer import filtered_blocks, remix, separate, separate_and_add
from varemix.signal.frequency_grid import to_bins
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import smoothing_of
from varemix.signal.spectrogram import filter_samples, stft


def mix_and_masks(
    num_samples: int = 30_000, channels: int = 2, num_masks: int = 2, grid: Grid = PAPER_GRID
) -> tuple[np.ndarray, Masks]:
    draw = np.random.default_rng(1)
    mix = draw.standard_normal((channels, num_samples)) * 0.1
    values = draw.random((num_masks, grid.num_rows, grid.num_frames(num_samples)))
    return mix, Masks(values=values, grid=grid)


def scaled(masks: Masks, by: float | np.ndarray) -> Masks:
    return Masks(values=masks.values * by, grid=masks.grid)


def shared_out(masks: Masks) -> Masks:
    """Return the masks so that they claim everything once."""
    return scaled(masks, 1 / masks.values.sum(axis=0))


def everything(masks: Masks) -> Masks:
    return Masks(values=np.ones_like(masks.values), grid=masks.grid)


def cut(values: np.ndarray, places: Sequence[int]) -> list[np.ndarray]:
    """Return the values cut along their last axis at these places, in any order and more than once."""
    return np.split(values, sorted(places), axis=-1)


def whole(mix: np.ndarray, gains: np.ndarray, grid: Grid) -> np.ndarray:
    return filter_samples(torch.from_numpy(mix), torch.from_numpy(gains), grid).numpy()


def test_unit_gains_return_the_input_bit_for_bit(grid: Grid) -> None:
    mix, masks = mix_and_masks(grid=grid)
    np.testing.assert_array_equal(remix(mix, masks, [0.0, 0.0]), mix)


def test_masks_of_nothing_return_the_input_bit_for_bit(grid: Grid) -> None:
    mix, masks = mix_and_masks(grid=grid)
    np.testing.assert_array_equal(remix(mix, scaled(masks, 0), [6.0, -6.0]), mix)


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 3.0, 12.0])
def test_a_mask_of_everything_is_a_plain_gain(grid: Grid, gain_db: float) -> None:
    mix, masks = mix_and_masks(num_masks=1, grid=grid)
    remixed = remix(mix, everything(masks), [gain_db])
    np.testing.assert_allclose(remixed, mix * 10 ** (gain_db / 20), rtol=0, atol=1e-7)


def test_muting_everything_leaves_silence(grid: Grid) -> None:
    mix, masks = mix_and_masks(num_masks=1, grid=grid)
    assert np.abs(remix(mix, everything(masks), [-np.inf])).max() < 1e-12


def test_the_remix_is_linear_in_the_gains_where_nothing_is_clipped() -> None:
    mix, masks = mix_and_masks()
    masks = shared_out(masks)
    both = remix(mix, masks, [3.0, 5.0]) - mix
    one = remix(mix, masks, [3.0, 0.0]) - mix
    other = remix(mix, masks, [0.0, 5.0]) - mix
    np.testing.assert_allclose(both, one + other, rtol=0, atol=1e-6)


def test_eleven_masks_remixed_at_once_are_the_sum_of_what_each_changes(grid: Grid) -> None:
    mix, masks = mix_and_masks(num_masks=11, grid=grid)  # which claim everything several times over
    gains_db = [-np.inf, -12.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 12.0, 24.0]
    own = separate(mix, Masks(values=shares(masks.values), grid=grid))
    expected = mix + sum(factor(gain_db) * stem for gain_db, stem in zip(gains_db, own, strict=True))
    np.testing.assert_allclose(remix(mix, masks, gains_db, smoothing_s=0.0), expected, rtol=0, atol=1e-6)


def test_gains_and_masks_must_pair_up() -> None:
    mix, masks = mix_and_masks()
    with pytest.raises(UsageError, match="3 gains"):
        remix(mix, masks, [0.0, 1.0, 2.0])


def test_stems_of_masks_that_share_everything_add_up_to_the_mix(grid: Grid) -> None:
    mix, masks = mix_and_masks(grid=grid)
    np.testing.assert_allclose(separate(mix, shared_out(masks)).sum(axis=0), mix, rtol=0, atol=1e-10)


def test_stems_of_masks_on_rows_are_those_of_the_masks_read_on_the_bins(grid: Grid) -> None:
    mix, masks = mix_and_masks(grid=grid)
    applied = Masks(values=masks.values, grid=grid.applied)
    np.testing.assert_allclose(separate(mix, applied.on_bins()), separate(mix, masks), rtol=0, atol=1e-12)


def test_separate_and_add_weighs_the_stems() -> None:
    mix, masks = mix_and_masks()
    first, second = separate(mix, masks)
    np.testing.assert_allclose(separate_and_add(mix, masks, [0.5, 2.0]), 0.5 * first + 2 * second, atol=1e-12)


def test_separate_and_add_smooths_the_masks_before_it_weighs_them() -> None:
    mix, masks = mix_and_masks()
    smooth = Masks(values=zlbm(masks.values, 0.8), grid=PAPER_GRID)
    expected = separate_and_add(mix, smooth, [0.5, 2.0])
    found = separate_and_add(mix, masks, [0.5, 2.0], smoothing_s=smoothing_of(0.8))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(expected - separate_and_add(mix, masks, [0.5, 2.0])).max() > 0.01


@pytest.mark.parametrize("block_samples", [64, 700, 100_000])
@pytest.mark.parametrize("block_frames", [1, 5, 1000])
def test_filtering_block_by_block_equals_filtering_the_whole(grid: Grid, block_samples: int, block_frames: int) -> None:
    hop = grid.hop_samples
    for num_samples in (1, 100, hop - 1, hop, hop + 1, 2 * hop, 3 * hop - 1, 4 * hop, 20 * hop + 1):
        mix, masks = mix_and_masks(num_samples, num_masks=1, grid=grid)
        samples = (mix[:, i : i + block_samples] for i in range(0, num_samples, block_samples))
        gains = (masks.values[0, :, i : i + block_frames] for i in range(0, masks.num_frames, block_frames))
        filtered = np.concatenate(list(filtered_blocks(samples, gains, grid)), axis=-1)
        np.testing.assert_allclose(filtered, whole(mix, masks.values[0], grid), rtol=0, atol=1e-12)


@given(
    grid=st.sampled_from([PAPER_GRID, SMALL_GRID, Grid(window_samples=1000, hop_samples=170, log_rows=None, floor=1)]),
    num_hops=st.integers(0, 12),
    num_more=st.integers(-2, 2),
    data=st.data(),
)
@settings(max_examples=60)
def test_however_samples_and_gains_are_cut_the_blocks_equal_the_whole(
    grid: Grid, num_hops: int, num_more: int, data: st.DataObject
) -> None:
    num_samples = max(1, num_hops * grid.hop_samples + num_more)
    mix, masks = mix_and_masks(num_samples, num_masks=1, grid=grid)
    places = [
        data.draw(st.lists(st.integers(0, length), max_size=8), label=label)  # blocks may be empty
        for label, length in (("samples", num_samples), ("frames", masks.num_frames))
    ]
    blocks = list(filtered_blocks(cut(mix, places[0]), cut(masks.values[0], places[1]), grid))
    filtered = np.concatenate(blocks, axis=-1)
    np.testing.assert_allclose(filtered, whole(mix, masks.values[0], grid), rtol=0, atol=1e-12)


def test_one_spectrum_is_filtered_by_several_gains_block_by_block(grid: Grid) -> None:
    mix, masks = mix_and_masks(num_masks=3, grid=grid)
    blocks = filtered_blocks(cut(mix, [100, 9_000]), cut(masks.values[:, None], [1, 4, 5]), grid)
    expected = whole(mix, masks.values[:, None], grid)
    np.testing.assert_allclose(np.concatenate(list(blocks), axis=-1), expected, rtol=0, atol=1e-12)


def test_what_is_measured_on_the_way_is_each_frame_once_but_for_the_last_few(grid: Grid) -> None:
    mix, masks = mix_and_masks(num_masks=1, grid=grid)
    gains = masks.values[0]
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    blocks = filtered_blocks(
        cut(mix, [100, 9_000]),
        cut(gains, [1, 4, 5, 9]),
        grid,
        lambda spectra, own: seen.append((spectra.numpy(), own.numpy())),
    )
    for _ in blocks:
        pass
    spectra, seen_gains = (np.concatenate(parts, axis=-2) for parts in zip(*seen, strict=True))
    num_before = grid.reach_hops - 1
    num_seen = masks.num_frames + 1 - 2 * grid.reach_hops
    expected = stft(torch.from_numpy(mix), grid).mT.numpy()[:, :num_seen]
    np.testing.assert_allclose(spectra[:, num_before:], expected, rtol=0, atol=1e-9)
    on_bins = to_bins(torch.from_numpy(gains), grid).mT.numpy()
    np.testing.assert_allclose(seen_gains[num_before:], on_bins[:num_seen], rtol=0, atol=1e-12)
    np.testing.assert_allclose(seen_gains[:num_before], on_bins[:1].repeat(num_before, axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("frames_off", [-2, -1, 1, 40])
@pytest.mark.parametrize("block_frames", [1, 1000])
def test_masks_of_another_length_are_refused(grid: Grid, frames_off: int, block_frames: int) -> None:
    for num_samples in (3 * grid.hop_samples - 1, 3 * grid.hop_samples, 30_000):
        mix, masks = mix_and_masks(num_samples, num_masks=1, grid=grid)
        num_frames = masks.num_frames + frames_off
        gains = np.resize(masks.values[0].T, (num_frames, grid.num_rows)).T
        with pytest.raises(MediaError, match="not as long"):
            list(filtered_blocks([mix], cut(gains, range(block_frames, num_frames, block_frames)), grid))


def test_no_gains_at_all_are_refused() -> None:
    mix, masks = mix_and_masks(num_masks=1)
    for blocks in ([], [masks.values[0, :, :0]]):
        with pytest.raises(MediaError, match="not as long"):
            list(filtered_blocks([mix], blocks, PAPER_GRID))


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID], ids=["paper", "fine"])
@pytest.mark.parametrize("num_frames", [1, 2, 50])
def test_a_signal_without_end_is_drawn_no_further_than_shows_that_the_masks_are_too_short(
    grid: Grid, num_frames: int
) -> None:
    drawn = count()

    def endless() -> Iterator[np.ndarray]:
        while True:
            next(drawn)
            yield np.ones((1, grid.hop_samples))

    gains = np.ones((grid.num_rows, num_frames))
    with pytest.raises(MediaError, match="not as long"):
        list(filtered_blocks(endless(), [gains], grid))
    assert next(drawn) <= num_frames + 2 * grid.reach_hops
