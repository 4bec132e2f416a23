"""Two noises in bands of their own, and the masks that take them apart: what is done to one is known of the other."""

import numpy as np

from varemix.signal.spectrogram import NUM_BINS, RATE_HZ, WINDOW_SAMPLES, num_frames

_SPLIT_BIN, _GAP_BINS = 60, 4


def two_bands(num_samples: int) -> np.ndarray:
    """Return noise below and noise above 2.6 kHz [2, S], with a gap between that no window bridges."""
    spectra = np.fft.rfft(0.1 * np.random.default_rng(0).standard_normal((2, num_samples)))
    bins = np.fft.rfftfreq(num_samples, 1 / RATE_HZ) * WINDOW_SAMPLES / RATE_HZ
    spectra[0, bins > _SPLIT_BIN - _GAP_BINS] = 0
    spectra[1, bins < _SPLIT_BIN + _GAP_BINS] = 0
    return np.fft.irfft(spectra, n=num_samples).astype(np.float32)


def masks_of_two_bands(num_samples: int) -> np.ndarray:
    """Return the masks [2, F, T] that give each band its own bins."""
    masks = np.zeros((2, NUM_BINS, num_frames(num_samples)), dtype=np.float32)
    masks[0, :_SPLIT_BIN] = 1
    masks[1, _SPLIT_BIN:] = 1
    return masks
