"""Figures of separation: that what was measured is what is drawn."""

import math
import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from varemix.evaluation.figures import draw_instruments, draw_presence, instruments_figure, presence_figure


def scores_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Return scores of condition, instrument and NSDR, of a mix each; SIR lies 5 dB above the NSDR, SAR 10 dB."""
    return pd.DataFrame(
        [
            {
                **{"pair_id": f"pair {number}", "condition": condition, "instrument": instrument},
                **{"nsdr_db": db, "sir_db": db + 5, "sar_db": db + 10},
            }
            for number, (condition, instrument, db) in enumerate(rows)
        ],
        columns=["pair_id", "condition", "instrument", "nsdr_db", "sir_db", "sar_db"],
    )


@pytest.fixture
def scores() -> pd.DataFrame:
    return scores_of(
        *(("image", "violin", db) for db in (6.0, 8.0)),
        *(("image", "tuba", db) for db in (-1.0, 1.0, math.nan)),
        *(("video", "violin", 9.0), ("ideal_binary", "violin", 99.0), ("wrong_image", "flute", -50.0)),
    )


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def texts_of(figure: Figure) -> str:
    shown = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return "\n".join(text.get_text() for text in shown)


def test_the_instruments_come_as_a_picture_that_grows_with_their_number(scores: pd.DataFrame) -> None:
    many = scores_of(*(("image", f"instrument {number}", number) for number in range(12)))
    assert 900 < size_of(instruments_figure(scores))[0] < 1100
    assert size_of(instruments_figure(many))[1] > size_of(instruments_figure(scores))[1] + 300


def test_the_best_instrument_stands_at_the_top_below_all_of_them(scores: pd.DataFrame) -> None:
    figure = draw_instruments(scores)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["tuba (2)", "violin (2)", "all (4)"]


@pytest.mark.parametrize(("panel", "offset_db"), [(0, 0), (1, 5), (2, 10)])
def test_each_panel_shows_the_means_of_its_measure(scores: pd.DataFrame, panel: int, offset_db: float) -> None:
    video, image = draw_instruments(scores).axes[panel].containers
    assert list(video[0].get_xdata()) == [9 + offset_db] * 2  # violin and all
    assert list(image[0].get_xdata()) == [offset_db, 7 + offset_db, 3.5 + offset_db]
    (bars,) = image[2]
    low, high = bars.get_segments()[1][:, 0]
    assert (low, high) == pytest.approx((6 + offset_db, 8 + offset_db))


def test_what_was_not_asked_by_video_is_drawn_without_it(scores: pd.DataFrame) -> None:
    figure = draw_instruments(scores[scores["condition"] != "video"])
    assert [len(axes.containers) for axes in figure.axes] == [1, 1, 1]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["still image"]


@pytest.mark.parametrize("rows", [[], [("image", "violin", math.nan)], [("ideal_binary", "violin", 9.0)]])
def test_without_scores_of_pictures_the_figure_says_so(rows: list[tuple[str, str, float]]) -> None:
    assert "nothing was measured" in texts_of(draw_instruments(scores_of(*rows)))
    assert size_of(instruments_figure(scores_of(*rows)))


PRESENT, ABSENT = [-2.0, -3.0, -6.0, -14.0], [-4.0, -12.0, -30.0, -31.0, math.nan]


def test_the_operating_point_lies_where_the_threshold_puts_it() -> None:
    figure = draw_presence(PRESENT, ABSENT, -10.0)
    roc = figure.axes[0]
    _, curve, point = roc.lines
    assert (list(point.get_xdata()), list(point.get_ydata())) == ([25], [75])
    assert "threshold −10.0 dB:\n75 % found,\n25 % false alarms" in texts_of(figure)
    along = np.array(curve.get_xydata())
    assert along[0].tolist() == [0, 0]
    assert along[-1].tolist() == [100, 100]
    assert [25, 75] in along.tolist()


def test_the_area_is_written_beside_the_curve() -> None:
    # Of the 16 pairs in the wrong order: -6 below -4, -14 below -4 and -12.
    assert f"area {13 / 16:.3f}" in texts_of(draw_presence(PRESENT, ABSENT, -10.0))


def test_each_bin_shows_how_many_of_how_many_really_play() -> None:
    figure = draw_presence(PRESENT, ABSENT, -10.0)
    calibration = figure.axes[1]
    assert {text.get_text() for text in calibration.texts} == {"2/3", "1/1", "1/2", "0/2"}
    assert sorted(bar.get_height() for bar in calibration.patches) == pytest.approx([0, 50, 200 / 3, 100])
    assert list(calibration.lines[0].get_xdata()) == [-10, -10]


def test_every_measure_is_in_a_bin_however_far_down_it_lies() -> None:
    present, absent = np.full(300, -5.0), np.array([*np.full(200, -25.0), -100.0])
    counts = [text.get_text().split("/") for text in draw_presence(present, absent, -10.0).axes[1].texts]
    assert sum(int(playing) for playing, _ in counts) == 300
    assert sum(int(asked) for _, asked in counts) == 501


def test_measures_that_are_all_the_same_are_drawn_too() -> None:
    figure = draw_presence([-3.0], [-3.0], -3.0)
    assert [text.get_text() for text in figure.axes[1].texts] == ["1/2"]
    assert size_of(presence_figure([-3.0], [-3.0], -3.0))


@pytest.mark.parametrize(("present", "absent"), [([], [-1.0]), ([-1.0], []), ([math.nan], [-1.0])])
def test_presence_needs_what_plays_and_what_does_not(present: list[float], absent: list[float]) -> None:
    assert "nothing was measured" in texts_of(draw_presence(present, absent, -10.0))
