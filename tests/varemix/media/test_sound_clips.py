import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from varemix.errors import MediaError
from varemix.media.audio import AudioReader
from varemix.media.sound_clips import Packs, SoundClip, cut_sound

RATE_HZ = 44_100


def tone(seconds: float, rate_hz: int, *, peak: float = 0.5, hz: float = 441.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def cut(folder: Path, samples: np.ndarray, rate_hz: int, first: int = 0, num: int | None = None) -> SoundClip:
    path = folder / "a.wav"
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    with AudioReader(path) as reader:
        return cut_sound(reader, first, num, RATE_HZ)


def test_a_part_of_a_recording_becomes_a_clip_sample_by_sample(tmp_path: Path) -> None:
    samples = tone(1.0, RATE_HZ)
    clip = cut(tmp_path, samples, RATE_HZ, 1000, 20_000)
    assert clip.samples.dtype == np.int16
    np.testing.assert_array_equal(clip.samples, np.rint(samples[1000:21_000] * 32_768))
    assert clip.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)
    assert clip.peak_db == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert (clip.silent_fraction, clip.clipped_fraction) == (0.0, 0.0)
    assert clip.loudness_lufs == pytest.approx(-9.7, abs=0.5)


def test_another_rate_and_two_channels_become_one_at_ours(tmp_path: Path) -> None:
    left = tone(0.5, 48_000)
    clip = cut(tmp_path, np.stack([left, np.zeros_like(left)], axis=1), 48_000)
    assert clip.samples.size == RATE_HZ // 2
    assert (clip.source_rate_hz, clip.duration_s) == (48_000, 0.5)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(clip.samples[middle] / 32_768, tone(0.5, RATE_HZ, peak=0.25)[middle], atol=1e-3)


def test_a_clip_that_would_pass_full_scale_is_made_softer_and_not_clipped(tmp_path: Path) -> None:
    clip = cut(tmp_path, np.append(tone(1.0, 48_000), [1.6]), 48_000)
    assert clip.peak_db == pytest.approx(0.0, abs=0.01)
    assert np.abs(clip.samples[:30_000].astype(float)).max() < 0.5 * 32_768


BAD: dict[str, tuple[Callable[[], np.ndarray], int, str]] = {
    "silent": (lambda: tone(1.0, 48_000, peak=1e-5), 48_000, "silent throughout"),
    "out of phase": (lambda: tone(1.0, 48_000)[:, None] * [1, -1], 48_000, "silent throughout"),
    "clipped": (lambda: np.clip(tone(1.0, 48_000, peak=1.5), -1, 1), 48_000, r"clipped: \d\d\.\d % of its samples"),
    "too short": (lambda: tone(0.04, 48_000), 48_000, "lasts 0.04 s; 0.05 to 1200 s"),
    "wrong rate": (lambda: tone(1.0, 8_000), 8_000, "a rate of 8000 Hz; at least 16000 Hz"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_learnt_from_is_refused_in_words(tmp_path: Path, what: str) -> None:
    samples, rate_hz, words = BAD[what]
    with pytest.raises(MediaError, match=words):
        cut(tmp_path, samples(), rate_hz)


def test_a_full_scale_tone_is_not_clipped(tmp_path: Path) -> None:
    assert cut(tmp_path, tone(1.0, RATE_HZ, peak=1.0, hz=123.4), RATE_HZ).peak_db == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("first", "num"), [(48_000, None), (40_000, 8_001), (60_000, 10)])
def test_a_part_that_is_not_there_is_told_with_what_is(tmp_path: Path, first: int, num: int | None) -> None:
    with pytest.raises(MediaError, match="the file has 48000 at 48000 Hz"):
        cut(tmp_path, tone(1.0, 48_000), 48_000, first, num)


def test_packs_hold_clips_end_to_end_and_a_full_one_is_followed_by_another(tmp_path: Path) -> None:
    clips = [np.arange(size, dtype=np.int16) - size // 2 for size in (5, 7, 4, 20)]
    with Packs(tmp_path, RATE_HZ, most_samples=12) as packs:
        places = [packs.add(clip) for clip in clips]
    assert places == [(0, 0), (0, 5), (1, 0), (2, 0)]
    assert len(packs.paths) == 3
    for clip, (number, first) in zip(clips, places, strict=True):
        with wave.open(str(packs.paths[number]), "rb") as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
            held = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        np.testing.assert_array_equal(held[first : first + clip.size], clip)


def test_no_clips_make_no_files(tmp_path: Path) -> None:
    with Packs(tmp_path, RATE_HZ) as packs:
        pass
    assert packs.paths == []
    assert list(tmp_path.iterdir()) == []
