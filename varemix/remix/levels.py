"""How loud a recording is, measured while it passes, and the gain that a wish about loudness asks for.

Belongs here: ITU-R BS.1770-4 in blocks. Stays out: what a person may wish of levels (`level_care`), true peaks
(`true_peak`), the limiter (`limiter`).
"""

import math
from array import array
from typing import Literal

import numpy as np

from varemix.errors import MediaError
from varemix.media.layouts import loudness_weights
from varemix.remix.level_care import MATCH

MAX_BOOST_DB = 20.0

STEPS_PER_BLOCK = 4  # gating blocks of 400 ms, each overlapping the one before by 75 %
STEPS_PER_S = 10
_OFFSET_LUFS = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE = 10.0 ** (-10.0 / 10.0)
_SURROUND = 1.41
# Where no loudspeakers are named, in the order of WAV files: L R C, bass, back or surround pair, side pair. Annex 3
# puts the weight on what comes from the sides; of 7.1 these are the side channels. Others count as they are.
_CHANNEL_WEIGHTS = {
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SURROUND, _SURROUND),
}
_LOWEST_RATE_HZ = 4_000
_REFERENCE_HZ = 997.0
_FORGOTTEN = 1e-30


def loudness_gain_db(
    loudness: Literal["unchanged", "match"] | float, original_lufs: float | None, remix_lufs: float | None
) -> float:
    """Return the gain in dB that gives a remix the loudness wished for, from what a LoudnessMeter says of both.

    'match' brings the remix to the original's integrated loudness, a number to so many LUFS. At most MAX_BOOST_DB
    louder: what a mute leaves of a solo recording shall not be blown up. 0 for 'unchanged', and where the remix, or
    with 'match' the original, is silent or shorter than a gating block.
    """
    wished_lufs = original_lufs if loudness == MATCH else loudness
    if isinstance(wished_lufs, str) or not _is_measured(wished_lufs) or not _is_measured(remix_lufs):
        return 0.0
    assert wished_lufs is not None
    assert remix_lufs is not None
    return min(wished_lufs - remix_lufs, MAX_BOOST_DB)


class LoudnessMeter:
    """The integrated loudness of a signal that comes in blocks (ITU-R BS.1770-4, annex 1).

    `layout` is ffmpeg's name of the loudspeakers, None where they are not named. Keeps 8 bytes for each 100 ms. Raises
    MediaError for a rate under 4 kHz, at which the weighting is not defined.
    """

    def __init__(self, rate_hz: int, num_channels: int, layout: str | None = None) -> None:
        usual = _CHANNEL_WEIGHTS.get(num_channels, (1.0,) * num_channels)
        self._rate_hz = rate_hz
        self._weights = np.array(loudness_weights(layout, num_channels) if layout else usual)
        self._filter = k_weighting(rate_hz)
        self._state = np.zeros((len(self._filter), num_channels, 2))
        self._step_energies = array("d")
        self._begun_energy = 0.0
        self._num_samples = 0

    def add(self, block: np.ndarray) -> None:
        """Measure the next samples [C, S]."""
        from scipy.signal import sosfilt  # 70 MB, and seconds, that only a measured loudness needs

        assert block.shape[0] == len(self._weights)
        if block.shape[1] == 0:
            return
        weighted, self._state = sosfilt(self._filter, block, zi=self._state)
        self._state[np.abs(self._state) < _FORGOTTEN] = 0.0  # denormal numbers make silence slow
        edges = self._edges_until(self._num_samples + block.shape[1]) - self._num_samples
        energies = [part.sum() for part in np.split(self._weights @ np.square(weighted), edges)]
        energies[0] += self._begun_energy
        self._step_energies.extend(energies[:-1])
        self._begun_energy = energies[-1]
        self._num_samples += block.shape[1]

    @property
    def integrated_lufs(self) -> float | None:
        """The gated loudness so far in LUFS.

        None while there is no whole gating block of 0.4 s; -inf when none is above the absolute gate of -70 LUFS.
        """
        num_blocks = len(self._step_energies) - STEPS_PER_BLOCK + 1
        if num_blocks < 1:
            return None
        sums = np.lib.stride_tricks.sliding_window_view(np.array(self._step_energies), STEPS_PER_BLOCK).sum(axis=1)
        edges = _step_edges(np.arange(len(self._step_energies) + 1), self._rate_hz)
        powers = sums / (edges[STEPS_PER_BLOCK:] - edges[:-STEPS_PER_BLOCK])
        return gated_lufs(powers)

    def _edges_until(self, num_samples: int) -> np.ndarray:
        """Return where the steps end that are not yet measured and end at or before `num_samples`."""
        num_steps = len(self._step_energies)
        last = num_samples * STEPS_PER_S // self._rate_hz + 1
        edges = _step_edges(np.arange(num_steps + 1, last + 1), self._rate_hz)
        return edges[edges <= num_samples]


def gated_lufs(powers: np.ndarray) -> float:
    """Return the loudness of gating blocks of 400 ms with these weighted mean squares; -inf where all are silent."""
    heard = powers[powers > 10.0 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_LUFS) / 10.0)]
    if heard.size == 0:
        return -math.inf
    loud = heard[heard > heard.mean() * _RELATIVE_GATE]
    return float(_OFFSET_LUFS + 10.0 * np.log10(loud.mean()))


def k_weighting(rate_hz: int) -> np.ndarray:
    """Return the K-weighting at a rate as two second-order sections [2, 6].

    The filters of BS.1770-4, annex 1, tables 1 and 2, are given at 48 kHz; these are the analogue ones behind them,
    brought to the rate. At every rate the gain at 997 Hz is the 0.691 dB that the standard's offset takes away.
    """
    if rate_hz < _LOWEST_RATE_HZ:
        raise MediaError(
            f"The loudness of a recording at {rate_hz} Hz is not defined; {_LOWEST_RATE_HZ} Hz and more are expected. "
            "Leave its loudness as it is."
        )
    sections = np.array([_high_shelf(rate_hz), _high_pass(rate_hz)])
    sections[0, :3] *= 10.0 ** (-_OFFSET_LUFS / 20.0) / magnitude(sections, np.array([_REFERENCE_HZ]), rate_hz)[0]
    return sections


def magnitude(sections: np.ndarray, frequencies_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the gain of second-order sections [N, 6], zeros before poles, at frequencies [F]."""
    powers = np.exp(-2j * np.pi * np.outer(frequencies_hz / rate_hz, np.arange(3)))  # [F, 3]
    zeros, poles = powers @ sections[:, :3].T, powers @ sections[:, 3:].T
    gain: np.ndarray = np.abs(np.prod(zeros / poles, axis=1))
    return gain


def _high_shelf(rate_hz: int) -> list[float]:
    """Return the section that stands for the head: 4 dB more from 1.7 kHz on."""
    quality, top = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    middle = top**0.4996667741545416
    w = math.tan(math.pi * 1681.974450955533 / rate_hz)
    scale = 1.0 + w / quality + w * w
    zeros = [top + middle * w / quality + w * w, 2.0 * (w * w - top), top - middle * w / quality + w * w]
    poles = [scale, 2.0 * (w * w - 1.0), 1.0 - w / quality + w * w]
    return [value / scale for value in zeros + poles]


def _high_pass(rate_hz: int) -> list[float]:
    """Return the section that takes away what lies under 38 Hz."""
    quality = 0.5003270373238773
    w = math.tan(math.pi * 38.13547087602444 / rate_hz)
    scale = 1.0 + w / quality + w * w
    return [1.0, -2.0, 1.0, 1.0, 2.0 * (w * w - 1.0) / scale, (1.0 - w / quality + w * w) / scale]


def _step_edges(steps: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the sample at which each step of 100 ms begins; rates need not be multiples of 10 Hz."""
    edges: np.ndarray = steps * rate_hz // STEPS_PER_S
    return edges


def _is_measured(loudness_lufs: float | None) -> bool:
    return loudness_lufs is not None and math.isfinite(loudness_lufs)
