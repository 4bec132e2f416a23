"""Figures of remixes: that what was measured is what is drawn."""

import math
import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from varemix.errors import EvaluationError
from varemix.evaluation.remix_figures import (
    achieved_gain_figure,
    draw_achieved_gain,
    draw_mixing_levels,
    draw_smoothing,
    mixing_levels_figure,
    smoothing_figure,
)

PAIRS = 4


def texts_of(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def remixes() -> pd.DataFrame:
    """Return scores of four mixes: the remix is better by more at each balance, in the first mix it is worse.

    With smoothing it is better by 0.75 more.
    """
    rows = []
    for pair, weight, smoothing_s in ((p, w, s) for p in range(PAIRS) for w in range(11) for s in (0.0, 0.04)):
        shared = {"pair_id": f"pair {pair}", "weight_tenths": weight, "smoothing_s": smoothing_s}
        better_by = (weight / 10 + 0.1) * (1 if pair else -1) + (0.75 if smoothing_s else 0)
        rows.append(shared | {"method": "separate_and_add", "odg": -3.0, "nsdr_db": 2.0, "lsd_db": 9.0})
        rows.append(
            shared | {"method": "remix", "odg": -3 + better_by, "nsdr_db": 2 + better_by, "lsd_db": 9 - better_by}
        )
    return pd.DataFrame(rows)


def medians_of(figure: Figure) -> list[float]:
    """Return the heights of the thick lines in the boxes, from left to right."""
    thick = [line for line in figure.axes[0].lines if line.get_linewidth() == 2.2]
    return [float(line.get_ydata()[0]) for line in sorted(thick, key=lambda line: line.get_xdata()[0])]


@pytest.mark.parametrize("measure", ["odg", "nsdr_db", "lsd_db"])
def test_every_balance_has_its_boxes_and_less_distance_is_an_improvement(measure: str) -> None:
    figure = draw_mixing_levels(remixes(), measure)
    expected = [weight / 10 + 0.1 + more for weight in range(11) for more in (0.0, 0.75)]
    assert medians_of(figure) == pytest.approx(expected)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == [f"{weight}:{10 - weight}" for weight in range(11)]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["not smoothed", "smoothed, 40 ms"]


def test_the_share_of_improved_mixes_stands_over_each_box() -> None:
    *shares, heading = texts_of(draw_mixing_levels(remixes(), "odg").axes[0])
    assert heading == "improved [%]"
    assert shares[:11] == ["75"] * 11
    assert shares[11:] == ["100"] * 7 + ["75"] * 4


def test_a_remix_as_good_as_separate_and_add_is_no_improvement() -> None:
    scores = remixes().assign(odg=-2.0)
    assert texts_of(draw_mixing_levels(scores, "odg").axes[0])[:22] == ["0"] * 22


def test_the_mix_itself_which_has_no_error_leaves_room_for_the_others() -> None:
    scores = remixes()
    scores.loc[(scores["weight_tenths"] == 5) & (scores["method"] == "separate_and_add"), "nsdr_db"] = -90.0
    axes = draw_mixing_levels(scores, "nsdr_db").axes[0]
    assert axes.get_ylim()[1] < 3
    assert any(text.startswith("↑\n+9") for text in texts_of(axes))


def test_a_grade_is_never_cut_off() -> None:
    scores = remixes()
    scores.loc[(scores["weight_tenths"] == 5) & (scores["method"] == "remix"), "odg"] = 3.0
    axes = draw_mixing_levels(scores, "odg").axes[0]
    assert axes.get_ylim()[1] > 6
    assert not any("↑" in text for text in texts_of(axes))


def test_remixes_without_a_grade_are_left_out() -> None:
    scores = remixes()
    scores.loc[scores["smoothing_s"] > 0, "odg"] = math.nan
    assert len(medians_of(draw_mixing_levels(scores, "odg"))) == 11
    nothing = draw_mixing_levels(scores.assign(odg=math.nan), "odg")
    assert texts_of(nothing.axes[0]) == ["nothing was measured"]


def test_another_measure_is_refused() -> None:
    with pytest.raises(
        EvaluationError, match="'sir_db' is no measure of remixes; expected one of odg, nsdr_db, lsd_db"
    ):
        mixing_levels_figure(remixes(), "sir_db")


def gains() -> pd.DataFrame:
    """Return scores of two instruments that follow the wish by half, the rest by a tenth; the tuba 1 dB more."""
    wishes_db = (-math.inf, -12.0, -6.0, 6.0)
    return pd.DataFrame(
        [
            {
                **{"pair_id": f"pair {pair}", "instrument": instrument, "wished_db": wish},
                "target_db": max(wish, -30) / 2 + (instrument == "tuba"),
                "rest_db": max(wish, -30) / 10,
            }
            for pair in range(PAIRS)
            for instrument in ("tuba", "violin")
            for wish in wishes_db
        ]
    )


def test_the_achieved_gains_are_drawn_over_the_wished_ones_mute_at_the_left() -> None:
    axes = draw_achieved_gain(gains()).axes[0]
    target, rest = axes.containers
    assert list(target[0].get_xdata()) == [-16, -12, -6, 6]
    assert list(target[0].get_ydata()) == [-14.5, -5.5, -2.5, 3.5]
    assert list(rest[0].get_ydata()) == pytest.approx([-3, -1.2, -0.6, 0.6])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["mute", "−12", "−6", "+6"]


def test_each_instrument_has_its_own_thin_lines() -> None:
    axes = draw_achieved_gain(gains()).axes[0]
    thin = [list(line.get_ydata()) for line in axes.lines if line.get_linewidth() == 0.7]
    assert len(thin) == 4
    assert [-14, -5, -2, 4] in thin
    assert [-15, -6, -3, 3] in thin


def test_a_gain_as_wished_has_a_line_of_its_own_which_mute_is_not_on() -> None:
    axes = draw_achieved_gain(gains()).axes[0]
    (wished,) = [line for line in axes.lines if line.get_label() == "as set"]
    assert list(wished.get_xdata()) == list(wished.get_ydata()) == [-12, 6]


def test_sources_that_are_silent_have_no_gain() -> None:
    scores = gains()
    scores.loc[scores["instrument"] == "tuba", "target_db"] = math.nan
    target, rest = draw_achieved_gain(scores).axes[0].containers
    assert list(target[0].get_ydata()) == [-15, -6, -3, 3]
    assert len(rest[0].get_ydata()) == 4
    silent = draw_achieved_gain(scores.assign(target_db=math.nan, rest_db=math.nan))
    assert texts_of(silent.axes[0]) == ["nothing was measured"]


def test_mute_alone_can_be_drawn() -> None:
    axes = draw_achieved_gain(gains().query("wished_db < -100")).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["mute"]


def smoothings() -> pd.DataFrame:
    zlbm = {0.007: 0.1, 0.052: 0.7, 0.226: -0.3}
    cbm = {"beta_pitch=0.4": 0.02, "beta_pitch=0.2": 0.06}
    rows = [("zlbm", f"smoothing_s={time_s}", time_s, gain_db) for time_s, gain_db in zlbm.items()]
    rows += [("cbm", name, math.nan, gain_db) for name, gain_db in cbm.items()]
    return pd.DataFrame(
        [
            {
                **{"pair_id": f"pair {pair}", "masks": masks, "method": method, "settings": name},
                "smoothing_s": smoothing_s,
                "gain_db": gain_db + (0.5 if masks == "image" else 0) + (pair - 1.5) / 100,
            }
            for pair in range(PAIRS)
            for masks in ("ideal", "image")
            for method, name, smoothing_s, gain_db in rows
        ]
    )


def test_smoothing_is_drawn_over_its_time_with_its_best_and_that_of_the_other_method() -> None:
    axes = draw_smoothing(smoothings()).axes[0]
    _, ideal, best, other, *_ = axes.lines
    assert list(ideal.get_xdata()) == pytest.approx([7, 52, 226])
    assert list(ideal.get_ydata()) == pytest.approx([0.1, 0.7, -0.3])
    assert (best.get_xdata()[0], best.get_ydata()[0]) == pytest.approx((52, 0.7))
    assert list(other.get_ydata()) == pytest.approx([0.06, 0.06])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "ZLBM, ideal masks:\nbest +0.70 dB at 52 ms",
        "CBM, ideal masks:\nbest +0.06 dB",
        "ZLBM, masks of a still image:\nbest +1.20 dB at 52 ms",
        "CBM, masks of a still image:\nbest +0.56 dB",
    ]
    assert len(axes.collections) == 2  # an interval around each curve


def test_smoothing_of_one_kind_of_masks_by_one_method_can_be_drawn() -> None:
    scores = smoothings()
    axes = draw_smoothing(scores[(scores["masks"] == "ideal") & (scores["method"] == "cbm")]).axes[0]
    assert len(axes.lines) == 2
    assert texts_of(draw_smoothing(scores.assign(gain_db=np.nan)).axes[0]) == ["nothing was measured"]


def test_the_figures_are_pictures_even_of_nothing() -> None:
    for draw, scores in (
        (lambda given: mixing_levels_figure(given, "lsd_db"), remixes()),
        (achieved_gain_figure, gains()),
        (smoothing_figure, smoothings()),
    ):
        full, empty = size_of(draw(scores)), size_of(draw(scores[:0]))
        assert 800 < full[0] < 1150
        assert empty[1] < full[1]
