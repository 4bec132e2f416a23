"""What the ear makes of excitations over time: adapted patterns, modulation, loudness.

Stays out: how far two such patterns differ (`movs`).
"""

import numpy as np
from numpy.typing import NDArray

from varemix.evaluation.peaq.bands import (
    CENTRES_HZ,
    INTERNAL_NOISE,
    NUM_BANDS,
    average,
    decays_per_frame,
    remember,
)
from varemix.evaluation.peaq.frames import FRAMES_PER_SECOND

FloatArray = NDArray[np.float64]

_FOLLOWING = decays_per_frame(shortest_s=0.008, at_100_hz_s=0.050)
_BANDS_BELOW = 3
_BANDS_ABOVE = 4
_LOUDNESS_EXPONENT = 0.3


def adapt(reference: FloatArray, test: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the smeared excitations [Z, C, T] of reference and test adapted to each other.

    Slow differences of level, overall and in a region of frequency, are evened out by lowering the louder one. Only the
    noise loudness forgives them: the noise-to-mask ratio and the detection work on patterns that are not adapted.

    Source: BS.1387-1, Annex 2, 3.1.
    """
    reference, test = _adapt_levels(reference, test)
    reference_gains, test_gains = _pattern_gains(reference, test)
    return reference * reference_gains, test * test_gains


def _adapt_levels(reference: FloatArray, test: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower the louder of two excitations [Z, C, T] by one gain for all bands (3.1.1)."""
    reference_mean, test_mean = average(reference, _FOLLOWING), average(test, _FOLLOWING)
    correction = np.square(np.sqrt(reference_mean * test_mean).sum(axis=0) / test_mean.sum(axis=0))
    return reference / np.maximum(correction, 1), test * np.minimum(correction, 1)


def _pattern_gains(reference: FloatArray, test: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the gains [Z, C, T], at most 1, that even out the levels in each region of frequency (3.1.2)."""
    common = remember(reference * test, _FOLLOWING)
    alone = remember(np.square(reference), _FOLLOWING)
    reference_gains = np.minimum(common / alone, 1)
    test_gains = np.minimum(alone / common, 1)
    return (
        average(_mean_of_neighbours(reference_gains), _FOLLOWING),
        average(_mean_of_neighbours(test_gains), _FOLLOWING),
    )


def _mean_of_neighbours(pattern: FloatArray) -> FloatArray:
    """Return the mean of each band [Z, C, T], the 3 below and the 4 above it, as far as they exist."""
    sums = np.concatenate([np.zeros_like(pattern[:1]), np.cumsum(pattern, axis=0)])
    bands = np.arange(NUM_BANDS)
    first = np.maximum(bands - _BANDS_BELOW, 0)
    behind = np.minimum(bands + _BANDS_ABOVE + 1, NUM_BANDS)
    return (sums[behind] - sums[first]) / (behind - first)[:, None, None]


def modulation(unsmeared: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how strongly the envelope of an unsmeared excitation moves, and its mean, each [Z, C, T].

    The envelope is the excitation to the power of 0.3; before the first frame it is zero.

    Source: BS.1387-1, Annex 2, 3.2.
    """
    envelope = unsmeared**_LOUDNESS_EXPONENT
    change = FRAMES_PER_SECOND * np.abs(np.diff(envelope, axis=-1, prepend=0.0))
    mean_change, mean_envelope = average(change, _FOLLOWING), average(envelope, _FOLLOWING)
    return mean_change / (1 + mean_envelope / 0.3), mean_envelope


_LOUDNESS_SCALE = 1.07664
_QUIET_THRESHOLD = 10 ** (0.364 * (CENTRES_HZ / 1000) ** -0.8)
_THRESHOLD_INDEX = 10 ** ((-2 - 2.05 * np.arctan(CENTRES_HZ / 4000) - 0.75 * np.arctan((CENTRES_HZ / 1600) ** 2)) / 10)


def loudness_sone(smeared: FloatArray) -> FloatArray:
    """Return the overall loudness [C, T] of a smeared excitation [Z, C, T]. Source: BS.1387-1, Annex 2, 3.3."""
    quiet, index = _QUIET_THRESHOLD[:, None, None], _THRESHOLD_INDEX[:, None, None]
    excess = (1 - index + index * smeared / quiet) ** 0.23 - 1
    specific = _LOUDNESS_SCALE * (quiet / index / 1e4) ** 0.23 * excess
    return np.asarray(24 / NUM_BANDS * np.maximum(specific, 0).sum(axis=0))


def noise_loudness(
    reference: FloatArray, test: FloatArray, reference_modulation: FloatArray, test_modulation: FloatArray
) -> FloatArray:
    """Return the loudness [C, T] of what the adapted test pattern has and the reference, which masks it, has not.

    Patterns and modulations are [Z, C, T]. The more a band is modulated, the louder the error.

    Source: BS.1387-1, Annex 2, 4.3, with the constants of RmsNoiseLoudB.
    """
    reference_factor = 0.15 * reference_modulation + 0.5
    test_factor = 0.15 * test_modulation + 0.5
    noise = INTERNAL_NOISE[:, None, None]
    masking = np.exp(-1.5 * (test - reference) / reference)
    error = np.maximum(test_factor * test - reference_factor * reference, 0)
    partial = (1 + error / (noise + reference_factor * reference * masking)) ** 0.23 - 1
    return np.asarray(24 / NUM_BANDS * ((noise / test_factor) ** 0.23 * partial).sum(axis=0))
