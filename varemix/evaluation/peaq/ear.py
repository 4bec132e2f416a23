"""From energies in critical bands to the excitation of the inner ear, and what it masks.

Belongs here: internal noise, spreading over the bands, smearing in time, the masking threshold.
Stays out: spectra (`spectra`), adaptation, modulation and loudness (`patterns`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from varemix.evaluation.peaq.bands import (
    BARK_PER_BAND,
    CENTRES_HZ,
    INTERNAL_NOISE,
    NUM_BANDS,
    average,
    decays_per_frame,
)

FloatArray = NDArray[np.float64]

_SPREAD_EXPONENT = 0.4
_LOWER_SLOPE_DB_PER_BARK = 27.0
_SMEARING = decays_per_frame(shortest_s=0.008, at_100_hz_s=0.030)


@dataclass(frozen=True, kw_only=True, eq=False)
class Excitation:
    """Excitation [Z, C, T] before (`unsmeared`) and after (`smeared`) the ear's smearing in time."""

    unsmeared: FloatArray
    smeared: FloatArray


def excitation(energy: FloatArray) -> Excitation:
    """Return the excitation by energies [Z, C, T] in the bands. Source: BS.1387-1, Annex 2, 2.1.6 to 2.1.8."""
    pitch_pattern = energy + INTERNAL_NOISE[:, None, None]
    unsmeared = _spread(pitch_pattern) / _FLAT_SPREAD[:, None, None]
    return Excitation(unsmeared=unsmeared, smeared=np.maximum(average(unsmeared, _SMEARING), unsmeared))


def masking_threshold(smeared: FloatArray) -> FloatArray:
    """Return the energy [Z, C, T] up to which an error hides behind an excitation. Source: 2.1.9."""
    return smeared / _MASKING_OFFSET[:, None, None]


def _masking_offset() -> FloatArray:
    """Return how far the threshold lies below the excitation [Z]: 3 dB up to 12 Bark, then growing with the band."""
    distance_bark = np.arange(NUM_BANDS) * BARK_PER_BAND
    return 10 ** (np.where(distance_bark <= 12, 3.0, 0.25 * distance_bark) / 10)


_MASKING_OFFSET = _masking_offset()


def _spread(pitch_pattern: FloatArray) -> FloatArray:
    """Return a pattern [Z, C, T] in which each band excites the others as well, not yet normalised (2.1.7).

    Downwards the slope is 27 dB per Bark; upwards it is flatter for low and for loud bands. What arrives in a band is
    added up as powers of 0.4. Every band keeps its energy, so that its contributions are divided by their sum.
    """
    fall_down = 10 ** (-_LOWER_SLOPE_DB_PER_BARK * BARK_PER_BAND / 10)
    flat_part = 10 ** ((-24 - 230 / CENTRES_HZ[:, None, None]) * BARK_PER_BAND / 10)
    fall_up = flat_part * pitch_pattern ** (0.2 * BARK_PER_BAND)

    bands = np.arange(NUM_BANDS)[:, None, None]
    down_sum = (1 - fall_down ** (bands + 1)) / (1 - fall_down)  # the band itself and all below it
    up_sum = _sum_of_powers(fall_up, NUM_BANDS - 1 - bands)
    own = (pitch_pattern / (down_sum + up_sum)) ** _SPREAD_EXPONENT

    spread = _downwards(own, fall_down**_SPREAD_EXPONENT)
    _add_upwards(spread, own, fall_up**_SPREAD_EXPONENT)
    return spread ** (1 / _SPREAD_EXPONENT)


def _sum_of_powers(ratio: FloatArray, count: NDArray[np.int_]) -> FloatArray:
    """Return ratio + ratio**2 + ... of `count` terms. Ratios reach 1 only at some 120 dB SPL and above."""
    is_one = np.isclose(ratio, 1, rtol=0, atol=1e-9)
    safe = np.where(is_one, 0.5, ratio)
    return np.where(is_one, count, safe * (1 - safe**count) / (1 - safe))


def _downwards(own: FloatArray, fall: float) -> FloatArray:
    """Return what each band [Z, C, T] has of itself and of all bands above it, falling by `fall` from band to band."""
    spread = own.copy()
    for band in range(NUM_BANDS - 2, -1, -1):
        spread[band] += fall * spread[band + 1]
    return spread


def _add_upwards(spread: FloatArray, own: FloatArray, fall: FloatArray) -> None:
    """Add to `spread` [Z, C, T] what each band gives to all above it, falling by its own `fall` [Z, C, T]."""
    passing = own.copy()
    for distance in range(1, NUM_BANDS):
        passing = passing[:-1] * fall[: NUM_BANDS - distance]
        spread[distance:] += passing


_FLAT_SPREAD = _spread(np.ones((NUM_BANDS, 1, 1)))[:, 0, 0]
"""What spreading makes of 0 dB in all bands [Z]; it shall remain 0 dB (2.1.7)."""
