"""Remixing: the mix itself, each bin scaled; nothing is separated and added again.

The output is input + delta, where delta is what the masks change. What they do not touch stays the original's, and
where nothing is wished the input comes out bit for bit. All signals here are at 44.1 kHz.
Source: Yang, Wei, Lerch 2020, equation (1).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from varemix.errors import MediaError, UsageError
from varemix.remix.gains import gain_change
from varemix.remix.wishes import GainWish, is_unity
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, decay_of
from varemix.signal.spectrogram import Heed, filter_cells, filter_samples, num_touched_cells


def remix(
    mix: np.ndarray, masks: Masks, gains_db: Sequence[float], *, smoothing_s: float = DEFAULT_SMOOTHING_S
) -> np.ndarray:
    """Return the mix [C, S] with each instrument louder or softer by its gain.

    The N masks have as many frames as the mix, `grid.num_frames(S)`; `gains_db` are N numbers, -inf for mute. Masks are
    smoothed along time (ZLBM) with a time constant of `smoothing_s`. Raises UsageError when gains and masks do not pair
    up.
    """
    if len(masks) != len(gains_db):
        raise UsageError(f"{len(gains_db)} gains were given for {len(masks)} masks; give one for each.")
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, gain_db in enumerate(gains_db)]
    if is_unity(wishes):
        return mix.copy()
    change = torch.from_numpy(gain_change(masks, wishes, smoothing_s=smoothing_s))
    return mix + filter_samples(torch.from_numpy(mix), change, masks.grid.applied).numpy()


def separate(mix: np.ndarray, masks: Masks, *, smoothing_s: float = 0.0) -> np.ndarray:
    """Return the stems [N, C, S] that the N masks cut out of the mix [C, S]."""
    smooth = zlbm(masks.values, decay_of(smoothing_s, masks.grid))
    stems = [filter_samples(torch.from_numpy(mix), torch.from_numpy(mask), masks.grid.applied) for mask in smooth]
    return torch.stack(stems).numpy()


def separate_and_add(
    mix: np.ndarray, masks: Masks, weights: Sequence[float], *, smoothing_s: float = 0.0
) -> np.ndarray:
    """Return the baseline that remixing is compared with: the weighted sum [C, S] of the stems.

    Masks are smoothed along time first, as for `separate`.
    """
    stems = separate(mix, masks, smoothing_s=smoothing_s)
    total: np.ndarray = np.tensordot(np.asarray(weights, dtype=stems.dtype), stems, axes=1)
    return total


def filtered_blocks(
    sample_blocks: Iterable[np.ndarray], gain_blocks: Iterable[np.ndarray], grid: Grid, heed: Heed | None = None
) -> Iterator[np.ndarray]:
    """Filter a long signal [C, S_b] block by block with gains [R, T_b] on a grid that come in blocks of their own.

    Gains [C, R, T_b] are each channel's own; where they are 0, a channel costs nothing. Gains [N, 1, R, T_b] give N
    filtered signals [N, C, S] of one spectrum. Yields as many samples as came in. The same as `filter_samples` of the
    whole, whatever the blocks. `heed` is shown the spectra [C, T, F] and gains [T, F], or [C, T, F], on the way, each
    frame once, those before the first one that have a part in the beginning too, but for the last few. Raises
    MediaError when the gains are not as many frames as the signal has.
    """
    cells = _Cells(sample_blocks, grid)
    num_context = 2 * grid.reach_hops - 1  # frames of a block with which the next one begins
    held: np.ndarray | None = None
    num_frames = 0
    for gains in gain_blocks:
        num_frames += gains.shape[-1]
        held = _before(gains, grid) if held is None or held.shape[-1] == 0 else held
        held = np.concatenate([held, gains], axis=-1)
        if held.shape[-1] > num_context:
            yield _filtered(cells.take(held.shape[-1]), held, grid, heed)
            held = held[..., -num_context:]
    if held is None or not cells.have_frames(num_frames):
        raise MediaError("The masks are not as long as the recording; make the masks of this recording again.")
    rest = cells.num_left()
    if rest > 0:
        missing = num_context - held.shape[-1] - -rest // grid.hop_samples
        last = np.concatenate([held, np.repeat(held[..., -1:], missing, axis=-1)], axis=-1)
        yield _filtered(cells.take(last.shape[-1]), last, grid)[..., :rest]


def _before(gains: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the gains of the frames before a signal's first one that have a part in its beginning."""
    return np.repeat(gains[..., :1], grid.reach_hops - 1, axis=-1)


def _filtered(cells: np.ndarray, gains: np.ndarray, grid: Grid, heed: Heed | None = None) -> np.ndarray:
    def heed_new(spectra: torch.Tensor, frames: torch.Tensor) -> None:
        """Leave out the frames with which the next block begins."""
        if heed is not None:
            num_new = frames.shape[-2] + 1 - 2 * grid.reach_hops
            heed(spectra[..., :num_new, :], frames[..., :num_new, :])

    with one_thread():
        if heed is None and gains.ndim == cells.ndim + 1:
            return _each_filtered(cells, gains, grid)
        gained = filter_cells(torch.from_numpy(cells), torch.from_numpy(gains), grid, heed_new if heed else None)
        return gained.numpy()


def _each_filtered(cells: np.ndarray, gains: np.ndarray, grid: Grid) -> np.ndarray:
    """Return channels filtered with gains of their own [C, R, T], one after the other, as that takes less memory.

    Where gains are 0, there is nothing to be done.
    """
    num_left = (gains.shape[-1] + 1 - 2 * grid.reach_hops) * grid.hop_samples
    filtered = np.zeros((len(cells), num_left), dtype=cells.dtype)
    for own, gain, place in zip(cells, gains, filtered, strict=True):
        if gain.any():
            place[:] = filter_cells(torch.from_numpy(own), torch.from_numpy(gain), grid).numpy()
    return filtered


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread: blocks are small, and many recordings are remixed at once."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


class _Cells:
    """Hands out a blockwise signal in overlapping stretches of hop-long cells, zeros beyond both ends."""

    def __init__(self, blocks: Iterable[np.ndarray], grid: Grid) -> None:
        self._blocks = iter(blocks)
        self._grid = grid
        self._num_context = (2 * grid.reach_hops - 1) * grid.hop_samples  # samples before those that are remade next
        self._held = np.zeros((1, 0), dtype=np.float32)
        self._num_drawn = self._num_made = 0
        self._fill(1)
        silence = np.zeros((len(self._held), self._num_context), dtype=self._held.dtype)
        self._held = np.concatenate([silence, self._held], axis=-1)

    def take(self, num_frames: int) -> np.ndarray:
        """Return the cells that so many frames touch; those that they remake are then gone."""
        wanted = num_touched_cells(num_frames, self._grid) * self._grid.hop_samples
        self._fill(wanted)
        taken = np.pad(self._held[:, :wanted], ((0, 0), (0, max(0, wanted - self._held.shape[-1]))))
        num_remade = wanted - 2 * self._num_context
        self._num_made += num_remade
        self._held = self._held[:, num_remade:]
        return taken

    def have_frames(self, num_frames: int) -> bool:
        """Return whether the signal has just so many frames; a longer one is drawn no further than shows it."""
        self._fill(self._num_context + num_frames * self._grid.hop_samples - self._num_made)
        return self._grid.num_frames(self._num_drawn) == num_frames

    def num_left(self) -> int:
        """Return how many of the samples that were drawn are still to be remade."""
        return self._num_drawn - self._num_made

    def _fill(self, num_samples: int) -> None:
        """Draw blocks until so many samples are held, or none are left."""
        parts, length = [self._held] if self._held.size else [], self._held.shape[-1]
        while length < num_samples and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            length += block.shape[-1]
            self._num_drawn += block.shape[-1]
        if parts:
            self._held = np.concatenate(parts, axis=-1)
