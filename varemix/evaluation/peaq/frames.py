"""The grid of frames that PEAQ sees, and where on it a signal sounds. Stays out: spectra (`spectra`)."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RATE_HZ = 48000
FRAME_SAMPLES = 2048
HOP_SAMPLES = 1024
FRAMES_PER_SECOND = RATE_HZ / HOP_SAMPLES

SIXTEEN_BIT_SCALE = 32768.0
"""Full scale in the units that the thresholds of the Recommendation are given in."""

_BOUNDARY_SAMPLES = 5
_BOUNDARY_SUM = 200 / SIXTEEN_BIT_SCALE


def sounding_part(signal: FloatArray) -> slice | None:
    """Return the samples of a signal [C, S] that the frames within its data boundaries cover, or None if it is silent.

    A recording begins and ends where the magnitudes of five successive samples add up to more than 200 (of 32768) in
    any channel. Frames that lie wholly outside are left out, from every variable and from the memory of the ear: the
    measurement starts at the first frame that holds a part of the recording. The last frame is the one that reaches the
    end; what it lacks is zero.

    Source: BS.1387-1, Annex 2, 5.2 (data boundaries).
    """
    num_samples = signal.shape[-1]
    if num_samples < _BOUNDARY_SAMPLES:
        return None
    magnitudes, num_starts = np.abs(signal), num_samples - _BOUNDARY_SAMPLES + 1
    sums = magnitudes[:, :num_starts].copy()
    for start in range(1, _BOUNDARY_SAMPLES):
        sums += magnitudes[:, start : start + num_starts]
    loud = np.flatnonzero((sums > _BOUNDARY_SUM).any(axis=0))
    if not loud.size:
        return None
    first_sample, last_sample = int(loud[0]), int(loud[-1]) + _BOUNDARY_SAMPLES - 1
    first_frame = max(0, (first_sample - FRAME_SAMPLES) // HOP_SAMPLES + 1)
    last_frame = min(last_sample // HOP_SAMPLES, num_frames(num_samples) - 1)
    return slice(first_frame * HOP_SAMPLES, min(num_samples, last_frame * HOP_SAMPLES + FRAME_SAMPLES))


def num_frames(num_samples: int) -> int:
    """Return how many frames it takes to reach the end of a signal."""
    return max(0, -(-(num_samples - FRAME_SAMPLES) // HOP_SAMPLES)) + 1


def framed_blocks(signal: FloatArray, frames_per_block: int) -> Iterator[FloatArray]:
    """Yield the frames of a signal [C, S] in blocks [C, T, 2048], the last frame filled up with zeros."""
    total = num_frames(signal.shape[-1])
    missing = (total - 1) * HOP_SAMPLES + FRAME_SAMPLES - signal.shape[-1]
    padded = np.pad(signal, ((0, 0), (0, missing)))
    frames = sliding_window_view(padded, FRAME_SAMPLES, axis=-1)[:, ::HOP_SAMPLES]
    for start in range(0, total, frames_per_block):
        yield frames[:, start : start + frames_per_block]
