"""Long signals seen through overlapping windows, and the answers faded into one another.

Consecutive windows share an eighth of their frames, one at least. There the mask goes over linearly from one window's
to the next's, so that no seam is heard.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from varemix.signal.grid import Grid
from varemix.signal.spectrogram import num_touched_cells


def overlap_frames(window_frames: int) -> int:
    """Return how many frames consecutive windows share."""
    return max(1, window_frames // 8)


def windows(blocks: Iterable[np.ndarray], window_frames: int, grid: Grid) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the windows of a mono signal that comes in blocks [S_b].

    Each is the samples that its frames touch, zeros beyond the ends, and how many of its frames belong to the signal.
    """
    step = window_frames - overlap_frames(window_frames)
    before = grid.reach_hops * grid.hop_samples
    needed = num_touched_cells(window_frames, grid) * grid.hop_samples
    held = np.zeros(before, dtype=np.float32)
    for block in blocks:
        held = np.concatenate([held, block.astype(np.float32, copy=False)])
        while len(held) >= needed:
            yield held[:needed], window_frames
            held = held[step * grid.hop_samples :]
    num_own = grid.num_frames(len(held) - before)
    while num_own > window_frames:  # its last frames reach beyond the signal's end
        yield np.pad(held, (0, needed - len(held))), window_frames
        held = held[step * grid.hop_samples :]
        num_own -= step
    yield np.pad(held, (0, needed - len(held))), num_own


def cross_faded(window_masks: Iterable[np.ndarray], window_frames: int) -> Iterator[np.ndarray]:
    """Join the masks [N, R, T] of consecutive windows; yields blocks [N, R, T_b] in order, without a gap.

    A window after the first has more frames than two windows share, as `windows` sees to.
    """
    overlap = overlap_frames(window_frames)
    rising = ((np.arange(overlap) + 0.5) / overlap).astype(np.float32)
    before: np.ndarray | None = None
    for masks in window_masks:
        joined = masks
        if before is not None:
            faded = before * (1 - rising) + masks[..., :overlap] * rising
            joined = np.concatenate([faded, masks[..., overlap:]], axis=-1)
        del masks  # as large as what is yielded, which others hold for a while
        before = joined[..., -overlap:].copy()
        yield joined[..., :-overlap]
    if before is not None:
        yield before
