"""Balances of two sources: the remix that is scored is the mixer's, and masks whose scores are planted."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.grids import FINE_GRID
from tests.varemix.evaluation.two_bands import masks_of_two_bands, two_bands
from varemix.errors import EvaluationError
from varemix.evaluation import grading, mixing_levels
from varemix.evaluation.mixing_levels import MOST_SDR_DB, RemixScore, mixed_anew, remix_scores, remixed
from varemix.evaluation.peaq import PeaqResult, peaq
from varemix.remix.mixer import remix, separate, separate_and_add
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.masks import Masks

NUM_SAMPLES = RATE_HZ
SMOOTHING_S = 0.05


def sources() -> np.ndarray:
    return two_bands(NUM_SAMPLES)


def right_masks(grid: Grid = PAPER_GRID) -> Masks:
    return masks_of_two_bands(NUM_SAMPLES, grid)


def rough_masks(grid: Grid = PAPER_GRID) -> Masks:
    """Return the right masks with three places of ten drawn anew: both, one or none of the sources may claim them."""
    draw = np.random.default_rng(1)
    masks = right_masks(grid)
    is_wrong = draw.random(masks.values.shape) < 0.3
    values = np.where(is_wrong, draw.integers(0, 2, masks.values.shape), masks.values)
    return replace(masks, values=values.astype(np.float32))


@pytest.fixture(scope="module")
def rough_scores() -> list[RemixScore]:
    return remix_scores(sources(), rough_masks(), smoothing_s=SMOOTHING_S, with_odg=False)


def of_method(scores: list[RemixScore], method: str, smoothing_s: float) -> list[RemixScore]:
    return [score for score in scores if (score.method, score.smoothing_s) == (method, smoothing_s)]


def gains_db(weight_tenths: int) -> list[float]:
    """Return what is asked of the mixer at this balance: 20 log10 of twice the weights."""
    with np.errstate(divide="ignore"):
        return (20 * np.log10(np.array([weight_tenths, 10 - weight_tenths]) / 5)).tolist()


def test_what_is_scored_is_what_the_mixer_makes(grid: Grid) -> None:
    mix, masks = sources().sum(axis=0), rough_masks(grid)
    stems = separate(mix[None], masks)[:, 0]
    for weight_tenths in range(11):
        own, added = remixed(mix, stems, weight_tenths), mixed_anew(stems, weight_tenths)
        mixers = remix(mix[None], masks, gains_db(weight_tenths), smoothing_s=0.0)[0]
        weights = [weight_tenths / 5, 2 - weight_tenths / 5]
        np.testing.assert_allclose(own, mixers, rtol=0, atol=1e-6)
        np.testing.assert_allclose(added, separate_and_add(mix[None], masks, weights)[0], rtol=0, atol=1e-6)


def test_at_equal_weights_the_remix_is_the_mix_bit_for_bit() -> None:
    mix, masks = sources().sum(axis=0), rough_masks()
    np.testing.assert_array_equal(remix(mix[None], masks, gains_db(5), smoothing_s=SMOOTHING_S)[0], mix)
    np.testing.assert_array_equal(remixed(mix, separate(mix[None], masks)[:, 0], 5), mix)
    np.testing.assert_array_equal(mixed_anew(sources(), 5), mix)


def test_there_is_one_score_for_each_balance_method_and_smoothing(rough_scores: list[RemixScore]) -> None:
    keys = [(score.weight_tenths, score.method, score.smoothing_s) for score in rough_scores]
    assert len(set(keys)) == len(keys) == 44
    assert {(method, smoothing_s) for _, method, smoothing_s in keys} == {
        (method, smoothing_s) for method in ("remix", "separate_and_add") for smoothing_s in (0.0, SMOOTHING_S)
    }


def test_without_smoothing_the_masks_are_scored_once() -> None:
    scores = remix_scores(sources(), right_masks(), smoothing_s=0.0, with_odg=False)
    assert len(scores) == 22
    assert all(math.isnan(score.odg) for score in scores)


@pytest.mark.parametrize("smoothing_s", [0.0, SMOOTHING_S])
def test_at_equal_weights_the_remix_is_without_fault(rough_scores: list[RemixScore], smoothing_s: float) -> None:
    equal = of_method(rough_scores, "remix", smoothing_s)[5]
    assert (equal.sdr_db, equal.nsdr_db, equal.lsd_db) == (MOST_SDR_DB, 0.0, 0.0)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID.on_bins()], ids=["paper", "fine"])
def test_right_masks_bring_both_methods_near_at_every_balance(grid: Grid) -> None:
    scores = remix_scores(sources(), right_masks(grid), smoothing_s=0.0, with_odg=False)
    assert min(score.sdr_db for score in scores) > 30
    assert max(score.lsd_db for score in scores) < 3


def test_rough_masks_make_the_remix_err_with_the_distance_from_equal_weights(rough_scores: list[RemixScore]) -> None:
    remixes_db = [score.sdr_db for score in of_method(rough_scores, "remix", 0.0)]
    assert np.all(np.diff(remixes_db[:6]) > 0)
    assert np.all(np.diff(remixes_db[5:]) < 0)
    stems = of_method(rough_scores, "separate_and_add", 0.0)
    assert all(remix_db > stem.sdr_db for remix_db, stem in zip(remixes_db[2:9], stems[2:9], strict=True))


def test_nsdr_is_what_is_gained_on_the_mix_as_it_stands(rough_scores: list[RemixScore]) -> None:
    mix_sdrs_db = np.array([score.sdr_db - score.nsdr_db for score in rough_scores]).reshape(11, 4)
    np.testing.assert_allclose(mix_sdrs_db, mix_sdrs_db[:, :1].repeat(4, axis=1), atol=1e-9)
    assert mix_sdrs_db[5, 0] == MOST_SDR_DB
    first, second = sources().std(axis=-1)
    one_wanted_db = 20 * math.log10(first / second)
    assert mix_sdrs_db[[10, 0], 0].tolist() == pytest.approx([one_wanted_db, -one_wanted_db], abs=0.3)


def test_delta_snr_is_what_the_error_falls_by_at_any_balance_but_the_even_one(rough_scores: list[RemixScore]) -> None:
    mix = sources().sum(axis=0)
    first, second = separate(mix[None], rough_masks())[:, 0]
    true_first, true_second = sources()
    error, whole = (true_first - true_second) - (first - second), true_first - true_second
    gained_db = 20 * math.log10(whole.std() / error.std())
    remixes_db = [score.delta_snr_db for score in of_method(rough_scores, "remix", 0.0)]
    assert math.isnan(remixes_db.pop(5))
    assert remixes_db == pytest.approx([gained_db] * 10, abs=0.01)


def test_masks_that_are_smoothed_are_scored_as_the_mixer_smooths_them(rough_scores: list[RemixScore]) -> None:
    mix, masks = sources().sum(axis=0), rough_masks()
    wanted = mixed_anew(sources(), 8)
    for method, rendered in (
        ("remix", remix(mix[None], masks, gains_db(8), smoothing_s=SMOOTHING_S)[0]),
        ("separate_and_add", separate_and_add(mix[None], masks, [1.6, 0.4], smoothing_s=SMOOTHING_S)[0]),
    ):
        (sdr_db,) = mixing_levels.bss_eval(wanted[None], rendered[None]).sdr_db
        assert of_method(rough_scores, method, SMOOTHING_S)[8].sdr_db == pytest.approx(sdr_db, abs=1e-3)


def test_what_is_silent_has_no_scores() -> None:
    silent_first = sources() * [[0], [1]]
    scores = remix_scores(silent_first.astype(np.float32), right_masks(), smoothing_s=0.0, with_odg=False)
    for score in (score for score in scores if score.weight_tenths == 10):
        assert all(math.isnan(value) for value in (score.sdr_db, score.nsdr_db, score.lsd_db))
    heard = of_method(
        remix_scores(
            sources(), replace(right_masks(), values=0 * right_masks().values), smoothing_s=0.0, with_odg=False
        ),
        "separate_and_add",
        0.0,
    )
    assert all(math.isnan(score.sdr_db) for score in heard)


def test_each_rendering_is_graded_once_against_the_true_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def grade(reference: np.ndarray, test: np.ndarray, rate_hz: int) -> PeaqResult:
        calls.append((reference.shape, test.shape, rate_hz))
        return PeaqResult(odg=-float(np.abs(reference - test).mean()), di=0.0, movs=None)

    monkeypatch.setattr(grading, "peaq", grade)
    scores = remix_scores(sources(), rough_masks(), smoothing_s=SMOOTHING_S)
    assert calls == [((1, NUM_SAMPLES), (1, NUM_SAMPLES), RATE_HZ)] * 43  # the remixes at 5:5 are one
    for smoothing_s in (0.0, SMOOTHING_S):
        grades = [score.odg for score in of_method(scores, "remix", smoothing_s)]
        assert grades[5] == 0
        assert grades[10] == pytest.approx(2 * grades[7] * 5 / 4, rel=0.01)  # 1 against 0.4 of the same change


def test_the_grade_is_peaqs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing_levels, "WEIGHT_TENTHS", (5,))
    untouched, added = remix_scores(sources(), rough_masks(), smoothing_s=0.0)
    mix = sources().sum(axis=0)
    stems = separate(mix[None], rough_masks())[:, 0]
    assert untouched.odg == pytest.approx(0.21, abs=0.01)
    assert added.odg == pytest.approx(peaq(mix[None], stems.sum(axis=0)[None], RATE_HZ).odg, abs=1e-3)
    assert added.odg < -1


def test_a_reference_too_short_for_a_grade_has_the_other_scores() -> None:
    short = sources()[:, : RATE_HZ // 4]
    scores = remix_scores(short, masks_of_two_bands(RATE_HZ // 4), smoothing_s=0.0)
    assert all(math.isnan(score.odg) for score in scores)
    assert all(math.isfinite(score.sdr_db) for score in scores)


def test_other_than_two_sources_are_refused() -> None:
    with pytest.raises(EvaluationError, match="1 sources and 2 masks"):
        remix_scores(sources()[:1], right_masks(), smoothing_s=SMOOTHING_S)
