"""One calm style for all figures: sizes, colours, axes, means with their intervals, and the figure of nothing.

Belongs here: what figures share. Stays out: what they show (`figures`, `remix_figures`).
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from varemix.evaluation.bootstrap import MeanInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours: people who see no red or no green tell them apart too.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, QUIET, FAINT = "#222222", "#6B6B6B", "#E3E3E3"
SMALL, USUAL, LARGE = 8.0, 9.5, 12.0  # points
LEGEND: Mapping[str, Any] = {"frameon": False, "fontsize": USUAL, "labelcolor": INK}
_DPI = 110


def canvas(
    title: str,
    *,
    width_in: float = 9,
    height_in: float = 4,
    panels: Sequence[float] = (1,),
    is_shared: bool = False,
    note: str = "",
) -> "tuple[Figure, list[Axes]]":
    """Return a figure with its title, a note below, and panels side by side of these relative widths.

    Where `is_shared`, the panels share their vertical axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", fontsize=LARGE, fontweight="bold", color=INK)
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=SMALL, color=QUIET)
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=is_shared, width_ratios=list(panels))
    for axes in drawn[0]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(QUIET)
        axes.tick_params(colors=INK, labelsize=USUAL, color=QUIET)
        axes.set_axisbelow(True)
    return figure, list(drawn[0])


def name_axes(axes: "Axes", *, x: str = "", y: str = "", grid: Literal["x", "y", "both"] = "y") -> None:
    """Write what the axes measure, with units, and draw faint lines at their ticks."""
    axes.set_xlabel(x, fontsize=USUAL, color=INK)
    axes.set_ylabel(y, fontsize=USUAL, color=INK)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)


def around(intervals: Sequence[MeanInterval]) -> np.ndarray:
    """Return how far intervals reach below and above their means, as error bars take it [2, number]."""
    return np.array([[i.mean - i.low for i in intervals], [i.high - i.mean for i in intervals]]).clip(min=0)


def minus(number: str) -> str:
    """Return a number in words with the sign that the axes have too."""
    return number.replace("-", "−")


def nothing_measured(title: str) -> "Figure":
    """Return a figure which says that there is nothing to show."""
    figure, (axes,) = canvas(title, height_in=1.6)
    axes.set_axis_off()
    axes.text(0.5, 0.5, "nothing was measured", ha="center", va="center", fontsize=LARGE, color=QUIET)
    return figure


def png(figure: "Figure") -> bytes:
    """Return a figure as a PNG picture."""
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
