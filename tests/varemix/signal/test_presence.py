"""Whether an instrument plays: masks that claim a known part of a known mix."""

import numpy as np
import pytest

from varemix.signal.presence import STRETCH_FRAMES, Presence, PresenceMeter

NUM_BINS = 8


def shares_db(masks: np.ndarray, power: np.ndarray, cuts: list[int] | None = None) -> np.ndarray:
    """Measure masks [N, F, T] of a mix of power [F, T], handed over in blocks that end at the cuts."""
    meter = PresenceMeter(len(masks))
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
    assert PresenceMeter(2).shares_db() == pytest.approx([-100, -100])


def test_an_instrument_plays_from_the_threshold_on() -> None:
    presence = Presence(shares_db={"flute": -18.0, "tuba": -18.1}, threshold_db=-18.0)
    assert presence.plays("flute")
    assert not presence.plays("tuba")
    with pytest.raises(KeyError):
        presence.plays("violin")
