"""ROC area, thresholds and decisions: planted answers, and all pairs counted one by one."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from varemix.errors import EvaluationError
from varemix.evaluation.presence import best_threshold, careful_threshold, measures_db, num_right, roc_auc


def draws(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return overlapping measures, rounded so that some are equal."""
    draw = np.random.default_rng(seed)
    return draw.normal(1, 1, 23).round(1), draw.normal(0, 1, 41).round(1)


def balanced(present: np.ndarray, absent: np.ndarray, threshold: float) -> float:
    return float(np.mean(present >= threshold) + np.mean(absent < threshold)) / 2


@pytest.mark.parametrize(
    ("present", "absent", "area"),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 1], [1], 0.5),
        ([1, 3], [2], 0.5),
        ([2, 3], [2], 0.75),
    ],
)
def test_the_area_of_sets_that_can_be_counted_by_hand(present: list[int], absent: list[int], area: float) -> None:
    assert roc_auc(present, absent) == area


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_the_share_of_all_pairs_in_the_right_order(seed: int) -> None:
    present, absent = draws(seed)
    wins = [1.0 if p > a else 0.5 if p == a else 0.0 for p, a in itertools.product(present, absent)]
    assert roc_auc(present, absent) == pytest.approx(np.mean(wins), abs=1e-12)


def test_the_area_of_nothing_is_missing() -> None:
    assert math.isnan(roc_auc([], [1]))
    assert math.isnan(roc_auc([1], []))


@pytest.mark.parametrize(
    ("present", "absent", "threshold"),
    [
        ([-10, -20], [-30, -50], -25.0),
        ([-10, -20], [-15, -50, -60], -35.0),  # one absent of three is lost, or one present of two
        ([-50], [-10], -50.0),  # nothing is better than to take everything to play
        ([-7], [-7], -7.0),
    ],
)
def test_the_threshold_lies_in_the_middle_of_the_gap(
    present: list[float], absent: list[float], threshold: float
) -> None:
    assert best_threshold(present, absent) == threshold


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_decides_better(seed: int) -> None:
    present, absent = draws(seed)
    found = best_threshold(present, absent)
    others = np.linspace(-5, 5, 1001)
    assert balanced(present, absent, found) == pytest.approx(max(balanced(present, absent, t) for t in others))
    assert found not in {*present, *absent}


def test_a_threshold_needs_both_kinds() -> None:
    with pytest.raises(EvaluationError, match="0 of what does not; at least one of each"):
        best_threshold([1.0], [])


def test_decisions_are_counted_from_the_threshold_on() -> None:
    assert num_right([-18, -17, -19], [-18, -18.1], -18) == 3


def test_a_wrong_image_of_an_instrument_that_plays_after_all_and_silent_mixtures_do_not_count() -> None:
    def row(pair_id: str, condition: str, shown: str | None, presence_db: float | None, nsdr_db: float = 1.0) -> dict:
        return {
            "pair_id": pair_id,
            "condition": condition,
            "instrument": "flute",
            "other_instrument": "tuba + violin",
            "shown_instrument": shown,
            "nsdr_db": nsdr_db,
            "presence_db": presence_db,
        }

    scores = pd.DataFrame(
        [
            row("a", "mix", None, None, 0.0),
            row("a", "image", "flute", -5.0),
            row("a", "image_2", "flute", -6.0),
            row("a", "video", "flute", -7.0),
            row("a", "wrong_image", "cello", -40.0, math.nan),
            row("b", "mix", None, None, 0.0),
            row("b", "image", "flute", -8.0),
            row("b", "wrong_image", "violin", -9.0),
            row("silent", "mix", None, None, math.nan),
            row("silent", "image", "flute", -99.0),
            row("silent", "wrong_image", "cello", -98.0),
        ]
    )
    present, absent = measures_db(scores)
    assert (present.tolist(), absent.tolist()) == ([-5.0, -8.0], [-40.0])


def test_the_threshold_to_act_on_finds_nine_of_ten_that_play() -> None:
    present, absent = [-40.0] * 3 + [-10.0] * 7, [-30.0] * 10
    assert best_threshold(present, absent) == -20
    assert careful_threshold(present, absent) == -40
    assert careful_threshold(present, absent, found_share=0.6) == -20


def test_the_threshold_to_act_on_is_the_best_one_where_nothing_is_missed_by_it() -> None:
    assert careful_threshold([-3.0, -5.0], [-50.0, -45.0]) == best_threshold([-3.0, -5.0], [-50.0, -45.0])


PRESENT_DB = np.arange(-29.0, 1.0)  # thirty of them
ABSENT_DB = np.full(30, -40.0)


def test_strangers_raise_the_threshold_until_few_are_detected_on_one() -> None:
    strangers = [[-20.0, -50.0], [-60.0, -26.5], [-60.0, -60.0], [-60.0, -60.0]]
    assert careful_threshold(PRESENT_DB, ABSENT_DB) == -34.5
    threshold = careful_threshold(PRESENT_DB, ABSENT_DB, strangers=strangers, least_found_share=0.85)  # one may be
    assert threshold == pytest.approx(-26.5)
    assert (np.array(strangers) >= threshold).sum() == 1


def test_strangers_do_not_raise_it_at_the_cost_of_much_that_plays() -> None:
    threshold = careful_threshold(PRESENT_DB, ABSENT_DB, strangers=np.full((4, 2), -3.0))
    assert 0.9 <= np.mean(threshold <= PRESENT_DB) < 0.94
    lower = careful_threshold(PRESENT_DB, ABSENT_DB, strangers=np.full((4, 2), -3.0), least_found_share=0.95)
    assert np.mean(lower <= PRESENT_DB) >= 0.95


def test_strangers_that_are_never_detected_leave_the_threshold_as_it_is() -> None:
    assert careful_threshold(PRESENT_DB, ABSENT_DB, strangers=np.full((9, 11), -70.0)) == -34.5
