"""Masks while they are being heard: what is there can be read, and what is not is waited for.

They lie compressed in a temporary file, as they will lie in the mask file that is written at the same time, so that who
listens meanwhile hears the same as who listens later.
"""

import math
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.mask_packing import pack, packed_bytes, unpack
from catalog.masks import MaskHeader
from tasks.mask_file import grid_of
from varemix.signal.grid import Grid

_WAIT_S = 1.0


class HearingError(Exception):
    """Hearing ended before its time; the reason is for a person."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Frames that were heard together: how many, and place and size of each mask in the file."""

    num_frames: int
    places: list[tuple[int, int]]


class GrowingMasks:
    """The masks of one recording, written by one thread, in any order, and read by any number."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names = tuple(names)
        self.num_frames_heard = 0
        self.num_frames = 0
        self._file, path = tempfile.mkstemp(dir=folder)
        Path(path).unlink()  # it lives as long as somebody reads it
        weakref.finalize(self, os.close, self._file)
        self._num_bytes = 0
        self._header: MaskHeader | None = None
        self._blocks: dict[int, _Block] = {}  # by first frame
        self._is_closed = False
        self._reason = ""
        self._changed = Condition()

    def add(self, header: MaskHeader, masks: NDArray[np.float32], first_frame: int | None = None) -> None:
        """Take in masks [N, R, T_b], of several groups of channels [N, G, R, T_b], from a frame on, or the next."""
        codec = pa.Codec("zstd", compression_level=1)
        pieces = [codec.compress(pack(mask.clip(0, 1), header.bits, header.exponent), asbytes=True) for mask in masks]
        starts = np.cumsum([self._num_bytes, *map(len, pieces)]).tolist()
        for start, piece in zip(starts, pieces, strict=False):
            _write_at(self._file, piece, start)
        self._num_bytes = starts[-1]
        with self._changed:
            self._header, self.num_frames = header, header.num_frames
            first = self.num_frames_heard if first_frame is None else first_frame
            places = [(start, len(piece)) for start, piece in zip(starts, pieces, strict=False)]
            self._blocks[first] = _Block(num_frames=masks.shape[-1], places=places)
            self.num_frames_heard += masks.shape[-1]
            self._changed.notify_all()

    def close(self, reason: str = "") -> None:
        """Say that all is heard or, with a reason, that no more will be."""
        with self._changed:
            self._is_closed, self._reason = True, reason
            self._changed.notify_all()

    @property
    def share_heard(self) -> float:
        """How much of the recording is heard, 0 to 1."""
        return self.num_frames_heard / self.num_frames if self.num_frames else 0.0

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """What is heard: the first frame of each stretch and the one after its last, in order."""
        with self._changed:
            blocks = sorted((first, first + block.num_frames) for first, block in self._blocks.items())
        return [(int(first), int(end)) for first, end in joined(blocks)]

    def wait(self) -> None:
        """Wait until something more is heard, or a while. Raises HearingError when no more comes."""
        with self._changed:
            if self._reason:
                raise HearingError(self._reason)
            if not self._is_closed:
                self._changed.wait(_WAIT_S)

    @property
    def grid(self) -> Grid:
        """The grid that the masks lie on; waits for the first of them. Raises HearingError when none come."""
        with self._changed:
            while self._header is None and not self._is_closed:
                self._changed.wait(_WAIT_S)
        if self._header is None:
            raise HearingError(self._reason or "Nothing was analysed.")
        return grid_of(self._header)

    def blocks(self, names: Sequence[str], first_frame: int = 0) -> Iterator[NDArray[np.float32]]:
        """Yield the masks of these names [N, R, T_b], or [N, G, R, T_b], from a frame on; waits for those to come.

        Raises HearingError when no more come.
        """
        numbers = [self.names.index(name) for name in names]
        at = first_frame
        while (found := self._block_at(at)) is not None:
            first, block = found
            masks = np.stack([self._read(*block.places[number], block.num_frames) for number in numbers])
            yield masks[..., at - first :]
            at = first + block.num_frames

    def _block_at(self, frame: int) -> "tuple[int, _Block] | None":
        """Return the block that a frame is in, and its first frame; None at the end."""
        with self._changed:
            while not (found := self._known(frame)) and not self._is_closed and not self._is_end(frame):
                self._changed.wait(_WAIT_S)
        if not found and self._reason:
            raise HearingError(self._reason)
        return found

    def _is_end(self, frame: int) -> bool:
        return self._header is not None and frame >= self.num_frames

    def _known(self, frame: int) -> "tuple[int, _Block] | None":
        if frame in self._blocks:
            return frame, self._blocks[frame]
        inside = ((first, block) for first, block in self._blocks.items() if first <= frame < first + block.num_frames)
        return next(inside, None)

    def _read(self, position: int, num_bytes: int, num_frames: int) -> NDArray[np.float32]:
        assert self._header is not None  # it came with the first of the masks
        bits, exponent = self._header.bits, self._header.exponent
        shape = (*self._header.shape[1:], num_frames)
        compressed = os.pread(self._file, num_bytes, position)
        size = packed_bytes(math.prod(shape), bits)
        data = pa.Codec("zstd").decompress(compressed, decompressed_size=size, asbytes=True)
        return unpack(data, bits, shape, exponent)


def joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return stretches, which are in order, those that meet as one."""
    found: list[tuple[float, float]] = []
    for first, end in stretches:
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def _write_at(file: int, data: bytes, position: int) -> None:
    while data:
        num_written = os.pwrite(file, data, position)
        data, position = data[num_written:], position + num_written
