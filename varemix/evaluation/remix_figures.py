"""Figures of remixes: against separate-and-add, how far wishes are fulfilled, and what smoothing gains.

Belongs here: the paper's Figure 4 and its like, from scores to PNG. Stays out: separation (`figures`), the style
(`drawing`), tables (`tables`, `published`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from varemix.errors import EvaluationError
from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.drawing import (
    BLUE,
    GREEN,
    INK,
    LEGEND,
    ORANGE,
    QUIET,
    SMALL,
    around,
    canvas,
    minus,
    name_axes,
    nothing_measured,
    png,
)
from varemix.evaluation.published import best_settings
from varemix.evaluation.remix_tables import improvements

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (BLUE, ORANGE, GREEN)
_MASKS = {"ideal": ("ideal masks", GREEN, "s"), "image": ("masks of a still image", BLUE, "o")}
_CHANGES = {"target_db": ("the instrument itself", BLUE, "o"), "rest_db": ("everything else", ORANGE, "s")}
_WEIGHTS = range(11)
_EVEN = 5
_GAP_DB = 4.0  # between mute and the lowest number of dB
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """What a remix is judged by: its title, and the label of its improvement.

    Where it is endless, a remix without any error has no place on its scale.
    """

    title: str
    label: str
    is_endless: bool


_MEASURES = {
    "odg": _Measure(title="PEAQ's grade", label="improvement in ODG [grades]", is_endless=False),
    "nsdr_db": _Measure(title="NSDR", label="improvement in NSDR [dB]", is_endless=True),
    "lsd_db": _Measure(title="log-spectral distance", label="fall of the distance [dB]", is_endless=False),
}


def mixing_levels_figure(remix_scores: pd.DataFrame, measure: str) -> bytes:
    """Return the paper's Figure 4 as a PNG picture: how far the remix is better than separate-and-add at each balance.

    `remix_scores` has the columns pair_id, weight_tenths, method, smoothing_s and the measure: `odg`, `nsdr_db` or
    `lsd_db`, of which less is better, so that its fall is shown. Boxes are over mixes, not smoothed and smoothed side
    by side; the numbers over them are the share of mixes that are improved, in percent. Raises EvaluationError for
    another measure.
    """
    return png(draw_mixing_levels(remix_scores, measure))


def achieved_gain_figure(gain_scores: pd.DataFrame) -> bytes:
    """Return as a PNG picture what became of the instrument's level and of the rest's where a gain was wished.

    `gain_scores` has the columns pair_id, instrument, wished_db (-inf for mute), target_db, rest_db. Thick lines are
    means with bootstrap 95 % intervals, thin ones the means of each instrument.
    """
    return png(draw_achieved_gain(gain_scores))


def smoothing_figure(smoothing_scores: pd.DataFrame) -> bytes:
    """Return as a PNG picture what ZLBM gains at each time constant, and CBM at its best settings.

    `smoothing_scores` has the columns pair_id, masks, method, settings, smoothing_s, gain_db.
    """
    return png(draw_smoothing(smoothing_scores))


def draw_mixing_levels(remix_scores: pd.DataFrame, measure: str) -> "Figure":
    """Return the figure that `mixing_levels_figure` encodes."""
    if measure not in _MEASURES:
        raise EvaluationError(f"'{measure}' is no measure of remixes; expected one of {', '.join(_MEASURES)}.")
    shown = _MEASURES[measure]
    title = f"Remix against separate-and-add: {shown.title}"
    improved = _improvements(remix_scores, measure)
    if improved.empty:
        return nothing_measured(title)
    figure, (axes,) = canvas(
        title,
        height_in=4.4,
        note="Above 0 the remix is better. Boxes: the middle half of the mixes, with the median; whiskers: 5 to 95 %; "
        "numbers: the share of mixes above 0.",
    )
    name_axes(axes, x="balance of the two instruments (5:5 is the mix itself)", y=shown.label)
    axes.axhline(0, color=QUIET, linewidth=1)
    smoothings_s = np.sort(improved["smoothing_s"].unique()).tolist()
    for place, smoothing_s in enumerate(smoothings_s):
        offset = 0.8 * ((place + 0.5) / len(smoothings_s) - 0.5)
        chosen = improved[improved["smoothing_s"] == smoothing_s]
        _draw_boxes(axes, chosen, offset=offset, width=0.66 / len(smoothings_s), colour=_COLOURS[place % len(_COLOURS)])
    axes.set_xticks(_WEIGHTS, [f"{weight}:{10 - weight}" for weight in _WEIGHTS])
    axes.set(xlim=(-0.6, 10.6), ylim=_limits(improved, is_endless=shown.is_endless))
    _point_beyond(axes, improved)
    above = axes.get_xaxis_transform()
    axes.text(-0.65, 1.015, "improved [%]", transform=above, ha="right", fontsize=SMALL, color=QUIET)
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(-0.01, 1.05), ncols=len(smoothings_s))
    return figure


def draw_achieved_gain(gain_scores: pd.DataFrame) -> "Figure":
    """Return the figure that `achieved_gain_figure` encodes."""
    title = "What becomes of a gain"
    known = gain_scores.dropna(subset=list(_CHANGES), how="all")
    if known.empty:
        return nothing_measured(title)
    figure, (axes,) = canvas(
        title,
        width_in=8,
        height_in=5,
        note="Means with bootstrap 95 % intervals; thin lines: each instrument by itself.",
    )
    name_axes(axes, x="gain that was set [dB]", y="achieved change of level [dB]", grid="both")
    wishes_db = np.sort(known["wished_db"].unique())
    levels_db = wishes_db[np.isfinite(wishes_db)]
    mute_at_db = float(levels_db.min(initial=0.0)) - _GAP_DB
    ends_db = [levels_db.min(initial=0.0), levels_db.max(initial=0.0)]
    axes.axhline(0, color=QUIET, linewidth=1)
    axes.plot(ends_db, ends_db, ":", color=INK, label="as set")
    for column, (label, colour, marker) in _CHANGES.items():
        for _, of_instrument in known.groupby("instrument"):
            means = of_instrument.groupby("wished_db")[column].mean()
            axes.plot(np.maximum(means.index, mute_at_db), means, color=colour, linewidth=0.7, alpha=0.35)
        by_wish = _means_by("wished_db", known, column)
        _draw_line(axes, by_wish, mute_at_db, label=label, colour=colour, marker=marker)
    places = np.maximum(wishes_db, mute_at_db)
    axes.axvline(mute_at_db + _GAP_DB / 2, color=QUIET, linewidth=0.8, linestyle=":")
    axes.set_xticks(places, [minus(f"{wish:+g}") if np.isfinite(wish) else "mute" for wish in wishes_db])
    axes.legend(**LEGEND, loc="lower right")
    return figure


def draw_smoothing(smoothing_scores: pd.DataFrame) -> "Figure":
    """Return the figure that `smoothing_figure` encodes."""
    title = "What smoothing of binary masks gains"
    known = smoothing_scores[smoothing_scores["gain_db"].notna()]
    if known.empty:
        return nothing_measured(title)
    figure, (axes,) = canvas(
        title,
        width_in=10,
        note="Fall of the error beside the sound of the ideal ratio mask: means with bootstrap 95 % intervals; above 0 "
        "smoothing helps.",
    )
    name_axes(axes, x="time constant of ZLBM [ms]", y="improvement over the binary mask [dB]")
    axes.set_xscale("log")
    axes.axhline(0, color=QUIET, linewidth=1)
    for masks, (label, colour, marker) in _MASKS.items():
        chosen = known[known["masks"] == masks]
        curve = _means_by("smoothing_s", chosen[chosen["method"] == "zlbm"], "gain_db")
        _draw_band(axes, curve, label=f"ZLBM, {label}", colour=colour, marker=marker)
        _draw_best_cbm(axes, chosen[chosen["method"] == "cbm"], label=f"CBM, {label}", colour=colour)
    axes.legend(**LEGEND, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _improvements(remix_scores: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return by pair_id, weight_tenths and smoothing_s how far the remix is better, as the column `better_by`."""
    if remix_scores.empty:
        return remix_scores
    return improvements(remix_scores).dropna(subset=[measure]).rename(columns={measure: "better_by"})


def _draw_boxes(axes: "Axes", improved: pd.DataFrame, *, offset: float, width: float, colour: str) -> None:
    """Draw a box at each balance, and above it the share of mixes whose improvement is above 0; of one smoothing."""
    weights = np.sort(improved["weight_tenths"].unique())
    by_weight = [improved[improved["weight_tenths"] == weight]["better_by"].to_numpy() for weight in weights]
    line = {"color": colour, "linewidth": 1.2}
    filled: dict[str, Any] = {"facecolor": f"{colour}55", "edgecolor": colour}
    axes.boxplot(
        by_weight,
        positions=weights + offset,
        widths=width,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops=filled,
        medianprops={"color": colour, "linewidth": 2.2},
        whiskerprops=line,
        capprops=line,
    )
    smoothing_ms = 1000 * improved["smoothing_s"].iloc[0]
    axes.fill_between([], [], **filled, label=f"smoothed, {smoothing_ms:.0f} ms" if smoothing_ms else "not smoothed")
    above: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "fontsize": SMALL,
        "fontweight": "bold",
        "ha": "center",
    }
    for weight, better_by in zip(weights, by_weight, strict=True):
        axes.text(weight + offset, 1.015, f"{100 * np.mean(better_by > 0):.0f}", color=colour, **above)


def _limits(improved: pd.DataFrame, *, is_endless: bool) -> tuple[float, float]:
    """Return where the axis ends: at the whiskers, but those of the even balance if the measure is endless.

    There the remix is the mix itself, so that a ratio to its error, which is 0, would leave no room for all others.
    """
    is_uneven = improved["weight_tenths"] != _EVEN
    shown = improved[is_uneven] if is_endless and is_uneven.any() else improved
    by_box = shown.groupby(["weight_tenths", "smoothing_s"])["better_by"]
    low, high = min(0.0, by_box.quantile(0.05).min()), max(0.0, by_box.quantile(0.95).max())
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _point_beyond(axes: "Axes", improved: pd.DataFrame) -> None:
    """Say where the even balance lies if its boxes are beyond the end of the axis."""
    median = improved[improved["weight_tenths"] == _EVEN]["better_by"].median()
    low, high = axes.get_ylim()
    if median > high:
        axes.text(_EVEN, high, f"↑\n{median:+.0f}", ha="center", va="top", fontsize=SMALL, color=INK)
    elif median < low:
        axes.text(_EVEN, low, f"{median:+.0f}\n↓", ha="center", va="bottom", fontsize=SMALL, color=INK)


def _means_by(by: str, scores: pd.DataFrame, column: str) -> dict[float, MeanInterval]:
    """Return the means of a column, with their intervals, by the values of another in rising order."""
    found = {}
    for value in np.sort(scores[by].dropna().unique()):
        chosen = scores[scores[by] == value]
        interval = mean_interval(chosen[column].to_numpy(float), chosen["pair_id"].to_numpy(), seed=_SEED)
        if interval.num_values:
            found[float(value)] = interval
    return found


def _draw_line(
    axes: "Axes", by_wish: dict[float, MeanInterval], mute_at_db: float, *, label: str, colour: str, marker: str
) -> None:
    """Draw means over the wishes; mute, which is no number of dB, has its own place at the left."""
    places, means = np.maximum(list(by_wish), mute_at_db), [interval.mean for interval in by_wish.values()]
    if means:
        bars = around(list(by_wish.values()))
        axes.errorbar(places, means, yerr=bars, marker=marker, markersize=5, linewidth=2, color=colour, label=label)


def _draw_band(axes: "Axes", by_smoothing: dict[float, MeanInterval], *, label: str, colour: str, marker: str) -> None:
    """Draw a curve within its intervals, with a large mark where it is highest."""
    if not by_smoothing:
        return
    times_ms, found = [1000 * smoothing_s for smoothing_s in by_smoothing], list(by_smoothing.values())
    axes.fill_between(times_ms, [i.low for i in found], [i.high for i in found], color=colour, alpha=0.18, linewidth=0)
    best = max(by_smoothing, key=lambda smoothing_s: by_smoothing[smoothing_s].mean)
    highest_db = by_smoothing[best].mean
    label = f"{label}:\nbest {minus(f'{highest_db:+.2f}')} dB at {1000 * best:.0f} ms"
    axes.plot(times_ms, [i.mean for i in found], f"{marker}-", markersize=4, linewidth=2, color=colour, label=label)
    axes.plot(1000 * best, highest_db, marker, markersize=9, color=colour)


def _draw_best_cbm(axes: "Axes", scores: pd.DataFrame, *, label: str, colour: str) -> None:
    best = best_settings(scores)
    if best:
        axes.axhline(
            best.gain_db.mean,
            color=colour,
            linewidth=1.6,
            linestyle="--",
            label=f"{label}:\nbest {minus(f'{best.gain_db.mean:+.2f}')} dB",
        )
