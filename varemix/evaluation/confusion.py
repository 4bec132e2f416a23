"""What is taken for what: of the power of each instrument that plays alone, the share that each mask claims.

Belongs here: shares, and their figure. Stays out: which sounds are heard (`benchmarks.confusion`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from varemix.evaluation.drawing import FAINT, INK, SMALL, canvas, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOBODY = "nobody"
_NUMBERED_FROM = 0.05
_DARK_FROM = 0.5


def claimed_shares(masks: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return which share of a sound's power [R, T] each mask of masks [N, R, T] claims, and then nobody: [N + 1].

    Where masks claim more than there is of a bin together, each counts as its part of it.
    """
    together = masks.sum(axis=0)
    claimed = (masks / np.maximum(together, 1) * power).sum(axis=(1, 2), dtype=np.float64)
    total = power.sum(dtype=np.float64)
    shares = claimed / max(total, np.finfo(float).tiny)
    return np.append(shares, max(0.0, 1 - shares.sum()) if total else 0.0)


def confusion_figure(shares: np.ndarray, played: Sequence[str], claiming: Sequence[str], num_sounds: int) -> bytes:
    """Return shares [N played, M claiming] in 0..1 as a PNG picture, a row for each instrument that played alone."""
    return png(draw_confusion(shares, played, claiming, num_sounds))


def draw_confusion(shares: np.ndarray, played: Sequence[str], claiming: Sequence[str], num_sounds: int) -> "Figure":
    """Return the figure that `confusion_figure` encodes."""
    figure, (axes,) = canvas(
        "What is taken for what",
        width_in=2.4 + 0.36 * len(claiming),
        height_in=2.2 + 0.28 * len(played),
        note=f"Share of the power of {num_sounds} sounds of one instrument each (row) that each instrument's mask "
        "claims (column), in %. The diagonal is right.",
    )
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(claiming)), [name.replace("_", " ") for name in claiming], rotation=60, ha="right")
    axes.set_yticks(range(len(played)), [name.replace("_", " ") for name in played])
    axes.set_xlabel("taken for", color=INK)
    axes.set_ylabel("plays", color=INK)
    axes.spines[:].set_color(FAINT)
    for row, column in np.argwhere(shares >= _NUMBERED_FROM):
        share = shares[row, column]
        colour = "white" if share >= _DARK_FROM else INK
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=SMALL, color=colour)
    return figure
