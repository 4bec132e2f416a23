"""Long signals cut into stretches of frames, for what looks at many frames at once."""

from collections.abc import Iterable, Iterator

import numpy as np

from varemix.signal.grid import Grid
from varemix.signal.spectrogram import num_touched_cells


def stretches(
    blocks: Iterable[np.ndarray], num_frames: int, step_frames: int, grid: Grid
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield stretches of `num_frames` frames, `step_frames` apart, of a signal that comes in blocks [..., S_b].

    Each is the samples [..., S] that its frames touch, zeros beyond the ends, and how many of its frames belong to the
    signal.
    """
    step = step_frames * grid.hop_samples
    before = grid.reach_hops * grid.hop_samples
    needed = num_touched_cells(num_frames, grid) * grid.hop_samples
    held: np.ndarray | None = None
    for block in blocks:
        first = np.zeros((*block.shape[:-1], before), dtype=np.float32) if held is None else held
        held = np.concatenate([first, block.astype(np.float32, copy=False)], axis=-1)
        while held.shape[-1] >= needed:
            yield held[..., :needed], num_frames
            held = held[..., step:]
    if held is None:
        held = np.zeros(before, dtype=np.float32)
    num_own = grid.num_frames(held.shape[-1] - before)
    while num_own > num_frames:  # its last frames reach beyond the signal's end
        yield _filled(held, needed), num_frames
        held = held[..., step:]
        num_own -= step_frames
    yield _filled(held, needed), num_own


def _filled(samples: np.ndarray, length: int) -> np.ndarray:
    """Return samples [..., S] with zeros after them."""
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, length - samples.shape[-1])])
