"""Which stretch of a recording is pictured, and what cannot be."""

import io
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from tasks import remix_pictures
from tasks.remix_pictures import picture_remix

RATE_HZ = 48_000


def written(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, RATE_HZ)
    return path


def test_the_stretch_that_changed_most_is_shown(tmp_path: Path, monkeypatch) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 60 * RATE_HZ)
    changed = samples.copy()
    changed[-12 * RATE_HZ :] *= 0.1
    changed[: 12 * RATE_HZ] *= 0.9
    firsts_s = []
    monkeypatch.setattr(
        "varemix.evaluation.before_after.before_after_figure", lambda *_, first_s, title: firsts_s.append(first_s)
    )
    picture_remix.fn(source=written(tmp_path / "a.wav", samples), remix=written(tmp_path / "b.wav", changed), title="x")
    assert firsts_s == [48.0]


def test_a_short_recording_is_shown_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.zeros((RATE_HZ // 10, 2)))
    picture = picture_remix.fn(source=path, remix=path, title="short")
    assert picture is not None
    assert Image.open(io.BytesIO(picture)).format == "PNG"


def test_what_cannot_be_read_has_no_picture(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "a.wav", np.zeros(RATE_HZ)), tmp_path / "b.wav"
    bad.write_text("no sound")
    assert picture_remix.fn(source=good, remix=bad, title="bad") is None
    assert remix_pictures.picture_remix.fn(source=good, remix=tmp_path / "gone.wav", title="gone") is None
