"""Smoothing of masks along time, which takes the musical noise out of hard decisions.

ZLBM is the paper's: a single-pole low-pass run forwards and then backwards, so that nothing is delayed. People set its
time constant, in which it forgets by 1/e, in seconds, which mean the same on any grid; the paper's decay of 0.8 a frame
of 512 samples is one of 52 ms. The default was chosen on validation mixes remixed with soft masks: between 10 and 35 ms
nothing changes by more than 0.02 dB, the grade of a remix is best by a hair from 17 to 35 ms, and from 75 ms on it
falls.
"""

from collections.abc import Iterable, Iterator
from math import ceil, exp, isfinite, log

import numpy as np

from varemix.errors import UsageError
from varemix.signal.grid import PAPER_GRID, Grid

DEFAULT_SMOOTHING_S = 0.025
MOST_SMOOTHING_S = 10.0
_FORGOTTEN = 1e-7


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


def zlbm(mask: np.ndarray, decay: float) -> np.ndarray:
    """Return the mask [..., R, T] low-passed along time without delay; values stay within 0..1.

    Forward y_n = y_(n-1) + (1 - d) (x_n - y_(n-1)) from y_0 = x_0, then the same backwards. `decay` d is in [0, 1);
    0 changes nothing. Raises UsageError for another decay. Source: Yang, Wei, Lerch 2020, section III-D.
    """
    if not 0 <= decay < 1:
        raise UsageError(f"Smoothing decay {decay} is outside [0, 1); give a number such as 0.5.")
    if decay == 0 or mask.shape[-1] == 0:
        return mask
    forward = _low_pass(mask, decay)
    return np.ascontiguousarray(_low_pass(forward[..., ::-1], decay)[..., ::-1])


def context_frames(decay: float) -> int:
    """Return how many neighbouring frames still count to float32 precision; more have no effect."""
    return 0 if decay == 0 else ceil(log(_FORGOTTEN) / log(decay))


def zlbm_blocks(blocks: Iterable[np.ndarray], decay: float) -> Iterator[np.ndarray]:
    """Smooth a long mask that comes as consecutive blocks [..., R, T_b]; yields as many frames, in blocks.

    Equals `zlbm` of the whole to float32 precision, with memory bounded by two blocks and `context_frames`.
    """
    context = context_frames(decay)
    held: np.ndarray | None = None
    num_past = 0
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=-1)
        ready = held.shape[-1] - context
        if ready > num_past:
            yield zlbm(held, decay)[..., num_past:ready]
            first_kept = max(0, ready - context)
            held, num_past = held[..., first_kept:], ready - first_kept
    if held is not None and held.shape[-1] > num_past:
        yield zlbm(held, decay)[..., num_past:]


def _low_pass(mask: np.ndarray, decay: float) -> np.ndarray:
    """Return y_n = sum over k of d^k z_(n-k), z being (1 - d) x but for z_0 = x_0.

    The sum is doubled: of 1 term, of 2, of 4, until further ones have no effect.
    """
    smooth = mask * mask.dtype.type(1 - decay)
    smooth[..., 0] = mask[..., 0]
    num_terms, weight = 1, decay
    while num_terms < mask.shape[-1] and weight > np.finfo(mask.dtype).eps / 8:
        smooth[..., num_terms:] += mask.dtype.type(weight) * smooth[..., :-num_terms]
        num_terms, weight = 2 * num_terms, weight * weight
    return smooth
