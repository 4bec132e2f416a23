"""How loud and how silent samples are."""

import numpy as np
from numpy.typing import NDArray

from varemix.errors import MediaError

GATING_BLOCK_S = 0.4  # ITU-R BS.1770-4, annex 1: nothing shorter has an integrated loudness
_SILENCE_WINDOW_S = 0.05
_FRONT_AND_SURROUND = [
    0,
    1,
    2,
    4,
    5,
]  # of 5.1: left, right, centre, and both surrounds, without the bass channel


def integrated_loudness_lufs(samples: NDArray[np.float64], rate_hz: int) -> float | None:
    """Return the gated loudness of samples [C, S] in LUFS (ITU-R BS.1770-4).

    None for a signal shorter than one gating block of 0.4 s; -inf for one that stays under the absolute gate
    of -70 LUFS. Six channels are taken as 5.1. Raises MediaError for more than six channels.
    """
    import pyloudnorm  # and with it scipy.signal: 70 MB, and seconds, that only a measured loudness needs

    num_channels, num_samples = samples.shape
    if num_channels > 6:
        raise MediaError(f"The loudness of {num_channels} channels is not defined; give 1 to 6. Downmix them first.")
    if num_samples < GATING_BLOCK_S * rate_hz:
        return None
    heard = samples[_FRONT_AND_SURROUND] if num_channels == 6 else samples
    return float(pyloudnorm.Meter(rate_hz).integrated_loudness(heard.T))


def silent_fraction(samples: NDArray[np.float64], rate_hz: int, threshold_db: float = -60.0) -> float:
    """Return the share, 0 to 1, of the 50 ms windows of samples [C, S] whose RMS is below `threshold_db`
    (full scale 1).

    All channels count together. A last window that is shorter is measured as it is; no samples at all are
    silent.
    """
    window_samples = max(1, round(_SILENCE_WINDOW_S * rate_hz))
    if samples.shape[1] == 0:
        return 1.0
    power = np.square(samples).mean(axis=0)
    starts = np.arange(0, power.size, window_samples)
    lengths = np.diff(np.append(starts, power.size))
    window_power = np.add.reduceat(power, starts) / lengths
    return float(np.mean(window_power < 10.0 ** (threshold_db / 10.0)))
