"""Synthetic recordings and videos, made by the carried ffmpeg where needed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from varemix.media.programs import find_ffmpeg, run_program

# One second of moving picture, with a tone of 440 Hz at an amplitude of 1/8.
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1:sample_rate=44100")

MakeVideo = Callable[..., Path]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """Return a maker of videos: name and ffmpeg arguments to the path of the file."""
    folder = tmp_path_factory.mktemp("videos")

    def make(name: str, *args: str) -> Path:
        path = folder / name
        if not path.exists():
            run_program([find_ffmpeg(), "-nostdin", "-loglevel", "error", *args, "-y", f"file:{path}"], timeout_s=600)
        return path

    return make


@pytest.fixture(scope="session")
def video(make_video: MakeVideo) -> Path:
    """Return one second of MP4 with picture (320 x 180, 25 Hz) and sound (440 Hz)."""
    return make_video("whole.mp4", *PICTURE, *SOUND, "-c:v", "mpeg4", "-c:a", "aac", "-shortest")
