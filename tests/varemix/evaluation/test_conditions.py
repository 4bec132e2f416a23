"""The conditions of Table I: floor, ceilings and the mix itself, on sounds whose answers are known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.grids import FINE_GRID
from tests.solos import RATE_HZ, Solos
from varemix.evaluation.condition_names import CONDITIONS, OTHERS_MUTED, SEPARATE_AND_ADD, image_condition
from varemix.evaluation.conditions import Score, known_masks, others_down, score_conditions
from varemix.evaluation.mixtures import draw_mixtures, read_sources
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks

NUM_SAMPLES = 3 * RATE_HZ


@pytest.fixture(scope="module")
def sources(four_instruments: Solos) -> np.ndarray:
    """Return three seconds [N, S] of a violin and a xylophone, which share most frequencies."""
    pair = draw_mixtures(four_instruments.of("violin", "xylophone").val, 1, seed=0)[0]
    return read_sources(pair)[:, :NUM_SAMPLES]


@pytest.fixture(scope="module")
def scores(sources: np.ndarray) -> list[Score]:
    return score_conditions(sources, known_masks(sources, PAPER_GRID, seed=0))


def ideal_ratio_of(sources: np.ndarray, grid: Grid = PAPER_GRID) -> Masks:
    return known_masks(sources, grid, seed=0)["ideal_ratio"]


def of_condition(scores: list[Score], condition: str) -> list[Score]:
    return [score for score in scores if score.condition == condition]


def mean_nsdr_db(scores: list[Score], condition: str) -> float:
    return float(np.mean([score.nsdr_db for score in of_condition(scores, condition)]))


def test_known_masks_fit_the_spectrum_and_lie_between_zero_and_one(sources: np.ndarray, grid: Grid) -> None:
    for masks in known_masks(sources, grid, seed=0).values():
        assert masks.grid == grid.on_bins()
        assert masks.values.shape == (2, grid.num_bins, grid.num_frames(NUM_SAMPLES))
        assert masks.values.min() >= 0
        assert masks.values.max() <= 1


def test_ideal_ratios_share_each_bin_out_among_the_sources(sources: np.ndarray, grid: Grid) -> None:
    shares = ideal_ratio_of(sources, grid).values.sum(axis=0)
    np.testing.assert_allclose(shares, 1, atol=1e-5)


def test_the_random_mask_depends_on_the_seed_alone(sources: np.ndarray) -> None:
    masks = [known_masks(sources, PAPER_GRID, seed=seed)["random_binary"].values for seed in (1, 1, 2)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert np.mean(masks[0] != masks[2]) == pytest.approx(0.5, abs=0.01)
    assert masks[0].mean() == pytest.approx(0.5, abs=0.01)


def test_there_is_one_score_for_each_condition_and_source(scores: list[Score]) -> None:
    assert [(score.condition, score.source) for score in scores] == [
        (condition, source)
        for condition in ("mix", "ideal_binary", "ideal_ratio", "random_binary")
        for source in (0, 1)
    ]
    assert {score.condition for score in scores} <= set(CONDITIONS)


def test_the_mix_itself_gains_nothing(scores: list[Score]) -> None:
    assert [score.nsdr_db for score in of_condition(scores, "mix")] == [0.0, 0.0]


def test_ideal_masks_pass_the_mix_and_the_mix_passes_random_ones(scores: list[Score]) -> None:
    assert mean_nsdr_db(scores, "ideal_binary") > 5
    assert mean_nsdr_db(scores, "ideal_ratio") > 5
    assert mean_nsdr_db(scores, "random_binary") < 0


def test_nsdr_is_what_the_mask_adds_to_the_mixs_sdr(scores: list[Score]) -> None:
    before_db = [score.sdr_db for score in of_condition(scores, "mix")]
    for score in of_condition(scores, "ideal_binary"):
        assert score.nsdr_db == pytest.approx(score.sdr_db - before_db[score.source], abs=1e-9)


def test_sources_that_never_sound_together_come_apart_whole(grid: Grid) -> None:
    # Noise by turns, with pauses longer than a window: ideal ratios are 0 or 1 wherever anything sounds.
    noise = np.random.default_rng(0).uniform(-0.4, 0.4, NUM_SAMPLES).astype(np.float32)
    is_first = (np.arange(NUM_SAMPLES) // 16_384) % 2 == 0
    pause = np.arange(NUM_SAMPLES) % 16_384 < 2 * grid.window_samples
    sources = np.stack([noise * is_first * ~pause, noise * ~is_first * ~pause]).astype(np.float32)
    scores = score_conditions(sources, {"ideal_ratio": ideal_ratio_of(sources, grid)})
    assert min(score.sdr_db for score in of_condition(scores, "ideal_ratio")) > 60


def test_sources_without_a_common_frequency_come_apart_nearly_whole(two_instruments: Solos, grid: Grid) -> None:
    sources = read_sources(draw_mixtures(two_instruments.val, 1, seed=0)[0])[:, :NUM_SAMPLES]
    scores = score_conditions(sources, {"ideal_ratio": ideal_ratio_of(sources, grid)})
    assert min(score.sdr_db for score in of_condition(scores, "ideal_ratio")) > 20


def test_conditions_of_several_grids_are_scored_side_by_side(sources: np.ndarray) -> None:
    masks = {"image": ideal_ratio_of(sources), "image_2": ideal_ratio_of(sources, FINE_GRID)}
    scores = score_conditions(sources, masks)
    for condition, own in masks.items():
        alone = score_conditions(sources, {condition: own})
        expected_db = [score.nsdr_db for score in of_condition(alone, condition)]
        assert [score.nsdr_db for score in of_condition(scores, condition)] == pytest.approx(expected_db, abs=1e-6)


def test_masks_of_the_wrong_source_lose(sources: np.ndarray) -> None:
    swapped = ideal_ratio_of(sources)[[1, 0]]
    scores = score_conditions(sources, {"wrong_image": swapped})
    assert max(score.nsdr_db for score in of_condition(scores, "wrong_image")) < -5


def test_the_level_is_that_of_the_estimate_beside_the_mix(sources: np.ndarray) -> None:
    values = np.ones((2, PAPER_GRID.num_rows, PAPER_GRID.num_frames(NUM_SAMPLES)), dtype=np.float32)
    values[1] = 0.1
    whole = Masks(values=values, grid=PAPER_GRID)
    scores = score_conditions(sources, {"image": whole, "wrong_image": replace(whole, values=0 * values)})
    levels_db = {condition: [s.level_db for s in of_condition(scores, condition)] for condition in ("mix", "image")}
    assert levels_db["mix"] == [0, 0]
    assert levels_db["image"] == pytest.approx([0, -20], abs=1e-3)
    assert [score.level_db for score in of_condition(scores, "wrong_image")] == [-120, -120]
    silence = np.zeros_like(sources)
    assert {score.level_db for score in score_conditions(silence, {"image": whole})} == {-120}


def test_any_number_of_conditions_and_sources_is_scored_each_as_alone(four_instruments: Solos) -> None:
    sources = read_sources(draw_mixtures(four_instruments.val, 1, num_sources=3, seed=0)[0])[:, :RATE_HZ]
    ratio = ideal_ratio_of(sources)
    masks = {image_condition(rank): replace(ratio, values=ratio.values ** (1 + rank)) for rank in range(10)}
    assert list(masks)[:2] == ["image", "image_2"]
    scores = score_conditions(sources, masks)
    assert len(scores) == 11 * 3
    [alone] = [score for score in score_conditions(sources, {"image_10": masks["image_10"]})[3:] if score.source == 2]
    [found] = [score for score in of_condition(scores, "image_10") if score.source == 2]
    assert found.nsdr_db == pytest.approx(alone.nsdr_db, abs=1e-6)


def test_a_silent_source_gives_missing_scores_and_no_exception(sources: np.ndarray) -> None:
    silent = np.stack([sources[0], np.zeros_like(sources[0])])
    scores = score_conditions(silent, known_masks(silent, PAPER_GRID, seed=0))
    assert len(scores) == 8
    for score in scores:
        assert all(math.isnan(value) for value in (score.sdr_db, score.nsdr_db, score.sir_db, score.sar_db))


def test_a_mask_that_lets_nothing_through_has_no_scores_while_the_others_stand(sources: np.ndarray) -> None:
    masks = ideal_ratio_of(sources)
    masks.values[1] = 0
    first, second = of_condition(score_conditions(sources, {"image": masks}), "image")
    assert first.nsdr_db > 0
    assert math.isnan(second.nsdr_db)


def test_turning_the_others_down_leaves_what_they_do_not_claim(grid: Grid) -> None:
    claims = np.array([0.9, 0.3, 0.4], dtype=np.float32)[:, None, None]
    masks = Masks(values=np.broadcast_to(claims, (3, grid.num_rows, 4)), grid=grid)
    found = others_down(masks)
    assert found[SEPARATE_AND_ADD] is masks
    assert found[OTHERS_MUTED].grid == grid
    np.testing.assert_allclose(found[OTHERS_MUTED].values[:, 7, 2], [0.3, 0, 0], atol=1e-6)
