"""Smoothing of masks along time, which takes the musical noise out of hard decisions.

ZLBM is the paper's: a single-pole low-pass run forwards and then backwards, so that nothing is delayed. Its decay a
frame follows from the time constant that people set, in which it forgets by 1/e (`smoothing_time`).
"""

from collections.abc import Iterable, Iterator
from math import ceil, log

import numpy as np

from varemix.errors import UsageError

_FORGOTTEN = 1e-7


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
