"""Achieved gains: masks of everything, of nothing and of the right bins, whose effect is known."""

import math

import numpy as np
import pytest

from tests.varemix.evaluation.two_bands import masks_of_two_bands, two_bands
from varemix.errors import EvaluationError
from varemix.evaluation.achieved_gain import SILENCE_DB, WISHED_DB, AchievedGain, achieved_gains
from varemix.remix.mixer import remix
from varemix.signal.spectrogram import RATE_HZ

NUM_SAMPLES = RATE_HZ // 2


def sources() -> np.ndarray:
    return two_bands(NUM_SAMPLES)


def right_masks() -> np.ndarray:
    return masks_of_two_bands(NUM_SAMPLES)


def finite(gains: list[AchievedGain]) -> list[AchievedGain]:
    return [gain for gain in gains if math.isfinite(gain.wished_db)]


def test_every_wish_is_made_for_every_source() -> None:
    gains = achieved_gains(sources(), right_masks(), decay=0.8)
    assert [(gain.source, gain.wished_db) for gain in gains] == [(n, wish) for n in (0, 1) for wish in WISHED_DB]


@pytest.mark.parametrize("decay", [0.0, 0.8])
def test_masks_of_the_right_bins_change_the_target_as_wished_and_nothing_else(decay: float) -> None:
    gains = achieved_gains(sources(), right_masks(), decay=decay)
    for gain in finite(gains):
        assert gain.target_db == pytest.approx(gain.wished_db, abs=0.05)
    for gain in gains:
        assert gain.rest_db == pytest.approx(0, abs=0.05)
    assert all(gain.target_db < -30 for gain in gains if gain.wished_db == -math.inf)


def test_masks_of_everything_change_all_alike() -> None:
    gains = achieved_gains(sources(), np.ones_like(right_masks()), decay=0.8)
    for gain in finite(gains):
        assert gain.target_db == pytest.approx(gain.wished_db, abs=1e-3)
        assert gain.rest_db == pytest.approx(gain.wished_db, abs=1e-3)
    mutes = [gain for gain in gains if gain.wished_db == -math.inf]
    assert {value for gain in mutes for value in (gain.target_db, gain.rest_db)} == {SILENCE_DB}


def test_masks_of_nothing_change_nothing() -> None:
    gains = achieved_gains(sources(), 0 * right_masks(), decay=0.8)
    assert {value for gain in gains for value in (gain.target_db, gain.rest_db)} == {0.0}


def test_masks_of_the_wrong_source_change_the_rest_instead() -> None:
    for gain in finite(achieved_gains(sources(), right_masks()[::-1], decay=0.0)):
        assert gain.rest_db == pytest.approx(gain.wished_db, abs=0.05)
        assert gain.target_db == pytest.approx(0, abs=0.05)


def test_half_a_mask_mutes_by_half() -> None:
    gains = achieved_gains(sources(), 0.5 * right_masks(), decay=0.8)
    mutes_db = [gain.target_db for gain in gains if gain.wished_db == -math.inf]
    np.testing.assert_allclose(mutes_db, -20 * math.log10(2), atol=0.05)


def test_the_filter_is_the_mixers() -> None:
    parts, masks = sources(), np.random.default_rng(1).random(right_masks().shape).astype(np.float32)
    gains = achieved_gains(parts, masks, decay=0.8)
    found = next(gain for gain in gains if (gain.source, gain.wished_db) == (1, -12.0))
    after = [remix(part[None], masks[1:], [-12.0], decay=0.8)[0] for part in parts]
    rest_db, target_db = (20 * np.log10(after[n].std() / parts[n].std()) for n in (0, 1))
    assert (found.target_db, found.rest_db) == pytest.approx((target_db, rest_db), abs=1e-3)


def test_what_is_silent_has_no_change() -> None:
    silent_first = (sources() * [[0], [1]]).astype(np.float32)
    first, *_, last = achieved_gains(silent_first, right_masks(), decay=0.8)
    assert (first.source, last.source) == (0, 1)
    assert math.isnan(first.target_db)
    assert first.rest_db == pytest.approx(0, abs=0.05)
    assert last.target_db == pytest.approx(12, abs=0.05)
    assert math.isnan(last.rest_db)


def test_there_must_be_one_mask_for_each_source() -> None:
    with pytest.raises(EvaluationError, match="1 masks were given for 2 sources"):
        achieved_gains(sources(), right_masks()[:1], decay=0.8)
