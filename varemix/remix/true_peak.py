"""What a signal reaches between its samples, as a converter or an encoder will find it.

Four times oversampled, as in ITU-R BS.1770-4, annex 2. Near the highest frequency of a recording the filters of
converters and of meters differ, and so do their peaks: two kinds are used here, and the higher peak counts.
"""

import math

import numpy as np

OVERSAMPLING = 4
REACH_SAMPLES = 40  # what lies between two samples depends on so many on either side

_SEGMENT = 40
_PIECE_SAMPLES = 1 << 14


class Interpolator:
    """The highest magnitude of a signal from each sample to the next."""

    def __init__(self) -> None:
        # Gentle: all passes up to 0.46 of the rate, and the samples stay what they are. Steep: to 0.458, nothing
        # from 0.5 on, as resamplers of quality have it; within 0.1 dB of libsoxr's peaks.
        gentle = _taps(cutoff=0.5, reach_samples=24, beta=6.0)[1:]
        taps = np.concatenate([gentle, _taps(cutoff=0.478, reach_samples=40, beta=5.0)])
        # Between samples the signal is at most so many times its highest sample in reach.
        self._most = float(np.abs(taps).sum(axis=1).max()) * (1.0 + 1e-6)
        # A segment with its reach, times this, is all that lies between its samples: [L + 2R - 1, phases * L].
        matrix = np.zeros((_SEGMENT + 2 * REACH_SAMPLES - 1, len(taps), _SEGMENT), dtype=np.float32)
        for sample in range(_SEGMENT):
            matrix[sample : sample + 2 * REACH_SAMPLES, :, sample] = taps.T
        self._matrix = matrix.reshape(len(matrix), -1)

    def peaks(self, samples: np.ndarray, *, floor: float) -> np.ndarray:
        """Return the magnitudes [S] that are reached from each sample to the next, the highest of all channels.

        `samples` are [C, S + 2 * REACH_SAMPLES], with so many before and after. What does not reach above `floor` may
        be given too low, down to the samples themselves: it is not looked at where it cannot pass the floor.
        """
        num_samples = samples.shape[1] - 2 * REACH_SAMPLES
        num_segments = -(-num_samples // _SEGMENT)
        padded = np.pad(samples, ((0, 0), (0, num_segments * _SEGMENT - num_samples)))
        heights = np.abs(padded).max(axis=0).astype(np.float64)
        peaks = heights[REACH_SAMPLES:-REACH_SAMPLES].reshape(num_segments, _SEGMENT).copy()
        highest = np.concatenate(
            ([heights[:REACH_SAMPLES].max()], peaks.max(axis=1), [heights[-REACH_SAMPLES:].max()])
        )  # of each segment and of what is in reach at the ends
        nearby = np.maximum(np.maximum(highest[:-2], highest[2:]), highest[1:-1])
        chosen = np.flatnonzero(nearby * self._most > floor)
        if chosen.size:
            between = self._between(padded, chosen)
            peaks[chosen] = np.maximum(peaks[chosen], between)
        return peaks.reshape(-1)[:num_samples]

    def _between(self, padded: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """Return the highest magnitudes [N, L] between the samples of N segments."""
        windows = np.lib.stride_tricks.sliding_window_view(padded[:, 1:], len(self._matrix), axis=1)[:, ::_SEGMENT]
        values = windows[:, segments].astype(np.float32) @ self._matrix
        magnitudes = np.abs(values, out=values).reshape(len(padded), len(segments), -1, _SEGMENT)
        highest: np.ndarray = magnitudes.max(axis=(0, 2))
        return highest


class TruePeakMeter:
    """The true peak of a signal that comes in blocks, at any rate; silence is taken to lie before and after it."""

    def __init__(self, num_channels: int) -> None:
        self._interpolator = Interpolator()
        self._held = np.zeros((num_channels, 2 * REACH_SAMPLES))
        self._peak = 0.0

    def add(self, block: np.ndarray) -> None:
        """Measure the next samples [C, S]."""
        for first in range(0, block.shape[1], _PIECE_SAMPLES):
            held = np.concatenate([self._held, block[:, first : first + _PIECE_SAMPLES]], axis=1)
            self._peak = self._highest(held)
            self._held = held[:, -2 * REACH_SAMPLES :]

    @property
    def true_peak_db(self) -> float:
        """The highest magnitude so far in dBTP (0 is full scale); -inf for silence."""
        peak = self._highest(np.pad(self._held, ((0, 0), (0, 2 * REACH_SAMPLES))))
        return 20.0 * math.log10(peak) if peak > 0.0 else -math.inf

    def _highest(self, samples: np.ndarray) -> float:
        return max(self._peak, float(self._interpolator.peaks(samples, floor=self._peak).max()))


def _taps(*, cutoff: float, reach_samples: int, beta: float) -> np.ndarray:
    """Return the weights [P, 2R] of the samples from R - 1 before to R after, for each of the P places of the grid.

    The filter is a sinc under a Kaiser window; `cutoff` is in parts of the rate.
    """
    places = np.arange(OVERSAMPLING)[:, None] / OVERSAMPLING
    distances = places - np.arange(-REACH_SAMPLES + 1, REACH_SAMPLES + 1)
    inside = np.maximum(0.0, 1.0 - (distances / reach_samples) ** 2)
    window = np.where(inside > 0.0, np.i0(beta * np.sqrt(inside)), 0.0)
    taps = np.sinc(2.0 * cutoff * distances) * window
    normalised: np.ndarray = taps / taps.sum(axis=1, keepdims=True)
    return normalised
