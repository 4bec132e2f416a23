"""Whether instruments play, measured while their masks are made, whoever makes them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from varemix.separators.interface import Mix, by_channel
from varemix.signal.framing import stretches
from varemix.signal.frequency_grid import power_on_rows
from varemix.signal.grid import Grid
from varemix.signal.presence import PresenceMeter
from varemix.signal.spectrogram import spectrum_of_cells

_FRAMES = 256


def measured(
    mask_blocks: Iterable[np.ndarray], mix: Mix, grid: Grid, meters: Sequence[PresenceMeter]
) -> Iterator[np.ndarray]:
    """Yield masks of a mix, and show them to the meters beside the power of the mix behind them.

    Masks [N, R, T_b] have one meter, beside the mid signal; masks [N, C, R, T_b] have one for each channel.
    """
    powers: Iterator[np.ndarray] | None = None
    held = np.zeros((len(meters), grid.num_rows, 0), dtype=np.float32)
    for masks in mask_blocks:
        each = by_channel(masks)
        if powers is None:
            powers = power_blocks(mix.pair() if each is masks else (block[None] for block in mix.mid()), grid)
        parts, length = [held], held.shape[-1]
        while length < masks.shape[-1] and (power := next(powers, None)) is not None:
            parts.append(power)
            length += power.shape[-1]
        joined = np.concatenate(parts, axis=-1)
        for place, meter in enumerate(meters):
            meter.add(each[:, place], joined[place, :, : masks.shape[-1]])
        held = joined[..., masks.shape[-1] :]
        yield masks


def power_blocks(blocks: Iterable[np.ndarray], grid: Grid) -> Iterator[np.ndarray]:
    """Yield the power [C, R, T_b] of a signal that comes in blocks [C, S_b] on the rows of a grid."""
    for cells, num_own in stretches(blocks, _FRAMES, _FRAMES, grid):
        power = spectrum_of_cells(torch.from_numpy(cells), grid).abs().square()
        yield power_on_rows(power, grid)[..., :num_own].numpy()
