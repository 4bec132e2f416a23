"""A look-ahead limiter: what would pass a ceiling of true peak is turned down beforehand, and nothing else is touched.

The gain of a stretch follows from the peaks around it alone: it is the lowest that any of them asks for, with a slow
release, smoothed along time. So there is no attack that peaks slip through, and where none is near the gain is 1.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from varemix.errors import UsageError
from varemix.remix.true_peak import REACH_SAMPLES, Interpolator

_MARGIN_DB = 0.1  # what a turning gain may add between samples
_LOOK_AHEAD_S = 0.005
_HOLD_S = 0.01  # longer than half a period of the lowest notes, which would be bent otherwise
_RELEASE_DB_PER_S = 60.0
_HOP_SAMPLES = 1 << 14
_LEAST_GAIN = 1e-30  # what is told of a signal so far past full scale that nothing is left of it


class Limiter:
    """Hold a signal that comes in blocks under a true peak of `ceiling_db` (dBTP); all channels get the same gain.

    As many samples come out as go in, undelayed, once `flush` has given the rest. Stretches that no peak above the
    ceiling is near come out bit for bit; what comes out does not depend on how the blocks are cut. `num_changed`
    counts the samples that were changed, channels counted each, and `reduction_db` is the deepest cut.
    Raises UsageError for a ceiling above 0 dB.
    """

    def __init__(self, rate_hz: int, num_channels: int, ceiling_db: float) -> None:
        if not (math.isfinite(ceiling_db) and ceiling_db <= 0.0):
            raise UsageError(f"True peak '{ceiling_db}' is no ceiling; give a number of dBTP up to 0, such as -1.")
        self.num_changed = 0
        self.reduction_db = 0.0
        self._ceiling = 10.0 ** (ceiling_db / 20.0)
        self._interpolator = Interpolator()
        self._ramp = max(1, round(_LOOK_AHEAD_S * rate_hz))
        self._ahead = self._ramp + REACH_SAMPLES
        self._behind = self._ahead + round(_HOLD_S * rate_hz)
        self._release_db = _RELEASE_DB_PER_S / rate_hz
        window = np.hanning(2 * self._ramp + 3)[1:-1]
        self._window = window / window.sum()
        # Samples are held from the next to come out on; cuts, in dB, from `behind + ramp` before that.
        self._lag = self._ramp + self._ahead
        self._samples: np.ndarray = np.zeros((num_channels, self._lag + REACH_SAMPLES))
        self._cuts_db = np.zeros(self._behind + self._ramp + self._lag)
        self._num_before = self._samples.shape[1]
        self._num_missing = 0

    def process(self, block: np.ndarray) -> np.ndarray:
        """Return the samples [C, S'] that are ready; S' may be 0."""
        self._num_missing += block.shape[1]
        return self._pushed(block)

    def flush(self) -> np.ndarray:
        """Return the rest [C, S'] after the last block; nothing may be processed afterwards."""
        silence = np.zeros((len(self._samples), self._samples.shape[1] + _HOP_SAMPLES), dtype=self._samples.dtype)
        return self._pushed(silence)

    def _pushed(self, block: np.ndarray) -> np.ndarray:
        self._samples = np.concatenate([self._samples.astype(block.dtype, copy=False), block], axis=1)
        ready = [self._samples[:, :0]]
        while self._samples.shape[1] >= self._lag + _HOP_SAMPLES + REACH_SAMPLES:
            ready.append(self._hop())
        limited = np.concatenate(ready, axis=1)[:, : self._num_missing]
        self._num_missing -= limited.shape[1]
        return limited

    def _hop(self) -> np.ndarray:
        """Return one more stretch, without what lies before the signal's first sample."""
        looked_at = self._samples[:, self._lag - REACH_SAMPLES :][:, : _HOP_SAMPLES + 2 * REACH_SAMPLES]
        peaks = self._interpolator.peaks(looked_at, floor=self._ceiling)
        self._cuts_db = np.concatenate([self._cuts_db, self._released(self._wanted_cuts_db(peaks))])
        stretch = self._samples[:, :_HOP_SAMPLES]
        if self._cuts_db.any():
            stretch = self._turned_down(stretch)
        self._samples = self._samples[:, _HOP_SAMPLES:]
        self._cuts_db = self._cuts_db[_HOP_SAMPLES:]
        num_before = min(self._num_before, _HOP_SAMPLES)
        self._num_before -= num_before
        return stretch[:, num_before:]

    def _wanted_cuts_db(self, peaks: np.ndarray) -> np.ndarray:
        """Return by how many dB each peak above the ceiling is to be turned down; 0 for the others."""
        cuts_db = np.zeros(len(peaks))
        is_over = peaks > self._ceiling
        cuts_db[is_over] = 20.0 * np.log10(peaks[is_over] / self._ceiling) + _MARGIN_DB
        return cuts_db

    def _released(self, cuts_db: np.ndarray) -> np.ndarray:
        """Return the cuts, none falling off faster than the release."""
        fallen = self._release_db * np.arange(1, len(cuts_db) + 1)
        if not cuts_db.any() and self._cuts_db[-1] == 0.0:
            return cuts_db
        held = np.maximum.accumulate(np.maximum(cuts_db + fallen, self._cuts_db[-1]))
        return np.maximum(held - fallen, cuts_db)

    def _turned_down(self, stretch: np.ndarray) -> np.ndarray:
        """Return the stretch times its gain."""
        deepest_db = _highest_near(self._cuts_db, self._behind + self._ahead + 1)
        missing = 1.0 - 10.0 ** (-deepest_db / 20.0)
        from scipy.signal import oaconvolve  # as in `levels`

        smooth = oaconvolve(missing, self._window, mode="valid")
        smooth[_highest_near(missing, len(self._window)) == 0.0] = 0.0  # the transform leaves a rest of nothing
        gain = 1.0 - smooth
        limited: np.ndarray = (stretch * gain).astype(stretch.dtype, copy=False)
        self.num_changed += int(np.count_nonzero(limited != stretch))
        self.reduction_db = max(self.reduction_db, -20.0 * math.log10(max(gain.min(), _LEAST_GAIN)))
        return limited


def limited_blocks(blocks: Iterable[np.ndarray], limiter: Limiter) -> Iterator[np.ndarray]:
    """Yield a signal that comes in blocks [C, S_b] limited: as many samples, in blocks of their own."""
    for block in blocks:
        yield limiter.process(block)
    yield limiter.flush()


def _highest_near(values: np.ndarray, width: int) -> np.ndarray:
    """Return the highest of each `width` neighbours [S - width + 1]."""
    first = width // 2
    from scipy.ndimage import maximum_filter1d

    highest: np.ndarray = maximum_filter1d(values, width)[first : first + len(values) - width + 1]
    return highest
