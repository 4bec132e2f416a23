"""A separator's masks brought to another grid, so that those of several separators can stand side by side."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from varemix.separators.interface import MaskMaker, Mix
from varemix.signal.frequency_grid import to_bins, to_rows
from varemix.signal.grid import Grid

_FRAMES = 256


class Regridded(MaskMaker):
    """A separator as it is, but for its grid: masks are read between its frames and bins, linearly."""

    def __init__(self, maker: MaskMaker, grid: Grid) -> None:
        self.identity, self.instruments, self.grid = maker.identity, maker.instruments, grid
        self.presence_threshold_db, self._maker = maker.presence_threshold_db, maker
        self.per_channel = maker.per_channel

    def alike(self, instruments: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return what the separator does not tell apart."""
        return self._maker.alike(instruments)

    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield masks [N, R, T_b] on the grid asked for, or of each channel [N, C, R, T_b]."""
        own, grid = self._maker.grid, self.grid
        given, held, first = self._maker.mask_blocks(mix, instruments), None, 0
        num_frames, last_own = grid.num_frames(mix.num_samples), own.num_frames(mix.num_samples) - 1
        for start in range(0, num_frames, _FRAMES):
            frames = np.arange(start, min(start + _FRAMES, num_frames))
            places = np.minimum(frames * grid.hop_samples / own.hop_samples, last_own)
            below = np.minimum(places.astype(int), max(0, last_own - 1))
            above = np.minimum(below + 1, last_own)
            if held is not None and below[0] > first:
                held, first = held[..., below[0] - first :], int(below[0])
            while held is None or first + held.shape[-1] <= above[-1]:
                block = next(given)
                held = block if held is None else np.concatenate([held, block], axis=-1)
            rising = (places - below).astype(np.float32)
            between = held[..., below - first] * (1 - rising) + held[..., above - first] * rising
            yield self._on_rows(torch.from_numpy(between)).numpy()

    def _on_rows(self, masks: Tensor) -> Tensor:
        """Return masks [..., R', T] on the separator's own rows read on the grid's [..., R, T]."""
        own, grid = self._maker.grid, self.grid
        bins = to_bins(masks, own).transpose(-1, -2)
        flat = bins.flatten(0, -3)
        read = torch.nn.functional.interpolate(flat, size=grid.num_bins, mode="linear", align_corners=True)
        return to_rows(read.unflatten(0, bins.shape[:-2]).transpose(-1, -2), grid)
