"""Which loudspeaker a channel is for, read off files that ffmpeg wrote, and kept in those that are written."""

from pathlib import Path

import av
import numpy as np
import pytest

from varemix.errors import MediaError
from varemix.media.audio import AudioWriter, as_written, info_for_format, probe_audio, read_audio
from varemix.media.layouts import (
    MAX_GROUPS,
    channel_groups,
    group_names,
    loudness_weights,
    speakers_of,
    stereo_weights,
    wave_mask,
)
from varemix.media.programs import find_ffmpeg, run_program

RATE_HZ = 48_000
OWN_ORDER = "8 channels (FL+FR+FC+LFE+SL+SR+BL+BR)"
KEPT = [
    ("wav", "pcm_s16le", "5.1(side)"),
    ("wav", "pcm_s24le", "7.1"),
    ("w64", "pcm_s16le", "5.1"),
    ("aiff", "pcm_s16be", "6.1"),
    ("caf", "pcm_s16be", "5.1(side)"),
    ("caf", "alac", "5.1"),
    ("flac", "flac", "2.1"),
    ("flac", "flac", "7.1(wide)"),
    ("m4a", "alac", "5.1"),
    ("wv", "wavpack", "7.1"),
    ("mka", "flac", "5.1(side)"),
    ("mov", "pcm_s16le", OWN_ORDER),
]


def write(path: Path, layout: str, coding: str) -> np.ndarray:
    """Write 0.2 s of noise with ffmpeg, and return it [C, S]."""
    num_channels = av.AudioLayout(layout).nb_channels
    steps = np.random.default_rng(3).integers(-9_000, 9_000, (RATE_HZ // 5, num_channels)).astype("<i2")
    raw = ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", str(num_channels), "-channel_layout", layout, "-i", "pipe:"]
    command = [find_ffmpeg(), "-loglevel", "error", "-y", *raw, "-c:a", coding, f"file:{path}"]
    run_program(command, timeout_s=60, input=steps.tobytes())
    return steps.T / 2.0**15


def written_again(source: Path, target: Path, format_name: str | None = None) -> None:
    samples, info = read_audio(source)
    with AudioWriter(target, as_written(info, format_name)[0], source=source) as writer:
        writer.write(samples)


@pytest.mark.parametrize(
    ("layout", "num_channels", "names"),
    [
        (None, 1, None),
        ("stereo", 2, None),
        ("2.1", 3, None),
        ("3.0", 3, "FL+FR FC"),
        ("quad", 4, "FL+FR BL+BR"),
        ("5.0", 5, "FL+FR FC BL+BR"),
        ("5.1(side)", 6, "FL+FR FC SL+SR"),
        ("6.1", 7, "FL+FR FC BC SL+SR"),
        ("7.1", 8, "FL+FR FC BL+BR SL+SR"),
        (OWN_ORDER, 8, "FL+FR FC SL+SR BL+BR"),
        ("ambisonic 1", 4, "AMBI"),
        (None, 5, "1 2 3 4 5"),
        (None, 6, "FL+FR FC BL+BR"),
        (None, 20, "20 channels"),
    ],
)
def test_pairs_are_heard_together_the_centre_by_itself_and_the_bass_not_at_all(
    layout: str | None, num_channels: int, names: str | None
) -> None:
    assert group_names(layout, num_channels) == names


def test_ambisonic_channels_are_heard_by_the_one_that_hears_all_around() -> None:
    [group] = channel_groups("ambisonic 1", 4)
    assert (group.heard, group.channels) == ((0,), (0, 1, 2, 3))


def test_more_groups_than_are_served_are_refused_in_words() -> None:
    with pytest.raises(MediaError, match=rf"{MAX_GROUPS + 1} channels that make {MAX_GROUPS + 1} groups"):
        channel_groups(None, MAX_GROUPS + 1)


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.1", "5.1(side)", "6.1", "7.1", "7.1(wide)", "hexagonal"])
def test_a_downmix_keeps_below_full_scale_and_the_sides_apart(layout: str) -> None:
    speakers = speakers_of(layout, av.AudioLayout(layout).nb_channels)
    assert speakers is not None
    weights = dict(zip(speakers, stereo_weights(layout, len(speakers)).T.tolist(), strict=True))
    assert max(map(sum, zip(*weights.values(), strict=True))) <= 1 + 1e-12
    assert weights["FL"][1] == weights["FR"][0] == 0
    assert weights["FL"][0] == weights["FR"][1] > 0
    assert weights.get("LFE", [0, 0]) == [0, 0]
    if "FC" in weights:
        assert weights["FC"][0] == weights["FC"][1] == pytest.approx(weights["FL"][0] * np.sqrt(0.5))


def test_the_loudness_of_what_comes_from_the_sides_counts_more_and_the_bass_not() -> None:
    assert loudness_weights("5.1(side)", 6) == (1, 1, 1, 0, 1.41, 1.41)
    assert loudness_weights("7.1", 8) == (1, 1, 1, 0, 1, 1, 1.41, 1.41)
    assert loudness_weights("6.1", 7) == (1, 1, 1, 0, 1, 1.41, 1.41)


def test_wav_names_loudspeakers_by_bits_and_in_their_order_only() -> None:
    assert (wave_mask("5.1(side)", 6), wave_mask("7.1", 8)) == (0x60F, 0x63F)
    assert wave_mask(OWN_ORDER, 8) == wave_mask(None, 6) == 0


@pytest.mark.parametrize(("suffix", "coding", "layout"), KEPT)
def test_layouts_are_read_and_written_again_sample_for_sample(
    tmp_path: Path, suffix: str, coding: str, layout: str
) -> None:
    source, target = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    expected = write(source, layout, coding)
    samples, info = read_audio(source)
    assert info.channel_layout == layout
    np.testing.assert_array_equal(samples, expected)
    written_again(source, target)
    np.testing.assert_array_equal(read_audio(target)[0], expected)
    if suffix not in ("w64", "aiff"):  # which libsndfile writes without
        assert probe_audio(target).channel_layout == layout


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("layout", ["5.1(side)", "4.0", "7.1"])
def test_another_format_keeps_the_layout(tmp_path: Path, suffix: str, layout: str) -> None:
    expected = write(tmp_path / "a.mka", layout, "flac")
    written_again(tmp_path / "a.mka", tmp_path / f"b.{suffix}", suffix)
    samples, info = read_audio(tmp_path / f"b.{suffix}")
    assert info.channel_layout == layout
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize(
    ("layout", "format_name"), [("7.1", "alac"), ("quad", "alac"), ("6.1", "opus"), ("2.1", "ogg")]
)
def test_what_an_encoder_would_mix_is_refused_in_words(tmp_path: Path, layout: str, format_name: str) -> None:
    write(tmp_path / "a.wav", layout, "pcm_s16le")
    with pytest.raises(MediaError, match=rf"does not keep apart what the recording has: {layout}\. Ask for flac"):
        info_for_format(probe_audio(tmp_path / "a.wav"), format_name)


@pytest.mark.parametrize(
    ("suffix", "coding"), [("m4a", "aac"), ("wv", "wavpack"), ("mkv", "flac"), ("opus", "libopus")]
)
def test_eight_channels_and_more_are_decoded(tmp_path: Path, suffix: str, coding: str) -> None:
    samples = write(tmp_path / f"a.{suffix}", "7.1", coding)
    assert read_audio(tmp_path / f"a.{suffix}")[0].shape == samples.shape


def test_layouts_in_an_order_of_their_own_do_no_harm_however_often_they_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.mov", OWN_ORDER, "pcm_s16le")
    for _ in range(20):
        assert read_audio(tmp_path / "a.mov")[1].channel_layout == OWN_ORDER


def test_channels_that_a_coding_would_exchange_become_flac(tmp_path: Path) -> None:
    write(tmp_path / "a.opus", "5.0", "libopus")
    info = probe_audio(tmp_path / "a.opus")
    assert info.written_as == "flac"
    assert as_written(info)[0].codec == "flac"


def test_another_audio_stream_than_there_is_is_told_with_those_that_are(tmp_path: Path) -> None:
    write(tmp_path / "a.mka", "5.1", "flac")
    with pytest.raises(MediaError, match=r"no audio stream 2; it has 1: 1 flac 5\.1\. Give the number of one of them"):
        read_audio(tmp_path / "a.mka", audio_stream=1)
