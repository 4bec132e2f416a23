"""Stretches of a long signal hold the frames of the whole, whatever its blocks."""

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID
from varemix.signal.framing import stretches
from varemix.signal.grid import PAPER_GRID
from varemix.signal.spectrogram import spectrum_of_cells, stft


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID])
@pytest.mark.parametrize("num_samples", [1, 511, 4096, 30_000, 70_001])
@pytest.mark.parametrize("num_frames", [3, 16])
def test_stretches_side_by_side_are_the_spectrum_of_the_whole(grid, num_samples, num_frames):
    signal = np.random.default_rng(num_samples).normal(size=(2, num_samples)).astype(np.float32)
    blocks = np.split(signal, [num_samples // 3, num_samples // 2], axis=-1)
    parts = [
        spectrum_of_cells(torch.from_numpy(cells), grid)[..., :num_own]
        for cells, num_own in stretches(blocks, num_frames, num_frames, grid)
    ]
    torch.testing.assert_close(torch.cat(parts, dim=-1), stft(torch.from_numpy(signal), grid), atol=1e-4, rtol=1e-4)
