"""Achieved gains: masks of everything, of nothing and of the right bins, whose effect is known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.varemix.evaluation.two_bands import masks_of_two_bands, two_bands
from varemix.errors import EvaluationError
from varemix.evaluation.achieved_gain import SILENCE_DB, WISHED_DB, AchievedGain, achieved_gains
from varemix.remix.mixer import remix
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.masks import Masks

NUM_SAMPLES = RATE_HZ // 2
SMOOTHING_S = 0.05


def sources() -> np.ndarray:
    return two_bands(NUM_SAMPLES)


def right_masks(grid: Grid = PAPER_GRID) -> Masks:
    return masks_of_two_bands(NUM_SAMPLES, grid)


def scaled(masks: Masks, by: float) -> Masks:
    return replace(masks, values=by * masks.values)


def finite(gains: list[AchievedGain]) -> list[AchievedGain]:
    return [gain for gain in gains if math.isfinite(gain.wished_db)]


def test_every_wish_is_made_for_every_source() -> None:
    gains = achieved_gains(sources(), right_masks(), smoothing_s=SMOOTHING_S)
    assert [(gain.source, gain.wished_db) for gain in gains] == [(n, wish) for n in (0, 1) for wish in WISHED_DB]


@pytest.mark.parametrize("smoothing_s", [0.0, SMOOTHING_S])
@pytest.mark.parametrize("bins_for_rows", [False, True])
def test_masks_of_the_right_rows_change_the_target_as_wished_and_nothing_else(
    grid: Grid, bins_for_rows: bool, smoothing_s: float
) -> None:
    masks = right_masks(grid.on_bins() if bins_for_rows else grid)
    gains = achieved_gains(sources(), masks, smoothing_s=smoothing_s)
    for gain in finite(gains):
        assert gain.target_db == pytest.approx(gain.wished_db, abs=0.05)
    for gain in gains:
        assert gain.rest_db == pytest.approx(0, abs=0.05)
    assert all(gain.target_db < -30 for gain in gains if gain.wished_db == -math.inf)


def test_masks_of_everything_change_all_alike(grid: Grid) -> None:
    masks = right_masks(grid)
    gains = achieved_gains(sources(), replace(masks, values=np.ones_like(masks.values)), smoothing_s=SMOOTHING_S)
    for gain in finite(gains):
        assert gain.target_db == pytest.approx(gain.wished_db, abs=1e-3)
        assert gain.rest_db == pytest.approx(gain.wished_db, abs=1e-3)
    mutes = [gain for gain in gains if gain.wished_db == -math.inf]
    assert {value for gain in mutes for value in (gain.target_db, gain.rest_db)} == {SILENCE_DB}


def test_masks_of_nothing_change_nothing() -> None:
    gains = achieved_gains(sources(), scaled(right_masks(), 0), smoothing_s=SMOOTHING_S)
    assert {value for gain in gains for value in (gain.target_db, gain.rest_db)} == {0.0}


def test_masks_of_the_wrong_source_change_the_rest_instead() -> None:
    for gain in finite(achieved_gains(sources(), right_masks()[::-1], smoothing_s=0.0)):
        assert gain.rest_db == pytest.approx(gain.wished_db, abs=0.05)
        assert gain.target_db == pytest.approx(0, abs=0.05)


def test_half_a_mask_mutes_by_half() -> None:
    gains = achieved_gains(sources(), scaled(right_masks(), 0.5), smoothing_s=SMOOTHING_S)
    mutes_db = [gain.target_db for gain in gains if gain.wished_db == -math.inf]
    np.testing.assert_allclose(mutes_db, -20 * math.log10(2), atol=0.05)


def test_the_filter_is_the_mixers(grid: Grid) -> None:
    parts, right = sources(), right_masks(grid)
    masks = replace(right, values=np.random.default_rng(1).random(right.values.shape, dtype=np.float32))
    gains = achieved_gains(parts, masks, smoothing_s=SMOOTHING_S)
    found = next(gain for gain in gains if (gain.source, gain.wished_db) == (1, -12.0))
    after = [remix(part[None], masks[1:], [-12.0], smoothing_s=SMOOTHING_S)[0] for part in parts]
    rest_db, target_db = (20 * np.log10(after[n].std() / parts[n].std()) for n in (0, 1))
    assert (found.target_db, found.rest_db) == pytest.approx((target_db, rest_db), abs=1e-3)


def test_half_a_mask_brings_the_remix_half_the_way_at_any_wish() -> None:
    for gain in achieved_gains(sources(), scaled(right_masks(), 0.5), smoothing_s=0.0):
        assert gain.delta_snr_db == pytest.approx(20 * math.log10(2), abs=0.05)
        assert math.isnan(gain.odg)


def test_masks_of_the_wrong_source_bring_the_remix_farther_from_what_was_wished() -> None:
    gains = achieved_gains(sources(), right_masks()[::-1], smoothing_s=0.0)
    assert max(gain.delta_snr_db for gain in gains) < 0


def test_grades_are_those_of_the_whole_remix_beside_the_true_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "varemix.evaluation.achieved_gain.grade", lambda wished, made: float(np.abs(made - wished).max())
    )
    for gain in achieved_gains(sources(), scaled(right_masks(), 0.0), smoothing_s=0.0, with_odg=True):
        true_change = (10 ** (gain.wished_db / 20) - 1) * sources()[gain.source]
        assert gain.odg == pytest.approx(np.abs(true_change).max(), rel=1e-4)


def test_what_is_silent_has_no_change() -> None:
    silent_first = (sources() * [[0], [1]]).astype(np.float32)
    first, *_, last = achieved_gains(silent_first, right_masks(), smoothing_s=SMOOTHING_S)
    assert (first.source, last.source) == (0, 1)
    assert math.isnan(first.target_db)
    assert first.rest_db == pytest.approx(0, abs=0.05)
    assert math.isnan(first.delta_snr_db)
    assert last.target_db == pytest.approx(12, abs=0.05)
    assert math.isnan(last.rest_db)


def test_there_must_be_one_mask_for_each_source() -> None:
    with pytest.raises(EvaluationError, match="1 masks were given for 2 sources"):
        achieved_gains(sources(), right_masks()[:1], smoothing_s=SMOOTHING_S)
