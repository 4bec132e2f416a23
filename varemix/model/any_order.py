"""A recording heard window by window in any order: what one waits for comes first, and all becomes what it would be.

The windows are those of `windows`, and are faded into one another as `cross_faded` does it. Where two of them meet, the
frames that they share wait for the later of both. Stays out: which window is next.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from varemix.model.separator import Separator
from varemix.model.windows import overlap_frames
from varemix.signal.masks import binarise
from varemix.signal.spectrogram import num_touched_cells


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Frames that are done, from `first_frame` on: masks [N, R, T], and the power [R, T] of the mix behind them."""

    first_frame: int
    masks: np.ndarray
    power: np.ndarray


class AnyOrder:
    """Hears the windows of a mid signal of `num_samples` at 44.1 kHz for N queries.

    `skips_silence` is as for `Separator.mask_blocks`.
    """

    def __init__(self, separator: Separator, queries: Tensor, num_samples: int, *, skips_silence: bool = False) -> None:
        settings = separator.settings
        self._separator = separator
        self._queries = queries
        self._skips_silence = skips_silence
        self.grid = settings.grid
        self._frames = settings.window_frames
        self._overlap = overlap_frames(self._frames)
        self.step = self._frames - self._overlap
        self.num_frames = self.grid.num_frames(num_samples)
        self.num_windows = 1 + max(0, -(-(self.num_frames - self._frames) // self.step))
        self._rising = ((np.arange(self._overlap) + 0.5) / self._overlap).astype(np.float32)
        self._edges: dict[int, np.ndarray] = {}  # by the window after it, where only one side was heard

    def samples_of(self, window: int) -> tuple[int, int]:
        """Return the first sample that a window touches and the one after its last; beyond the signal they are 0."""
        hop = self.grid.hop_samples
        first = (window * self.step - self.grid.reach_hops) * hop
        return first, first + num_touched_cells(self._frames, self.grid) * hop

    def window_at(self, frame: int) -> int:
        """Return the window that decides about a frame, the earlier of two that share it."""
        return min(max(0, (frame - self._overlap) // self.step), self.num_windows - 1)

    def hear(self, window: int, samples: np.ndarray) -> list[Piece]:
        """Return what is done once a window is heard, of which these are the samples; in the order of time."""
        first = window * self.step
        num_own = min(self._frames, self.num_frames - first)
        heard = self._separator.hear_window(samples, self._queries, skips_silence=self._skips_silence)[..., :num_own]
        begin = self._overlap if window else 0
        end = num_own if window == self.num_windows - 1 else num_own - self._overlap
        pieces = [self._piece(first + begin, heard[..., begin:end])]
        if window:
            pieces = [*self._met(window, heard[..., :begin], is_after=True), *pieces]
        if end < num_own:
            pieces += self._met(window + 1, heard[..., end:], is_after=False)
        return [piece for piece in pieces if piece.masks.shape[-1]]

    def _met(self, window: int, edge: np.ndarray, *, is_after: bool) -> list[Piece]:
        """Return the frames that two windows share, faded, if both are heard; `window` is the later of them."""
        other = self._edges.pop(window, None)
        if other is None:
            self._edges[window] = edge.copy()
            return []
        before, after = (other, edge) if is_after else (edge, other)
        faded = before * (1 - self._rising) + after * self._rising
        return [self._piece(window * self.step, faded)]

    def _piece(self, first_frame: int, heard: np.ndarray) -> Piece:
        masks = heard[:-1]
        is_binary = self._separator.settings.masks == "binary"
        return Piece(first_frame=first_frame, masks=binarise(masks) if is_binary else masks, power=heard[-1])
