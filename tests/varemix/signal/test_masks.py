import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID
from varemix.errors import UsageError
from varemix.signal.frequency_grid import to_bins
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks, binarise, ideal_binary, ideal_ratio, random_binary
from varemix.signal.spectrogram import filter_samples, stft


def drawn_masks(num_masks: int, grid: Grid, num_frames: int = 7) -> Masks:
    values = np.random.default_rng(0).random((num_masks, grid.num_rows, num_frames), dtype=np.float32)
    return Masks(values=values, grid=grid)


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


@pytest.mark.parametrize("bins_for_rows", [False, True])
def test_masks_are_counted_in_masks_and_frames_and_some_can_be_taken(grid: Grid, bins_for_rows: bool):
    masks = drawn_masks(11, grid.on_bins() if bins_for_rows else grid)
    assert (len(masks), masks.num_frames) == (11, 7)
    for places in (slice(2, 5), [2, 3, 4], np.arange(11) // 3 == 1):
        some = masks[places]
        assert some.grid == masks.grid
        np.testing.assert_array_equal(some.values, masks.values[[2, 3, 4] if isinstance(places, list) else places])
    assert len(masks[:0]) == 0


@pytest.mark.parametrize("shape", [(2, 512, 7), (2, 255, 7), (256, 7), (1, 2, 256, 7)], ids=str)
def test_masks_on_other_rows_than_their_grids_are_refused(shape: tuple[int, ...]):
    with pytest.raises(UsageError, match=r"The masks have shape \[.*7\]; \[N, 256, T\] was expected on their grid"):
        Masks(values=np.zeros(shape, np.float32), grid=PAPER_GRID)


def test_a_place_among_masks_is_no_mask():
    with pytest.raises(UsageError, match=r"\[N, 256, T\] was expected"):
        drawn_masks(3, PAPER_GRID)[1]  # type: ignore[index]


def test_masks_are_read_on_the_linear_bins_of_the_same_transform(grid: Grid):
    masks = drawn_masks(11, grid)
    on_bins = masks.on_bins()
    assert on_bins.grid == grid.on_bins()
    for mask, rows in zip(on_bins.values, masks.values, strict=True):
        np.testing.assert_array_equal(mask, to_bins(torch.from_numpy(rows), grid).numpy())
    np.testing.assert_array_equal(on_bins.on_bins().values, on_bins.values)


@pytest.mark.parametrize("name", ["binary", "ratio"])
def test_ideal_masks_take_tones_apart_on_any_grid(grid: Grid, name: str):
    time_s = torch.arange(30_000, dtype=torch.float64) / 44_100
    low, high = (torch.sin(2 * torch.pi * hz * time_s) for hz in (700, 5_000))
    magnitudes, mix_magnitude = stft(torch.stack([low, high]), grid).abs(), stft(low + high, grid).abs()
    masks = ideal_binary(magnitudes, mix_magnitude) if name == "binary" else ideal_ratio(magnitudes)
    first, second = filter_samples(low + high, masks, grid.on_bins())
    middle = slice(grid.window_samples, -grid.window_samples)
    torch.testing.assert_close(first[middle], low[middle], rtol=0, atol=1e-2)
    torch.testing.assert_close(second[middle], high[middle], rtol=0, atol=1e-2)


def test_a_longer_window_tells_tones_apart_that_a_shorter_one_does_not():
    time_s = torch.arange(44_100, dtype=torch.float64) / 44_100
    near, nearer = (torch.sin(2 * torch.pi * hz * time_s) for hz in (440, 495))
    errors = []
    for grid in (PAPER_GRID, FINE_GRID):
        magnitudes = stft(torch.stack([near, nearer]), grid).abs()
        cut_out = filter_samples(near + nearer, ideal_ratio(magnitudes)[0], grid.on_bins())
        errors.append(float((cut_out - near)[4096:-4096].square().mean()))
    assert errors[1] < errors[0] / 100
