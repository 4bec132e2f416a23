"""Any file people have, remixed as one file: in its own format, or in the one that the new name asks for."""

from pathlib import Path

import numpy as np
import pytest

from catalog.store import Catalog
from flows.one_file import open_separator, remix_file, separate_file
from tests.tasks.planted import write_tones
from tests.varemix.media.sounds import run_ffmpeg
from varemix.errors import MediaError, UsageError
from varemix.media.audio import probe_audio, read_audio
from varemix.media.tags import read_tags
from varemix.model.separator import Separator
from varemix.remix.mixer import remix
from varemix.remix.plan import RemixPlan, plan_of

CODED = {
    "song.mp3": ["-c:a", "libmp3lame", "-b:a", "192k"],
    "song.ogg": ["-c:a", "libvorbis"],
    "song.opus": ["-c:a", "libopus"],
    "song.m4a": ["-c:a", "aac"],
    "song.aiff": [],
    "song.wma": ["-c:a", "wmav2"],
}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("song") / "song.wav", seconds=2, rate_hz=44_100, num_channels=2)


def coded(song: Path, target: Path, *args: str) -> Path:
    run_ffmpeg("-i", str(song), "-metadata", "title=Trout", "-metadata", "genre=Folk", *args, f"file:{target}")
    return target


def separator(catalog: Catalog) -> Separator:
    return open_separator(None, str(catalog.home.root))


@pytest.mark.parametrize("name", CODED)
def test_a_remix_keeps_format_rate_length_and_tags(catalog: Catalog, song: Path, tmp_path: Path, name: str) -> None:
    source, target = coded(song, tmp_path / name, *CODED[name]), tmp_path / f"out-{name}"
    made = remix_file(source, target, plan_of(["tuba=-6"]), lambda: separator(catalog))
    assert made.rendered
    before, after = probe_audio(source), probe_audio(target)
    for fact in ("container", "codec", "rate_hz", "num_channels"):
        assert getattr(after, fact) == getattr(before, fact)
    assert abs(after.num_samples - before.num_samples) <= 2_048  # the frames of WMA
    assert read_tags(target)["title"] == "Trout"
    mid = read_audio(source)[0].mean(axis=0).astype(np.float32)
    one = separator(catalog)
    expected = remix(read_audio(source)[0], one.masks(mid, one.instrument_query("tuba")[None]), [-6.0])
    length = min(expected.shape[1], after.num_samples)
    error = expected[:, :length] - read_audio(target)[0][:, :length]
    inner = slice(4_096, length - 4_096)
    assert np.square(error[:, inner]).mean() < 1e-2 * np.square(expected[:, inner]).mean()


def test_where_nothing_is_wished_a_lossy_file_is_copied_byte_for_byte(
    catalog: Catalog, song: Path, tmp_path: Path
) -> None:
    source = coded(song, tmp_path / "song.mp3", *CODED["song.mp3"])
    remix_file(source, tmp_path / "out.mp3", plan_of(["tuba=0"]), lambda: separator(catalog))
    assert (tmp_path / "out.mp3").read_bytes() == source.read_bytes()


def test_the_new_name_chooses_the_format(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    source = coded(song, tmp_path / "song.mp3", *CODED["song.mp3"])
    remix_file(source, tmp_path / "out.flac", plan_of(["tuba=-6"]), lambda: separator(catalog))
    info = probe_audio(tmp_path / "out.flac")
    assert (info.container, info.subtype) == ("FLAC", "PCM_24")
    assert read_tags(tmp_path / "out.flac")["genre"] == "Folk"
    remix_file(song, tmp_path / "same.flac", plan_of(["tuba=0"]), lambda: separator(catalog))
    np.testing.assert_array_equal(read_audio(tmp_path / "same.flac")[0], read_audio(song)[0])
    with pytest.raises(UsageError, match="stands for no format"):
        remix_file(song, tmp_path / "out.xyz", plan_of(["tuba=-6"]), lambda: separator(catalog))


def test_a_video_keeps_its_picture_and_its_stems_are_flac(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    source = tmp_path / "song.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=6:duration=2"]
    run_ffmpeg("-i", str(song), *picture, "-c:a", "aac", "-c:v", "mpeg4", f"file:{source}")
    remix_file(source, tmp_path / "out.mp4", plan_of(["tuba=-6"]), lambda: separator(catalog))
    assert probe_audio(tmp_path / "out.mp4").has_picture
    slower = plan_of(["tuba=-6"], tempo="80%")
    with pytest.raises(MediaError, match="is a video, whose picture keeps its tempo"):
        remix_file(source, tmp_path / "slow.mp4", slower, lambda: separator(catalog))
    remix_file(source, tmp_path / "slow.flac", slower, lambda: separator(catalog))
    assert probe_audio(tmp_path / "slow.flac").num_samples == round(probe_audio(source).num_samples / 0.8)
    [stem] = separate_file(source, tmp_path / "stems", ["tuba"], lambda: separator(catalog))
    assert stem.name == "song - tuba.flac"
    assert probe_audio(stem).container == "FLAC"


def test_m4a_is_aac_of_what_has_lost_something_and_alac_of_what_has_not(
    catalog: Catalog, song: Path, tmp_path: Path
) -> None:
    lossy = coded(song, tmp_path / "song.mp3", *CODED["song.mp3"])
    for source, codec in ((lossy, "aac"), (song, "alac")):
        remix_file(source, tmp_path / "out.m4a", plan_of(["tuba=-6"]), lambda: separator(catalog))
        assert probe_audio(tmp_path / "out.m4a").codec == codec


def test_what_lies_in_the_way_is_said_in_words(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("no folder")
    with pytest.raises(MediaError, match=r"words.txt', which is no folder"):
        remix_file(song, tmp_path / "words.txt" / "out.flac", plan_of(["tuba=0"]), lambda: separator(catalog))


def test_what_a_plan_asks_for_and_a_name_that_says_something_else_are_refused(catalog: Catalog, song: Path) -> None:
    source = song.parent / "unwritten.opus"  # ffmpeg exchanges its channels, so that nobody writes it again
    layout = "pan=5.0|c0=c0|c1=c1|c2=c0|c3=c0|c4=c1"
    run_ffmpeg("-i", str(song), "-af", layout, "-c:a", "libopus", f"file:{source}")
    rules = [{"name": "all", "match": {"file": "*"}, "gains": {"violin": -6}}]
    asked = plan_of([], base=RemixPlan.model_validate({"format": "flac", "rules": rules}))
    with pytest.raises(UsageError, match=r"'out\.wav' is no name for flac; name it out\.flac"):
        remix_file(source, song.parent / "out.wav", asked, lambda: separator(catalog))
    with pytest.raises(UsageError, match=r"'out\.opus' is no name for flac; name it out\.flac"):
        remix_file(source, song.parent / "out.opus", plan_of(["violin=-6"]), lambda: separator(catalog))
    made = remix_file(source, song.parent / "out.wav", plan_of(["violin=-6"], force=True), lambda: separator(catalog))
    assert made.is_changed
    assert probe_audio(song.parent / "out.wav").container == "WAV"
