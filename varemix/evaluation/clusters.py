"""Bootstrap intervals of means whose values come several from one mix, and so are not independent of each other.

Belongs here: resampling whole groups of values. Stays out: values that are independent (`bootstrap`).
"""

import numpy as np
from numpy.typing import ArrayLike

from varemix.errors import EvaluationError
from varemix.evaluation.bootstrap import MeanInterval


def clustered_interval(
    values: ArrayLike, clusters: ArrayLike, *, num_resamples: int = 2000, level: float = 0.95, seed: int
) -> MeanInterval:
    """Return the mean of values [V] with its percentile interval, from resampling whole clusters.

    `clusters` [V] names for each value the mix that it comes from: the sources of a mix are drawn together or not at
    all. NaN is left out and counted. The order of the values does not matter; the same seed gives the same interval. A
    single cluster has an interval of no width.

    Raises EvaluationError for an infinite value, which has no mean, and for settings that cannot be.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    _check_settings(num_resamples=num_resamples, level=level)
    flat, names = np.asarray(values, dtype=np.float64).ravel(), np.asarray(clusters).ravel()
    is_kept = ~np.isnan(flat)
    num_ignored = int(flat.size - is_kept.sum())
    kept = flat[is_kept]
    if np.isinf(kept).any():
        raise EvaluationError(
            f"{np.isinf(kept).sum()} of {kept.size} values are infinite, and no mean of them is finite. "
            "Leave them out or limit them before averaging, and say so beside the result."
        )
    if kept.size == 0:
        return MeanInterval(mean=np.nan, low=np.nan, high=np.nan, num_values=0, num_ignored=num_ignored)
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
    if num_resamples < 1 or not 0 < level < 1:
        raise EvaluationError(
            f"An interval was asked for from {num_resamples} resamples at a level of {level}; at least 1 resample and "
            "a level between 0 and 1 are needed. 2000 and 0.95 are usual."
        )
