"""Gains that change in time, at the samples of a recording: what is added of an instrument beside its base gain."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from varemix.remix.automation import breakpoints
from varemix.remix.gains import factor
from varemix.remix.wishes import GainWish


def automated(wishes: Sequence[GainWish]) -> list[int]:
    """Return the places of those whose gain changes in time; nobody's does beside a solo."""
    if any(wish.is_solo for wish in wishes):
        return []
    return [place for place, wish in enumerate(wishes) if wish.is_automated]


def scaled_blocks(blocks: Iterable[np.ndarray], wish: GainWish, rate_hz: int) -> Iterator[np.ndarray]:
    """Yield what falls to an instrument [C, S_b] times how far the factor s of its gain is from that of its base gain.

    What lies outside the wish's ranges is 0.
    """
    base = factor(wish.gain_db)
    points = breakpoints(0.0, [(one, factor(one.gain_db) - base) for one in wish.ranges], rate_hz)
    samples, values = zip(*points, strict=True)
    num_before = 0
    for block in blocks:
        at = np.arange(num_before, num_before + block.shape[-1])
        yield block * np.interp(at, samples, values).astype(block.dtype)
        num_before += block.shape[-1]
