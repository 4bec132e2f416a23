"""Whatever a stranger's file holds, its reader either serves it or raises MediaError."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.varemix.media.sounds import encoded
from varemix.errors import MediaError
from varemix.media.audio import read_audio
from varemix.media.pictures import read_picture
from varemix.media.video import probe_video

NUM_DAMAGES = 250


def recordings() -> list[bytes]:
    frames = np.random.default_rng(0).uniform(-1, 1, (2_000, 2))
    contents = []
    for container, subtype in [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("RF64", "PCM_24"), ("FLAC", "PCM_16")]:
        buffer = io.BytesIO()
        soundfile.write(buffer, frames, 44_100, format=container, subtype=subtype)
        contents.append(buffer.getvalue())
    return contents


def pictures() -> list[bytes]:
    picture = Image.effect_noise((40, 30), 50).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
        contents.append(buffer.getvalue())
    return contents


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the content with a few bytes changed, most of them near its start, and sometimes cut off."""
    copy = bytearray(content)
    for _ in range(rng.choice([1, 3, 20])):
        reach = min(len(copy), rng.choice([64, 400, len(copy)]))
        copy[rng.integers(reach)] = rng.choice([0, 127, 128, 255, int(rng.integers(256))])
    return bytes(copy[: rng.integers(1, len(copy))] if rng.random() < 0.2 else copy)


def assert_only_media_errors(read: Callable[[Path], object], whole: list[bytes], path: Path) -> None:
    rng = np.random.default_rng(7)
    num_refused = 0
    for turn in range(NUM_DAMAGES):
        path.write_bytes(damaged(whole[turn % len(whole)], rng))
        try:
            read(path)
        except MediaError as error:
            assert path.name in str(error)  # noqa: PT017 - most files are refused, some are served
            num_refused += 1
    assert num_refused > NUM_DAMAGES / 10


def test_damaged_recordings_are_refused_or_served(tmp_path: Path) -> None:
    assert_only_media_errors(read_audio, recordings(), tmp_path / "damaged")


def test_damaged_coded_recordings_are_refused_or_served(tmp_path: Path) -> None:
    kinds = [
        ("a.mp3", "libmp3lame"),
        ("a.ogg", "libvorbis"),
        ("a.opus", "libopus"),
        ("a.m4a", "aac"),
        ("b.m4a", "alac"),
    ]
    kinds += [("a.wma", "wmav2"), ("a.aac", "aac"), ("a.mkv", "flac"), ("a.webm", "libopus"), ("a.aiff", "pcm_s16be")]
    whole = [encoded(tmp_path, name, "-t", "0.1", "-c:a", codec).read_bytes() for name, codec in kinds]
    assert_only_media_errors(read_audio, whole, tmp_path / "damaged")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_pictures_are_refused_or_served(tmp_path: Path) -> None:
    assert_only_media_errors(read_picture, pictures(), tmp_path / "damaged")


def test_damaged_videos_are_refused_or_served(video: Path, tmp_path: Path) -> None:
    content = video.read_bytes()
    place = content.index(b"mdat") - 4
    index_first = content[:place] + content[content.index(b"moov") - 4 :]  # where damage does most
    assert_only_media_errors(probe_video, [index_first], tmp_path / "damaged")
