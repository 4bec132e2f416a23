"""Masks while they are being heard: what is there can be read, and what is not is waited for.

They lie compressed in a temporary file, as they will lie in the mask file that is written at the same time, so that who
listens meanwhile hears the same as who listens later.
"""

import math
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
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


class GrowingMasks:
    """The masks of one recording, written by one thread and read by any number."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names = tuple(names)
        self.num_frames_heard = 0
        self.num_frames = 0
        self._file, path = tempfile.mkstemp(dir=folder)
        Path(path).unlink()  # it lives as long as somebody reads it
        weakref.finalize(self, os.close, self._file)
        self._num_bytes = 0
        self._header: MaskHeader | None = None
        self._blocks: list[tuple[int, list[tuple[int, int]]]] = []  # frames, and place and size of each mask
        self._is_closed = False
        self._reason = ""
        self._changed = Condition()

    def add(self, header: MaskHeader, masks: NDArray[np.float32]) -> None:
        """Take in the next masks [N, R, T_b], of several groups of channels [N, G, R, T_b]."""
        codec = pa.Codec("zstd", compression_level=1)
        pieces = [codec.compress(pack(mask.clip(0, 1), header.bits, header.exponent), asbytes=True) for mask in masks]
        starts = np.cumsum([self._num_bytes, *map(len, pieces)]).tolist()
        for start, piece in zip(starts, pieces, strict=False):
            _write_at(self._file, piece, start)
        self._num_bytes = starts[-1]
        with self._changed:
            self._header, self.num_frames = header, header.num_frames
            self._blocks.append(
                (masks.shape[-1], [(start, len(piece)) for start, piece in zip(starts, pieces, strict=False)])
            )
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
    def grid(self) -> Grid:
        """The grid that the masks lie on; waits for the first of them. Raises HearingError when none come."""
        self._has(0)
        if self._header is None:
            raise HearingError("Nothing was heard.")
        return grid_of(self._header)

    def blocks(self, names: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the masks of these names as arrays [N, R, T_b], or [N, G, R, T_b]; waits for those to come.

        Raises HearingError when no more come.
        """
        places = [self.names.index(name) for name in names]
        number = 0
        while self._has(number):
            num_frames, pieces = self._blocks[number]
            yield np.stack([self._read(*pieces[place], num_frames) for place in places])
            number += 1

    def _has(self, number: int) -> bool:
        with self._changed:
            while len(self._blocks) <= number and not self._is_closed:
                self._changed.wait(_WAIT_S)
            if len(self._blocks) <= number and self._reason:
                raise HearingError(self._reason)
            return len(self._blocks) > number

    def _read(self, position: int, num_bytes: int, num_frames: int) -> NDArray[np.float32]:
        assert self._header is not None  # it came with the first of the masks
        bits, exponent = self._header.bits, self._header.exponent
        shape = (*self._header.shape[1:], num_frames)
        compressed = os.pread(self._file, num_bytes, position)
        size = packed_bytes(math.prod(shape), bits)
        data = pa.Codec("zstd").decompress(compressed, decompressed_size=size, asbytes=True)
        return unpack(data, bits, shape, exponent)


def _write_at(file: int, data: bytes, position: int) -> None:
    while data:
        num_written = os.pwrite(file, data, position)
        data, position = data[num_written:], position + num_written
