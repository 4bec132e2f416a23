"""Does the pictured instrument play at all? Said from its mask and the mix alone.

The measure is the share of the mix's power that the mask would let through, in the stretch of about six seconds where
that share is largest: an instrument may play in a few bars only. Stretches that are nearly silent beside the
loudest one do not count, and an end too short to tell from counts with the stretch before it. Where groups of channels
are heard by themselves, an instrument plays if it plays in any of them; it is measured beside the loudest of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from varemix.signal.grid import Grid

EVERYTHING_PLAYS_DB = -1000.0
"""The threshold of a separator that was never calibrated."""

_STRETCH_S = 5.944  # 512 frames of the paper's
_QUIET_DB = -40.0
_LEAST_SHARE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Presence:
    """The measures of a recording's instruments by name, and the one from which an instrument counts as playing.

    `own_thresholds_db` are those of instruments that have another one, as who hears them tells it otherwise.
    `group_shares_db` are those in each group of channels, where they are several; `shares_db` then are the largest.
    """

    shares_db: Mapping[str, float]
    threshold_db: float
    own_thresholds_db: Mapping[str, float] = field(default_factory=dict)
    group_shares_db: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def plays(self, name: str) -> bool:
        """Return whether an instrument plays; KeyError for one that was not measured."""
        return self.shares_db[name] >= self.needed_db(name)

    def needed_db(self, name: str) -> float:
        """Return the measure from which an instrument counts as playing."""
        return self.own_thresholds_db.get(name, self.threshold_db)

    def groups_played(self, name: str) -> list[bool]:
        """Return for each of several groups of channels whether an instrument plays in it; nothing for one."""
        return [share_db >= self.needed_db(name) for share_db in self.group_shares_db.get(name, ())]


def measured(
    meters: Sequence[Sequence[PresenceMeter]],
    names: Sequence[str],
    threshold_db: float,
    own_thresholds_db: Mapping[str, float],
) -> Presence:
    """Return what the meters of a recording's groups of channels measured of its instruments.

    A group has one meter, or one for each of its channels: then the largest counts for all of them, so that nobody is
    taken to play on one side alone.
    """
    loudest = max(meter.loudest for own in meters for meter in own)
    of_groups_db = [np.max([meter.shares_db(loudest) for meter in own], axis=0) for own in meters]
    shares_db = np.stack([share for share, own in zip(of_groups_db, meters, strict=True) for _ in own], axis=-1)
    largest = dict(zip(names, shares_db.max(axis=-1).tolist(), strict=True))
    of_groups = dict(zip(names, shares_db.tolist(), strict=True)) if shares_db.shape[-1] > 1 else {}
    return Presence(
        shares_db=largest,
        threshold_db=threshold_db,
        own_thresholds_db=own_thresholds_db,
        group_shares_db=of_groups,
    )


class PresenceMeter:
    """Measures N masks of a grid while they are made, block by block; memory is one number a mask and stretch."""

    def __init__(self, num_masks: int, grid: Grid) -> None:
        self._stretch_frames = grid.frames_in(_STRETCH_S)
        self._num_masks = num_masks
        self._claimed: dict[int, np.ndarray] = {}  # by stretch, of each mask
        self._power: dict[int, float] = {}
        self._num_frames = 0

    def add(self, masks: np.ndarray, power: np.ndarray, first_frame: int | None = None) -> None:
        """Take in frames: masks [N, R, T] and the mix's power [R, T], on the same rows.

        They are the next ones, unless it is said at which they begin.
        """
        begin = self._num_frames if first_frame is None else first_frame
        first = 0
        while first < power.shape[-1]:
            stretch, inside = divmod(begin + first, self._stretch_frames)
            last = min(power.shape[-1], first + self._stretch_frames - inside)
            self._add_to(stretch, masks[..., first:last], power[..., first:last])
            first = last
        self._num_frames = max(self._num_frames, begin + power.shape[-1])

    @property
    def loudest(self) -> float:
        """The power of the loudest stretch."""
        return max(power for _, power in self._whole_stretches())

    def shares_db(self, loudest: float | None = None) -> np.ndarray:
        """Return the measure of each mask [N], from 0 dB for all of the mix down to -100 dB for nothing.

        `loudest` is the power of a stretch beside which others are nearly silent, by default of the loudest one here.
        """
        stretches = self._whole_stretches()
        loudest = self.loudest if loudest is None else loudest
        loud = [(claimed, power) for claimed, power in stretches if power > loudest * 10 ** (_QUIET_DB / 10)]
        shares = [claimed / power for claimed, power in loud] or [np.zeros(self._num_masks)]
        return 10 * np.log10(np.max(shares, axis=0).clip(_LEAST_SHARE, 1.0))

    def _whole_stretches(self) -> list[tuple[np.ndarray, float]]:
        """Return claimed power [N] and power of each stretch, the last one joined to its neighbour if it is short."""
        nothing = np.zeros(self._num_masks)
        numbers = range(max(1, -(-self._num_frames // self._stretch_frames)))
        stretches = [(self._claimed.get(number, nothing), self._power.get(number, 0.0)) for number in numbers]
        num_last = self._num_frames - self._stretch_frames * (len(stretches) - 1)
        if len(stretches) == 1 or 2 * num_last >= self._stretch_frames:
            return stretches
        *before, (claimed, power), (last_claimed, last_power) = stretches
        return [*before, (claimed + last_claimed, power + last_power)]

    def _add_to(self, stretch: int, masks: np.ndarray, power: np.ndarray) -> None:
        claimed = np.einsum("nft,nft,ft->n", masks, masks, power, dtype=np.float64)
        self._claimed[stretch] = self._claimed.get(stretch, 0.0) + claimed
        self._power[stretch] = self._power.get(stretch, 0.0) + float(power.sum(dtype=np.float64))
