"""Remixing: the mix itself, each bin scaled; nothing is separated and added again.

The output is input + delta, where delta is what the masks change. What they do not touch stays the original's, and
where nothing is wished the input comes out bit for bit. All signals here are at 44.1 kHz.
Source: Yang, Wei, Lerch 2020, equation (1).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from varemix.errors import MediaError, UsageError
from varemix.remix.gains import GainWish, bin_change, is_unity
from varemix.signal.smoothing import DEFAULT_DECAY, zlbm
from varemix.signal.spectrogram import HOP_SAMPLES, filter_block, filter_samples


def remix(mix: np.ndarray, masks: np.ndarray, gains_db: Sequence[float], *, decay: float = DEFAULT_DECAY) -> np.ndarray:
    """Return the mix [C, S] with each instrument louder or softer by its gain.

    `masks` are [N, F, T], each in 0..1, with T = `num_frames(S)`; `gains_db` are N numbers, -inf for mute. Masks are
    smoothed along time (ZLBM, `decay`). Raises UsageError when gains and masks do not pair up.
    """
    if len(masks) != len(gains_db):
        raise UsageError(f"{len(gains_db)} gains were given for {len(masks)} masks; give one for each.")
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, gain_db in enumerate(gains_db)]
    if is_unity(wishes):
        return mix.copy()
    change = torch.from_numpy(bin_change(masks, wishes, decay=decay))
    return mix + filter_samples(torch.from_numpy(mix), change).numpy()


def separate(mix: np.ndarray, masks: np.ndarray, *, decay: float = 0.0) -> np.ndarray:
    """Return the stems [N, C, S] that masks [N, F, T] cut out of the mix [C, S]."""
    stems = [filter_samples(torch.from_numpy(mix), torch.from_numpy(zlbm(mask, decay))) for mask in masks]
    return torch.stack(stems).numpy()


def separate_and_add(mix: np.ndarray, masks: np.ndarray, weights: Sequence[float], *, decay: float = 0.0) -> np.ndarray:
    """Return the baseline that remixing is compared with: the weighted sum [C, S] of the stems.

    Masks are smoothed along time first (ZLBM, `decay`).
    """
    stems = separate(mix, masks, decay=decay)
    total: np.ndarray = np.tensordot(np.asarray(weights, dtype=stems.dtype), stems, axes=1)
    return total


def filtered_blocks(
    sample_blocks: Iterable[np.ndarray],
    gain_blocks: Iterable[np.ndarray],
    heed: Callable[[torch.Tensor, torch.Tensor], None] | None = None,
) -> Iterator[np.ndarray]:
    """Filter a long signal [C, S_b] block by block with gains [F, T_b] that come in blocks of their own.

    Gains [N, 1, F, T_b] give N filtered signals [N, C, S] of one spectrum. Yields as many samples as came in. The same
    as `filter_samples` of the whole, whatever the blocks. `heed` is shown the spectra [C, T, F] and gains [T, F] on the
    way, each frame once, but for the last two. Raises MediaError when the gains are not as many frames as the signal
    has.
    """
    cells = _Cells(sample_blocks)
    held = np.zeros((0, 0), dtype=np.float32)
    for gains in gain_blocks:
        held = np.concatenate([held, gains], axis=-1) if held.size else gains
        num_frames = held.shape[-1]
        if num_frames > 1:
            yield _filtered(cells.take(num_frames), held, heed)
            held = held[..., -1:]
    rest = cells.rest()
    if held.size == 0 or rest >= HOP_SAMPLES or rest < 0:
        raise MediaError("The masks are not as long as the recording; make the masks of this recording again.")
    if rest > 0:
        yield _filtered(cells.take(2), np.repeat(held, 2, axis=-1))[..., :rest]


def _filtered(
    cells: np.ndarray, gains: np.ndarray, heed: Callable[[torch.Tensor, torch.Tensor], None] | None = None
) -> np.ndarray:
    def heed_new(spectra: torch.Tensor, frames: torch.Tensor) -> None:
        """Leave out the last frame, with which the next block begins."""
        if heed is not None:
            heed(spectra[..., :-1, :], frames[:-1])

    with one_thread():
        return filter_block(torch.from_numpy(cells), torch.from_numpy(gains), heed_new if heed else None).numpy()


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

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self.blocks = iter(blocks)
        self.held = np.zeros((1, 0), dtype=np.float32)
        self.num_missing = 0
        self._fill(1)
        silence = np.zeros((len(self.held), HOP_SAMPLES), dtype=self.held.dtype)
        self.held = np.concatenate([silence, self.held], axis=-1)

    def take(self, num_frames: int) -> np.ndarray:
        """Return the num_frames + 1 cells that so many frames touch; all but the last two are then gone."""
        wanted = (num_frames + 1) * HOP_SAMPLES
        self._fill(wanted)
        short = max(0, wanted - self.held.shape[-1])
        self.num_missing += short
        taken = np.pad(self.held[:, :wanted], ((0, 0), (0, short)))
        self.held = np.concatenate([taken[:, -2 * HOP_SAMPLES :], self.held[:, wanted:]], axis=-1)
        return taken

    def rest(self) -> int:
        """Return how many samples after the last frame's centre are still to be remade."""
        self._fill(3 * HOP_SAMPLES)
        return self.held.shape[-1] - HOP_SAMPLES - self.num_missing

    def _fill(self, num_samples: int) -> None:
        """Draw blocks until so many samples are held or none are left."""
        parts, length = [self.held] if self.held.size else [], self.held.shape[-1]
        while length < num_samples and (block := next(self.blocks, None)) is not None:
            parts.append(block)
            length += block.shape[-1]
        if parts:
            self.held = np.concatenate(parts, axis=-1)
