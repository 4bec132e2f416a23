"""The 109 critical bands of the ear: where they lie, their own noise, how fast they follow.

Stays out: what a sound does in them (`ear`, `patterns`).
"""

import numpy as np
from numpy.typing import NDArray

from varemix.evaluation.peaq.frames import FRAME_SAMPLES, FRAMES_PER_SECOND, RATE_HZ

FloatArray = NDArray[np.float64]

BARK_PER_BAND = 0.25
BIN_HZ = RATE_HZ / FRAME_SAMPLES
NUM_BINS = FRAME_SAMPLES // 2 + 1

_LOWEST_HZ = 80.0
_HIGHEST_HZ = 18000.0


def _bark(frequency_hz: float) -> float:
    return float(7 * np.arcsinh(frequency_hz / 650))


def _hertz(pitch_bark: FloatArray) -> FloatArray:
    return 650 * np.sinh(pitch_bark / 7)


def _edges_bark() -> FloatArray:
    """Return the 110 edges of the bands; the last band is narrower than the others (2.1.5)."""
    steps = np.arange(_bark(_LOWEST_HZ), _bark(_HIGHEST_HZ), BARK_PER_BAND)
    return np.append(steps, _bark(_HIGHEST_HZ))


_EDGES_BARK = _edges_bark()
NUM_BANDS = len(_EDGES_BARK) - 1
CENTRES_HZ = _hertz((_EDGES_BARK[:-1] + _EDGES_BARK[1:]) / 2)
"""Centre frequencies [Z]."""

INTERNAL_NOISE = 10 ** (0.4 * 0.364 * (CENTRES_HZ / 1000) ** -0.8)
"""Energy [Z] of the ear's own noise (2.1.6)."""


def _shares() -> FloatArray:
    """Return the share [F, Z] of each spectral bin, taken as a rectangle of 23.4 Hz, that falls into each band."""
    edges_hz = _hertz(_EDGES_BARK)
    bin_centres_hz = np.arange(NUM_BINS)[:, None] * BIN_HZ
    upper_hz = np.minimum(edges_hz[1:], bin_centres_hz + BIN_HZ / 2)
    lower_hz = np.maximum(edges_hz[:-1], bin_centres_hz - BIN_HZ / 2)
    return np.maximum(upper_hz - lower_hz, 0) / BIN_HZ


SHARES = _shares()
"""Share [F, Z] of each spectral bin in each band (2.1.5)."""


def decays_per_frame(shortest_s: float, at_100_hz_s: float) -> FloatArray:
    """Return the factors [Z] by which one frame makes the memory of each band fade.

    The time constants fall with frequency, from `at_100_hz_s` at 100 Hz towards `shortest_s` (2.1.8, 3.1, 3.2).
    """
    time_constants_s = shortest_s + 100 / CENTRES_HZ * (at_100_hz_s - shortest_s)
    return np.exp(-1 / (FRAMES_PER_SECOND * time_constants_s))


def remember(patterns: FloatArray, decays: FloatArray) -> FloatArray:
    """Return the sum of patterns [Z, C, T] over time in which the past fades with the factors [Z], from zero."""
    from scipy.signal import lfilter  # as in `remix.levels`: every flow that scores something would wait for it

    sums = np.empty_like(patterns)
    for band, decay in enumerate(decays):
        sums[band] = lfilter([1.0], [1.0, -decay], patterns[band], axis=-1)
    return sums


def average(patterns: FloatArray, decays: FloatArray) -> FloatArray:
    """Return the running average of patterns [Z, C, T] over time: `remember` with a gain of 1, starting at zero."""
    return remember((1 - decays)[:, None, None] * patterns, decays)
