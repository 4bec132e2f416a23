import resource
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from varemix.errors import MediaError
from varemix.media import writing
from varemix.media.audio import (
    AudioInfo,
    AudioReader,
    AudioWriter,
    StreamResampler,
    mono,
    probe_audio,
    read_audio,
    resample,
)

BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
KINDS = [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("FLAC", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
]


def info_of(container: str = "WAV", subtype: str = "PCM_16", **changes: int) -> AudioInfo:
    facts = {"rate_hz": 44_100, "num_channels": 2, "num_samples": 5_000} | changes
    return AudioInfo(container=container, subtype=subtype, **facts)


def stored_samples(info: AudioInfo) -> np.ndarray:
    """Return samples [C, S] that the depth holds exactly, its extremes among them."""
    rng = np.random.default_rng(5)
    shape = (info.num_channels, info.num_samples)
    if info.subtype in BITS:
        half = 2 ** (BITS[info.subtype] - 1)
        steps = rng.integers(-half, half, shape)
        steps[:, :2] = -half, half - 1
        return steps / half
    samples = rng.uniform(-3.0, 3.0, shape)
    return samples.astype(np.float32).astype(np.float64) if info.subtype == "FLOAT" else samples


def write(path: Path, samples: np.ndarray, info: AudioInfo) -> AudioWriter:
    with AudioWriter(path, info) as writer:
        for start in range(0, samples.shape[1], 1_234):
            writer.write(samples[:, start : start + 1_234])
    return writer


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("num_channels", [1, 2, 5])
@pytest.mark.parametrize(("container", "subtype"), KINDS)
def test_samples_keep_every_bit_through_reading_and_writing(
    tmp_path: Path, container: str, subtype: str, num_channels: int, rate_hz: int
) -> None:
    info = info_of(container, subtype, num_channels=num_channels, rate_hz=rate_hz)
    samples = stored_samples(info)
    writer = write(tmp_path / "a", samples, info)
    read, read_info = read_audio(tmp_path / "a")
    assert replace(read_info, channel_layout=None) == info
    assert read.dtype == np.float64
    assert_array_equal(read, samples)
    assert writer.num_clipped == 0
    assert writer.peak == np.abs(samples).max()


@pytest.mark.parametrize(("container", "subtype"), KINDS)
def test_files_of_other_programs_keep_every_stored_number(tmp_path: Path, container: str, subtype: str) -> None:
    info = info_of(container, subtype)
    width = "float64" if subtype in ("FLOAT", "DOUBLE") else "int32"
    frames = stored_samples(info).T if width == "float64" else (stored_samples(info).T * 2**31).astype(np.int32)
    soundfile.write(tmp_path / "a", frames, 44_100, format=container, subtype=subtype)
    write(tmp_path / "b", *read_audio(tmp_path / "a"))
    before, _ = soundfile.read(tmp_path / "a", dtype=width)
    after, _ = soundfile.read(tmp_path / "b", dtype=width)
    assert_array_equal(after, before)


def test_eight_bits_are_stored_unsigned_around_128(tmp_path: Path) -> None:
    info = info_of(subtype="PCM_U8", num_channels=1, num_samples=3)
    write(tmp_path / "a.wav", np.array([[-1.0, 0.0, 127 / 128]]), info)
    assert (tmp_path / "a.wav").read_bytes()[44:47] == bytes([0, 128, 255])


def test_a_floating_point_file_does_not_hold_the_time_of_its_making(tmp_path: Path) -> None:
    info = info_of(subtype="FLOAT")
    write(tmp_path / "a.wav", stored_samples(info), info)
    content = (tmp_path / "a.wav").read_bytes()
    place = content.index(b"PEAK") + 12  # id, size, version, then the time
    assert content[place : place + 4] == bytes(4)


def test_what_passes_full_scale_is_clipped_and_counted(tmp_path: Path) -> None:
    info = info_of(num_samples=4)
    samples = np.array([[1.0, 1.5, 0.0, -1.0], [0.5, -2.5, 0.0, -1.00001]])
    writer = write(tmp_path / "a.wav", samples, info)
    assert writer.num_clipped == 3  # 1.0 is one step too high; -1.00001 rounds to the lowest step
    assert writer.peak == 2.5
    highest = 1 - 2**-15
    assert_array_equal(read_audio(tmp_path / "a.wav")[0], [[highest, highest, 0.0, -1.0], [0.5, -1.0, 0.0, -1.0]])


def test_floating_point_files_are_not_clipped(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.wav", np.full((1, 9), 4.0), info_of(subtype="FLOAT", num_channels=1, num_samples=9))
    assert (writer.num_clipped, writer.peak) == (0, 4.0)
    assert_array_equal(read_audio(tmp_path / "a.wav")[0], np.full((1, 9), 4.0))


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_blocks_and_places_give_the_same_as_the_whole(tmp_path: Path, container: str) -> None:
    info = info_of(container)
    samples = stored_samples(info)
    write(tmp_path / "a", samples, info)
    with AudioReader(tmp_path / "a") as reader:
        assert_array_equal(reader.read(4_321, 100), samples[:, 4_321:4_421])
        blocks = list(reader.blocks(999))
        assert_array_equal(reader.read(10, 20), samples[:, 10:30])
        assert reader.read(4_990, 100).shape == (2, 10)
        assert reader.read(5_000, 100).shape == (2, 0)
        assert reader.read(9_999, 100).shape == (2, 0)
    assert [block.shape[1] for block in blocks] == [999] * 5 + [5]
    assert_array_equal(np.concatenate(blocks, axis=1), samples)


def test_the_header_tells_what_a_file_is(tmp_path: Path) -> None:
    info = info_of("FLAC", "PCM_24", rate_hz=48_000, num_samples=24_000)
    write(tmp_path / "a.flac", stored_samples(info), info)
    assert probe_audio(tmp_path / "a.flac") == info
    assert info.duration_s == 0.5


def test_the_content_counts_not_the_suffix(tmp_path: Path) -> None:
    info = info_of("FLAC")
    write(tmp_path / "a.wav", stored_samples(info), info)
    assert probe_audio(tmp_path / "a.wav").container == "FLAC"


@pytest.mark.parametrize("name", ["-i.wav", "ü %d 'x'.wav", "a\nb.wav"])
def test_names_may_hold_any_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    info = info_of()
    write(Path(name), stored_samples(info), info)
    assert read_audio(Path(name))[1] == info


def test_a_wav_file_past_4_gib_becomes_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = info_of(num_samples=5_000)
    monkeypatch.setattr(writing, "_MAX_PLAIN_WAV_BYTES", 2 * 2 * 5_000 - 1)  # the true limit would fill the disk
    samples = stored_samples(info)
    write(tmp_path / "a.wav", samples, info)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    assert_array_equal(read_audio(tmp_path / "a.wav")[0], samples)
    monkeypatch.undo()
    write(tmp_path / "b.wav", samples, info)
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("num_bytes", [2**32 - 2**27, 2**32])
def test_no_header_written_ever_promises_more_than_32_bits_hold(tmp_path: Path, num_bytes: int) -> None:
    info = info_of(num_samples=num_bytes // 4)
    with AudioWriter(tmp_path / "a.wav", info):
        pass
    assert (tmp_path / "a.wav").read_bytes()[:4] == (b"RF64" if num_bytes == 2**32 else b"RIFF")


@pytest.mark.parametrize(("mask", "num_channels"), [(0, 6), (0x07, 3), (0x107, 4), (0x60F, 6)])
def test_a_wav_file_keeps_which_loudspeakers_its_channels_are_for(
    tmp_path: Path, mask: int, num_channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = info_of(num_channels=num_channels)
    write(tmp_path / "a.wav", stored_samples(info), info)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[40:44] = struct.pack("<I", mask)  # RIFF and fmt headers, then 20 bytes
    (tmp_path / "a.wav").write_bytes(content)
    samples, info = read_audio(tmp_path / "a.wav")
    for limit, place in [(writing._MAX_PLAIN_WAV_BYTES, 40), (100, 76)]:  # RF64 has another chunk before
        monkeypatch.setattr(writing, "_MAX_PLAIN_WAV_BYTES", limit)
        with AudioWriter(tmp_path / "b.wav", info, source=tmp_path / "a.wav") as writer:
            writer.write(samples)
        assert struct.unpack_from("<I", (tmp_path / "b.wav").read_bytes(), place)[0] == mask
        assert_array_equal(read_audio(tmp_path / "b.wav")[0], samples)


@pytest.mark.parametrize(("container", "missing_bytes"), [("FLAC", 1), ("FLAC", 3_000), ("WAV", 1), ("AIFF", 1)])
def test_a_file_whose_end_finds_no_room_is_told(tmp_path: Path, container: str, missing_bytes: int) -> None:
    info = info_of(container)
    samples = stored_samples(info)
    write(tmp_path / "whole", samples, info)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room_bytes = (tmp_path / "whole").stat().st_size - missing_bytes
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, limits[1]))
        with pytest.raises(MediaError, match="'a' cannot be written: "):
            write(tmp_path / "a", samples, info)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_more_samples_than_announced_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="announced with 5000 samples"):
        write(tmp_path / "a.wav", np.zeros((2, 5_001)), info_of())


@pytest.mark.parametrize(
    "info",
    [
        info_of("FLAC", "PCM_32"),
        info_of("FLAC", "FLOAT"),
        info_of("FLAC", num_channels=9),
        info_of(subtype="PCM_S8"),
    ],
)
def test_a_container_that_cannot_hold_it_is_told(tmp_path: Path, info: AudioInfo) -> None:
    with pytest.raises(MediaError, match=r"'a\.x' cannot be written as"):
        AudioWriter(tmp_path / "a.x", info)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"'a\.wav' cannot be written"):
        AudioWriter(tmp_path / "none" / "a.wav", info_of())


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_a_number_that_is_not_finite_is_told_with_its_place(tmp_path: Path, subtype: str, wrong: float) -> None:
    frames = np.zeros((5_000, 2))
    frames[4_410, 1] = wrong
    soundfile.write(tmp_path / "a.wav", frames, 44_100, subtype=subtype)
    with pytest.raises(MediaError, match=r"'a\.wav' holds .* at sample 4410 \(0\.100 s\) of channel 2"):
        read_audio(tmp_path / "a.wav")
    with AudioReader(tmp_path / "a.wav") as reader:
        assert reader.read(0, 4_410).shape == (2, 4_410)
        with pytest.raises(MediaError, match="at sample 4410"):
            list(reader.blocks(1_000))


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path, subtype: str) -> None:
    with AudioWriter(tmp_path / "a.wav", info_of(subtype=subtype)) as writer:
        writer.write(np.zeros((2, 10)))
        with pytest.raises(MediaError, match="at sample 10 "):
            writer.write(np.full((2, 1), np.nan))


def whole(tmp_path: Path, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    info = info_of(container, subtype)
    write(tmp_path / "whole", stored_samples(info), info)
    return (tmp_path / "whole").read_bytes()


def broken_files(tmp_path: Path) -> dict[str, tuple[bytes, str]]:
    """Return name -> (content, words of the message)."""
    wav, flac = whole(tmp_path), whole(tmp_path, "FLAC")
    sizes = slice(40, 44)

    def changed(place: slice, content: bytes) -> bytes:
        copy = bytearray(wav)
        copy[place] = content
        return bytes(copy)

    no_length = bytearray(flac)
    no_length[21] &= 0xF0
    no_length[22:26] = bytes(4)
    lying = bytearray(flac)
    lying[22:26] = struct.pack(">I", 2**31)
    return {
        "cut.wav": (wav[:-101], "cut off"),
        "half.wav": (wav[: len(wav) // 2], "cut off"),
        "header.wav": (wav[:40], "without sound data"),
        "short.wav": (wav[:20], "without sound data"),
        "cut.flac": (flac[: len(flac) // 2], "cut off or damaged"),
        "tail.flac": (flac[:-9], "cut off"),
        "damaged.flac": (flac[:9_000] + bytes(300) + flac[9_300:], "damaged"),
        "lying.flac": (bytes(lying), "cut off"),
        "endless.flac": (bytes(no_length), "does not say how long"),
        "text.wav": (b"hello, world. " * 99, "holds no WAV or FLAC audio"),
        "text.flac": (b"fLaC but then only words", "cannot be read as FLAC"),
        "empty.wav": (b"", "is empty"),
        "nothing.wav": (changed(sizes, bytes(4))[:44], "no samples"),
        "greedy.wav": (changed(sizes, struct.pack("<I", 2**30)), "promises 1073741824 bytes"),
        "rate.wav": (changed(slice(24, 28), struct.pack("<I", 7)), "7 Hz"),
        "rates.wav": (changed(slice(24, 28), struct.pack("<I", 10**9)), "1000000000 Hz"),
        "channels.wav": (changed(slice(22, 24), bytes(2)), "channels.wav"),
        "coding.wav": (changed(slice(20, 22), b"\xff\xee"), "coding.wav"),
        "song.mp3": (b"ID3\4\0\0\0\0\0\0" + bytes(99), "holds no MP3 audio"),
        "song.xm": (b"Extended Module: " * 9, "of kind 'xm'; WAV, AIFF, CAF, W64, AU, FLAC"),
        "noname": (b"\1\2\3", "of kind 'unknown'"),
    }


def test_every_broken_file_gets_a_reason_with_its_name(tmp_path: Path) -> None:
    reasons = {}
    for name, (content, words) in broken_files(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError) as caught:
            read_audio(tmp_path / name)
        reasons[name] = (str(caught.value), words)
    wrong = {n: m for n, (m, words) in reasons.items() if f"'{n}'" not in m or words not in m}
    assert not wrong


GUESSES = [0, 0x7FFFF000, 0x7FFFFFFF, 0x7FFFFFDB, 0x80000000, 0x80008000, 0xFFFFFFFF, 0xFFFFFFDB, -2, -16]


@pytest.mark.parametrize("promised", GUESSES)
@pytest.mark.parametrize("suffix", [".wav", ".aiff"])
def test_a_length_that_was_a_guess_does_not_count_and_it_is_told(tmp_path: Path, promised: int, suffix: str) -> None:
    samples = np.round(np.random.default_rng(1).uniform(-0.5, 0.5, (1_000, 2)) * 2**15) / 2**15
    soundfile.write(tmp_path / f"whole{suffix}", samples, 44_100, subtype="PCM_16")
    content = bytearray((tmp_path / f"whole{suffix}").read_bytes())
    at = content.index(b"data" if suffix == ".wav" else b"SSND") + 4
    true = int.from_bytes(content[at : at + 4], "little" if suffix == ".wav" else "big")
    said = promised if promised >= 0 else true - promised
    content[at : at + 4] = said.to_bytes(4, "little" if suffix == ".wav" else "big")
    (tmp_path / f"pipe{suffix}").write_bytes(content)
    if suffix == ".aiff" and promised == 0:
        pytest.skip("nobody writes that")
    read, info = read_audio(tmp_path / f"pipe{suffix}")
    assert_array_equal(read, samples.T)
    assert info.doubt == f"its header promises {said} bytes of sound, {true} are there: the file's end counts"


def test_bw64_is_served_like_rf64(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 2)), 44_100, subtype="PCM_24", format="RF64")
    (tmp_path / "b.wav").write_bytes(b"BW64" + (tmp_path / "a.wav").read_bytes()[4:])
    assert probe_audio(tmp_path / "b.wav") == probe_audio(tmp_path / "a.wav")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(MediaError, match=f"'{path.name}' cannot be read"):
            probe_audio(path)


def test_mono_is_the_mean_of_the_front_pair() -> None:
    samples = np.array([[1.0, 0.0], [0.5, -1.0], [9.0, 9.0]])
    assert_array_equal(mono(samples), [0.75, -0.5])
    assert_array_equal(mono(samples[:1]), samples[0])


def tone(rate_hz: int, num_samples: int, frequency_hz: float = 1_000.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / rate_hz)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 48_000), (96_000, 44_100), (22_050, 44_100)])
def test_resampling_keeps_a_tone_where_it_is(from_hz: int, to_hz: int) -> None:
    resampled = resample(np.stack([tone(from_hz, from_hz), -tone(from_hz, from_hz)]), from_hz, to_hz)
    assert resampled.shape == (2, to_hz)
    inside = slice(to_hz // 10, -to_hz // 10)
    # VHQ is 28 bits: 4e-9 of full scale; some more for the pass band's ripple
    assert_allclose(resampled[0, inside], tone(to_hz, to_hz)[inside], atol=1e-6)
    assert_array_equal(resampled[1], -resampled[0])


def test_equal_rates_return_an_equal_copy() -> None:
    samples = np.arange(6.0).reshape(2, 3)
    same = resample(samples, 48_000, 48_000)
    assert_array_equal(same, samples)
    assert not np.shares_memory(same, samples)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("to_hz", [16_000, 44_100, 48_000])
def test_a_stream_of_blocks_equals_the_whole(dtype: type, to_hz: int) -> None:
    samples: np.ndarray = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 20_000)).astype(dtype)
    stream = StreamResampler(44_100, to_hz, 2, dtype=dtype)
    blocks = [stream.process(samples[:, start : start + 777]) for start in range(0, 20_000, 777)]
    streamed = np.concatenate([*blocks, stream.flush()], axis=1)
    assert streamed.dtype == dtype
    assert_array_equal(streamed, resample(samples, 44_100, to_hz))
