"""Whether an instrument plays: masks that claim a known part of a known mix."""

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID
from varemix.signal.frequency_grid import power_on_rows, to_rows
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks
from varemix.signal.presence import Presence, PresenceMeter

NUM_BINS = 8
STRETCH_FRAMES = 512  # of the paper's grid, 5.94 s


def shares_db(
    masks: np.ndarray, power: np.ndarray, cuts: list[int] | None = None, grid: Grid = PAPER_GRID
) -> np.ndarray:
    """Measure masks [N, R, T] of a mix of power [R, T], handed over in blocks that end at the cuts."""
    meter = PresenceMeter(len(masks), grid)
    for block, own_power in zip(
        np.split(masks, cuts or [], axis=-1), np.split(power, cuts or [], axis=-1), strict=True
    ):
        meter.add(block, own_power)
    return meter.shares_db()


def constant(value: float, num_frames: int) -> np.ndarray:
    return np.full((NUM_BINS, num_frames), value, dtype=np.float32)


def test_the_measure_is_the_share_of_the_mixs_power_that_a_mask_lets_through() -> None:
    power = constant(1, STRETCH_FRAMES)
    power[2] = 3  # of 10 in all
    band = np.zeros((3, NUM_BINS, STRETCH_FRAMES), dtype=np.float32)
    band[0], band[1, 2], band[2, 2] = 1, 1, 0.75
    assert shares_db(band, power) == pytest.approx([0, 10 * np.log10(0.3), 10 * np.log10(0.75**2 * 0.3)], abs=1e-6)


def test_what_a_mask_is_unsure_of_counts_as_it_would_sound() -> None:
    masks = np.stack([constant(0.5, 600), constant(0.1, 600)])
    assert shares_db(masks, constant(1, 600)) == pytest.approx([-6.0206, -20], abs=1e-4)


def test_the_level_of_the_recording_does_not_matter() -> None:
    draw = np.random.default_rng(1)
    masks, power = draw.random((2, NUM_BINS, 900)), draw.random((NUM_BINS, 900))
    assert shares_db(masks, 1e-9 * power) == pytest.approx(shares_db(masks, power), abs=1e-9)


@pytest.mark.parametrize("cuts", [[1], [511, 512, 513], [300, 300, 900], list(range(100, 1700, 100))])
def test_how_the_frames_are_cut_into_blocks_does_not_matter(cuts: list[int]) -> None:
    draw = np.random.default_rng(2)
    masks = draw.random((3, NUM_BINS, 1700), dtype=np.float32)
    power = draw.random((NUM_BINS, 1700), dtype=np.float32) ** 4
    assert shares_db(masks, power, cuts) == pytest.approx(shares_db(masks, power), abs=1e-9)


@pytest.mark.parametrize("stretch", [0, 3, 9])
def test_an_instrument_that_plays_in_one_stretch_only_plays(stretch: int) -> None:
    num_frames = 10 * STRETCH_FRAMES
    mask = np.zeros((1, NUM_BINS, num_frames), dtype=np.float32)
    mask[..., stretch * STRETCH_FRAMES : (stretch + 1) * STRETCH_FRAMES] = 1
    assert shares_db(mask, constant(1, num_frames)) == pytest.approx([0])


def test_stretches_are_as_many_seconds_on_any_grid(grid: Grid) -> None:
    num_frames = grid.frames_in(6)
    mask = np.zeros((1, NUM_BINS, 4 * num_frames), dtype=np.float32)
    mask[..., :num_frames] = 1
    power = np.ones(mask.shape[1:])
    assert shares_db(mask, power, grid=grid) == pytest.approx([0])
    mask[..., num_frames // 2 : num_frames] = 0
    assert shares_db(mask, power, grid=grid) == pytest.approx([10 * np.log10(6 / 5.944 / 2)], abs=0.05)


def test_what_is_claimed_of_near_silence_only_does_not_count() -> None:
    power = constant(1, 3 * STRETCH_FRAMES)
    power[:, :STRETCH_FRAMES] = 5e-5  # 43 dB below the rest
    mask = np.zeros((1, *power.shape), dtype=np.float32)
    mask[..., :STRETCH_FRAMES] = 1
    assert shares_db(mask, power) == pytest.approx([-100])


def test_a_short_end_counts_with_the_stretch_before_it_and_a_long_one_for_itself() -> None:
    for num_frames, expected_db in ((10, 10 * np.log10(10 / 522)), (300, 0.0)):
        mask = np.zeros((1, NUM_BINS, STRETCH_FRAMES + num_frames), dtype=np.float32)
        mask[..., STRETCH_FRAMES:] = 1
        assert shares_db(mask, np.ones(mask.shape[1:])) == pytest.approx([expected_db], abs=1e-6)


def test_in_a_recording_shorter_than_a_stretch_all_frames_count() -> None:
    mask = constant(0, 40)
    mask[:, 30:] = 1
    assert shares_db(mask[None], constant(1, 40)) == pytest.approx([10 * np.log10(0.25)])


def test_in_silence_nothing_plays() -> None:
    assert shares_db(constant(1, 700)[None], constant(0, 700)) == pytest.approx([-100])
    assert PresenceMeter(2, PAPER_GRID).shares_db() == pytest.approx([-100, -100])


def harmonics(grid: Grid, num_frames: int) -> tuple[Masks, np.ndarray]:
    """Return masks of eleven instruments, each of a band as wide as a third, and the power [F, T] of a mix of tones."""
    draw = np.random.default_rng(4)
    hz = grid.bins_hz[:, None]
    tones = [np.exp(-(((hz - 220 * k) / 30) ** 2)) * draw.random(num_frames) / k for k in range(1, 60)]
    octaves = np.log2(np.maximum(hz, 1) / 150) - np.arange(11)[:, None, None] / 2
    bands = (0.9 * np.exp(-((3 * octaves) ** 2)) * np.ones(num_frames)).astype(np.float32)
    return Masks(values=to_rows(torch.from_numpy(bands), grid).numpy(), grid=grid), sum(tones) + 1e-6


def test_a_measure_on_the_rows_is_about_that_on_the_bins(grid: Grid) -> None:
    masks, power = harmonics(grid, num_frames=40)
    gathered = power_on_rows(torch.from_numpy(power), grid).numpy()
    on_rows = shares_db(masks.values, gathered, grid=grid)
    on_bins = shares_db(masks.on_bins().values, power, grid=grid.on_bins())
    assert np.ptp(on_bins) > 10
    assert on_rows == pytest.approx(on_bins, abs=0.4)
    assert (on_rows > on_bins - 1e-6).all()  # a mean of squares is no less than the square of the mean


def test_the_measure_of_steady_masks_is_the_same_on_rows_and_bins() -> None:
    _, power = harmonics(FINE_GRID, num_frames=40)
    steady = np.random.default_rng(5).random((3, 1, 40))
    gathered = power_on_rows(torch.from_numpy(power), FINE_GRID).numpy()
    on_rows, on_bins = (
        shares_db(np.repeat(steady, len(own), axis=1), own, grid=FINE_GRID) for own in (gathered, power)
    )
    assert on_rows == pytest.approx(on_bins, abs=1e-9)


def test_an_instrument_plays_from_the_threshold_on() -> None:
    presence = Presence(shares_db={"flute": -18.0, "tuba": -18.1}, threshold_db=-18.0)
    assert presence.plays("flute")
    assert not presence.plays("tuba")
    with pytest.raises(KeyError):
        presence.plays("violin")
