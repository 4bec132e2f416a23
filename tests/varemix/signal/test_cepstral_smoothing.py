"""Cepstral smoothing: masks of one planted lag, whose way in time is known, and what must hold of all masks."""

import numpy as np
import pytest

from varemix.errors import UsageError
from varemix.signal.cepstral_smoothing import CepstralSmoothing, cbm
from varemix.signal.grid import PAPER_GRID, Grid

NUM_BINS = PAPER_GRID.num_bins
NO_BETAS = {"beta_envelope": 0.0, "beta_pitch": 0.0, "beta_peak": 0.0}
ONSET, FRAMES = 5, 30


def binary_mask(*shape: int) -> np.ndarray:
    return (np.random.default_rng(0).random(shape) > 0.6).astype(np.float32)


def mask_of_lag(lag: int, num_bins: int = NUM_BINS) -> np.ndarray:
    """Return a mask [F, T] whose logarithm is -1, from the onset on with a cosine of one lag and a height of 0.5."""
    ripple = 0.5 * np.cos(np.pi * lag * np.arange(num_bins) / (num_bins - 1))
    has_begun = np.arange(FRAMES) >= ONSET
    return np.exp(-1 + ripple[:, None] * has_begun)


@pytest.mark.parametrize("floor", [0.01, 0.2])
def test_without_betas_the_mask_is_only_floored(floor: float) -> None:
    mask = binary_mask(NUM_BINS, 12)
    settings = CepstralSmoothing(**NO_BETAS, floor=floor)
    np.testing.assert_allclose(cbm(mask, settings), np.where(mask == 1, 1, floor), rtol=1e-4)


@pytest.mark.parametrize(
    ("lag", "beta"),
    [
        *((0, 0.3), (8, 0.3)),  # envelope
        *((9, 0.9), (50, 0.9)),  # neither envelope nor a pitch
        *((88, 0.6), (300, 0.6)),  # the only peak among the pitches
    ],
)
def test_each_lag_comes_up_as_its_beta_says(lag: int, beta: float) -> None:
    settings = CepstralSmoothing(beta_envelope=0.3, beta_pitch=0.6, beta_peak=0.9, num_envelope=8, floor=0.01)
    smooth_log = np.log(cbm(mask_of_lag(lag), settings))
    frames_since = np.maximum(np.arange(FRAMES) - ONSET + 1, 0)
    expected_height = 0.5 * (1 - beta**frames_since)  # of the cosine, at bin 0
    np.testing.assert_allclose(smooth_log[0], -1 + expected_height, atol=1e-4)


@pytest.mark.parametrize("lag", [0, 8, 9, 88, 300, 500])
def test_a_lag_is_the_same_time_whatever_the_number_of_bins(grid: Grid, lag: int) -> None:
    settings = CepstralSmoothing(beta_envelope=0.3, beta_pitch=0.6, beta_peak=0.9, floor=0.01)
    expected, found = (np.log(cbm(mask_of_lag(lag, num_bins), settings)) for num_bins in (NUM_BINS, grid.num_bins))
    np.testing.assert_allclose(found[0], expected[0], atol=2e-4)


def test_a_longer_window_has_pitches_that_a_shorter_one_has_not() -> None:
    settings = CepstralSmoothing(beta_pitch=0.6, beta_peak=0.9, floor=0.01)
    smooth_log = np.log(cbm(mask_of_lag(1470, 2049), settings))  # 30 Hz
    expected_height = 0.5 * (1 - 0.6 ** np.maximum(np.arange(FRAMES) - ONSET + 1, 0))
    np.testing.assert_allclose(smooth_log[0], -1 + expected_height, atol=1e-4)


@pytest.mark.parametrize("num_bins", [89, 90, 129, 2049])
def test_any_number_of_bins_with_pitches_can_be_smoothed(num_bins: int) -> None:
    mask = binary_mask(num_bins, 12)
    floored = np.where(mask == 1, 1, 0.05)
    np.testing.assert_allclose(cbm(mask, CepstralSmoothing(**NO_BETAS)), floored, rtol=2e-4)
    smooth = cbm(mask, CepstralSmoothing())
    assert smooth.shape == mask.shape
    assert 0 <= smooth.min() <= smooth.max() <= 1
    assert smooth.std() < 0.9 * floored.std()


def test_of_two_pitches_the_stronger_is_smoothed_as_a_pitch() -> None:
    settings = CepstralSmoothing(beta_pitch=0.0, beta_peak=0.9, floor=0.01)
    mask = mask_of_lag(120) * (mask_of_lag(200) * np.e) ** 0.5
    gone = np.log(mask / cbm(mask, settings))
    weaker_left = np.maximum(np.arange(FRAMES) - ONSET + 1, 0)
    np.testing.assert_allclose(gone[0, ONSET:], 0.25 * 0.9 ** weaker_left[ONSET:], atol=1e-4)


def test_a_mask_that_does_not_change_stays() -> None:
    still = np.repeat(np.random.default_rng(1).uniform(0.1, 1, (NUM_BINS, 1)), 40, axis=-1)
    np.testing.assert_allclose(cbm(still, CepstralSmoothing()), still, rtol=1e-3)


def test_an_onset_of_everything_stays_sharp_where_lone_bins_fade() -> None:
    onset = np.zeros((NUM_BINS, 20))
    onset[:, 10:] = 1
    lone = np.zeros((NUM_BINS, 20))
    lone[300, 10] = 1
    settings = CepstralSmoothing()
    np.testing.assert_allclose(cbm(onset, settings), np.maximum(onset, settings.floor), atol=1e-4)
    assert cbm(lone, settings).max() < 0.2


@pytest.mark.parametrize(
    "settings",
    [
        CepstralSmoothing(),
        CepstralSmoothing(beta_envelope=0.9, beta_pitch=0.9, beta_peak=0.99, num_envelope=87, floor=1e-6),
        CepstralSmoothing(beta_pitch=0.99, beta_peak=0.0, num_envelope=0, floor=0.5),
    ],
)
def test_smoothed_masks_stay_within_zero_and_one(settings: CepstralSmoothing) -> None:
    smooth = cbm(binary_mask(NUM_BINS, 60), settings)
    assert smooth.dtype == np.float32
    assert smooth.min() >= 0
    assert smooth.max() <= 1


def test_masks_of_several_instruments_are_smoothed_each_by_itself() -> None:
    masks = binary_mask(2, 3, NUM_BINS, 9)
    together = cbm(masks, CepstralSmoothing())
    assert together.shape == masks.shape
    np.testing.assert_allclose(together[1, 2], cbm(masks[1, 2], CepstralSmoothing()), atol=1e-6)


def test_a_mask_of_no_frames_stays_one() -> None:
    assert cbm(binary_mask(2, NUM_BINS, 0), CepstralSmoothing()).shape == (2, NUM_BINS, 0)


@pytest.mark.parametrize("shape", [(88, 4), (2, 64, 200), (512,), ()])
def test_what_has_no_lags_of_a_pitch_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"\[\.\.\., F, T\] with more than 88 bins was expected. Pass linear bins."):
        cbm(binary_mask(*shape), CepstralSmoothing())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta_peak": 1.0}, "beta_peak 1.0 is outside"),
        ({"beta_pitch": -0.1}, "beta_pitch -0.1 is outside"),
        ({"beta_envelope": 2}, "beta_envelope 2 is outside"),
        ({"floor": 0.0}, "floor 0.0 is outside"),
        ({"floor": 1.5}, "floor 1.5 is outside"),
        ({"num_envelope": 88}, "88 lags of envelope"),
        ({"num_envelope": -1}, "-1 lags of envelope"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CepstralSmoothing(**wrong)
