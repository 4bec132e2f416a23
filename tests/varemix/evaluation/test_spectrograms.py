"""The picture of a remix: what was made softer is blue, what was left alone is not coloured."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from varemix.evaluation.spectrograms import remix_figure
from varemix.signal.spectrogram import RATE_HZ


def noise(seconds: float = 2.0) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def right_panel(picture: bytes) -> NDArray[np.int64]:
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(np.int64)
    height, width, _ = pixels.shape
    return pixels[height // 4 : 3 * height // 4, round(0.66 * width) : round(0.92 * width)]


def blueness(pixels: NDArray[np.int64]) -> float:
    return float((pixels[..., 2] - pixels[..., 0]).mean())


def test_what_became_softer_is_blue_and_what_became_louder_is_red() -> None:
    before = noise()
    assert blueness(right_panel(remix_figure(before, before * np.float32(0.25), title="softer"))) > 40
    assert blueness(right_panel(remix_figure(before, before * np.float32(4), title="louder"))) < -40
    assert abs(blueness(right_panel(remix_figure(before, before, title="as it was")))) < 4


@pytest.mark.parametrize("seconds", [0.02, 10.0])
def test_it_stays_small_for_short_and_for_long_parts(seconds: float) -> None:
    picture = remix_figure(noise(seconds), noise(seconds) / 2, title="a | b", start_s=31.0)
    assert picture.startswith(b"\xff\xd8")
    assert len(picture) < 300_000


def test_silence_is_drawn_too() -> None:
    silence = np.zeros(RATE_HZ, np.float32)
    assert abs(blueness(right_panel(remix_figure(silence, silence, title="nothing")))) < 4
