from pathlib import Path

import av
import numpy as np
import pytest

from tests.varemix.media.sounds import lag_samples, noise, planted_wav, run_ffmpeg
from varemix.errors import MediaError
from varemix.media.audio import AudioWriter, info_for_format, probe_audio, read_audio
from varemix.media.tags import copy_tags, read_tags

CHAPTERS = """;FFMETADATA1
title=My evening
[CHAPTER]
TIMEBASE=1/1000
START=0
END=200
title=first
[CHAPTER]
TIMEBASE=1/1000
START=200
END=450
title=second
"""
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,400\nHello\n"
H264, VP8 = ["libx264", "-bf", "2"], ["libvpx"]
KINDS = [
    ("a.mp4", H264, "aac", "mov_text", 0.0),
    ("late.mp4", H264, "aac", "mov_text", 0.25),
    ("a.mov", ["mpeg4"], "pcm_s16le", "mov_text", 0.0),
    ("a.mkv", H264, "flac", "srt", 0.0),
    ("late.mkv", H264, "aac", "srt", 0.25),
    ("a.webm", VP8, "libopus", "webvtt", 0.0),
]


def a_video(folder: Path, name: str, picture: list[str], sound: str, subtitle: str, late_s: float) -> Path:
    """Return half a second of picture with the planted noise, a second sound, subtitles, chapters and a title."""
    (folder / "chapters.txt").write_text(CHAPTERS)
    (folder / "a.srt").write_text(SUBTITLES)
    wav = planted_wav(folder, 48_000 if "opus" in sound else 44_100)
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=0.6", "-itsoffset", str(late_s)]
    inputs += ["-i", str(wav), "-i", str(folder / "a.srt"), "-i", str(folder / "chapters.txt")]
    inputs += ["-f", "lavfi", "-i", "sine=duration=0.4"]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "4:a", "-map", "2:s", "-map_metadata", "3", "-map_chapters", "3"]
    codings = ["-c:v", *picture, "-c:a", sound, "-c:s", subtitle, "-metadata:s:a:0", "language=fra"]
    codings += [
        "-metadata:s:a:1",
        "language=deu",
        "-metadata:s:a:1",
        "title=Comments",
        "-metadata:s:s:0",
        "language=swe",
    ]
    run_ffmpeg(*inputs, *maps, *codings, f"file:{folder / name}")
    return folder / name


def told(path: Path) -> dict[str, object]:
    """Return what must stay: packets of all streams but the sound, kinds, starts, language, chapters, title."""
    with av.open(str(path)) as file:
        sound = file.streams.audio[0].index
        kinds = [stream.type for stream in file.streams]
        # PyAV counts chapters in ticks of either file's own
        chapters = [(round(c["start"] * c["time_base"], 3), c["metadata"]["title"]) for c in file.chapters()]
        facts = {"kinds": kinds, "chapters": chapters, "title": file.metadata["title"]}
        facts["languages"] = [stream.metadata.get("language") for stream in file.streams]
        facts["titles"] = [stream.metadata.get("title") for stream in file.streams]
        facts["disposition"] = [stream.disposition for stream in file.streams]
        facts["packets"] = sorted(
            (packet.stream.index, round(float(packet.pts * packet.time_base), 3), bytes(packet))
            for packet in file.demux()
            if packet.pts is not None and packet.stream.index != sound and packet.stream.type != "data"
        )
    return facts


def begin_s(path: Path) -> float:
    """Return when the recorded noise begins in a video, priming of the encoder apart."""
    with av.open(str(path)) as file:
        frame = next(file.decode(file.streams.audio[0]))
        begin = float(frame.time or 0)
    samples, info = read_audio(path)
    return begin + lag_samples(noise(info.rate_hz), samples) / info.rate_hz


@pytest.mark.parametrize(("name", "picture", "sound", "subtitle", "late_s"), KINDS, ids=[kind[0] for kind in KINDS])
def test_the_sound_of_a_video_is_replaced_and_all_else_stays(
    tmp_path: Path, name: str, picture: list[str], sound: str, subtitle: str, late_s: float
) -> None:
    source = a_video(tmp_path, name, picture, sound, subtitle, late_s)
    samples, info = read_audio(source)
    assert info.has_picture
    target = tmp_path / "target"
    for _ in range(2):
        with AudioWriter(target, info, source=source) as writer:
            writer.write(samples)
        before, after = told(source), told(target)
        for fact in before:
            assert after[fact] == before[fact], fact
    assert begin_s(source) == pytest.approx(late_s, abs=0.0015)
    assert begin_s(target) == pytest.approx(late_s, abs=0.003)  # Matroska counts in milliseconds
    if sound in ("flac", "pcm_s16le"):
        np.testing.assert_array_equal(read_audio(target)[0], samples)
    elif not late_s:
        assert probe_audio(target).num_samples == info.num_samples
    first = target.read_bytes()
    with AudioWriter(target, info, source=source) as writer:
        writer.write(samples)
    assert target.read_bytes() == first


def test_letters_that_come_with_a_video_stay(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"letters")
    source = tmp_path / "a.mkv"
    inputs = ["-i", str(planted_wav(tmp_path)), "-attach", str(tmp_path / "font.ttf")]
    run_ffmpeg(*inputs, "-c:a", "flac", "-metadata:s:t", "mimetype=font/ttf", f"file:{source}")
    samples, info = read_audio(source)
    with AudioWriter(tmp_path / "b.mkv", info, source=source) as writer:
        writer.write(samples)
    with av.open(str(tmp_path / "b.mkv")) as file:
        assert [(font.name, font.data) for font in file.streams.attachments] == [("font.ttf", b"letters")]


def test_a_video_says_where_it_comes_from_too(tmp_path: Path) -> None:
    for kind in (KINDS[0], KINDS[3]):
        source = a_video(tmp_path, *kind)
        target = tmp_path / f"target-{kind[0]}"
        samples, info = read_audio(source)
        with AudioWriter(target, info, source=source) as writer:
            writer.write(samples)
        assert copy_tags(source, target, provenance="remix 1") == []
        tags = read_tags(target)
        assert tags["title"] == "My evening"
        assert "remix 1" in (tags.get("varemix"), tags.get("provenance"))
        assert told(target) == told(source)
    assert sorted(path.suffix for path in tmp_path.glob("target*")) == [".mkv", ".mp4"]


def test_the_sound_of_a_video_can_be_written_alone(tmp_path: Path) -> None:
    source = a_video(tmp_path, *KINDS[3])
    samples, info = read_audio(source)
    with AudioWriter(tmp_path / "a.m4a", info_for_format(info, "m4a"), source=source) as writer:
        writer.write(samples)
    alone = probe_audio(tmp_path / "a.m4a")
    assert (alone.has_picture, alone.codec, alone.num_samples) == (False, "aac", info.num_samples)
    with av.open(str(tmp_path / "a.m4a")) as file:
        assert [chapter["metadata"]["title"] for chapter in file.chapters()] == ["first", "second"]
        assert len(file.streams.video) == 0


def test_a_video_without_its_source_is_refused(tmp_path: Path) -> None:
    info = probe_audio(a_video(tmp_path, *KINDS[0]))
    with pytest.raises(MediaError, match="a video needs its source"):
        AudioWriter(tmp_path / "b.mp4", info)


@pytest.mark.parametrize("name", ["opus.webm", "vorbis.webm", "opus.mkv", "vorbis.mkv", "aac.mkv", "mp3.mkv"])
@pytest.mark.parametrize("late_s", [0.0, 0.24])
def test_picture_and_sound_stay_where_they_were_over_ten_passes(tmp_path: Path, name: str, late_s: float) -> None:
    sound = {"opus": "libopus", "vorbis": "libvorbis", "aac": "aac", "mp3": "libmp3lame"}[name.partition(".")[0]]
    picture = "libvpx" if name.endswith("webm") else "mpeg4"
    wav = planted_wav(tmp_path, 48_000)
    shown = ["-f", "lavfi", "-i", "testsrc2=size=64x36:duration=0.4:rate=25"]
    codings = ["-c:v", picture, "-c:a", sound, "-copyts", "-avoid_negative_ts", "disabled"]
    run_ffmpeg(*shown, "-itsoffset", str(late_s), "-i", str(wav), *codings, f"file:{tmp_path / name}")
    source, first = tmp_path / name, begins_s(tmp_path / name)
    before = read_audio(source)[0]
    for number in range(10):
        samples, info = read_audio(source)
        target = tmp_path / f"{number}-{name}"
        with AudioWriter(target, info, source=source) as writer:
            writer.write(samples)
        copy_tags(source, target, provenance="remix 7")
        source = target
    after = read_audio(source)[0]
    assert begins_s(source) == pytest.approx(first, abs=0.0011)  # a tick of Matroska
    assert after.shape == before.shape
    assert lag_samples(before, after) == 0


def begins_s(path: Path) -> tuple[float, float]:
    """Return when the picture begins and when the sound is first heard."""
    with av.open(str(path)) as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        return tuple(float((stream.start_time or 0) * stream.time_base) for stream in (picture, sound))
