"""Two noises in bands of their own, and the masks that take them apart: what is done to one is known of the other."""

import numpy as np
import torch

from varemix.signal.frequency_grid import to_rows
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.masks import Masks

_SPLIT_HZ, _GAP_HZ = 2_600, 170


def two_bands(num_samples: int) -> np.ndarray:
    """Return noise below and noise above 2.6 kHz [2, S], with a gap between that no window bridges."""
    spectra = np.fft.rfft(0.1 * np.random.default_rng(0).standard_normal((2, num_samples)))
    hz = np.fft.rfftfreq(num_samples, 1 / RATE_HZ)
    spectra[0, hz > _SPLIT_HZ - _GAP_HZ] = 0
    spectra[1, hz < _SPLIT_HZ + _GAP_HZ] = 0
    return np.fft.irfft(spectra, n=num_samples).astype(np.float32)


def masks_of_two_bands(num_samples: int, grid: Grid = PAPER_GRID) -> Masks:
    """Return the masks, one for each band, that give it its own rows."""
    rows_hz = to_rows(torch.from_numpy(grid.bins_hz)[:, None], grid).numpy()
    is_low = np.repeat(rows_hz < _SPLIT_HZ, grid.num_frames(num_samples), axis=1)
    return Masks(values=np.stack([is_low, ~is_low]).astype(np.float32), grid=grid)
