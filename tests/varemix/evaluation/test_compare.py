"""The gate against getting worse: planted differences, and what must not count as one."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varemix.errors import EvaluationError
from varemix.evaluation.compare import BETTER, UNDECIDED, WORSE, compare, comparison_table

INSTRUMENTS = ("violin", "cello", "tuba")


def scores_of(nsdrs_db: list[float], *, first: int = 0) -> pd.DataFrame:
    """Return scores of mixes of two, the instruments taking turns, with a distracting score beside each."""
    rows = []
    for place, nsdr_db in enumerate(nsdrs_db):
        pair_id, instrument = f"pair {first + place // 2}", INSTRUMENTS[place % len(INSTRUMENTS)]
        rows.append({"pair_id": pair_id, "condition": "image", "instrument": instrument, "nsdr_db": nsdr_db})
        rows.append({"pair_id": pair_id, "condition": "video", "instrument": instrument, "nsdr_db": 50.0 * place})
    return pd.DataFrame(rows, columns=["pair_id", "condition", "instrument", "nsdr_db"])


def noise(num_scores: int = 60, *, seed: int = 0, scale_db: float = 3.0) -> list[float]:
    return list(np.random.default_rng(seed).normal(4, scale_db, num_scores))


def test_a_decibel_more_on_every_source_is_better_though_the_sources_differ_by_far() -> None:
    a = noise()
    b = [db + 1 + more for db, more in zip(a, np.random.default_rng(1).normal(0, 0.5, 60), strict=True)]
    found = compare(scores_of(a), scores_of(b), seed=0)
    assert found.overall.verdict == BETTER
    assert found.overall.difference_db.mean == pytest.approx(1, abs=0.25)
    assert found.overall.difference_db.low < 1 < found.overall.difference_db.high
    assert found.overall.mean_a_db == pytest.approx(np.mean(a))
    assert found.overall.mean_b_db == pytest.approx(np.mean(b))
    assert (found.overall.num_scores, found.overall.num_pairs) == (60, 30)
    assert [each.verdict for each in found.instruments] == [BETTER] * 3


def test_a_checkpoint_is_neither_better_nor_worse_than_itself() -> None:
    found = compare(scores_of(noise()), scores_of(noise()), seed=0)
    for each in (found.overall, *found.instruments):
        assert tuple(each.difference_db) == (0, 0, 0)
        assert each.verdict == UNDECIDED


def test_a_difference_within_the_noise_is_undecided() -> None:
    found = compare(scores_of(noise(seed=2)), scores_of(noise(seed=3)), seed=0)
    assert found.overall.difference_db.low < 0 < found.overall.difference_db.high
    assert found.overall.verdict == UNDECIDED


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=10, max_size=24),
    st.integers(0, 3),
)
def test_swapping_the_checkpoints_mirrors_the_comparison(nsdrs_db: list[tuple[float, float]], seed: int) -> None:
    a, b = (scores_of([pair[place] for pair in nsdrs_db]) for place in (0, 1))
    there, back = (compare(*both, seed=seed, num_resamples=200) for both in ((a, b), (b, a)))
    for one, other in zip((there.overall, *there.instruments), (back.overall, *back.instruments), strict=True):
        assert one.difference_db.mean == pytest.approx(-other.difference_db.mean, abs=1e-9)
        assert one.difference_db.low == pytest.approx(-other.difference_db.high, abs=1e-9)
        assert (one.mean_a_db, one.num_only_a) == (other.mean_b_db, other.num_only_b)
        is_near_0 = min(abs(one.difference_db.low), abs(one.difference_db.high)) < 1e-9  # rounding decides
        mirrored = {BETTER: WORSE, WORSE: BETTER, UNDECIDED: UNDECIDED}[other.verdict]
        assert one.verdict == mirrored or is_near_0


def test_both_sources_of_a_mix_are_resampled_together() -> None:
    steps = np.repeat(np.random.default_rng(4).normal(0.4, 1, 15), 2)  # both sources of a mix gain the same
    together = compare(scores_of([0.0] * 30), scores_of(list(steps)), seed=0).overall.difference_db
    apart = compare(
        scores_of([0.0] * 30).assign(pair_id=np.arange(60)),
        scores_of(list(steps)).assign(pair_id=np.arange(60)),
        seed=0,
    ).overall.difference_db
    assert together.mean == pytest.approx(apart.mean)
    assert together.high - together.low > 1.2 * (apart.high - apart.low)


def test_what_only_one_has_a_score_for_is_left_out_and_counted() -> None:
    a, b = scores_of(noise()), scores_of([db + 1 for db in noise()])
    is_silent = (b["condition"] == "image") & (b["pair_id"] == "pair 0")
    b.loc[is_silent, "nsdr_db"] = math.nan
    a = a[~((a["pair_id"] == "pair 1") & (a["instrument"] == "tuba"))]
    found = compare(a, b, seed=0)
    assert (found.overall.num_only_a, found.overall.num_only_b, found.overall.num_scores) == (2, 1, 57)
    assert found.overall.difference_db.mean == pytest.approx(1)
    assert {each.instrument: (each.num_only_a, each.num_only_b) for each in found.instruments} == {
        "cello": (1, 0),
        "tuba": (0, 1),
        "violin": (1, 0),
    }
    assert found.num_pairs_skipped == 0


def test_mixes_that_only_one_was_scored_on_tell_nothing() -> None:
    found = compare(scores_of([1.0] * 40), scores_of([2.0] * 40, first=9), seed=0)
    assert found.num_pairs_skipped == 18
    assert (found.overall.num_pairs, found.overall.num_scores) == (11, 22)
    assert (found.overall.num_only_a, found.overall.num_only_b) == (0, 0)


def test_fewer_than_five_mixes_decide_nothing() -> None:
    assert compare(scores_of([0.0] * 8), scores_of([9.0] * 8), seed=0).overall.verdict == UNDECIDED
    assert compare(scores_of([0.0] * 10), scores_of([9.0] * 10), seed=0).overall.verdict == BETTER


def test_the_order_of_the_rows_changes_nothing_but_the_seed_does() -> None:
    a, b = scores_of(noise(seed=2)), scores_of(noise(seed=3))
    found = compare(a, b, seed=0)
    assert compare(a.sample(frac=1, random_state=0), b.sample(frac=1, random_state=1), seed=0) == found
    assert compare(a, b, seed=1).overall.difference_db.low != found.overall.difference_db.low


def test_a_higher_level_asks_for_more() -> None:
    a, b = scores_of(noise(seed=2)), scores_of(noise(seed=3))
    narrow, wide = (compare(a, b, seed=0, level=level).overall.difference_db for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_scores_of_different_mixes_cannot_be_compared() -> None:
    with pytest.raises(EvaluationError, match=r"2 mixes of the first scores and 3 of the second .* same split"):
        compare(scores_of([1.0] * 4), scores_of([1.0] * 6, first=100), seed=0)


def test_scores_of_two_checkpoints_at_once_are_refused() -> None:
    twice = pd.concat([scores_of([1.0] * 4), scores_of([2.0] * 4)])
    with pytest.raises(EvaluationError, match="The second scores hold 'violin' of the mix 'pair 0' more than once"):
        compare(scores_of([1.0] * 4), twice, seed=0)


def test_the_table_says_it_all_in_alphabetical_order() -> None:
    a, b = scores_of(noise()), scores_of([db - 1 for db in noise()])
    b.loc[(b["condition"] == "image") & (b["instrument"] == "tuba"), "nsdr_db"] = math.nan
    table = comparison_table(compare(a, b, seed=0, level=0.9), name_a="champion", name_b="challenger")
    header, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert header == [
        *("instrument", "scores", "champion [dB]", "challenger [dB]", "difference, 90 % interval [dB]"),
        *("challenger is", "only champion", "only challenger"),
    ]
    assert [row[0] for row in rows] == ["all", "cello", "tuba", "violin"]
    assert re.fullmatch(r"-1\.00 \(-1\.00 to -1\.00\)", rows[0][4])
    assert [row[5] for row in rows] == [WORSE, WORSE, UNDECIDED, WORSE]
    assert rows[2][1:] == ["0", "none", "none", "none", UNDECIDED, "20", "0"]
