"""What a separator is: the instruments it knows, the grid its masks lie on, who it is, and the masks of a mix.

Our own network is one, and has no more rights than another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from varemix.errors import UsageError
from varemix.signal.presence import EVERYTHING_PLAYS_DB

if TYPE_CHECKING:
    import numpy as np

    from varemix.model.any_order import AnyOrder
    from varemix.signal.grid import Grid
    from varemix.signal.presence import PresenceMeter


_CHANNEL_AXES = 4  # of masks [N, C, R, T]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who makes masks: a separator's name, its version, and the digest of its weights and settings.

    It stands in every mask file; masks count as long as it is the same.
    """

    name: str
    version: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What is heard by itself, at 44.1 kHz: `num_samples` long, to be gone through as often as it is needed.

    It is a recording, or of more than two channels one group of them, such as the centre or the pair behind; `is_part`
    tells the latter, which may be silent while others play. `mid` begins to yield its mid signal in blocks [S_b],
    `pair` its one or two channels in blocks [C, S_b]. A separator that gives nothing before it is done may `tell` how
    far it is meanwhile, 0 to 1, from any thread.
    """

    num_samples: int
    mid: Callable[[], Iterator[np.ndarray]]
    pair: Callable[[], Iterator[np.ndarray]]
    is_part: bool = False
    tell: Callable[[float], None] = lambda share: None

    @classmethod
    def of(cls, samples: np.ndarray) -> Mix:
        """Return the mix that samples [C, S] at 44.1 kHz are."""
        return cls(
            num_samples=samples.shape[-1],
            mid=lambda: iter([samples[:2].mean(axis=0)]),
            pair=lambda: iter([samples[:2]]),
        )


def part_of(tell: Callable[[float], None], place: int, number: int) -> Callable[[float], None]:
    """Return what tells how far one of a number is, of those that work one after the other, as a share of all."""
    return lambda share: tell((place + share) / number)


def by_channel(masks: np.ndarray) -> np.ndarray:
    """Return masks [N, C, R, T]: those of each channel as they are, those [N, R, T] of all together with C = 1."""
    return masks if masks.ndim == _CHANNEL_AXES else masks[:, None]


class MaskMaker(ABC):
    """A separator: what makes masks of a mix. A third party's gives the first three, and `mask_blocks`.

    `instruments` are those it knows, by the names that varemix has for them; `grid` is what its masks lie on. Masks are
    of all channels that are heard together, or `per_channel` of each. They are kept at 1 bit where they `are_binary`.
    An instrument counts as playing where its share of the sound passes `presence_threshold_db`.
    """

    identity: Identity
    instruments: tuple[str, ...]
    grid: Grid
    per_channel: bool = False
    are_binary: bool = False
    presence_threshold_db: float = EVERYTHING_PLAYS_DB

    @abstractmethod
    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield the masks [N, R, T_b] in 0..1 of these instruments, in order, without a gap.

        Those that are `per_channel` are [N, C, R, T_b], of the channels of the mix's `pair`. R are the rows of `grid`;
        there are `grid.num_frames(mix.num_samples)` frames. Memory is bounded whatever the length of the mix.
        """

    def measured_blocks(
        self, mix: Mix, instruments: Sequence[str], meters: Sequence[PresenceMeter]
    ) -> Iterator[np.ndarray]:
        """Yield the same, and have a meter, or one for each channel, measure whether the instruments play."""
        from varemix.separators.measuring import measured

        return measured(self.mask_blocks(mix, instruments), mix, self.grid, meters)

    def in_any_order(self, mix: Mix, instruments: Sequence[str]) -> AnyOrder | None:
        """Return what hears a mix window by window in any order; None where it hears from the beginning on."""
        return None

    def identity_of(self, instrument: str) -> Identity:
        """Return who makes the masks of an instrument."""
        return self.identity

    def threshold_db_of(self, instrument: str) -> float:
        """Return the presence from which an instrument counts as playing."""
        return self.presence_threshold_db

    def alike(self, instruments: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return those of the instruments that it does not tell from others, each with all that share its mask.

        Our network says then which part of the mask is whose.
        """
        return {}

    def on(self, grid: Grid) -> MaskMaker:
        """Return the same separator with its masks on another grid."""
        from varemix.separators.regridded import Regridded

        return self if grid == self.grid else Regridded(self, grid)

    def check_knows(self, instruments: Sequence[str]) -> None:
        """Raise UsageError for an instrument that it does not know."""
        for instrument in instruments:
            if instrument not in self.instruments:
                known = ", ".join(self.instruments) or "none"
                raise UsageError(f"{self.identity.name} does not know '{instrument}'. It knows: {known}.")
