"""Masks: how much of each bin of the mix belongs to a source, 0 nothing, 1 all.

Belongs here: the record that masks travel in, masks that follow from known sources, and the random one they are
compared with. Stays out: networks that make masks (`model`), files that keep them (`catalog`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from varemix.errors import UsageError
from varemix.signal.frequency_grid import to_bins
from varemix.signal.grid import Grid

THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Masks:
    """N masks on the rows they were made on: values [N, R, T] in 0..1, and the grid that the rows and frames are of.

    Raises UsageError where values and grid do not fit.
    """

    values: np.ndarray
    grid: Grid

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[1] != self.grid.num_rows:
            raise UsageError(
                f"The masks have shape {list(self.values.shape)}; [N, {self.grid.num_rows}, T] was expected on their "
                "grid. Pass masks and the grid they were made on."
            )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, places: slice | Sequence[int] | np.ndarray) -> "Masks":
        """Return some of the masks."""
        return Masks(values=self.values[places], grid=self.grid)

    @property
    def num_frames(self) -> int:
        """Frames (T)."""
        return self.values.shape[-1]

    def on_bins(self) -> "Masks":
        """Return the masks read on the linear bins."""
        values = to_bins(torch.from_numpy(self.values), self.grid).numpy()
        return Masks(values=values, grid=self.grid.on_bins())


def ideal_binary(magnitudes: Tensor, mix_magnitude: Tensor) -> Tensor:
    """Return 1 where a source [..., N, F, T] holds more than half of the mix [..., F, T], else 0 (Zhao et al. 2018)."""
    return (magnitudes > 0.5 * mix_magnitude.unsqueeze(-3)).to(magnitudes.dtype)


def ideal_ratio(magnitudes: Tensor) -> Tensor:
    """Return each source's share [..., N, F, T] of the summed magnitudes; 0 where all are silent."""
    return magnitudes / magnitudes.sum(dim=-3, keepdim=True).clamp_min(1e-10)


def random_binary(shape: tuple[int, ...], *, seed: int) -> Tensor:
    """Return a mask of that shape, each bin 0 or 1 with equal chance."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 2, shape).astype(np.float32))


def binarise(masks: np.ndarray) -> np.ndarray:
    """Return 1 where a mask passes 0.5, else 0."""
    return (masks > THRESHOLD).astype(masks.dtype)
