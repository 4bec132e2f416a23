"""Figures of separation: how well each instrument is separated, and whether what plays is told from what does not.

Belongs here: the paper's Figure 3 and that of presence, from scores to PNG. Stays out: remixes (`remix_figures`), the
style (`drawing`), tables (`tables`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from varemix.evaluation.bootstrap import mean_interval
from varemix.evaluation.condition_names import IMAGE
from varemix.evaluation.drawing import (
    BLUE,
    GREEN,
    INK,
    LEGEND,
    ORANGE,
    QUIET,
    SMALL,
    USUAL,
    around,
    canvas,
    minus,
    name_axes,
    nothing_measured,
    png,
)
from varemix.evaluation.presence import roc_auc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ASKED_BY = {"video": ("video frames", ORANGE, "s", 0.14), IMAGE: ("still image", BLUE, "o", -0.14)}
_SCORES = {"nsdr_db": "NSDR [dB]", "sir_db": "SIR [dB]", "sar_db": "SAR [dB]"}
_ALL = "all"
_SEED = 0
_BIN_WIDTHS_DB = (1, 2, 5, 10, 20)
_MOST_BINS = 10


def instruments_figure(scores: pd.DataFrame) -> bytes:
    """Return the paper's Figure 3 as a PNG picture: NSDR, SIR and SAR of each instrument, asked by video and by image.

    `scores` has the columns pair_id, condition, instrument, nsdr_db, sir_db, sar_db. Dots are means over mixes, lines
    their bootstrap 95 % intervals; the instrument that is separated best by a still image stands at the top.
    """
    return png(draw_instruments(scores))


def presence_figure(present_db: ArrayLike, absent_db: ArrayLike, threshold_db: float) -> bytes:
    """Return as a PNG picture how well the measure of presence [dB] tells what plays from what does not.

    On the left the ROC curve with its area and the threshold's place on it, on the right the share that really plays
    where the measure lies in a bin. NaN is left out.
    """
    return png(draw_presence(present_db, absent_db, threshold_db))


def draw_instruments(scores: pd.DataFrame) -> "Figure":
    """Return the figure that `instruments_figure` encodes."""
    title = "How well each instrument is separated from mixes"
    asked = scores[scores["condition"].isin(_ASKED_BY) & scores["nsdr_db"].notna()]
    if asked.empty:
        return nothing_measured(title)
    names = [*_worst_first(asked), _ALL]
    figure, panels = canvas(
        title,
        height_in=1.5 + 0.34 * len(names),
        panels=(1,) * len(_SCORES),
        is_shared=True,
        note="Dots: means, lines: bootstrap 95 % intervals. NSDR: gain over the unprocessed mix; SIR: how far the "
        "others are down; SAR: how far artifacts are down.\nFarther to the right is better. In brackets: scores.",
    )
    for axes, (column, label) in zip(panels, _SCORES.items(), strict=True):
        name_axes(axes, x=label, grid="x")
        axes.axhline(len(names) - 1.5, color=QUIET, linewidth=0.6)
        for condition, (asked_by, colour, marker, offset) in _ASKED_BY.items():
            chosen = asked[asked["condition"] == condition]
            _draw_means(axes, chosen, names, column, label=asked_by, colour=colour, marker=marker, offset=offset)
    panels[0].axvline(0, color=QUIET, linewidth=1)
    panels[0].set_yticks(range(len(names)), [f"{name} ({_num_scores(asked, name)})" for name in names])
    panels[0].legend(**LEGEND, loc="lower left", bbox_to_anchor=(-0.02, 1))
    return figure


def draw_presence(present_db: ArrayLike, absent_db: ArrayLike, threshold_db: float) -> "Figure":
    """Return the figure that `presence_figure` encodes."""
    title = "Does an instrument that is asked for play at all?"
    present, absent = _measured(present_db), _measured(absent_db)
    if not present.size or not absent.size:
        return nothing_measured(title)
    figure, (roc, calibration) = canvas(
        title,
        panels=(1, 1.5),
        note=f"Of {present.size} pictures of what plays, and {absent.size} of what does not. The measure: the power "
        "that the picture's mask lets through, beside the mix's.",
    )
    _draw_roc(roc, present, absent, threshold_db)
    _draw_calibration(calibration, present, absent, threshold_db)
    return figure


def _worst_first(asked: pd.DataFrame) -> list[str]:
    """Return the instruments by their mean NSDR with a still image, or with video where there is none."""
    by_condition = asked.pivot_table(index="instrument", columns="condition", values="nsdr_db").reindex(
        columns=[IMAGE, "video"]
    )
    return [str(name) for name in by_condition[IMAGE].fillna(by_condition["video"]).sort_values().index]


def _num_scores(asked: pd.DataFrame, name: str) -> int:
    of_name = asked if name == _ALL else asked[asked["instrument"] == name]
    return int(of_name.groupby("condition").size().max())


def _draw_means(
    axes: "Axes",
    scores: pd.DataFrame,
    names: list[str],
    column: str,
    *,
    label: str,
    colour: str,
    marker: str,
    offset: float,
) -> None:
    """Draw a dot with its interval for each of the instruments that has a score."""
    places, intervals = [], []
    for place, name in enumerate(names):
        of_name = scores if name == _ALL else scores[scores["instrument"] == name]
        found = mean_interval(of_name[column].to_numpy(float), of_name["pair_id"].to_numpy(), seed=_SEED)
        if found.num_values:
            places.append(place + offset)
            intervals.append(found)
    if intervals:
        axes.errorbar(
            [found.mean for found in intervals],
            places,
            xerr=around(intervals),
            fmt=marker,
            markersize=5,
            color=colour,
            linewidth=1.6,
            label=label,
        )


def _draw_roc(axes: "Axes", present: np.ndarray, absent: np.ndarray, threshold_db: float) -> None:
    thresholds = np.unique(np.concatenate([present, absent]))[::-1]
    found, alarms = _shares_from(present, thresholds), _shares_from(absent, thresholds)
    name_axes(axes, x="does not play, but is taken to [%]", y="plays, and is found [%]", grid="both")
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=1, linestyle=":")
    axes.plot([0, *alarms], [0, *found], color=BLUE, linewidth=2)
    (here_found,), (here_alarms,) = (_shares_from(kind, np.array([threshold_db])) for kind in (present, absent))
    axes.plot(here_alarms, here_found, "o", color=ORANGE, markersize=8)
    axes.text(98, 4, f"area {roc_auc(present, absent):.3f}\n(by chance 0.5)", ha="right", fontsize=USUAL, color=BLUE)
    told = f"threshold {minus(f'{threshold_db:.1f}')} dB:\n{here_found:.0f} % found,\n{here_alarms:.0f} % false alarms"
    is_left = here_alarms < 50
    axes.annotate(
        told,
        (here_alarms, here_found),
        xytext=(12 if is_left else -12, -12),
        textcoords="offset points",
        ha="left" if is_left else "right",
        va="top",
        fontsize=USUAL,
        color=ORANGE,
    )
    axes.set(xlim=(-3, 103), ylim=(-3, 103))


def _draw_calibration(axes: "Axes", present: np.ndarray, absent: np.ndarray, threshold_db: float) -> None:
    edges = _bin_edges_db(np.concatenate([present, absent]))
    playing, silent = (np.histogram(kind.clip(min=edges[0]), edges)[0] for kind in (present, absent))
    asked = playing + silent
    name_axes(axes, x="measure of detection [dB]", y="really plays [%]")
    for low, high, num_playing, num_asked in zip(edges[:-1], edges[1:], playing, asked, strict=True):
        if num_asked:
            share = 100 * num_playing / num_asked
            axes.bar((low + high) / 2, share, 0.86 * (high - low), color=GREEN)
            counts = f"{num_playing}/{num_asked}"
            behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            axes.text((low + high) / 2, share + 2, counts, ha="center", fontsize=SMALL, color=INK, bbox=behind)
    axes.axvline(threshold_db, color=ORANGE, linewidth=1.6, linestyle="--", label="threshold")
    axes.set(ylim=(0, 112), yticks=range(0, 101, 20), xlim=(min(edges[0], threshold_db) - 1, edges[-1] + 1))
    axes.legend(**LEGEND, loc="upper left")


def _bin_edges_db(measures: np.ndarray) -> np.ndarray:
    """Return round edges of at most some ten bins; the hundredth that is lowest falls into the first of them."""
    low, high = np.quantile(measures, 0.01, method="higher"), measures.max()
    width = next((width for width in _BIN_WIDTHS_DB if high - low <= width * _MOST_BINS), _BIN_WIDTHS_DB[-1])
    return np.arange(np.floor(low / width), np.floor(high / width) + 2) * width


def _shares_from(measures: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return how many of the measures lie at each threshold or above, in percent."""
    return 100 * (1 - np.searchsorted(np.sort(measures), thresholds, side="left") / measures.size)


def _measured(measures: ArrayLike) -> np.ndarray:
    flat = np.asarray(measures, dtype=np.float64).ravel()
    return flat[~np.isnan(flat)]
