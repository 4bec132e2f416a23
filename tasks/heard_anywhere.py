"""One recording heard in any order, while somebody waits at a place of it; in the end its masks are what they would be.

Stays out: where somebody waits, and who is told of what is heard meanwhile (`desk.hearing`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from catalog.masks import MaskHeader, write_masks
from tasks.mask_file import mask_header
from tasks.queries import Query, query_vectors
from varemix.signal.presence import Presence, PresenceMeter

if TYPE_CHECKING:
    from varemix.model.any_order import AnyOrder
    from varemix.model.separator import Separator

Choose: TypeAlias = "Callable[[Collection[int], AnyOrder], int]"
"""Says which of the windows that are missing shall be heard next."""
Heed: TypeAlias = "Callable[[MaskHeader, np.ndarray, int], None]"
"""Is shown masks [N, R, T] that are heard, and their first frame."""


def write_heard_anywhere(
    path: Path,
    source: Path,
    separator: Separator,
    queries: Sequence[Query],
    *,
    choose: Choose,
    heed: Heed,
    stored: Callable[[], Iterable[np.ndarray]],
    **facts: Any,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording in the order that is chosen, and write its masks as `write_heard` does, whose `facts` are taken.

    `stored` gives all that `heed` was shown, in the order of time and as a file would hold it. Raises as `write_heard`.
    """
    from varemix.model.any_order import AnyOrder
    from varemix.remix.render import heard_blocks

    header, num_samples = mask_header(source, separator, queries, **facts)
    order = AnyOrder(separator, query_vectors(separator, queries), num_samples)
    meter = PresenceMeter(len(queries), separator.mask_grid)
    missing = set(range(order.num_windows))
    with _Mid(heard_blocks(source), path.parent) as mid:
        while missing:
            window = choose(missing, order)
            for piece in order.hear(window, mid.samples(*order.samples_of(window))):
                meter.add(piece.masks, piece.power, piece.first_frame)
                heed(header, piece.masks, piece.first_frame)
            missing.remove(window)
    write_masks(path, header, stored())
    shares_db = dict(zip(header.queries, meter.shares_db().tolist(), strict=True))
    return header, Presence(shares_db=shares_db, threshold_db=float(separator.presence_threshold_db))


class _Mid:
    """A mid signal that comes in blocks [S_b], read from any place; it lies in a temporary file as far as it came."""

    def __init__(self, blocks: Iterable[np.ndarray], folder: Path) -> None:
        self._blocks = iter(blocks)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed where it ends
        self._num_there = 0

    def __enter__(self) -> _Mid:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def samples(self, first: int, end: int) -> np.ndarray:
        """Return the samples from `first` to `end`, zeros beyond both ends of the signal."""
        while self._num_there < end and (block := next(self._blocks, None)) is not None:
            content = block.astype(np.float32, copy=False).tobytes()
            self._file.seek(0, os.SEEK_END)
            self._file.write(content)
            self._num_there += len(block)
        self._file.seek(4 * max(first, 0))
        there = np.frombuffer(self._file.read(4 * max(0, min(end, self._num_there) - max(first, 0))), np.float32)
        return np.pad(there, (max(0, -first), end - max(first, 0) - len(there)))
