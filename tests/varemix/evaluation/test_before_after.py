"""The picture of what a remix changed."""

import io

import numpy as np
import pytest
from PIL import Image

from varemix.evaluation.before_after import before_after_figure, draw_before_after
from varemix.signal.grid import RATE_HZ

SECONDS = 2.0
TIME_S = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
TONE = (0.3 * np.sin(2 * np.pi * 1000 * TIME_S)).astype(np.float32)


def test_it_is_a_png_picture() -> None:
    picture = Image.open(io.BytesIO(before_after_figure(TONE, TONE / 2, first_s=3.0, title="a tone")))
    assert picture.format == "PNG"
    assert picture.width > 1000


def test_the_change_is_shown_where_the_tone_is_and_by_how_much() -> None:
    figure = draw_before_after(TONE, TONE / 2, first_s=3.0, title="a tone")
    change = figure.axes[2].get_images()[0].get_array()
    assert change is not None
    row = round(256 * np.log(1000 / 60) / np.log(RATE_HZ / 2 / 60))
    assert float(change[row, 80]) == pytest.approx(-6.0, abs=0.1)
    assert float(change[240, 80]) == 0
    left, right = figure.axes[2].get_images()[0].get_extent()[:2]
    assert (left, right) == (3.0, 5.0)


def test_silence_is_drawn_too() -> None:
    assert before_after_figure(np.zeros_like(TONE), np.zeros_like(TONE), first_s=0.0, title="nothing")
