"""Whether instruments play, measured while their masks are made, whoever makes them."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from varemix.separators.interface import Mix
from varemix.signal.framing import stretches
from varemix.signal.frequency_grid import power_on_rows
from varemix.signal.grid import Grid
from varemix.signal.presence import PresenceMeter
from varemix.signal.spectrogram import spectrum_of_cells

_FRAMES = 256


def measured(mask_blocks: Iterable[np.ndarray], mix: Mix, grid: Grid, meter: PresenceMeter) -> Iterator[np.ndarray]:
    """Yield masks [N, R, T_b] of a mix, and show them to the meter beside the power of the mix behind them."""
    powers, held = power_blocks(mix, grid), np.zeros((grid.num_rows, 0), dtype=np.float32)
    for masks in mask_blocks:
        parts, length = [held], held.shape[-1]
        while length < masks.shape[-1] and (power := next(powers, None)) is not None:
            parts.append(power)
            length += power.shape[-1]
        joined = np.concatenate(parts, axis=-1)
        meter.add(masks, joined[:, : masks.shape[-1]])
        held = joined[:, masks.shape[-1] :]
        yield masks


def power_blocks(mix: Mix, grid: Grid) -> Iterator[np.ndarray]:
    """Yield the power [R, T_b] of a mix's mid signal on the rows of a grid."""
    for cells, num_own in stretches(mix.mid(), _FRAMES, _FRAMES, grid):
        power = spectrum_of_cells(torch.from_numpy(cells), grid).abs().square()
        yield power_on_rows(power, grid)[:, :num_own].numpy()
