"""How loud a recording and its remix are, from the spectra that the remix is made of.

A remix knows the spectrum of every block; what ITU-R BS.1770-4 asks of time then costs a hundredth of measuring the
samples twice. The weighting is taken at the bins, so it is an estimate: of music within 0.1 LU, of a lone tone
of 30 Hz 2 LU too loud. Belongs here: that estimate. Stays out: the standard itself (`levels`).
"""

from array import array
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from varemix.remix.levels import STEPS_PER_BLOCK, STEPS_PER_S, gated_lufs, k_weighting, magnitude
from varemix.signal.grid import RATE_HZ, Grid


class SpectralLoudness:
    """The integrated loudness of one or two channels before and after their bins were scaled.

    `dry_wet` is the share of the change that is made. Keeps 16 bytes a frame.
    """

    def __init__(self, grid: Grid, dry_wet: float = 1.0) -> None:
        self._grid = grid
        self._dry_wet = dry_wet
        self._before, self._after = array("d"), array("d")

    def add(self, spectra: Tensor, changes: Tensor) -> None:
        """Measure the next frames: spectra [C, T, F], and by how much each bin's gain differs from 1, [T, F].

        Changes [C, T, F] are each channel's own.
        """
        squares = torch.view_as_real(spectra).flatten(2).square()  # real and imaginary parts in turn, as they lie
        if changes.ndim < squares.ndim:
            for further in squares[1:]:
                squares[0] += further
            squares, changes = squares[:1], changes[None]
        power = squares[..., ::2] + squares[..., 1::2]
        weights = _weights(self._grid)
        self._before.extend((power @ weights).sum(dim=0).tolist())
        self._after.extend((power.mul_((1 + self._dry_wet * changes).square_()) @ weights).sum(dim=0).tolist())

    @property
    def before_lufs(self) -> float | None:
        """The gated loudness of the recording in LUFS; None under 0.4 s, -inf for silence."""
        return _lufs(self._before, self._grid)

    @property
    def after_lufs(self) -> float | None:
        """The same of its remix."""
        return _lufs(self._after, self._grid)


def _lufs(energies: Sequence[float], grid: Grid) -> float | None:
    """Return the gated loudness of frames: their means over steps of 100 ms, and over blocks of four of those."""
    steps = np.arange(len(energies)) * grid.hop_samples * STEPS_PER_S // RATE_HZ
    if len(steps) == 0 or steps[-1] < STEPS_PER_BLOCK:
        return None
    means = (np.bincount(steps, np.array(energies)) / np.bincount(steps))[:-1]  # the last step may have just begun
    return gated_lufs(np.convolve(means, np.full(STEPS_PER_BLOCK, 1 / STEPS_PER_BLOCK), "valid"))


@lru_cache(maxsize=4)
def _weights(grid: Grid) -> Tensor:
    """Return what turns the power of each bin [F] into a mean square after K-weighting."""
    response = magnitude(k_weighting(RATE_HZ), grid.bins_hz, RATE_HZ)
    both_sides = np.full(grid.num_bins, 2.0)
    both_sides[[0, -1]] = 1.0
    window_power = grid.window_samples * (3 / 8 * grid.window_samples)  # of a Hann window, and of the transform
    return torch.from_numpy((response**2 * both_sides / window_power).astype(np.float32))
