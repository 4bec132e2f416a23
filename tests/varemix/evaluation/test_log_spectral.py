"""Log-spectral distance: gains whose distance is known, and what leaves it alone."""

import math

import numpy as np
import pytest

from varemix.errors import EvaluationError
from varemix.evaluation.log_spectral import FLOOR_DB, log_spectral_distance_db
from varemix.signal.grid import PAPER_GRID

NUM_SAMPLES = 20 * PAPER_GRID.hop_samples


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(NUM_SAMPLES)


def test_equal_signals_are_at_no_distance() -> None:
    assert log_spectral_distance_db(noise(), noise()) == 0


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 1.0, 12.0])
def test_a_gain_is_a_distance_of_its_own_size(gain_db: float) -> None:
    found_db = log_spectral_distance_db(noise(), noise() * 10 ** (gain_db / 20))
    assert found_db == pytest.approx(abs(gain_db), abs=0.01)


def test_a_turned_sign_is_no_distance() -> None:
    assert log_spectral_distance_db(noise(), -noise()) == 0


def test_both_signals_may_be_made_louder_together() -> None:
    apart_db = log_spectral_distance_db(noise(0), noise(1))
    assert apart_db > 3
    assert log_spectral_distance_db(7 * noise(0), 7 * noise(1)) == pytest.approx(apart_db, rel=1e-9)


def test_signals_with_equally_strong_peaks_may_change_places() -> None:
    click = np.zeros(NUM_SAMPLES)
    click[0] = 1e4  # the largest bin of either
    first, second = noise(0) + click, noise(1) + click
    there_db, back_db = log_spectral_distance_db(first, second), log_spectral_distance_db(second, first)
    assert there_db == pytest.approx(back_db, rel=1e-3)


def test_frames_count_alike_whatever_their_level() -> None:
    fading = noise() * np.repeat([1.0, 0.03], NUM_SAMPLES // 2)
    half_changed = fading * np.repeat([1.0, 0.5], NUM_SAMPLES // 2)
    assert log_spectral_distance_db(fading, half_changed) == pytest.approx(20 * math.log10(2) / 2, rel=0.1)


def test_silence_is_as_far_away_as_the_floor_at_most() -> None:
    found_db = log_spectral_distance_db(noise(), np.zeros(NUM_SAMPLES))
    assert -FLOOR_DB / 2 < found_db < -FLOOR_DB


def test_what_lies_below_the_floor_is_not_seen() -> None:
    tone = np.sin(2 * np.pi * 50 / 1022 * np.arange(NUM_SAMPLES)) * np.hanning(NUM_SAMPLES)
    reference = np.pad(tone, 5000)
    hiss = 1e-6 * np.random.default_rng(0).standard_normal(len(reference))
    assert log_spectral_distance_db(reference, reference + hiss) < 0.01
    assert log_spectral_distance_db(reference, reference + 1e5 * hiss) > 10


def test_a_silent_reference_has_no_distances() -> None:
    assert math.isnan(log_spectral_distance_db(np.zeros(NUM_SAMPLES), noise()))


def test_signals_of_other_shapes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="was expected of both"):
        log_spectral_distance_db(noise(), noise()[:-1])
    with pytest.raises(EvaluationError, match=r"\[1, "):
        log_spectral_distance_db(noise()[None], noise()[None])
