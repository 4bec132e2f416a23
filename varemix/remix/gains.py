"""Wishes in dB, and the gain of every row or bin that follows from them by the paper's equation (1)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from varemix.errors import UsageError
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import decay_of, zlbm_blocks

MUTE_DB = -math.inf
MAX_GAIN_DB = 24.0


@dataclass(frozen=True, kw_only=True)
class GainWish:
    """How much louder or softer one instrument shall be.

    `target` is an instrument's name or the path of a picture; `gain_db` is -inf for mute. A solo is heard alone.
    """

    target: str
    gain_db: float = 0.0
    is_solo: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.gain_db) or self.gain_db > MAX_GAIN_DB:
            raise UsageError(
                f"Gain '{self.gain_db}' for '{self.target}' is out of range; give a number of dB up to "
                f"{MAX_GAIN_DB:g}, mute, or solo."
            )

    @property
    def value(self) -> str:
        """The gain as it is written on the command line, in one canonical form."""
        return "solo" if self.is_solo else "mute" if self.gain_db == MUTE_DB else repr(self.gain_db)

    @property
    def text(self) -> str:
        """The wish as it is written on the command line."""
        return f"{self.target}={self.value}"


def parse_gain(text: str) -> GainWish:
    """Return the wish written as NAME=DB, where DB is a number, `mute` or `solo`. Raises UsageError otherwise."""
    target, equals, value = text.rpartition("=")
    value = value.strip().lower().removesuffix("db").strip().replace(",", ".")
    if not equals or not target.strip():
        raise UsageError(f"Gain '{text}' has no NAME=DB form; write for example violin=-6 or photo.jpg=mute.")
    if value == "solo":
        return GainWish(target=target.strip(), is_solo=True)
    try:
        gain_db = MUTE_DB if value == "mute" else float(value)
    except ValueError as error:
        raise UsageError(f"Gain '{value}' for '{target}' is no number of dB; give a number, mute, or solo.") from error
    return GainWish(target=target.strip(), gain_db=gain_db)


def parse_gains(texts: Sequence[str]) -> list[GainWish]:
    """Return the wishes; UsageError when one target has two."""
    wishes = [parse_gain(text) for text in texts]
    targets = [wish.target for wish in wishes]
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise UsageError(f"'{twice[0]}' has more than one gain; give each instrument one.")
    return wishes


def audible(wishes: Sequence[GainWish]) -> list[GainWish]:
    """Return the wishes that change anything: the solos if there are any, else those that are not 0 dB."""
    return [wish for wish in wishes if wish.is_solo] or [wish for wish in wishes if wish.gain_db != 0]


def is_unity(wishes: Sequence[GainWish]) -> bool:
    """Return whether the wishes change nothing: no solo, and 0 dB for all."""
    return not audible(wishes)


def factor(gain_db: float) -> float:
    """Return s = 10^(dB/20) - 1 of equation (1): 0 leaves as it is, -1 mutes."""
    return -1.0 if gain_db == MUTE_DB else 10 ** (gain_db / 20) - 1


def gain_change(masks: Masks, wishes: Sequence[GainWish], *, smoothing_s: float = 0.0) -> np.ndarray:
    """Return by how much the gain on each of the masks' rows differs from 1, [R, T], given one mask a wish.

    Equation (1): the gain is 1 + sum of s_i M_i. Where the masks of all wishes claim more than a bin holds, each gets
    its share of it, `shares`: the gain is then never negative, and linear in the factors s_i. With a solo, what no
    soloed mask claims is muted: the gain is the sum of what the soloed masks claim, and other wishes only share.
    All is summed on the rows, so that the sum alone is read on the bins. Masks are smoothed along time after, with a
    time constant of `smoothing_s`, which for the sum is the same as smoothing each.
    """
    blocks = gain_change_blocks([masks.values], wishes, masks.grid, smoothing_s=smoothing_s)
    return np.concatenate(list(blocks), axis=-1)


def gain_change_blocks(
    blocks: Iterable[np.ndarray], wishes: Sequence[GainWish], grid: Grid, *, smoothing_s: float
) -> Iterator[np.ndarray]:
    """Yield `gain_change` of long masks that come as consecutive blocks [N, R, T_b] on a grid, in blocks [R, T]."""
    has_solo = any(wish.is_solo for wish in wishes)
    factors = [float(wish.is_solo) if has_solo else factor(wish.gain_db) for wish in wishes]
    claimed = (_weighted_sum(factors, masks) / _crowd(masks) for masks in blocks)
    for change in zlbm_blocks(claimed, decay_of(smoothing_s, grid)):
        yield np.maximum(change - has_solo, -1)  # a rounding error below -1 would turn the phase


def shares(masks: np.ndarray) -> np.ndarray:
    """Return the share of each place that falls to each of the masks [N, R, T], at most 1 together."""
    return masks / _crowd(masks)


def _crowd(masks: np.ndarray) -> np.ndarray:
    """Return how many times over masks [N, R, T] claim each place [R, T], at least 1."""
    return np.maximum(_weighted_sum([1.0] * len(masks), masks), 1)


def _weighted_sum(weights: Sequence[float], masks: np.ndarray) -> np.ndarray:
    """Return the weighted sum [R, T] of masks [N, R, T], without BLAS, whose threads would wait for each other."""
    total: np.ndarray = masks.dtype.type(weights[0]) * masks[0]
    for weight, mask in zip(weights[1:], masks[1:], strict=True):
        total += masks.dtype.type(weight) * mask
    return total
