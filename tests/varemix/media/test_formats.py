"""Codings that nobody writes, and rarer formats: what a decoder here reads is served, and what it becomes is told."""

from pathlib import Path

import numpy as np
import pytest

from tests.varemix.media.sounds import NUM_SAMPLES, encoded, noise, snr_db
from varemix.media.audio import AudioWriter, as_written, probe_audio, read_audio
from varemix.media.containers import container_of

FAULTS = [("12", "PCM_16", "FLAC of 16 bits"), ("20", "PCM_24", "FLAC of 24 bits"), ("32", "PCM_32", "FLAC of 24 bits")]


def written_again(source: Path) -> tuple[Path, str]:
    samples, info = read_audio(source)
    wanted, note = as_written(info)
    target = source.with_name(f"again{source.suffix}")
    with AudioWriter(target, wanted, source=source) as writer:
        writer.write(samples)
    return target, note


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("a.wv", ()),
        ("a.wv", ("-sample_fmt", "s32p", "-bits_per_raw_sample", "24")),
        ("a.wv", ("-sample_fmt", "s32p")),
        ("a.wv", ("-sample_fmt", "fltp")),
        ("a.tta", ()),
        ("a.tta", ("-sample_fmt", "s32")),
        ("a.caf", ()),
        ("a.caf", ("-c:a", "pcm_f32be")),
        ("a.w64", ("-c:a", "pcm_f64le")),
        ("a.au", ("-c:a", "pcm_s24be")),
        ("a.mkv", ("-c:a", "wavpack")),
        ("a.mkv", ("-c:a", "alac")),
    ],
)
def test_rarer_formats_that_can_be_written_are_kept_bit_for_bit(
    tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    source = encoded(tmp_path, name, *args)
    samples, info = read_audio(source)
    np.testing.assert_array_equal(samples, noise())
    target, note = written_again(source)
    again, info_again = read_audio(target)
    np.testing.assert_array_equal(again, samples)
    assert (info_again.container, info_again.codec, info_again.subtype) == (info.container, info.codec, info.subtype)
    assert note == ""


@pytest.mark.parametrize(
    ("name", "args", "became"),
    [
        ("a.wav", ("-c:a", "pcm_mulaw"), "µ-law, which is not written here; it became PCM of 16 bits"),
        ("a.wav", ("-c:a", "pcm_alaw"), "A-law, which is not written here; it became PCM of 16 bits"),
        ("a.wav", ("-c:a", "adpcm_ms"), "ADPCM, which is not written here; it became PCM of 16 bits"),
        ("a.wav", ("-c:a", "libmp3lame"), "MP3, which is not written here; it became PCM of 24 bits"),
        ("a.aiff", ("-c:a", "pcm_mulaw"), "µ-law, which is not written here; it became PCM of 16 bits"),
        ("a.aiff", ("-c:a", "adpcm_ima_qt"), "ADPCM, which is not written here; it became PCM of 16 bits"),
        ("a.au", ("-c:a", "pcm_mulaw"), "µ-law, which is not written here; it became PCM of 16 bits"),
        ("a.mkv", ("-c:a", "mp2"), "MPEG layer II, which is not written here; it became FLAC of 16 bits"),
        ("a.mkv", ("-c:a", "truehd", "-strict", "-2"), "TrueHD, which is not written here; it became FLAC of 24 bits"),
        ("a.mov", ("-c:a", "adpcm_ima_qt"), "ADPCM, which is not written here; it became ALAC of 16 bits"),
    ],
)
def test_a_coding_that_nobody_writes_becomes_the_nearest_and_it_is_told(
    tmp_path: Path, name: str, args: tuple[str, ...], became: str
) -> None:
    source = encoded(tmp_path, name, *args)
    target, note = written_again(source)
    assert note == f"its sound is coded as {became}"
    before, after = read_audio(source)[0], read_audio(target)[0]
    assert before.shape == after.shape
    assert snr_db(before, after) > 90
    assert container_of(target) == container_of(source)


@pytest.mark.parametrize(("bits", "subtype", "became"), FAULTS)
def test_flac_of_unusual_depths_is_served_in_the_nearest_depth(
    tmp_path: Path, bits: str, subtype: str, became: str
) -> None:
    source = flac_of(tmp_path, int(bits))
    info = probe_audio(source)
    assert (info.subtype, info.num_samples) == (subtype, NUM_SAMPLES)
    target, note = written_again(source)
    assert note == f"its sound is of {bits} bits, which is not written here; it became {became}"
    np.testing.assert_array_equal(read_audio(target)[0], read_audio(source)[0])


@pytest.mark.parametrize(
    ("head", "container"),
    [(b"MAC \x96\x0f", "APE"), (b"MP+\x07", "MUSEPACK"), (b"MPCKSH", "MUSEPACK8"), (b"tBaK\0", "TAK"), (b"BW64", None)],
)
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\0\x05hello"])
def test_containers_are_told_by_their_content(tmp_path: Path, head: bytes, container: str | None, tag: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(tag + head + bytes(40))
    assert container_of(path) == container


def flac_of(folder: Path, bits: int) -> Path:
    """Return the noise as FLAC of so many bits, each sample coded as it is."""
    path = folder / f"flac{bits}.flac"
    steps = np.rint(noise() * 2 ** (min(bits, 16) - 1)).astype(np.int64) << max(0, bits - 16)
    path.write_bytes(verbatim_flac(steps, bits))
    return path


def verbatim_flac(steps: np.ndarray, bits: int) -> bytes:
    """Code samples [2, S] as FLAC in verbatim subframes of 4096 (RFC 9639)."""
    num_samples, block = steps.shape[1], 4096
    facts = (44_100 << 44) | (1 << 41) | ((bits - 1) << 36) | num_samples
    info = block.to_bytes(2, "big") * 2 + bytes(6) + facts.to_bytes(8, "big") + bytes(16)
    depth_code = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}[bits]
    frames = []
    for number, first in enumerate(range(0, num_samples, block)):
        piece = steps[:, first : first + block]
        head = b"\xff\xf8\x79" + bytes([1 << 4 | depth_code << 1, number]) + (piece.shape[1] - 1).to_bytes(2, "big")
        head += bytes([crc(head, 8, 0x07)])
        bit_text = "".join("00000010" + "".join(f"{int(s) & (1 << bits) - 1:0{bits}b}" for s in row) for row in piece)
        bit_text += "0" * (-len(bit_text) % 8)
        frame = head + int(bit_text, 2).to_bytes(len(bit_text) // 8, "big")
        frames.append(frame + crc(frame, 16, 0x8005).to_bytes(2, "big"))
    return b"fLaC\x80\0\0\x22" + info + b"".join(frames)


def crc(content: bytes, width: int, polynomial: int) -> int:
    value, top = 0, 1 << (width - 1)
    for byte in content:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & ((1 << width) - 1)
    return value
