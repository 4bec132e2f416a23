"""Separators that give stems: what turns the stems of any program or model into masks of the mix."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy

import numpy as np

from varemix.errors import SeparatorError
from varemix.separators.interface import MaskMaker, Mix
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.stem_masks import stem_mask_blocks
from varemix.signal.streams import side_by_side

STEM_GRID = Grid(window_samples=4096, hop_samples=1024, log_rows=512, floor=4e-3)
"""The grid of masks that are made of stems, where no other is asked for; docs/separators.md says why."""

STEM_THRESHOLD_DB = -30.0
"""From this share of the sound on a stem's instrument counts as playing: what leaks into a stem lies below."""

_MOST_ASTRAY_S = 0.5


class StemSeparator(MaskMaker):
    """A separator that gives stems; one of a third party gives `identity`, `stems` and `stem_blocks`.

    `stems` says by the stems' names which instruments each holds, none for a stem that nobody asks for: the rest. A
    stem falls to the one of its instruments that is asked for, and is parted where several are; those in
    `always_parted` are parted among all their instruments, whichever are asked for. Masks are of each channel, or where
    it is not `per_channel`, of all together, which takes half the room.
    """

    grid = STEM_GRID
    per_channel = True
    presence_threshold_db = STEM_THRESHOLD_DB
    stems: Mapping[str, tuple[str, ...]]
    always_parted: frozenset[str] = frozenset()

    @abstractmethod
    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        """Yield the stems [N, C, S_b] of a mix at 44.1 kHz, in the order of `stems`, as long as the mix is."""

    @property
    def instruments(self) -> tuple[str, ...]:  # type: ignore[override]
        """The instruments of all stems."""
        return tuple(name for instruments in self.stems.values() for name in instruments)

    def alike(self, instruments: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the instruments that share a stem with others that are asked for, or always."""
        groups = (
            held if stem in self.always_parted else tuple(name for name in held if name in instruments)
            for stem, held in self.stems.items()
        )
        return {name: group for group in groups if len(group) > 1 for name in group if name in instruments}

    def on(self, grid: Grid) -> MaskMaker:
        """Return the same separator; masks are made on any grid."""
        other = copy(self)
        other.grid = grid
        return other

    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield masks [N, C, R, T_b], or of all channels together [N, R, T_b].

        Raises SeparatorError where stems are not as long as the mix.
        """
        self.check_knows(instruments)
        held = list(self.stems.values())
        places = [next(place for place, names in enumerate(held) if name in names) for name in instruments]
        for masks in stem_mask_blocks(self._beside(mix), self.grid, per_channel=self.per_channel):
            yield masks[places]

    def _beside(self, mix: Mix) -> Iterator[np.ndarray]:
        """Yield the mix and its stems, [1 + N, C, S_b]."""
        stems = _as_long(self.stem_blocks(mix), mix.num_samples, self.identity.name)
        for heard, given in side_by_side(mix.pair(), stems):
            yield np.concatenate([heard[None], _with_channels(given, len(heard))])
        for _ in stems:  # nothing is left but the check at the end
            pass


def _with_channels(stems: np.ndarray, num_channels: int) -> np.ndarray:
    """Return stems [N, C', S] with as many channels as the mix has: a mono stem lies in all of them."""
    if stems.shape[1] == num_channels:
        return stems
    middle = stems.mean(axis=1, keepdims=True)
    return np.broadcast_to(middle, (len(stems), num_channels, stems.shape[-1]))


def _as_long(blocks: Iterator[np.ndarray], num_samples: int, name: str) -> Iterator[np.ndarray]:
    """Yield stems [N, C, S_b] cut, or filled with silence, to the length of the mix: codecs add and lose a little."""
    length, last = 0, None
    for block in blocks:
        yield block[..., : max(0, num_samples - length)]
        length, last = length + block.shape[-1], block
    if last is None or abs(length - num_samples) > _MOST_ASTRAY_S * RATE_HZ:
        raise SeparatorError(
            f"The stems of {name} are {length / RATE_HZ:.1f} s long, the recording {num_samples / RATE_HZ:.1f} s. "
            "Stems as long as the recording are expected: look at what the separator does with it."
        )
    if length < num_samples:
        yield np.zeros((*last.shape[:-1], num_samples - length), dtype=np.float32)
