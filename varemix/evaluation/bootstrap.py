"""How far a mean over a finite set of recordings can be trusted: bootstrap intervals.

Belongs here: intervals of means. Stays out: the measures whose values are averaged.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from varemix.errors import EvaluationError


@dataclass(frozen=True, kw_only=True)
class MeanInterval:
    """A mean with its interval, in the unit of the values; unpacks as `mean, low, high`.

    `num_values` were averaged, `num_ignored` were NaN. All three numbers are NaN when no value is left.
    """

    mean: float
    low: float
    high: float
    num_values: int
    num_ignored: int

    def __iter__(self) -> Iterator[float]:
        return iter((self.mean, self.low, self.high))


def mean_interval(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> MeanInterval:
    """Return the mean of values [V] with its bootstrap percentile interval; NaN is left out and counted.

    `clusters` [V] names for each value the mix that it comes from: the sources of a mix are not independent, so they
    are drawn together or not at all. By default each value stands for itself. The order of the values does not matter
    where they have clusters; the same seed gives the same interval. A single cluster has an interval of no width.

    Raises EvaluationError for an infinite value, which has no mean, and for settings that cannot be.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3; of clusters, Davison and
    Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    _check_settings(num_resamples=num_resamples, level=level)
    flat = np.asarray(values, dtype=np.float64).ravel()
    is_kept = ~np.isnan(flat)
    kept = flat[is_kept]
    num_ignored = flat.size - kept.size
    _refuse_infinite(kept)
    if kept.size == 0:
        return MeanInterval(mean=np.nan, low=np.nan, high=np.nan, num_values=0, num_ignored=num_ignored)
    names = np.arange(flat.size) if clusters is None else np.asarray(clusters).ravel()
    _, place = np.unique(names[is_kept], return_inverse=True)
    sums, counts = np.bincount(place, weights=kept), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(sums.size, size=(num_resamples, sums.size))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return MeanInterval(
        mean=float(sums.sum() / kept.size),
        low=float(low),
        high=float(high),
        num_values=kept.size,
        num_ignored=num_ignored,
    )


def _check_settings(*, num_resamples: int, level: float) -> None:
    if num_resamples < 1:
        raise EvaluationError(f"The number of resamples is {num_resamples}; at least 1 is needed. 2000 is usual.")
    if not 0 < level < 1:
        raise EvaluationError(f"The level of the interval is {level}; it lies between 0 and 1. Write 0.95 for 95 %.")


def _refuse_infinite(values: np.ndarray) -> None:
    num_infinite = int(np.isinf(values).sum())
    if num_infinite:
        raise EvaluationError(
            f"{num_infinite} of {values.size} values are infinite, and no mean of them is finite. "
            "Leave them out or limit them before averaging, and say so beside the result."
        )
