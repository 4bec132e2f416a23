"""What smoothing gains: masks whose best smoothing is planted, and the paper's equation taken at its word."""

import numpy as np
import pytest

from varemix.errors import EvaluationError
from varemix.evaluation.smoothing_study import SEARCHED, Smoothing, smoothing_gains_db
from varemix.remix.mixer import separate
from varemix.signal.cepstral_smoothing import CepstralSmoothing, cbm
from varemix.signal.smoothing import zlbm
from varemix.signal.spectrogram import NUM_BINS, num_frames

NUM_SAMPLES = 20_000
ZLBM = [smoothing for smoothing in SEARCHED if smoothing.method == "zlbm"]


def noise() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(NUM_SAMPLES).astype(np.float32)


def binary_masks() -> np.ndarray:
    shape = (2, NUM_BINS, num_frames(NUM_SAMPLES))
    return (np.random.default_rng(1).random(shape) > 0.5).astype(np.float32)


def rms(signals: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(signals, dtype=np.float64), axis=-1))


def test_the_gain_is_equation_2_with_its_sign_turned() -> None:
    mix, binary = noise(), binary_masks()
    ratio = np.random.default_rng(2).random(binary.shape).astype(np.float32)
    smoothings = [Smoothing(decay=0.7), Smoothing(cepstral=CepstralSmoothing(floor=0.1))]
    smooths = [np.ascontiguousarray(zlbm(binary, 0.7)), cbm(binary, CepstralSmoothing(floor=0.1))]
    wanted, unsmoothed, *smoothed = (separate(mix[None], masks)[:, 0] for masks in (ratio, binary, *smooths))
    expected_db = [-20 * np.log10(rms(wanted - s) / rms(wanted - unsmoothed)) for s in smoothed]
    np.testing.assert_allclose(smoothing_gains_db(mix, binary, ratio, smoothings), expected_db, atol=1e-3)


def test_no_smoothing_gains_nothing() -> None:
    gains_db = smoothing_gains_db(noise(), binary_masks(), 0.5 * binary_masks(), [Smoothing(decay=0.0)])
    np.testing.assert_array_equal(gains_db, [[0.0, 0.0]])


def test_the_search_finds_the_smoothing_that_made_the_reference() -> None:
    binary = binary_masks()
    gains_db = smoothing_gains_db(noise(), binary, zlbm(binary, 0.6), ZLBM)
    best = [ZLBM[place].name for place in gains_db.argmax(axis=0)]
    assert best == ["zlbm decay=0.6"] * 2
    assert (gains_db.max(axis=0) > 100).all()


def test_a_mask_that_flickers_around_the_ideal_gains_and_one_that_is_nearly_ideal_loses() -> None:
    binary = np.zeros((2, NUM_BINS, num_frames(NUM_SAMPLES)), dtype=np.float32)
    binary[..., ::2] = 1
    ratio = np.stack([np.full_like(binary[0], 0.5), 0.99 * binary[1]])
    flickering, nearly_ideal = smoothing_gains_db(noise(), binary, ratio, [Smoothing(decay=0.9)])[0]
    assert flickering > 10
    assert nearly_ideal < -10


def test_what_is_silent_or_already_ideal_has_no_gain() -> None:
    mix, binary = noise(), binary_masks()
    smoothings = ZLBM[:1]
    assert np.isnan(smoothing_gains_db(np.zeros_like(mix), binary, 0.5 * binary, smoothings)).all()
    partly = np.stack([binary[0], 0 * binary[1]])  # equal to its binary mask; a silent reference
    assert np.isnan(smoothing_gains_db(mix, binary, partly, smoothings)).all()
    first, second = smoothing_gains_db(mix, binary * [[[1]], [[0]]], 0.5 * binary, smoothings)[0]
    assert np.isfinite(first)
    assert np.isnan(second)  # a binary mask that lets nothing through


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="the same was expected"):
        smoothing_gains_db(noise(), binary_masks(), binary_masks()[:1], ZLBM)


def test_what_is_searched_is_told_apart_by_name_and_holds_the_usual_settings() -> None:
    names = [smoothing.name for smoothing in SEARCHED]
    assert len(set(names)) == len(names) == 36
    assert "zlbm decay=0.8" in names
    assert "cbm beta_envelope=0 beta_pitch=0.4 beta_peak=0.8 num_envelope=8 floor=0.05" in names


def test_a_smoothing_knows_its_method_settings_and_decay() -> None:
    first, last = SEARCHED[0], SEARCHED[-1]
    assert (first.method, first.settings_text, first.decay) == ("zlbm", "decay=0.1", 0.1)
    assert last.method == "cbm"
    assert np.isnan(last.decay)
