"""Intervals over mixes whose sources are not independent: what resampling them together must and must not change."""

import numpy as np
import pytest

from varemix.errors import EvaluationError
from varemix.evaluation.clusters import clustered_interval


def test_the_interval_of_many_clusters_of_one_is_the_one_of_the_textbook() -> None:
    values = np.random.default_rng(5).normal(loc=3.0, scale=2.0, size=400)
    mean, low, high = clustered_interval(values, np.arange(400), seed=0)
    standard_error = values.std(ddof=1) / np.sqrt(values.size)
    assert mean == pytest.approx(values.mean())
    # 2000 resamples place a 2.5 % quantile within some 5 % of the half width.
    assert low == pytest.approx(mean - 1.96 * standard_error, abs=0.2 * standard_error)
    assert high == pytest.approx(mean + 1.96 * standard_error, abs=0.2 * standard_error)


def test_values_said_twice_in_a_cluster_are_trusted_no_more_than_once() -> None:
    values, clusters = np.random.default_rng(6).normal(size=50), np.arange(50)
    once = clustered_interval(values, clusters, seed=0)
    twice = clustered_interval(np.repeat(values, 2), np.repeat(clusters, 2), seed=0)
    assert tuple(twice) == pytest.approx(tuple(once), abs=1e-12)
    assert (once.num_values, twice.num_values) == (50, 100)


def test_clusters_that_cancel_out_within_leave_no_doubt() -> None:
    values = np.repeat(np.random.default_rng(7).normal(size=20), 2) * np.tile([1, -1], 20)
    assert tuple(clustered_interval(values, np.repeat(np.arange(20), 2), seed=0)) == pytest.approx((0, 0, 0), abs=1e-12)
    assert clustered_interval(values, np.arange(40), seed=0).high > 0.1


def test_larger_clusters_weigh_by_their_values() -> None:
    assert clustered_interval([1, 1, 1, 5], ["a", "a", "a", "b"], seed=0).mean == 2


def test_neither_the_order_of_the_values_nor_anything_but_the_seed_changes_the_interval() -> None:
    draw = np.random.default_rng(8)
    values, clusters, order = draw.normal(size=60), draw.integers(20, size=60).astype(str), draw.permutation(60)
    found = clustered_interval(values, clusters, seed=1)
    assert tuple(clustered_interval(values[order], clusters[order], seed=1)) == pytest.approx(tuple(found), abs=1e-12)
    assert clustered_interval(values, clusters, seed=2).low != found.low


def test_missing_values_are_left_out_and_counted() -> None:
    found = clustered_interval([1.0, np.nan, 3.0, np.nan], ["a", "a", "b", "c"], seed=0)
    assert (found.mean, found.num_values, found.num_ignored) == (2.0, 2, 2)
    assert tuple(found) == tuple(clustered_interval([1.0, 3.0], ["a", "b"], seed=0))


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_without_values_there_is_no_mean(values: list[float]) -> None:
    found = clustered_interval(values, ["a"] * len(values), seed=0)
    assert np.isnan(tuple(found)).all()
    assert (found.num_values, found.num_ignored) == (0, len(values))


def test_a_single_cluster_has_an_interval_of_no_width() -> None:
    assert tuple(clustered_interval([1.0, 3.0], ["a", "a"], seed=0)) == (2, 2, 2)


def test_infinite_values_are_refused() -> None:
    with pytest.raises(EvaluationError, match="1 of 2 values are infinite"):
        clustered_interval([1.0, -np.inf, np.nan], ["a", "b", "c"], seed=0)


@pytest.mark.parametrize(("num_resamples", "level"), [(0, 0.95), (10, 0.0), (10, 1.0), (10, 95.0)])
def test_settings_that_cannot_be_are_refused(num_resamples: int, level: float) -> None:
    with pytest.raises(EvaluationError, match="at least 1 resample and a level between 0 and 1"):
        clustered_interval([1.0, 2.0], ["a", "b"], num_resamples=num_resamples, level=level, seed=0)
