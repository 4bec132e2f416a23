"""How long masks are smoothed along time, as people set it: a time constant in seconds, the same on any grid.

The paper's decay of 0.8 a frame of 512 samples is one of 52 ms. The default was chosen on validation mixes remixed with
soft masks: between 10 and 35 ms nothing changes by more than 0.02 dB, the grade of a remix is best by a hair from 17 to
35 ms, and from 75 ms on it falls. Stays out: smoothing itself (`smoothing`).
"""

from math import exp, isfinite, log

from varemix.errors import UsageError
from varemix.signal.grid import PAPER_GRID, Grid

DEFAULT_SMOOTHING_S = 0.025
MOST_SMOOTHING_S = 10.0


def decay_of(smoothing_s: float, grid: Grid) -> float:
    """Return what is left after a frame, in [0, 1), of a time constant in seconds, 0 for none.

    Raises UsageError for a time constant outside 0 to 10 s.
    """
    if not isfinite(smoothing_s) or not 0 <= smoothing_s <= MOST_SMOOTHING_S:
        raise UsageError(
            f"Smoothing over {smoothing_s} s is out of range; give a time constant from 0 to {MOST_SMOOTHING_S:g} "
            "seconds, such as 0.05."
        )
    return exp(-grid.hop_s / smoothing_s) if smoothing_s else 0.0


def smoothing_of(decay: float) -> float:
    """Return the time constant in seconds of a decay a frame on the paper's grid, as it used to be given."""
    return -PAPER_GRID.hop_s / log(decay) if decay else 0.0
