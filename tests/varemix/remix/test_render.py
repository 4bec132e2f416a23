from pathlib import Path

import numpy as np
import pytest

from varemix.errors import MediaError
from varemix.media.audio import AudioInfo, AudioWriter, probe_audio, read_audio
from varemix.media.resampling import resample
from varemix.remix.gains import MUTE_DB, GainWish
from varemix.remix.mixer import remix
from varemix.remix.render import heard_blocks, num_heard_frames, render_remix, render_stems
from varemix.signal.spectrogram import NUM_BINS, RATE_HZ, num_frames

FORMATS = [
    ("WAV", "PCM_16", 44_100, 2),
    ("WAV", "PCM_U8", 44_100, 1),
    ("WAV", "PCM_24", 48_000, 2),
    ("WAV", "PCM_32", 44_100, 2),
    ("WAV", "FLOAT", 96_000, 2),
    ("WAV", "DOUBLE", 44_100, 1),
    ("FLAC", "PCM_16", 22_050, 1),
    ("FLAC", "PCM_24", 44_100, 2),
    ("WAV", "PCM_16", 44_100, 6),
]


def recording(folder: Path, container: str, subtype: str, rate_hz: int, channels: int, seconds: float = 1.3) -> Path:
    num_samples = round(seconds * rate_hz)
    path = folder / f"track.{container.lower()}"
    samples = np.random.default_rng(5).uniform(-0.4, 0.4, (channels, num_samples))
    info = AudioInfo(
        container=container, subtype=subtype, rate_hz=rate_hz, num_channels=channels, num_samples=num_samples
    )
    with AudioWriter(path, info) as writer:
        writer.write(samples)
    return path


def frames_of(source: Path) -> int:
    return num_frames(sum(len(block) for block in heard_blocks(source)))


def mask_of(value: float, source: Path) -> list[np.ndarray]:
    mask = np.full((1, NUM_BINS, frames_of(source)), value, dtype=np.float32)
    return [mask[..., :7], mask[..., 7:]]


def gain(gain_db: float) -> list[GainWish]:
    return [GainWish(target="violin", gain_db=gain_db)]


@pytest.mark.parametrize("format_", FORMATS)
def test_unity_is_sample_identical_in_every_format(tmp_path, format_):
    source = recording(tmp_path, *format_)
    target = tmp_path / f"out{source.suffix}"
    render_remix(source, target, mask_of(1.0, source), gain(0.0))
    before, info_before = read_audio(source)
    after, info_after = read_audio(target)
    assert info_after == info_before
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("format_", FORMATS)
def test_an_absent_instrument_leaves_every_sample(tmp_path, format_):
    source = recording(tmp_path, *format_)
    target = tmp_path / f"out{source.suffix}"
    render_remix(source, target, mask_of(0.0, source), gain(MUTE_DB))
    np.testing.assert_array_equal(read_audio(target)[0], read_audio(source)[0])


def test_rendering_a_file_equals_remixing_its_samples(tmp_path):
    source = recording(tmp_path, "WAV", "FLOAT", RATE_HZ, 2, seconds=8)
    masks = np.random.default_rng(0).random((1, NUM_BINS, frames_of(source))).astype(np.float32)
    target = tmp_path / "out.wav"
    render_remix(source, target, [masks[..., :100], masks[..., 100:]], gain(-9.0), decay=0.8)
    expected = remix(read_audio(source)[0], masks, [-9.0], decay=0.8)
    np.testing.assert_allclose(read_audio(target)[0], expected, rtol=0, atol=2e-6)


def test_only_the_delta_is_added_at_another_rate(tmp_path):
    source = recording(tmp_path, "WAV", "FLOAT", 96_000, 2)
    target = tmp_path / "out.wav"
    render_remix(source, target, mask_of(1.0, source), gain(MUTE_DB))
    before = read_audio(source)[0]
    below = resample(resample(before, 96_000, RATE_HZ), RATE_HZ, 96_000)[:, : before.shape[1]]
    np.testing.assert_allclose(read_audio(target)[0], before - below, rtol=0, atol=1e-5)
    assert np.abs(before - below).std() > 0.05, "the band above 22.05 kHz should be worth keeping"


def test_channels_beyond_the_front_pair_pass(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 6)
    target = tmp_path / "out.wav"
    render_remix(source, target, mask_of(1.0, source), gain(MUTE_DB))
    before, after = read_audio(source)[0], read_audio(target)[0]
    np.testing.assert_array_equal(after[2:], before[2:])
    assert np.abs(after[:2]).max() <= 1 / 32768


def test_clipping_is_counted_and_the_peak_told(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 1)
    rendered = render_remix(source, tmp_path / "out.wav", mask_of(1.0, source), gain(12.0))
    assert rendered.num_clipped > 1000
    assert rendered.peak_db == pytest.approx(20 * np.log10(0.4) + 12, abs=0.1)


@pytest.mark.parametrize("num_samples", [1, 400, 560, 48_240])
@pytest.mark.parametrize("rate_hz", [8_000, 47_999, 48_000])
def test_the_number_of_frames_is_known_beforehand(tmp_path, num_samples, rate_hz):
    source = recording(tmp_path, "WAV", "PCM_16", rate_hz, 2, seconds=num_samples / rate_hz)
    info = probe_audio(source)
    assert frames_of(source) == num_heard_frames(info)
    render_remix(source, tmp_path / "out.wav", mask_of(1.0, source), gain(MUTE_DB))
    assert probe_audio(tmp_path / "out.wav") == info


def test_masks_of_another_recording_are_refused(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 1)
    with pytest.raises(MediaError, match="not as long"):
        render_remix(source, tmp_path / "out.wav", [np.ones((1, NUM_BINS, 3), np.float32)], gain(6.0))


def test_stems_keep_rate_and_length_and_add_up(tmp_path):
    source = recording(tmp_path, "WAV", "FLOAT", 48_000, 2, seconds=7)
    share = np.random.default_rng(0).random((1, NUM_BINS, frames_of(source))).astype(np.float32)
    masks = np.concatenate([share, 1 - share])
    targets = [tmp_path / "a.wav", tmp_path / "b.wav"]
    render_stems(source, targets, [masks[..., :100], masks[..., 100:]])
    (first, info), (second, _) = (read_audio(target) for target in targets)
    before, info_before = read_audio(source)
    assert info == info_before
    expected = resample(resample(before, 48_000, RATE_HZ), RATE_HZ, 48_000)[:, : before.shape[1]]
    np.testing.assert_allclose((first + second)[:, 2000:-2000], expected[:, 2000:-2000], rtol=0, atol=1e-4)
