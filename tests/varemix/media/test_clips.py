"""Solo clips and stretches of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.solos import Solos, make_clip, write_frames, write_wav
from varemix.errors import MediaError
from varemix.media.audio import read_audio
from varemix.media.clips import Clip, Stretch, decoded_frames, draw_distinct, frames_around, read_stretch
from varemix.media.video import extract_frames


@pytest.fixture
def clip(two_instruments: Solos) -> Clip:
    return two_instruments.train[0]


def test_the_synthetic_frames_have_the_form_of_extracted_ones(tmp_path: Path, video: Path, clip: Clip) -> None:
    extract_frames(video, tmp_path / "frames.parquet")
    extracted, drawn = pq.read_schema(tmp_path / "frames.parquet"), pq.read_schema(clip.frames_path)
    assert drawn.equals(extracted)
    assert set(drawn.metadata) == set(extracted.metadata)


def test_a_stretch_is_that_part_of_the_recording_at_its_volume(clip: Clip) -> None:
    whole = read_audio(clip.wav_path)[0][0]
    samples = read_stretch(Stretch(clip=clip, first_sample=1000, volume=0.5, frames=()), 5000)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, whole[1000:6000] / 2)  # halves of 16-bit samples are exact in float32


def test_a_clip_that_is_too_short_is_repeated_without_a_gap(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "flute", number=5, duration_s=0.5)
    whole = read_audio(clip.wav_path)[0][0]
    samples = read_stretch(Stretch(clip=clip, first_sample=0, volume=1.0, frames=()), 2 * len(whole) + 700)
    np.testing.assert_array_equal(samples, np.concatenate([whole, whole, whole[:700]]).astype(np.float32))


def test_a_damaged_recording_is_named(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "broken.wav").write_bytes(clip.wav_path.read_bytes()[:1000])
    broken = replace(clip, wav_path=tmp_path / "broken.wav")
    with pytest.raises(MediaError, match=r"broken\.wav"):
        read_stretch(Stretch(clip=broken, first_sample=0, volume=1.0, frames=()), 5000)


def test_frames_come_as_rgb_pictures_in_the_order_asked_for(tmp_path: Path, clip: Clip) -> None:
    colours = ["red", "lime", "blue"]
    write_frames(tmp_path / "frames.parquet", [Image.new("RGB", (64, 48), colour) for colour in colours])
    pictures = decoded_frames(replace(clip, frames_path=tmp_path / "frames.parquet"), [2, 0, 0, 1])
    assert [picture.mode for picture in pictures] == ["RGB"] * 4
    strongest = [int(np.argmax(np.asarray(picture).mean(axis=(0, 1)))) for picture in pictures]
    assert strongest == [2, 0, 0, 1]


@pytest.mark.parametrize(
    ("middle_s", "count", "stride", "expected"),
    [
        (10.0, 3, 24, (36, 60, 84)),
        (10.0, 1, 24, (60,)),
        (10.0, 4, 2, (56, 58, 60, 62)),
        (0.0, 3, 24, (0, 0, 24)),
        (19.9, 3, 24, (95, 119, 119)),
        (500.0, 2, 1, (119, 119)),
    ],
)
def test_frames_lie_around_a_moment_and_within_the_clip(
    clip: Clip, middle_s: float, count: int, stride: int, expected: tuple[int, ...]
) -> None:
    twenty_seconds = replace(clip, num_frames=120, frame_rate_hz=6.0)
    assert frames_around(twenty_seconds, middle_s, count=count, stride=stride) == expected


def test_no_two_drawn_clips_are_of_one_instrument(four_instruments: Solos) -> None:
    draw = np.random.default_rng(0)
    for _ in range(200):
        drawn = draw_distinct(four_instruments.train, 4, draw)
        assert len({clip.instrument for clip in drawn}) == 4


def test_clips_are_drawn_evenly(four_instruments: Solos) -> None:
    draw = np.random.default_rng(1)
    first = Counter(draw_distinct(four_instruments.train, 2, draw)[0].clip_id for _ in range(4000))
    assert len(first) == len(four_instruments.train)
    # 500 of each are expected, with a standard deviation of 21.
    assert all(400 < count < 600 for count in first.values())


def test_a_stretch_of_silence_is_silence(tmp_path: Path, clip: Clip) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(3000))
    silence = replace(clip, wav_path=tmp_path / "silence.wav", num_samples=3000)
    samples = read_stretch(Stretch(clip=silence, first_sample=0, volume=1.0, frames=()), 4000)
    assert samples.shape == (4000,)
    assert not samples.any()
