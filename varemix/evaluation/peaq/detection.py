"""How probably a listener notices the difference in a frame, with both ears. Stays out: its averages (`movs`)."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def detection(reference: FloatArray, test: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the probability [T] that a difference is detected, and the number of steps [T] above the threshold.

    Smeared excitations are [Z, C, T]. In each band the better ear counts. Steps are of whole decibels, cut towards
    zero: a difference of 0.9 dB, of either sign, is none.

    Source: BS.1387-1, Annex 2, 4.7.
    """
    reference_db, test_db = 10 * np.log10(reference), 10 * np.log10(test)
    difference_db = reference_db - test_db
    step_db = _just_noticed_db(0.3 * np.maximum(reference_db, test_db) + 0.7 * test_db)
    steepness = np.where(difference_db > 0, 4.0, 6.0)
    # 0.5 to this power is the probability that one ear misses the difference in a band
    exponent = (np.abs(difference_db) / step_db) ** steepness
    num_steps = np.abs(np.trunc(difference_db)) / step_db
    return 1 - 0.5 ** exponent.max(axis=1).sum(axis=0), num_steps.max(axis=1).sum(axis=0)


def _just_noticed_db(level_db: FloatArray) -> FloatArray:
    """Return the difference of level that is noticed in half of all cases, at a level; none is without any sound."""
    is_heard = level_db > 0
    level = np.where(is_heard, level_db, 1.0)
    noticed = (
        5.95072 * (6.39468 / level) ** 1.71332
        + 9.01033e-11 * level**4
        + 5.05622e-6 * level**3
        - 0.00102438 * level**2
        + 0.0550197 * level
        - 0.198719
    )
    return np.where(is_heard, noticed, 1e30)
