from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen import mp4

from tests.varemix.media.sounds import NUM_SAMPLES, encoded, lag_samples, noise, run_ffmpeg, snr_db
from varemix.errors import MediaError
from varemix.media.audio import AudioReader, AudioWriter, info_for_format, probe_audio, read_audio
from varemix.media.containers import container_of, is_chained_ogg
from varemix.media.tags import copy_tags

MP3, AAC, OPUS = ["-c:a", "libmp3lame"], ["-c:a", "aac", "-b:a", "192k"], ["-c:a", "libopus", "-b:a", "160k"]
# name, ffmpeg's arguments, container, codec, samples that its coding cannot say are the encoder's own: before, after
KINDS = [
    ("cbr.mp3", [*MP3, "-b:a", "192k"], "MP3", "mp3", 0, 0),
    ("vbr.mp3", [*MP3, "-q:a", "2"], "MP3", "mp3", 0, 0),
    ("bare.mp3", [*MP3, "-b:a", "192k", "-write_xing", "0", "-id3v2_version", "0"], "MP3", "mp3", 1105, None),
    ("a.ogg", ["-c:a", "libvorbis", "-q:a", "6"], "OGG", "vorbis", 0, 0),
    ("a.opus", OPUS, "OGG", "opus", 0, 0),
    ("flac.oga", ["-c:a", "flac"], "OGG", "flac", 0, 0),
    ("a.m4a", AAC, "MP4", "aac", 0, 0),
    ("alac.m4a", ["-c:a", "alac"], "MP4", "alac", 0, 0),
    ("a.aac", AAC, "ADTS", "aac", 1024, None),
    ("a.wma", ["-c:a", "wmav2", "-b:a", "192k"], "ASF", "wmav2", -2048, None),
    ("a.mkv", AAC, "MATROSKA", "aac", 0, None),
    ("opus.webm", OPUS, "MATROSKA", "opus", 0, 0),
    ("ac3.mkv", ["-c:a", "ac3", "-b:a", "384k"], "MATROSKA", "ac3", 0, 0),
    ("flac.mkv", ["-c:a", "flac"], "MATROSKA", "flac", 0, 0),
    ("pcm.mov", ["-c:a", "pcm_s24le"], "MP4", "pcm", 0, 0),
]
LOSSLESS = ("flac", "alac", "pcm")


def rate_of(codec: str) -> int:
    return 48_000 if codec == "opus" else 44_100


@pytest.mark.parametrize(("name", "args", "container", "codec", "before", "after"), KINDS, ids=str)
def test_what_is_served_begins_and_ends_with_what_was_recorded(
    tmp_path: Path, name: str, args: list[str], container: str, codec: str, before: int, after: int | None
) -> None:
    path = encoded(tmp_path, name, *args, rate_hz=rate_of(codec))
    recorded = noise(rate_of(codec))
    samples, info = read_audio(path)
    assert (info.container, info.codec, info.rate_hz, info.num_channels) == (container, codec, rate_of(codec), 2)
    assert lag_samples(recorded, samples) == before
    if after is not None:
        assert info.num_samples == NUM_SAMPLES
    assert samples.shape == (2, info.num_samples)
    if codec in LOSSLESS:
        np.testing.assert_array_equal(samples, recorded)
    elif before >= 0:
        assert snr_db(recorded, samples[:, before:]) > 10
    assert info.is_lossy == (codec not in LOSSLESS)
    assert (info.bit_rate_bps is not None) == info.is_lossy


@pytest.mark.parametrize(("name", "args"), [(kind[0], kind[1]) for kind in KINDS[:4] + KINDS[6:7] + KINDS[10:11]])
def test_any_place_of_a_coded_file_gives_the_same_as_the_whole(tmp_path: Path, name: str, args: list[str]) -> None:
    path = encoded(tmp_path, name, *args)
    whole, info = read_audio(path)
    with AudioReader(path) as reader:
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks(1_777)), axis=1), whole)
        for first in (9_000, 15_000, 100):  # on, and back
            np.testing.assert_array_equal(reader.read(first, 500), whole[:, first : first + 500])
        assert reader.read(info.num_samples - 3, 10).shape == (2, 3)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_aiff_keeps_every_bit_and_the_same_samples_give_the_same_file(tmp_path: Path, subtype: str) -> None:
    samples = np.rint(noise() * 2**7) / 2**7
    soundfile.write(tmp_path / "a.aiff", samples.T, 44_100, format="AIFF", subtype=subtype)
    read, info = read_audio(tmp_path / "a.aiff")
    assert (info.container, info.subtype) == ("AIFF", subtype)
    np.testing.assert_array_equal(read, samples)
    for name in ("b", "c"):
        with AudioWriter(tmp_path / name, info) as writer:
            writer.write(read)
    np.testing.assert_array_equal(read_audio(tmp_path / "b")[0], samples)
    content = (tmp_path / "b").read_bytes()
    assert content == (tmp_path / "c").read_bytes()
    if subtype in ("FLOAT", "DOUBLE"):
        place = content.index(b"PEAK") + 12
        assert content[place : place + 4] == bytes(4)


@pytest.mark.parametrize("args", [["a.ogg", "-c:a", "libvorbis"], ["a.opus", *OPUS], ["a.m4a", *AAC]])
def test_the_front_pair_of_surround_sound_comes_first_as_in_wav(tmp_path: Path, args: list[str]) -> None:
    path = encoded(tmp_path, *args, rate_hz=48_000, num_channels=6)
    samples, info = read_audio(path)
    recorded = noise(48_000, 6)
    assert (info.num_channels, info.channel_layout) == (6, "5.1")
    for channel in (0, 1, 2):
        likeness = [np.corrcoef(recorded[other], samples[channel, :NUM_SAMPLES])[0, 1] for other in range(6)]
        assert int(np.argmax(likeness)) == channel


def test_the_bit_rate_is_told_so_that_another_like_it_can_be_written(tmp_path: Path) -> None:
    assert probe_audio(encoded(tmp_path, "a.mp3", *MP3, "-b:a", "160k")).bit_rate_bps == 160_000
    vorbis = probe_audio(encoded(tmp_path, "a.ogg", "-c:a", "libvorbis", "-q:a", "5"))
    assert (vorbis.bit_rate_bps, vorbis.is_variable_rate) == (160_000, True)  # what quality 5 stands for
    assert not probe_audio(tmp_path / "a.mp3").is_variable_rate


def test_the_first_of_several_sounds_is_served(tmp_path: Path) -> None:
    wav = encoded(tmp_path, "first.wav")
    path = tmp_path / "two.mkv"
    silence = ["-f", "lavfi", "-i", "anullsrc=duration=0.2"]
    run_ffmpeg(*silence, "-i", str(wav), "-map", "1:a", "-map", "0:a", "-c:a", "flac", f"file:{path}")
    samples, info = read_audio(path)
    np.testing.assert_array_equal(samples, noise())
    assert info.stream_index == 0


def test_a_gap_in_the_sound_of_a_video_becomes_silence(tmp_path: Path) -> None:
    wav = encoded(tmp_path, "a.wav")
    path = tmp_path / "gap.mkv"
    # 5880 to 13,230 are taken out, and the times of the others stay.
    cut = "asetnsamples=1470:p=0,aselect='not(between(n,4,8))'"
    run_ffmpeg("-i", str(wav), "-af", cut, "-c:a", "pcm_s16le", f"file:{path}")
    samples, _ = read_audio(path)
    recorded = noise()
    np.testing.assert_array_equal(samples[:, :5_880], recorded[:, :5_880])
    late = samples.shape[1] - NUM_SAMPLES
    assert abs(late) <= 44  # times in Matroska are milliseconds
    assert np.abs(samples[:, 5_880 : 13_230 + late]).max() == 0
    np.testing.assert_array_equal(samples[:, 13_230 + late :], recorded[:, 13_230:])


# What people hand over


CUT = [
    ("a.mp3", MP3),
    ("a.ogg", ["-c:a", "libvorbis"]),
    ("a.opus", OPUS),
    ("a.m4a", AAC),
    ("alac.m4a", ["-c:a", "alac"]),
]
CUT += [("a.wma", ["-c:a", "wmav2"]), ("a.aiff", []), ("a.wav", []), ("a.flac", [])]


@pytest.mark.parametrize(("name", "args"), CUT)
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, name: str, args: list[str]) -> None:
    path = encoded(tmp_path, name, *args, rate_hz=48_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(MediaError, match=f"'{name}' is cut off"):
        read_audio(path)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".ogg", ".wma", ".aiff", ".mkv", ".flac", ".aac"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        ("these are words, not sound".encode("utf-16"), "holds no .*, whatever its name says"),
        (bytes(70_000), "holds no .*, whatever its name says"),
    ],
    ids=["empty", "text", "zeros"],
)
def test_what_is_no_sound_is_told_whatever_its_name(tmp_path: Path, suffix: str, content: bytes, words: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=f"'a{suffix}' {words}"):
        probe_audio(path)


def test_an_unreadable_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # who runs the tests may be allowed all
    with pytest.raises(MediaError, match=r"'a\.mp3' cannot be read: Permission denied"):
        probe_audio(tmp_path / "a.mp3")


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.m4a", "a.wma", "a.flac"])
def test_a_tenth_of_a_second_of_silence_is_a_fine_file(tmp_path: Path, name: str) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "anullsrc=duration=0.1", f"file:{tmp_path / name}")
    samples, info = read_audio(tmp_path / name)
    assert abs(info.duration_s - 0.1) < 0.06  # WMA comes in whole frames
    assert np.abs(samples).max() < 1e-4


def test_the_content_counts_for_coded_files_too(tmp_path: Path) -> None:
    path = encoded(tmp_path, "a.mp3", *MP3).rename(tmp_path / "a.wav")
    assert probe_audio(path).container == "MP3"


def test_a_tag_before_the_sound_hides_nothing(tmp_path: Path) -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 8, 0]) + bytes(1024)
    for name, args in [("a.mp3", MP3), ("a.flac", []), ("a.aac", AAC)]:
        path = encoded(tmp_path, name, *args)
        kind, samples = container_of(path), read_audio(path)[0]
        path.write_bytes(tag + path.read_bytes())
        assert container_of(path) == kind
        np.testing.assert_array_equal(read_audio(path)[0], samples)


def test_an_mp3_that_begins_in_the_middle_of_a_frame_is_served_from_the_next_one_on(tmp_path: Path) -> None:
    path = encoded(tmp_path, "a.mp3", *MP3, "-write_xing", "0", "-id3v2_version", "0")
    whole = read_audio(path)[0]
    path.write_bytes(path.read_bytes()[100:])
    samples, info = read_audio(path)
    assert (info.container, info.num_samples) == ("MP3", whole.shape[1] - 1152)
    np.testing.assert_allclose(samples[:, 5_000:], whole[:, 6_152:], atol=1e-6)


def test_an_mp3_whose_length_ffmpeg_estimates_is_counted(tmp_path: Path) -> None:
    quiet_end = ["-af", "apad=pad_len=60000"]  # fewer bits there than where the bit rate is looked at
    path = encoded(tmp_path, "a.mp3", *quiet_end, *MP3, "-q:a", "2", "-id3v2_version", "0")
    path.write_bytes(bytes(range(200)) * 15 + path.read_bytes())
    samples, info = read_audio(path)
    assert samples.shape[1] == info.num_samples == pytest.approx(NUM_SAMPLES + 60_000, abs=2_500)


@pytest.mark.parametrize(("codec", "rate_hz"), [("libopus", 48_000), ("libvorbis", 44_100)])
def test_recordings_one_after_the_other_in_an_ogg_file_are_all_served(tmp_path: Path, codec: str, rate_hz: int) -> None:
    links = [
        encoded(
            tmp_path, f"{number}.ogg", "-c:a", codec, "-b:a", "160k", "-serial_offset", str(number), rate_hz=rate_hz
        )
        for number in (1, 2)
    ]
    assert not is_chained_ogg(links[0])
    path = tmp_path / "both.ogg"
    path.write_bytes(b"".join(link.read_bytes() for link in links))
    samples, info = read_audio(path)
    late = info.num_samples - 2 * NUM_SAMPLES
    assert 0 <= late < 1_024  # the last block of a recording of Vorbis is served whole
    assert snr_db(noise(rate_hz), samples[:, :NUM_SAMPLES]) > 10
    assert 0 <= lag_samples(noise(rate_hz), samples[:, NUM_SAMPLES:]) <= late


def test_a_part_that_cannot_be_decoded_moves_nothing_that_follows(tmp_path: Path) -> None:
    path = encoded(tmp_path, "a.mka", "-c:a", "libmp3lame", "-b:a", "128k")
    whole = read_audio(path)[0]
    content = bytearray(path.read_bytes())
    frame = content.index(b"\xff\xfb", len(content) // 2)
    content[frame : frame + 300] = bytes(300)
    path.write_bytes(content)
    samples, _ = read_audio(path)
    assert abs(samples.shape[1] - whole.shape[1]) <= 44  # times in Matroska are milliseconds
    assert 1_000 < (samples == 0).all(axis=0).sum() < 4_000  # a frame or two, and nothing else
    np.testing.assert_allclose(samples[:, -5_000:], whole[:, -5_000:], atol=1e-6)


def test_a_video_without_sound_is_told(tmp_path: Path) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:duration=0.2", "-c:v", "mpeg4", f"file:{tmp_path / 'a.mp4'}")
    with pytest.raises(MediaError, match=r"'a\.mp4' has no sound"):
        probe_audio(tmp_path / "a.mp4")


def test_a_coding_that_is_not_served_is_told(tmp_path: Path) -> None:
    path = encoded(tmp_path, "a.mov", "-c:a", "g726", rate_hz=8_000, num_channels=1)
    with pytest.raises(MediaError, match=r"'a\.mov' is of a coding that is not served; PCM, FLAC"):
        probe_audio(path)


def test_numbers_that_are_not_finite_are_told_with_their_place(tmp_path: Path) -> None:
    frames = np.zeros((5_000, 1))
    frames[4_410] = np.inf
    soundfile.write(tmp_path / "a.wav", frames, 44_100, subtype="FLOAT")
    run_ffmpeg("-i", str(tmp_path / "a.wav"), "-c:a", "copy", f"file:{tmp_path / 'a.mkv'}")
    with pytest.raises(MediaError, match=r"'a\.mkv' holds inf at sample 4410 \(0\.100 s\)"):
        read_audio(tmp_path / "a.mkv")


def test_another_format_keeps_what_it_can_hold(tmp_path: Path) -> None:
    info = probe_audio(encoded(tmp_path, "a.flac"))
    assert info_for_format(info, "flac") is info
    assert info_for_format(info, "wav").subtype == "PCM_16"


def test_opus_is_decoded_as_the_reference_decoder_does(tmp_path: Path) -> None:
    path = encoded(tmp_path, "a.opus", *OPUS, rate_hz=48_000)
    reference = soundfile.read(path, dtype="float64", always_2d=True)[0].T  # libopus
    samples, info = read_audio(path)
    assert (info.rate_hz, samples.shape) == (48_000, reference.shape)
    assert snr_db(reference, samples) > 100


def mp3_with(folder: Path, *, frames: int = 0, num_bytes: int = 0, cut: int = 0) -> Path:
    """Return the noise as an MP3 whose first frame promises so many frames and bytes more than there are."""
    content = bytearray(encoded(folder, "a.mp3", "-b:a", "128k").read_bytes())
    at = content.index(b"Info") + 8
    for place, more in ((at, frames), (at + 4, num_bytes)):
        content[place : place + 4] = (int.from_bytes(content[place : place + 4], "big") + more).to_bytes(4, "big")
    path = folder / "off.mp3"
    path.write_bytes(content[: len(content) - cut])
    return path


@pytest.mark.parametrize("frames", [-50, -5, -1, 1, 5])
def test_an_mp3_that_promises_another_number_of_frames_gives_all_it_has_in_its_place(
    tmp_path: Path, frames: int
) -> None:
    whole = read_audio(mp3_with(tmp_path))[0]
    samples, info = read_audio(mp3_with(tmp_path, frames=max(frames, -18)))
    assert samples.shape[1] >= whole.shape[1]
    np.testing.assert_allclose(samples[:, : whole.shape[1]], whole, atol=1e-6)
    assert "what is there counts" in info.doubt


@pytest.mark.parametrize("num_bytes", [-4_000, -400, 400, 4_000])
def test_the_bytes_that_an_mp3_promises_do_not_count_where_its_frames_are_there(tmp_path: Path, num_bytes: int) -> None:
    whole = read_audio(mp3_with(tmp_path))[0]
    samples, info = read_audio(mp3_with(tmp_path, num_bytes=num_bytes))
    np.testing.assert_array_equal(samples, whole)
    assert (samples.shape[1], info.doubt) == (20_001, "")


def test_an_mp3_that_lost_its_last_frame_plays_and_one_that_lost_half_is_cut_off(tmp_path: Path) -> None:
    samples, info = read_audio(mp3_with(tmp_path, cut=300))
    assert samples.shape[1] >= 20_001 - 1_152
    assert "it promises 19 frames, 18 are there" in info.doubt
    with pytest.raises(MediaError, match="cut off: it promises"):
        read_audio(mp3_with(tmp_path, frames=100))


@pytest.mark.parametrize("delay", [1_024, 2_112])
def test_m4a_that_notes_its_delay_and_padding_as_itunes_does_is_cut_so_and_written_so(
    tmp_path: Path, delay: int
) -> None:
    wav = tmp_path / "late.wav"
    soundfile.write(wav, np.concatenate([np.zeros((2, delay - 1_024)), noise()], axis=1).T, 44_100, subtype="PCM_16")
    source = tmp_path / "a.m4a"
    run_ffmpeg("-i", str(wav), *AAC, "-use_editlist", "0", f"file:{source}")
    file = mp4.MP4(source)
    note = f" 00000000 {delay:08X} {479:08X} {20_001:016X} " + "00000000 " * 8
    file["----:com.apple.iTunes:iTunSMPB"] = [mp4.MP4FreeForm(note.encode())]
    file.save()
    samples, info = read_audio(source)
    assert (samples.shape[1], lag_samples(noise(), samples)) == (20_001, 0)
    target = tmp_path / "b.m4a"
    with AudioWriter(target, info, source=source) as writer:
        writer.write(samples)
    assert copy_tags(source, target, provenance="remix 7", is_changed=False) == []
    again = read_audio(target)[0]
    assert (again.shape[1], lag_samples(noise(), again)) == (20_001, 0)
    assert "----:com.apple.iTunes:iTunSMPB" not in mp4.MP4(target)
