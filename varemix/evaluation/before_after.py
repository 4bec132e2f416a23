"""A picture of what a remix changed: spectrograms before and after, and the change of level between them.

Belongs here: from two signals to PNG. Stays out: which recordings, and which stretch of them, are shown.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

from varemix.evaluation.drawing import INK, QUIET, USUAL, canvas, png
from varemix.signal.grid import PAPER_GRID, RATE_HZ
from varemix.signal.spectrogram import stft

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_RANGE_DB = 70.0
_CHANGE_DB = 24.0
_AUDIBLE_DB = -60.0  # below the loudest bin; what is softer shows no change
_NUM_ROWS = 256
_LOWEST_HZ = 60.0
_TICKS_HZ = (100, 300, 1000, 3000, 10_000)


def before_after_figure(before: np.ndarray, after: np.ndarray, *, first_s: float, title: str, note: str = "") -> bytes:
    """Return a PNG picture of a stretch before and after, samples [S] at 44.1 kHz each, that begins at `first_s`.

    Colours stand for level, 70 dB of it; in the third panel for the change, up to 24 dB louder or softer.
    """
    return png(draw_before_after(before, after, first_s=first_s, title=title, note=note))


def draw_before_after(before: np.ndarray, after: np.ndarray, *, first_s: float, title: str, note: str = "") -> "Figure":
    """Return the figure that `before_after_figure` encodes."""
    levels = [_levels_db(samples) for samples in (before, after)]
    loudest = max(level.max() for level in levels)
    change = np.where(np.maximum(*levels) > loudest + _AUDIBLE_DB, levels[1] - levels[0], 0.0)
    figure, panels = canvas(title, width_in=12, height_in=3.6, panels=(1, 1, 1), is_shared=True, note=note)
    seconds = (first_s, first_s + len(before) / RATE_HZ)
    for axes, level, name in zip(panels, levels, ("before", "after"), strict=False):
        shown = _show(axes, level - loudest, seconds, name, cmap="magma", low=-_RANGE_DB, high=0)
    figure.colorbar(shown, ax=panels[1], label="level [dB]")
    shown = _show(panels[2], change, seconds, "change", cmap="RdBu_r", low=-_CHANGE_DB, high=_CHANGE_DB)
    figure.colorbar(shown, ax=panels[2], label="softer / louder [dB]")
    panels[0].set_ylabel("frequency [Hz]", fontsize=USUAL, color=INK)
    panels[0].set_yticks([_row(hz) for hz in _TICKS_HZ], [f"{hz:,}".replace(",", " ") for hz in _TICKS_HZ])
    return figure


def _show(
    axes: "Axes", rows: np.ndarray, seconds: tuple[float, float], name: str, *, cmap: str, low: float, high: float
) -> "AxesImage":
    axes.set_title(name, loc="left", fontsize=USUAL, color=INK)
    axes.set_xlabel("time [s]", fontsize=USUAL, color=INK)
    axes.tick_params(colors=QUIET)
    extent = (*seconds, 0.0, float(_NUM_ROWS))
    return axes.imshow(rows, aspect="auto", origin="lower", extent=extent, cmap=cmap, vmin=low, vmax=high)


def _levels_db(samples: np.ndarray) -> np.ndarray:
    """Return the level of each row and frame, rows evenly spaced in the logarithm of frequency."""
    level = 20 * np.log10(stft(torch.from_numpy(np.ascontiguousarray(samples)), PAPER_GRID).abs().numpy() + 1e-7)
    bins_hz = _LOWEST_HZ * (RATE_HZ / 2 / _LOWEST_HZ) ** (np.arange(_NUM_ROWS) / (_NUM_ROWS - 1))
    bins = np.minimum(np.rint(bins_hz / PAPER_GRID.bins_hz[1]).astype(int), PAPER_GRID.num_bins - 1)
    shown: np.ndarray = level[bins]
    return shown


def _row(hz: float) -> float:
    return _NUM_ROWS * float(np.log(hz / _LOWEST_HZ) / np.log(RATE_HZ / 2 / _LOWEST_HZ))
