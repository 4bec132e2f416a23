"""Recordings mapped into memory: the same samples as read, and no file that is something else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.solos import Solos, make_clip, write_wav
from varemix.errors import MediaError
from varemix.media.audio import AudioReader
from varemix.media.clips import Clip
from varemix.training.recordings import Recordings


@pytest.fixture
def clip(two_instruments: Solos) -> Clip:
    return two_instruments.train[0]


@pytest.mark.parametrize("first_sample", [0, 1, 70_001, 7 * 44_100 - 5_000])
def test_a_stretch_is_what_the_reader_reads(clip: Clip, first_sample: int) -> None:
    with AudioReader(clip.wav_path) as reader:
        expected = reader.read(first_sample, 5_000)[0]
    found = Recordings().stretch(clip, first_sample, 5_000)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_recordings_stay_on_disk_and_are_not_read_as_a_whole(tmp_path: Path) -> None:
    clip, recordings = make_clip(tmp_path, "tuba", number=0, duration_s=1.0), Recordings()
    before = recordings.stretch(clip, 20_000, 2)
    with clip.wav_path.open("r+b") as file:
        file.seek(-2 * (44_100 - 20_000), 2)
        file.write(np.array([16_384, -8_192], "<i2").tobytes())
    assert recordings.stretch(clip, 20_000, 2).tolist() == [0.5, -0.25] != before.tolist()


def test_a_clip_that_is_too_short_is_repeated_without_a_gap(tmp_path: Path) -> None:
    ramp = np.arange(1_000) / 1_024
    write_wav(tmp_path / "ramp.wav", ramp)
    clip = replace(make_clip(tmp_path, "tuba", number=0, duration_s=0.1), wav_path=tmp_path / "ramp.wav")
    found = Recordings().stretch(clip, 400, 1_500)
    np.testing.assert_array_equal(found, np.resize(ramp[400:], 1_500).astype(np.float32))


@pytest.mark.parametrize(
    ("subtype", "num_channels", "num_samples"),
    [("PCM_16", 2, 100), ("PCM_24", 1, 100), ("FLOAT", 1, 100), ("PCM_U8", 1, 100), ("PCM_16", 1, 0)],
    ids=["stereo", "24 bits", "floats", "8 bits", "empty"],
)
def test_wav_files_of_another_form_are_refused(
    tmp_path: Path, clip: Clip, subtype: str, num_channels: int, num_samples: int
) -> None:
    soundfile.write(tmp_path / "odd.wav", np.zeros((num_samples, num_channels)), 44_100, subtype=subtype)
    with pytest.raises(MediaError, match=r"odd\.wav.*Refresh the catalog"):
        Recordings().stretch(replace(clip, wav_path=tmp_path / "odd.wav"), 0, 10)


@pytest.mark.parametrize("kept_bytes", [None, 0, 20, 60, 1_000], ids=["missing", "nothing", "half a header", 60, 1_000])
def test_what_is_missing_or_cut_short_is_refused(tmp_path: Path, clip: Clip, kept_bytes: int | None) -> None:
    if kept_bytes is not None:
        (tmp_path / "cut.wav").write_bytes(clip.wav_path.read_bytes()[:kept_bytes])
    with pytest.raises(MediaError, match=r"cut\.wav.*Refresh the catalog"):
        Recordings().stretch(replace(clip, wav_path=tmp_path / "cut.wav"), 0, 10)
