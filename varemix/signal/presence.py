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

_STRETCH_S = 5.944  # 512 frames of the paper's
_QUIET_DB = -40.0
_LEAST_SHARE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Presence:
    """The measures of a recording's instruments by name, and the one from which an instrument counts as playing.

    `group_shares_db` are those in each group of channels, where they are several; `shares_db` then are the largest.
    """

    shares_db: Mapping[str, float]
    threshold_db: float
    group_shares_db: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def plays(self, name: str) -> bool:
        """Return whether an instrument plays; KeyError for one that was not measured."""
        return self.shares_db[name] >= self.threshold_db

    def groups_played(self, name: str) -> list[bool]:
        """Return for each of several groups of channels whether an instrument plays in it; nothing for one."""
        return [share_db >= self.threshold_db for share_db in self.group_shares_db.get(name, ())]


def measured(meters: Sequence[PresenceMeter], names: Sequence[str], threshold_db: float) -> Presence:
    """Return what the meters of a recording's groups of channels measured of its instruments."""
    loudest = max(meter.loudest for meter in meters)
    shares_db = np.stack([meter.shares_db(loudest) for meter in meters], axis=-1)  # [N, G]
    largest = dict(zip(names, shares_db.max(axis=-1).tolist(), strict=True))
    of_groups = dict(zip(names, shares_db.tolist(), strict=True)) if len(meters) > 1 else {}
    return Presence(shares_db=largest, threshold_db=threshold_db, group_shares_db=of_groups)


class PresenceMeter:
    """Measures N masks of a grid while they are made, block by block; memory is one number a mask and stretch."""

    def __init__(self, num_masks: int, grid: Grid) -> None:
        self._stretch_frames = grid.frames_in(_STRETCH_S)
        self._claimed = np.zeros(num_masks)
        self._power = 0.0
        self._num_frames = 0
        self._stretches: list[tuple[np.ndarray, float]] = []

    def add(self, masks: np.ndarray, power: np.ndarray) -> None:
        """Take in the next frames: masks [N, R, T] and the mix's power [R, T], on the same rows."""
        first = 0
        while first < power.shape[-1]:
            last = min(power.shape[-1], first + self._stretch_frames - self._num_frames)
            self._add_to_stretch(masks[..., first:last], power[..., first:last])
            first = last

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
        shares = [claimed / power for claimed, power in loud] or [np.zeros_like(self._claimed)]
        return 10 * np.log10(np.max(shares, axis=0).clip(_LEAST_SHARE, 1.0))

    def _whole_stretches(self) -> list[tuple[np.ndarray, float]]:
        """Return claimed power [N] and power of each stretch, the last one joined to its neighbour if it is short."""
        if not self._stretches or 2 * self._num_frames >= self._stretch_frames:
            return [*self._stretches, (self._claimed, self._power)]
        *before, (claimed, power) = self._stretches
        return [*before, (claimed + self._claimed, power + self._power)]

    def _add_to_stretch(self, masks: np.ndarray, power: np.ndarray) -> None:
        self._claimed = self._claimed + np.einsum("nft,nft,ft->n", masks, masks, power, dtype=np.float64)
        self._power += float(power.sum(dtype=np.float64))
        self._num_frames += power.shape[-1]
        if self._num_frames == self._stretch_frames:
            self._stretches.append((self._claimed, self._power))
            self._claimed, self._power, self._num_frames = np.zeros_like(self._claimed), 0.0, 0
