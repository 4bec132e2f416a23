"""Which part of a remix is shown: the seconds that changed most."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks import spectrogram
from tasks.spectrogram import remix_picture
from tests.tasks.planted import write_tones
from varemix.media.audio import AudioWriter, read_audio


def test_the_seconds_that_changed_most_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}

    def figure(before: np.ndarray, after: np.ndarray, *, title: str, start_s: float) -> bytes:
        drawn.update(before=before, after=after, title=title, start_s=start_s)
        return b"a picture"

    monkeypatch.setattr(spectrogram, "remix_figure", figure)
    source = write_tones(tmp_path / "a.wav", seconds=30, rate_hz=22_050, num_channels=2)
    samples, info = read_audio(source)
    samples[:, 17 * 22_050 : 27 * 22_050] *= 0.5
    with AudioWriter(tmp_path / "b.wav", info) as writer:
        writer.write(samples)
    assert remix_picture(source, tmp_path / "b.wav", "a.wav: violin -6") == b"a picture"
    assert (drawn["start_s"], drawn["title"]) == (17.0, "a.wav: violin -6")
    assert len(drawn["before"]) == len(drawn["after"]) == 10 * 44_100


def test_a_short_recording_is_shown_whole(tmp_path: Path) -> None:
    source = write_tones(tmp_path / "a.wav", seconds=0.3)
    assert remix_picture(source, source, "a.wav").startswith(b"\xff\xd8")
