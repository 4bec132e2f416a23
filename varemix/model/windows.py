"""Long signals seen through overlapping windows, and the answers faded into one another.

Consecutive windows share an eighth of their frames, one at least. There the mask goes over linearly from one window's
to the next's, so that no seam is heard.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from varemix.signal.framing import stretches
from varemix.signal.grid import Grid


def overlap_frames(window_frames: int) -> int:
    """Return how many frames consecutive windows share."""
    return max(1, window_frames // 8)


def windows(blocks: Iterable[np.ndarray], window_frames: int, grid: Grid) -> Iterator[tuple[np.ndarray, int]]:
    """Return the windows of a mono signal that comes in blocks [S_b].

    Each is the samples that its frames touch, zeros beyond the ends, and how many of its frames belong to the signal.
    """
    return stretches(blocks, window_frames, window_frames - overlap_frames(window_frames), grid)


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
