import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.varemix.media.conftest import PICTURE, SOUND, MakeVideo
from varemix.errors import MediaError, ProgramError
from varemix.media import video as video_module
from varemix.media.audio import AudioInfo, probe_audio, read_audio
from varemix.media.video import VideoInfo, extract_frames, extract_wav, probe_video, read_frames

MP4 = ("-c:v", "mpeg4", "-c:a", "aac")
WEBM = ("-c:v", "libvpx", "-c:a", "libopus", "-deadline", "realtime", "-cpu-used", "8")


def picture_of(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), dtype=np.float64)


def test_a_video_tells_what_it_holds(video: Path) -> None:
    info = probe_video(video)
    assert info.duration_s == pytest.approx(1.0, abs=0.06)
    assert info == VideoInfo(has_sound=True, has_picture=True, duration_s=info.duration_s, width=320, height=180)


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_matroska_is_served_like_mp4(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    path = make_video(f"whole.{suffix}", *PICTURE, *SOUND, *WEBM)
    assert probe_video(path).duration_s == pytest.approx(1.0, abs=0.06)
    assert extract_frames(path, tmp_path / "f.parquet") == pytest.approx(6, abs=1)
    extract_wav(path, tmp_path / "a.wav")
    assert probe_audio(tmp_path / "a.wav").duration_s == pytest.approx(1.0, abs=0.06)


def test_a_matroska_stream_without_lengths_is_measured_by_its_packets(make_video: MakeVideo) -> None:
    path = make_video("live.mkv", *PICTURE, *SOUND, *WEBM, "-f", "matroska", "-live", "1")
    assert probe_video(path).duration_s == pytest.approx(1.0, abs=0.06)


def test_the_sound_comes_as_mono_16_bit_wav_with_its_tone(video: Path, tmp_path: Path) -> None:
    extract_wav(video, tmp_path / "a.wav", 22_050)
    samples, info = read_audio(tmp_path / "a.wav")
    assert info == AudioInfo(
        container="WAV", subtype="PCM_16", rate_hz=22_050, num_channels=1, num_samples=samples.shape[1]
    )
    assert info.duration_s == pytest.approx(1.0, abs=0.06)
    spectrum = np.abs(np.fft.rfft(samples[0, :22_050]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=1)
    assert np.abs(samples[0, 2_000:-2_000]).max() == pytest.approx(0.125, abs=0.02)


def test_stereo_becomes_the_mean_of_its_channels(make_video: MakeVideo, tmp_path: Path) -> None:
    stereo = ("-f", "lavfi", "-i", "aevalsrc=0.5*sin(880*PI*t)|0:d=1:s=44100")
    extract_wav(make_video("stereo.mkv", *stereo, "-c:a", "pcm_s16le"), tmp_path / "a.wav")
    samples, _ = read_audio(tmp_path / "a.wav")
    times_s = np.arange(samples.shape[1]) / 44_100
    np.testing.assert_allclose(samples[0], 0.25 * np.sin(880 * np.pi * times_s), atol=1e-4)


def test_equal_videos_give_equal_bytes(video: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        extract_wav(video, tmp_path / f"{name}.wav")
        extract_frames(video, tmp_path / f"{name}.parquet")
    for suffix in ("wav", "parquet"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_the_frames_lie_in_one_file_with_their_times(video: Path, tmp_path: Path) -> None:
    num_frames = extract_frames(video, tmp_path / "f.parquet", frame_rate_hz=5.0)
    table = pq.read_table(tmp_path / "f.parquet")
    assert num_frames == table.num_rows == 5
    assert table.schema.names == ["frame_index", "time_s", "jpeg"]
    assert table.schema.types == [pa.int32(), pa.float64(), pa.binary()]
    assert table.schema.metadata == {b"frame_rate_hz": b"5.0", b"width": b"456", b"height": b"256"}
    assert table["frame_index"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["time_s"].to_pylist() == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert all(picture_of(jpeg).shape == (256, 456, 3) for jpeg in read_frames(tmp_path / "f.parquet", range(5)))


@pytest.mark.parametrize(("size", "expected"), [("90x160", (64, 114)), ("100x100", (64, 64)), ("32x16", (128, 64))])
def test_the_short_side_gets_the_size_asked_for(
    make_video: MakeVideo, tmp_path: Path, size: str, expected: tuple[int, int]
) -> None:
    source = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=6:duration=0.5")
    path = make_video(f"{size}.mp4", *source, "-c:v", "mpeg4")
    extract_frames(path, tmp_path / "f.parquet", short_side_pixels=64)
    height, width, _ = picture_of(read_frames(tmp_path / "f.parquet", [0])[0]).shape
    assert (width, height) == expected


# The picture's brightness grows by 2 in each of 100 frames at 10 Hz, so that it tells the time.
CLOCK = ("-f", "lavfi", "-i", "nullsrc=size=64x64:rate=10:duration=10,geq=lum='20+2*N':cb=128:cr=128")


@pytest.fixture(scope="module")
def clock(make_video: MakeVideo) -> Path:
    return make_video("clock.mkv", *CLOCK, "-c:v", "ffv1", "-pix_fmt", "yuv420p")


def second_of(jpeg: bytes) -> float:
    luma = picture_of(jpeg).mean() * 219 / 255 + 16  # full range of JPEG back to the range of video
    return (luma - 20) / 2 / 10


def test_each_frame_shows_its_own_time_and_any_of_them_can_be_read(clock: Path, tmp_path: Path) -> None:
    num_frames = extract_frames(clock, tmp_path / "f.parquet", frame_rate_hz=10.0, short_side_pixels=64)
    assert num_frames == 100
    assert pq.ParquetFile(tmp_path / "f.parquet").num_row_groups == 2
    wanted = [99, 0, 63, 64, 7, 7]
    seconds = [second_of(jpeg) for jpeg in read_frames(tmp_path / "f.parquet", wanted)]
    assert seconds == pytest.approx([9.9, 0.0, 6.3, 6.4, 0.7, 0.7], abs=0.05)
    assert read_frames(tmp_path / "f.parquet", []) == []


def test_sound_and_frames_share_the_clock_of_the_file(make_video: MakeVideo, tmp_path: Path) -> None:
    # The picture begins half a second after the sound, and the other way round.
    late_picture = make_video("late1.mkv", *SOUND, "-itsoffset", "0.5", *PICTURE, "-c:v", "ffv1", "-c:a", "pcm_s16le")
    late_sound = make_video("late2.mkv", *PICTURE, "-itsoffset", "0.5", *SOUND, "-c:v", "ffv1", "-c:a", "pcm_s16le")
    assert extract_frames(late_picture, tmp_path / "f.parquet", frame_rate_hz=10.0) == 15
    first, fourth = read_frames(tmp_path / "f.parquet", [0, 4])
    assert first == fourth
    extract_wav(late_sound, tmp_path / "a.wav")
    samples, info = read_audio(tmp_path / "a.wav")
    assert info.duration_s == pytest.approx(1.5, abs=0.01)
    assert np.abs(samples[0, :22_000]).max() == 0.0
    assert np.abs(samples[0, 22_100:]).max() > 0.1


def test_a_missing_frame_and_a_wrong_file_are_told(video: Path, tmp_path: Path) -> None:
    extract_frames(video, tmp_path / "f.parquet")
    with pytest.raises(MediaError, match=r"'f\.parquet' holds frames 0 to 5; frame 6"):
        read_frames(tmp_path / "f.parquet", [0, 6])
    with pytest.raises(MediaError, match="frame -1"):
        read_frames(tmp_path / "f.parquet", [-1])
    (tmp_path / "words").write_text("words")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    for name in ("words", "none", "other.parquet"):
        with pytest.raises(MediaError, match=f"'{name}' holds no frames"):
            read_frames(tmp_path / name, [0])


def test_a_video_without_sound_or_picture_says_so(make_video: MakeVideo, tmp_path: Path) -> None:
    silent = make_video("silent.mp4", *PICTURE, *MP4)
    blind = make_video("blind.mp4", *SOUND, *MP4)
    assert not probe_video(silent).has_sound
    assert not probe_video(blind).has_picture
    with pytest.raises(MediaError, match=r"'silent\.mp4' has no sound"):
        extract_wav(silent, tmp_path / "a.wav")
    with pytest.raises(MediaError, match=r"'blind\.mp4' has no picture"):
        extract_frames(blind, tmp_path / "f.parquet")


def test_cover_art_is_no_picture(make_video: MakeVideo) -> None:
    still = ("-f", "lavfi", "-i", "color=red:size=64x64:rate=1:duration=1")
    cover = ("-map", "0", "-map", "1", "-c:a", "aac", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    path = make_video("cover.mp4", *SOUND, *still, *cover, "-frames:v", "1", "-disposition:v", "attached_pic")
    assert probe_video(path) == VideoInfo(
        has_sound=True, has_picture=False, duration_s=probe_video(path).duration_s, width=0, height=0
    )


def test_a_picture_of_absurd_shape_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    ribbon = ("-f", "lavfi", "-i", "color=red:size=900x100:rate=5:duration=1")
    with pytest.raises(MediaError, match="900 x 100 pixels"):
        extract_frames(make_video("ribbon.mp4", *ribbon, "-c:v", "mpeg4"), tmp_path / "f.parquet")


def test_what_is_cut_off_or_no_video_gets_a_reason_with_its_name(
    video: Path, make_video: MakeVideo, tmp_path: Path
) -> None:
    mp4, mkv = video.read_bytes(), make_video("whole.mkv", *PICTURE, *SOUND, *WEBM).read_bytes()
    index_first = make_video("first.mp4", *PICTURE, *SOUND, *MP4, "-movflags", "+faststart").read_bytes()
    mdat = mp4.index(b"mdat") - 4
    moov = mp4.index(b"moov") - 4
    cases = {
        "half.mp4": (mp4[: len(mp4) // 2], "cut off"),
        "noindex.mp4": (mp4[:moov], r"no index \(moov\)"),
        "tail.mp4": (index_first[:-1], "cut off"),
        "garbled.mp4": (mp4[:mdat] + mp4[moov : moov + 8] + bytes(len(mp4) - moov - 8), "cut off or damaged"),
        "half.mkv": (mkv[: len(mkv) // 2], "cut off"),
        "head.mkv": (mkv[:20], "cut off or damaged"),
        "empty.mp4": (b"", "is empty"),
        "page.mp4": (b"<!doctype html><title>Not here</title>", "is not a video"),
        "list.mp4": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "is not a video"),
        "concat.mp4": (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "is not a video"),
        "song.wav": (b"RIFF\0\0\0\0WAVEfmt ", "is not a video"),
    }
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=f"'{name}'.*{words}"):
            probe_video(tmp_path / name)
        with pytest.raises(MediaError, match=f"'{name}'.*{words}"):
            extract_wav(tmp_path / name, tmp_path / "a.wav")
        with pytest.raises(MediaError, match=f"'{name}'.*{words}"):
            extract_frames(tmp_path / name, tmp_path / "f.parquet")
    assert not (tmp_path / "a.wav").exists()
    assert not (tmp_path / "f.parquet").exists()


@pytest.mark.parametrize("name", ["-y.mp4", "concat:a|b.mp4", "ü %03d 'x' [0:v];.mp4"])
def test_names_may_hold_any_characters(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(video.read_bytes())
    assert probe_video(Path(name)).has_sound
    extract_wav(Path(name), Path(f"{name}.wav"))
    assert extract_frames(Path(name), Path(f"{name}.parquet")) == 6
    assert probe_audio(Path(f"{name}.wav")).num_channels == 1


def test_a_time_out_is_told(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="longer than"):
        extract_frames(video, tmp_path / "f.parquet", timeout_s=0.001)
    with pytest.raises(ProgramError, match="longer than"):
        extract_wav(video, tmp_path / "a.wav", timeout_s=0.001)


def test_images_are_split_wherever_the_stream_is_cut() -> None:
    jpegs = [b"\xff\xd8" + bytes([i]) * i + b"\xff\xd9" for i in range(5)]
    stream = b"".join(jpegs)
    for size in range(1, len(stream) + 1):
        chunks = (stream[start : start + size] for start in range(0, len(stream), size))
        assert list(video_module._split_jpegs(chunks)) == jpegs
    assert list(video_module._split_jpegs(iter([]))) == []
