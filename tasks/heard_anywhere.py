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
from tasks.makers import group_mixes
from tasks.mask_file import mask_header, presence_by, write_heard
from varemix.media.audio import probe_audio
from varemix.signal.presence import Presence, PresenceMeter

if TYPE_CHECKING:
    from varemix.model.any_order import AnyOrder
    from varemix.separators.interface import MaskMaker

Choose: TypeAlias = "Callable[[Collection[int], AnyOrder], int]"
"""Says which of the windows that are missing shall be heard next."""
Heed: TypeAlias = "Callable[..., None]"
"""Is shown header and masks [N, R, T], or [N, G, R, T], that are heard, and their first frame: without one the next."""


def write_heard_anywhere(
    path: Path,
    source: Path,
    maker: MaskMaker,
    names: Sequence[str],
    *,
    choose: Choose,
    heed: Heed,
    stored: Callable[[], Iterable[np.ndarray]],
    tell: Callable[[float], None] = lambda share: None,
    audio_stream: int = 0,
    content_digest: str = "",
) -> tuple[MaskHeader, Presence]:
    """Hear a recording in the order that is chosen, and write its masks as `write_heard` does.

    `stored` gives all that `heed` was shown, in the order of time and as a file would hold it. Who cannot hear in any
    order hears from the beginning on, and may `tell` how far it is before it gives masks. Raises as `write_heard`.
    """
    from varemix.remix.heard import heard_blocks

    info = probe_audio(source, audio_stream=audio_stream)
    orders = [order for mix in group_mixes(source, info) if (order := maker.in_any_order(mix, names))]
    if not orders:
        facts: dict[str, Any] = {"audio_stream": audio_stream, "content_digest": content_digest}
        return write_heard(path, source, maker, names, watch=heed, tell=tell, **facts)
    header = mask_header(info, maker, names, content_digest)
    meters = [PresenceMeter(len(names), maker.grid) for _ in orders]
    missing = set(range(orders[0].num_windows))
    with _Mids(heard_blocks(source, audio_stream=audio_stream), path.parent, len(orders)) as mids:
        while missing:
            window = choose(missing, orders[0])
            samples = mids.samples(*orders[0].samples_of(window))
            heard = [order.hear(window, own) for order, own in zip(orders, samples, strict=True)]
            for pieces in zip(*heard, strict=True):
                for piece, meter in zip(pieces, meters, strict=True):
                    meter.add(piece.masks, piece.power, piece.first_frame)
                masks = np.stack([piece.masks for piece in pieces], axis=1)
                heed(header, masks if header.groups else masks[:, 0], pieces[0].first_frame)
            missing.remove(window)
    write_masks(path, header, stored())
    return header, presence_by(maker, names, [[meter] for meter in meters])


class _Mids:
    """Mid signals that come in blocks [G, S_b], read from any place; a temporary file holds what came of them."""

    def __init__(self, blocks: Iterable[np.ndarray], folder: Path, num_signals: int) -> None:
        self._blocks = iter(blocks)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed where it ends
        self._num_there = 0
        self._num_signals = num_signals

    def __enter__(self) -> _Mids:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def samples(self, first: int, end: int) -> np.ndarray:
        """Return the samples [G, S] from `first` to `end`, zeros beyond both ends of the signals."""
        while self._num_there < end and (block := next(self._blocks, None)) is not None:
            self._file.seek(0, os.SEEK_END)
            self._file.write(block.T.astype(np.float32, copy=False).tobytes())
            self._num_there += block.shape[-1]
        begin, size = max(first, 0), 4 * self._num_signals
        self._file.seek(size * begin)
        content = self._file.read(size * max(0, min(end, self._num_there) - begin))
        there = np.frombuffer(content, np.float32).reshape(-1, self._num_signals).T
        return np.pad(there, ((0, 0), (max(0, -first), end - begin - there.shape[-1])))
