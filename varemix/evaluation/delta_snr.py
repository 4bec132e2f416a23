"""Delta-SNR: how much nearer to what was wished a remix is than the mix as it stands.

Unlike BSS Eval it forgives neither a gain nor a filter: every sample counts.
"""

import math

import numpy as np

MOST_DELTA_SNR_DB = 100.0
"""A remix without any error counts as this: no mean of infinite values is finite."""


def delta_snr_db(reference: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Return SNR(after) - SNR(before) beside a reference, all [S], in dB; above 0 `after` is nearer.

    At most 100 dB either way; NaN where `before` is the reference, for nothing was left to be gained.
    """
    error_before, error_after = (
        float(np.square(reference - signal, dtype=np.float64).sum()) for signal in (before, after)
    )
    if error_before == 0:
        return math.nan
    if error_after == 0:
        return MOST_DELTA_SNR_DB
    return min(max(10 * math.log10(error_before / error_after), -MOST_DELTA_SNR_DB), MOST_DELTA_SNR_DB)
