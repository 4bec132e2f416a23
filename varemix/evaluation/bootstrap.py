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


def mean_interval(values: ArrayLike, *, num_resamples: int = 2000, level: float = 0.95, seed: int) -> MeanInterval:
    """Return the mean of the values with its bootstrap percentile interval; NaN is left out and counted.

    The values should be independent of each other: one per pair of recordings, not one per frame. The same
    values in the same order with the same seed give the same interval. A single value is its own interval.

    Raises EvaluationError for an infinite value, which has no mean, and for settings that cannot be.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    _check_settings(num_resamples=num_resamples, level=level)
    flat = np.asarray(values, dtype=np.float64).ravel()
    kept = flat[~np.isnan(flat)]
    num_ignored = flat.size - kept.size
    _refuse_infinite(kept)
    if kept.size == 0:
        return MeanInterval(mean=np.nan, low=np.nan, high=np.nan, num_values=0, num_ignored=num_ignored)
    generator = np.random.default_rng(seed)
    means = [kept[generator.integers(kept.size, size=kept.size)].mean() for _ in range(num_resamples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return MeanInterval(
        mean=float(kept.mean()),
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
