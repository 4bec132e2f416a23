"""How deep a mute will be, told before it is heard: from how sure the masks are, as they were found to keep their word.

A mask M of a bin with power P lets its instrument have M^2 P of it, and the rest (1 - M)^2 P. A mute takes M^e of the
bin, e being the exponent that is wished of masks (`mask_exponent`), so (1 - M^e)^2 of either stays. Were the masks
right, that would be how deep the mute is, and what the rest loses by it. What it truly was on validation mixes whose
instruments are known stands in a table beside the weights, which `make bench-mute` makes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from varemix.errors import UsageError

EXPONENTS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
DEEPEST_DB = -80.0

_NUM_LEVELS = 1024


@dataclass(frozen=True, kw_only=True)
class MuteDepth:
    """What a mute does at one exponent, as changes of level in dB: of the instrument, with bounds, and of the rest.

    Of the mutes of validation mixes whose masks were as sure, eight of ten lay between `deepest_db` and `least_db`.
    """

    exponent: float
    mute_db: float
    deepest_db: float
    least_db: float
    rest_db: float


class DepthMeter:
    """Measures N masks while they go by, block by block; memory is one histogram a mask."""

    def __init__(self, num_masks: int) -> None:
        self._power = np.zeros((num_masks, _NUM_LEVELS))  # of the mix where a mask has a level

    def add(self, masks: np.ndarray, power: np.ndarray) -> None:
        """Take in the next frames: masks [N, R, T] and the mix's power [R, T], on the same rows."""
        weights = power.ravel()
        for place, mask in enumerate(masks):
            levels = np.rint(mask.ravel() * (_NUM_LEVELS - 1)).astype(np.intp)
            self._power[place] += np.bincount(levels, weights, minlength=_NUM_LEVELS)

    def certain_db(self, exponents: Sequence[float] = EXPONENTS) -> np.ndarray:
        """Return what mutes do where the masks are right, to the instruments and to the rest, in dB [2, N, E]."""
        mask = np.linspace(0, 1, _NUM_LEVELS)
        stays = np.square(1 - mask ** np.array(exponents)[:, None])
        claimed = np.stack([self._power * np.square(mask), self._power * np.square(1 - mask)])
        with np.errstate(divide="ignore", invalid="ignore"):
            change_db = 10 * np.log10(claimed @ stays.T / claimed.sum(axis=-1, keepdims=True))
        return np.clip(np.nan_to_num(change_db, nan=0.0, neginf=DEEPEST_DB), DEEPEST_DB, 0.0)


class DepthTable:
    """What was reached where masks were so sure: between the rows of a table linearly, beyond them as at their ends."""

    def __init__(self, file: Path) -> None:
        try:
            table = json.loads(file.read_text())
            self._mute = np.array([[row[name] for name in _MUTE] for row in table["mute"]], float).T
            self._rest = np.array([[row[name] for name in _REST] for row in table["rest"]], float).T
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"'{file}' is no table of mutes: {error}. Make it again: make bench-mute.") from error

    def expected(self, certain_db: np.ndarray, exponents: Sequence[float] = EXPONENTS) -> list[MuteDepth]:
        """Return what the mutes of one instrument will do at each exponent, of its part [2, E] of `certain_db`."""
        certain, *reached = self._mute
        mute_db, deepest_db, least_db = (_between(certain_db[0], certain, column) for column in reached)
        rest_db = _between(certain_db[1], *self._rest)
        columns = zip(exponents, mute_db, deepest_db, least_db, rest_db, strict=True)
        return [
            MuteDepth(exponent=e, mute_db=mute, deepest_db=deepest, least_db=least, rest_db=rest)
            for e, mute, deepest, least, rest in columns
        ]


_MUTE = ("certain_db", "reached_db", "deepest_db", "least_db")
_REST = ("certain_db", "reached_db")


def _between(values: np.ndarray, places: np.ndarray, column: np.ndarray) -> list[float]:
    return [float(number) for number in np.interp(values, places, column)]
