"""Bootstrap intervals: planted answers and the rules for values that are missing."""

import numpy as np
import pytest

from varemix.errors import EvaluationError
from varemix.evaluation.bootstrap import mean_interval


def test_the_interval_of_many_normal_values_is_the_one_of_the_textbook() -> None:
    values = np.random.default_rng(5).normal(loc=3.0, scale=2.0, size=1000)
    mean, low, high = mean_interval(values, seed=0)
    standard_error = values.std(ddof=1) / np.sqrt(values.size)
    assert mean == pytest.approx(values.mean())
    # 2000 resamples place a 2.5 % quantile within some 5 % of the half width.
    assert low == pytest.approx(mean - 1.96 * standard_error, abs=0.2 * standard_error)
    assert high == pytest.approx(mean + 1.96 * standard_error, abs=0.2 * standard_error)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(6)
    num_trials = 200
    num_covered = 0
    for trial in range(num_trials):
        _, low, high = mean_interval(generator.normal(size=50), num_resamples=300, level=0.8, seed=trial)
        num_covered += low <= 0 <= high
    assert 0.7 < num_covered / num_trials < 0.9


def test_a_higher_level_gives_a_wider_interval() -> None:
    values = np.random.default_rng(7).normal(size=100)
    narrow, wide = mean_interval(values, level=0.5, seed=0), mean_interval(values, level=0.99, seed=0)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(8).normal(size=100)
    assert mean_interval(values, seed=0) == mean_interval(values, seed=0)
    assert mean_interval(values, seed=0).low != mean_interval(values, seed=1).low


def test_missing_values_are_left_out_and_counted() -> None:
    interval = mean_interval([1.0, np.nan, 3.0, np.nan], seed=0)
    assert (interval.mean, interval.num_values, interval.num_ignored) == (2.0, 2, 2)
    complete = mean_interval([1.0, 3.0], seed=0)
    assert tuple(interval) == tuple(complete)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_without_values_there_is_no_mean(values: list[float]) -> None:
    interval = mean_interval(values, seed=0)
    assert np.isnan(tuple(interval)).all()
    assert (interval.num_values, interval.num_ignored) == (0, len(values))


@pytest.mark.parametrize("values", [[4.5], [4.5, 4.5, 4.5]])
def test_values_that_do_not_differ_have_an_interval_of_no_width(values: list[float]) -> None:
    assert tuple(mean_interval(values, seed=0)) == (4.5, 4.5, 4.5)


def test_infinite_values_are_refused() -> None:
    with pytest.raises(EvaluationError, match="1 of 2 values are infinite"):
        mean_interval([1.0, np.inf, np.nan], seed=0)


@pytest.mark.parametrize(("num_resamples", "level"), [(0, 0.95), (10, 0.0), (10, 1.0), (10, 95.0)])
def test_settings_that_cannot_be_are_refused(num_resamples: int, level: float) -> None:
    with pytest.raises(EvaluationError, match=r"at least 1 is needed|lies between 0 and 1"):
        mean_interval([1.0, 2.0], num_resamples=num_resamples, level=level, seed=0)


def test_the_interval_of_many_clusters_of_one_is_the_one_of_the_textbook() -> None:
    values = np.random.default_rng(5).normal(loc=3.0, scale=2.0, size=400)
    mean, low, high = mean_interval(values, np.arange(400), seed=0)
    standard_error = values.std(ddof=1) / np.sqrt(values.size)
    assert mean == pytest.approx(values.mean())
    # 2000 resamples place a 2.5 % quantile within some 5 % of the half width.
    assert low == pytest.approx(mean - 1.96 * standard_error, abs=0.2 * standard_error)
    assert high == pytest.approx(mean + 1.96 * standard_error, abs=0.2 * standard_error)


def test_values_said_twice_in_a_cluster_are_trusted_no_more_than_once() -> None:
    values, clusters = np.random.default_rng(6).normal(size=50), np.arange(50)
    once = mean_interval(values, clusters, seed=0)
    twice = mean_interval(np.repeat(values, 2), np.repeat(clusters, 2), seed=0)
    assert tuple(twice) == pytest.approx(tuple(once), abs=1e-12)
    assert (once.num_values, twice.num_values) == (50, 100)


def test_clusters_that_cancel_out_within_leave_no_doubt() -> None:
    values = np.repeat(np.random.default_rng(7).normal(size=20), 2) * np.tile([1, -1], 20)
    assert tuple(mean_interval(values, np.repeat(np.arange(20), 2), seed=0)) == pytest.approx((0, 0, 0), abs=1e-12)
    assert mean_interval(values, np.arange(40), seed=0).high > 0.1


def test_larger_clusters_weigh_by_their_values() -> None:
    assert mean_interval([1, 1, 1, 5], ["a", "a", "a", "b"], seed=0).mean == 2


def test_neither_the_order_of_the_values_nor_anything_but_the_seed_changes_the_interval() -> None:
    draw = np.random.default_rng(8)
    values, clusters, order = draw.normal(size=60), draw.integers(20, size=60).astype(str), draw.permutation(60)
    found = mean_interval(values, clusters, seed=1)
    assert tuple(mean_interval(values[order], clusters[order], seed=1)) == pytest.approx(tuple(found), abs=1e-12)
    assert mean_interval(values, clusters, seed=2).low != found.low


def test_missing_values_of_clusters_are_left_out_and_counted() -> None:
    found = mean_interval([1.0, np.nan, 3.0, np.nan], ["a", "a", "b", "c"], seed=0)
    assert (found.mean, found.num_values, found.num_ignored) == (2.0, 2, 2)
    assert tuple(found) == tuple(mean_interval([1.0, 3.0], ["a", "b"], seed=0))


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_without_values_of_clusters_there_is_no_mean(values: list[float]) -> None:
    found = mean_interval(values, ["a"] * len(values), seed=0)
    assert np.isnan(tuple(found)).all()
    assert (found.num_values, found.num_ignored) == (0, len(values))


def test_a_single_cluster_has_an_interval_of_no_width() -> None:
    assert tuple(mean_interval([1.0, 3.0], ["a", "a"], seed=0)) == (2, 2, 2)
