"""Stems to masks: which share of each row of a mix a stem is, so that the mix can be changed instead of summed anew.

The mask of a row is the gain that brings the mix nearest to the stem there, by least squares over the row's bins:
the sum of Re(S X*) beside that of |X|^2, cut to 0..1. Where stems claim more than a row holds, each gets its share. The
spectra are those that the masks are applied on, `Grid.applied`.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from varemix.signal.framing import stretches
from varemix.signal.frequency_grid import power_on_rows, to_rows
from varemix.signal.grid import Grid
from varemix.signal.spectrogram import spectrum_of_cells

_FRAMES = 64
_LEAST_POWER = 1e-12


def stem_mask_blocks(
    mix_and_stems: Iterable[np.ndarray], grid: Grid, *, per_channel: bool = False
) -> Iterator[np.ndarray]:
    """Yield the masks [N, R, T_b] of N stems on the rows of a grid; with `per_channel` [N, C, R, T_b].

    The signals come in blocks [1 + N, C, S_b] at 44.1 kHz, the mix before its stems.
    """
    applied = grid.applied
    for cells, num_own in stretches(mix_and_stems, _FRAMES, _FRAMES, applied):
        spectra = spectrum_of_cells(torch.from_numpy(cells), applied)[..., :num_own]
        yield stem_masks(spectra[1:], spectra[0], applied, per_channel=per_channel).numpy()


def stem_masks(stems: Tensor, mix: Tensor, grid: Grid, *, per_channel: bool = False) -> Tensor:
    """Return the masks [N, R, T] of stems [N, C, F, T] of a mix [C, F, T], complex spectra of a grid.

    One mask serves all channels, or with `per_channel` [N, C, R, T] each its own. Of all stems they add up to 1 at
    most; where the mix is silent they are 0.
    """
    in_phase, power = (stems * mix.conj()).real, mix.abs().square()
    if not per_channel:
        in_phase, power = in_phase.sum(dim=1), power.sum(dim=0)
    masks = power_on_rows(in_phase, grid) / power_on_rows(power, grid).clamp_min(_LEAST_POWER)
    if grid.log_rows is not None:
        between = to_rows((in_phase / power.clamp_min(_LEAST_POWER)).clamp(0, 1), grid)
        masks = torch.where(_hold_bins(grid, mix.device)[:, None], masks, between)
    masks = masks.clamp(0, 1)
    return masks / masks.sum(dim=0).clamp_min(1)


@lru_cache(maxsize=4)
def _hold_bins(grid: Grid, device: torch.device) -> Tensor:
    """Return which of the grid's rows [R] have a part of a bin: low rows lie closer together than bins do."""
    return power_on_rows(torch.ones(grid.num_bins, 1, device=device), grid)[:, 0] > 1e-3
