"""The gain of every row or bin that follows from wishes in dB by the paper's equation (1)."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from varemix.remix.automation import MUTE_DB
from varemix.remix.mask_exponent import PLAIN
from varemix.remix.wishes import GainWish, audible
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm_blocks
from varemix.signal.smoothing_time import decay_of


def factor(gain_db: float) -> float:
    """Return s = 10^(dB/20) - 1 of equation (1): 0 leaves as it is, -1 mutes."""
    return -1.0 if gain_db == MUTE_DB else 10 ** (gain_db / 20) - 1


def gain_change(
    masks: Masks, wishes: Sequence[GainWish], *, smoothing_s: float = 0.0, mask_exponent: float = PLAIN
) -> np.ndarray:
    """Return by how much the gain on each of the masks' rows differs from 1, [R, T], given one mask a wish.

    Equation (1): the gain is 1 + sum of s_i M_i. Where the masks of all wishes claim more than a bin holds, each gets
    its share of it, `shares`: the gain is then never negative, and linear in the factors s_i. With a solo, what no
    soloed mask claims is muted: the gain is the sum of what the soloed masks claim, and other wishes only share.
    Of gains that change in time this is the base gains' part; what ranges change is added at the samples (`curves`).
    All is summed on the rows, so that the sum alone is read on the bins. What falls to each is raised to
    `mask_exponent`, see `claims`. Masks are smoothed along time after, with a time constant of `smoothing_s`, which for
    the sum is the same as smoothing each.
    """
    settings = {"smoothing_s": smoothing_s, "mask_exponent": mask_exponent}
    blocks = gain_change_blocks([masks.values], wishes, masks.grid, **settings)
    return np.concatenate(list(blocks), axis=-1)


def gain_change_blocks(
    blocks: Iterable[np.ndarray],
    wishes: Sequence[GainWish],
    grid: Grid,
    *,
    smoothing_s: float,
    mask_exponent: float = PLAIN,
) -> Iterator[np.ndarray]:
    """Yield `gain_change` of long masks that come as consecutive blocks [N, R, T_b] on a grid, in blocks [R, T]."""
    has_solo = any(wish.is_solo for wish in wishes)
    factors = [float(wish.is_solo) if has_solo else factor(wish.gain_db) for wish in wishes]
    if mask_exponent == PLAIN:
        claimed = (_weighted_sum(factors, masks) / _crowd(masks) for masks in blocks)
    else:
        claimed = (_weighted_sum(factors, claims(masks, mask_exponent, _moved(wishes))) for masks in blocks)
    for change in zlbm_blocks(claimed, decay_of(smoothing_s, grid)):
        yield np.maximum(change - has_solo, -1)  # a rounding error below -1 would turn the phase


def claim_blocks(
    blocks: Iterable[np.ndarray],
    wishes: Sequence[GainWish],
    places: Sequence[int],
    grid: Grid,
    *,
    smoothing_s: float,
    mask_exponent: float = PLAIN,
) -> Iterator[np.ndarray]:
    """Yield what falls to the wishes at some places [P, R, T], smoothed, as `gain_change_blocks` counts it."""
    claimed = (claims(masks, mask_exponent, _moved(wishes))[list(places)] for masks in blocks)
    yield from zlbm_blocks(claimed, decay_of(smoothing_s, grid))


def _moved(wishes: Sequence[GainWish]) -> list[int]:
    """Return the places of the wishes that change anything."""
    counting = audible(wishes)
    return [place for place, wish in enumerate(wishes) if wish in counting]


def shares(masks: np.ndarray) -> np.ndarray:
    """Return the share of each place that falls to each of the masks [N, R, T], at most 1 together."""
    return masks / _crowd(masks)


def claims(masks: np.ndarray, mask_exponent: float, moved: Sequence[int]) -> np.ndarray:
    """Return what is changed of each place for each of the masks [N, R, T]: its share, raised to the exponent.

    Below 1 more is changed than is surely the instrument's, above 1 only what surely is. Where the `moved` ones, whose
    gain changes, then claim more than a place holds, they share it; another one claims what it would, were it moved.
    """
    taken = shares(masks)
    if mask_exponent == PLAIN:
        return taken
    taken **= masks.dtype.type(mask_exponent)
    if mask_exponent > PLAIN:
        return taken
    crowd = _weighted_sum([1.0] * len(moved), taken[list(moved)]) if moved else np.zeros_like(taken[0])
    crowds = [crowd if place in moved else crowd + own for place, own in enumerate(taken)]
    taken /= np.maximum(np.stack(crowds), 1)
    return taken


def _crowd(masks: np.ndarray) -> np.ndarray:
    """Return how many times over masks [N, R, T] claim each place [R, T], at least 1."""
    return np.maximum(_weighted_sum([1.0] * len(masks), masks), 1)


def _weighted_sum(weights: Sequence[float], masks: np.ndarray) -> np.ndarray:
    """Return the weighted sum [R, T] of masks [N, R, T], without BLAS, whose threads would wait for each other."""
    total: np.ndarray = masks.dtype.type(weights[0]) * masks[0]
    for weight, mask in zip(weights[1:], masks[1:], strict=True):
        total += masks.dtype.type(weight) * mask
    return total
