from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.varemix.media.sounds import NUM_SAMPLES, encoded, lag_samples, noise, snr_db
from tests.varemix.media.test_reading import AAC, LOSSLESS, MP3, OPUS
from varemix.errors import MediaError, ProgramError, UsageError
from varemix.media import encoding
from varemix.media.audio import (
    OUTPUT_FORMATS,
    AudioInfo,
    AudioWriter,
    info_for_format,
    probe_audio,
    read_audio,
)
from varemix.media.programs import FedProgram

SOURCES = [
    ("a.mp3", [*MP3, "-b:a", "192k"], 44_100),
    ("low.mp3", [*MP3, "-b:a", "64k"], 22_050),
    ("a.ogg", ["-c:a", "libvorbis", "-q:a", "6"], 44_100),
    ("a.opus", OPUS, 48_000),
    ("flac.oga", ["-c:a", "flac"], 44_100),
    ("a.m4a", AAC, 44_100),
    ("alac.m4a", ["-c:a", "alac"], 44_100),
    ("alac24.m4a", ["-c:a", "alac", "-sample_fmt", "s32p"], 44_100),
    ("a.aac", AAC, 44_100),
    ("a.wma", ["-c:a", "wmav2", "-b:a", "192k"], 44_100),
    ("low.wma", ["-c:a", "wmav2", "-b:a", "64k"], 22_050),
    ("a.mkv", AAC, 44_100),
    ("opus.webm", OPUS, 48_000),
    ("ac3.mkv", ["-c:a", "ac3", "-b:a", "384k"], 48_000),
    ("flac24.mkv", ["-c:a", "flac", "-sample_fmt", "s32"], 44_100),
    ("pcm.mov", ["-c:a", "pcm_s24le"], 44_100),
]


def written(path: Path, samples: np.ndarray, info: AudioInfo, source: Path | None = None) -> AudioWriter:
    with AudioWriter(path, info, source=source) as writer:
        for first in range(0, samples.shape[1], 3_000):
            writer.write(samples[:, first : first + 3_000])
    return writer


def info_of(name: str, num_channels: int = 2, rate_hz: int = 44_100, subtype: str = "PCM_16") -> AudioInfo:
    wav = AudioInfo(
        container="WAV", subtype=subtype, rate_hz=rate_hz, num_channels=num_channels, num_samples=NUM_SAMPLES
    )
    return info_for_format(wav, name)


@pytest.mark.parametrize(("name", "args", "rate_hz"), SOURCES, ids=[source[0] for source in SOURCES])
def test_a_file_is_written_like_its_source_sample_beside_sample(
    tmp_path: Path, name: str, args: list[str], rate_hz: int
) -> None:
    source = encoded(tmp_path, name, *args, rate_hz=rate_hz)
    samples, info = read_audio(source)
    written(tmp_path / "b", samples, info, source)
    after, info_after = read_audio(tmp_path / "b")
    assert replace(info_after, bit_rate_bps=None) == replace(info, bit_rate_bps=None)
    if info.codec in LOSSLESS:
        np.testing.assert_array_equal(after, samples)
        return
    assert lag_samples(samples, after) == 0
    assert info.bit_rate_bps is not None
    assert info_after.bit_rate_bps == pytest.approx(info.bit_rate_bps, rel=0.15)
    assert snr_db(samples, after) > 8


@pytest.mark.parametrize("suffix", [".m4a", ".mka"])
def test_a_title_in_the_letters_of_another_time_hinders_nothing(tmp_path: Path, suffix: str) -> None:
    source = encoded(tmp_path, f"a{suffix}", *AAC, "-metadata", "title=M\xe9lodie")
    source.write_bytes(source.read_bytes().replace(b"M\xc3\xa9lodie", b"M \xe9lodie"))  # Latin-1 where UTF-8 belongs
    samples, info = read_audio(source)
    written(tmp_path / "b", samples, info, source)
    assert replace(probe_audio(tmp_path / "b"), bit_rate_bps=None, num_samples=info.num_samples) == replace(
        info, bit_rate_bps=None
    )


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
def test_every_format_can_be_asked_for_and_equal_samples_give_equal_files(tmp_path: Path, name: str) -> None:
    info = info_of(name)
    for copy in ("a", "b"):
        writer = written(tmp_path / copy, noise(), info)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    samples, read = read_audio(tmp_path / "a")
    wanted = OUTPUT_FORMATS[name]
    assert (read.container, read.codec, read.subtype) == (wanted.container, wanted.codec, info.subtype)
    assert read.rate_hz == (48_000 if name == "opus" else 44_100)
    frame = 2048 if name == "wma" else 1  # WMA comes in whole frames, and cannot say how many samples count
    assert read.num_samples == pytest.approx(-(-NUM_SAMPLES // frame) * frame * read.rate_hz / 44_100, abs=1)
    assert writer.num_clipped == 0
    if name != "opus":
        assert lag_samples(noise(), samples) == 0
        assert snr_db(noise(), samples) > 10


@pytest.mark.parametrize("rate_hz", [8_000, 96_000])
@pytest.mark.parametrize("name", [name for name in OUTPUT_FORMATS if name not in ("wav", "aiff", "flac")])
def test_rates_that_a_format_lacks_become_the_nearest_that_loses_nothing(
    tmp_path: Path, name: str, rate_hz: int
) -> None:
    samples = np.sin(2 * np.pi * 440 * np.arange(NUM_SAMPLES) / rate_hz)[None] * 0.5
    written(tmp_path / "a", samples, info_of(name, 1, rate_hz))
    info = probe_audio(tmp_path / "a")
    is_any_rate = name in ("ogg", "alac", "m4a")
    assert info.rate_hz == (rate_hz if rate_hz == 8_000 or is_any_rate else 48_000)
    assert info.duration_s == pytest.approx(NUM_SAMPLES / rate_hz, abs=0.07)


def test_the_depth_of_another_format_is_the_nearest_that_loses_nothing() -> None:
    depths = {
        (subtype, name): info_of(name, subtype=subtype).subtype
        for subtype in ("PCM_U8", "PCM_24", "PCM_32", "DOUBLE")
        for name in ("aiff", "flac", "alac", "mp3")
    }
    assert [depths["PCM_U8", name] for name in ("aiff", "flac", "alac", "mp3")] == [
        "PCM_S8",
        "PCM_S8",
        "PCM_16",
        "FLOAT",
    ]
    assert {depths["PCM_24", name] for name in ("aiff", "flac", "alac")} == {"PCM_24"}
    assert [depths["PCM_32", name] for name in ("aiff", "flac", "alac")] == ["PCM_32", "PCM_24", "PCM_24"]
    assert [depths["DOUBLE", name] for name in ("aiff", "flac", "alac")] == ["DOUBLE", "PCM_24", "PCM_24"]
    assert info_for_format(info_of("mp3"), "flac").subtype == "PCM_24"
    assert info_for_format(info_of("mp3"), "wav").bit_rate_bps is None
    assert info_of("mp3").bit_rate_bps == 256_000
    assert info_of("mp3", num_channels=1, rate_hz=22_050).bit_rate_bps == 64_000


def test_a_format_that_is_unknown_or_too_small_is_told() -> None:
    with pytest.raises(UsageError, match="'aif' is no format that can be written; one of wav, aiff, flac"):
        info_of("aif")
    with pytest.raises(MediaError, match="MP3 holds at most 2 channels, and the recording has 6"):
        info_of("mp3", num_channels=6)
    assert info_of("opus", num_channels=6).num_channels == 6


def test_what_passes_full_scale_is_counted_in_lossy_files_too(tmp_path: Path) -> None:
    samples = noise()
    samples[0, 500:510] = 1.5
    writer = written(tmp_path / "a.mp3", samples, info_of("mp3"))
    assert (writer.num_clipped, writer.peak) == (10, 1.5)


def test_a_coding_that_can_only_be_read_is_told(tmp_path: Path) -> None:
    info = replace(info_of("alac"), subtype="PCM_32")
    with pytest.raises(MediaError, match=r"'a\.m4a' cannot be written: ALAC of 32 bits can be read only"):
        AudioWriter(tmp_path / "a.m4a", info)
    with pytest.raises(MediaError, match="WMA holds at most 2 channels, not 3"):
        AudioWriter(tmp_path / "a.wma", replace(info_of("wma"), num_channels=3))


def test_an_encoder_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = encoding._command

    def wrong(path: Path, info: AudioInfo, source: Path | None) -> list[str]:
        return ["nonsense" if word == "libmp3lame" else word for word in command(path, info, source)]

    monkeypatch.setattr(encoding, "_command", wrong)
    with pytest.raises(ProgramError, match=r"'a\.mp3' cannot be written: .*Unknown encoder 'nonsense'$"):  # noqa: SIM117
        with AudioWriter(tmp_path / "a.mp3", info_of("mp3")) as writer:
            writer.write(noise())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_told_by_the_encoder_too(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"'a\.ogg' cannot be written"):
        written(tmp_path / "none" / "a.ogg", noise(), info_of("ogg"))


def test_a_block_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = np.concatenate([noise(), np.full((2, 1), np.nan)], axis=1)
    with pytest.raises(MediaError, match="at sample 1 "):
        written(tmp_path / "a.ogg", broken[:, 20_000:], info_of("ogg"))
    assert not list(tmp_path.iterdir())


def test_a_program_is_fed_to_its_end() -> None:
    program = FedProgram(["cat"], stall_s=20)
    program.write(b"x" * 300_000)
    program.finish()
    failing = FedProgram(["sh", "-c", "cat > /dev/null; echo 'no more room' >&2; exit 3"], stall_s=20)
    failing.write(b"x")
    with pytest.raises(ProgramError, match="sh failed with exit code 3: no more room"):
        failing.finish()


def test_a_program_that_does_not_listen_is_ended() -> None:
    deaf = FedProgram(["sleep", "60"], stall_s=0.3)
    with pytest.raises(ProgramError, match=r"sleep took longer than 0\.3 s"):
        deaf.write(bytes(2**20))  # more than a pipe holds
    deaf.kill()
