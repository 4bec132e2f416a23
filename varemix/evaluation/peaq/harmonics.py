"""The harmonic structure of the error: an error with a tone is easier heard. Stays out: its average (`movs`)."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

FloatArray = NDArray[np.float64]

NUM_LAGS = 256
"""Bins that are compared, and shifts: the largest power of two with which no bin above 18 kHz counts."""

_WINDOW = np.sqrt(8 / 3) * np.hanning(NUM_LAGS) / NUM_LAGS
_LEAST_MAGNITUDE = 1e-12


def harmonic_structure(reference: FloatArray, test: FloatArray) -> FloatArray:
    """Return the error's harmonic structure [C, T] of the magnitudes [C, T, F] of reference and test.

    The logarithm of their ratio is correlated with itself over frequency; the structure is the highest peak, after the
    first valley, of the spectrum of that correlation, times 1000. Without an error it is 0.

    The Recommendation asks for a window of Hann and for the mean to be taken off, and leaves open how. Here, as in most
    implementations, the mean of the correlation goes first and the window spans the lags 0 to 255. Where the window
    goes first or sits on lag 0, errors that vary slowly over frequency (a low-pass) get values of another order.

    Source: BS.1387-1, Annex 2, 4.8; Kabal: An examination and interpretation of ITU-R BS.1387, 2003.
    """
    bins = slice(0, 2 * NUM_LAGS)
    ratio = np.log(_not_zero(test[..., bins]) / _not_zero(reference[..., bins]))
    correlation = _normalised_correlation(ratio)
    centred = correlation - correlation.mean(axis=-1, keepdims=True)
    spectrum = np.square(np.abs(rfft(centred * _WINDOW)))
    is_rising = np.diff(spectrum) > 0
    return 1000 * np.where(is_rising, spectrum[..., 1:], 0).max(axis=-1)


def _not_zero(magnitudes: FloatArray) -> FloatArray:
    """Raise what is zero (the constant part, digital silence) to a tiny value, 240 dB below 0 dB SPL."""
    return np.maximum(magnitudes, _LEAST_MAGNITUDE)


def _normalised_correlation(values: FloatArray) -> FloatArray:
    """Return the correlation [..., 256] of the first 256 of 512 values with those at 0 to 255 bins higher, -1 to 1."""
    first = values[..., :NUM_LAGS]
    products = irfft(np.conj(rfft(first, n=2 * NUM_LAGS)) * rfft(values))[..., :NUM_LAGS]
    sums = np.cumsum(np.square(values), axis=-1)
    energies = np.empty_like(products)
    energies[..., 0] = sums[..., NUM_LAGS - 1]
    energies[..., 1:] = sums[..., NUM_LAGS:-1] - sums[..., : NUM_LAGS - 1]
    norms = np.sqrt(energies[..., :1] * energies)
    return np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
