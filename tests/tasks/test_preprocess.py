from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.clips import usable_clips
from tasks.preprocess import preprocess_videos
from tasks.shards import Outcome
from tests.tasks.planted import statuses
from tests.tasks.videos import write_video
from varemix.media.audio import read_audio
from varemix.media.clips import decoded_frames


@dataclass(frozen=True)
class Videos:
    """Videos under a home, registered as if they were downloaded."""

    catalog: Catalog

    def add(self, video_id: str, **facts: Any) -> dict[str, Any]:
        """Make a video and return its row."""
        return self.register(video_id, write_video(self.catalog.home.video(video_id), **facts))

    def register(self, video_id: str, path: Path) -> dict[str, Any]:
        """Return the row of a file that lies in its place."""
        row = {"video_id": video_id, "instrument": "flute", "split": "val", "status": "ready"}
        return row | {"path": self.catalog.home.relative(path), "digest": file_digest(path)}

    def preprocess(self, *rows: dict[str, Any]) -> list[Outcome]:
        """Run the step on rows of `videos`."""
        return preprocess_videos.fn(items=list(rows), shard="1 of 1", home=str(self.catalog.home.root))


@pytest.fixture
def videos(catalog: Catalog) -> Videos:
    return Videos(catalog)


def test_a_video_becomes_a_clip_that_can_be_learnt_from(videos: Videos) -> None:
    row = videos.add("-good_1", seconds=6.5, tone_hz=440, colour="blue")
    assert statuses(videos.preprocess(row)) == {"-good_1": "done"}
    [clip] = usable_clips(videos.catalog, "val")
    samples, info = read_audio(clip.wav_path)
    assert (info.rate_hz, info.num_channels) == (44_100, 1)
    assert info.duration_s == pytest.approx(6.5, abs=0.05)
    assert samples.shape[1] == clip.num_samples
    assert clip.num_frames == 39
    [frame] = decoded_frames(clip, [38])
    red, _, blue = np.asarray(frame)[128, 128]
    assert frame.size == (256, 256)
    assert (red, blue) == (pytest.approx(0, abs=12), pytest.approx(255, abs=12))
    [stored] = videos.catalog.read_rows("clips")
    assert stored["silent_fraction"] == pytest.approx(0, abs=0.02)
    assert -40 < stored["loudness_lufs"] < -10


BAD_VIDEOS: dict[str, tuple[dict[str, Any], str]] = {
    "mute": ({"tone_hz": None}, "has no sound"),
    "blind": ({"colour": None}, "has no picture"),
    "short": ({"seconds": 5.5}, "a training window is 5.94 s"),
    "silent": ({"volume": 0.0}, "is silent throughout"),
}


def test_videos_that_cannot_serve_become_rows_with_reasons_and_stop_nobody(videos: Videos) -> None:
    bad = {video_id: videos.add(video_id, **facts) for video_id, (facts, _) in BAD_VIDEOS.items()}
    outcomes = {outcome.item: outcome for outcome in videos.preprocess(*bad.values(), videos.add("good"))}
    assert outcomes.pop("good").status == "done"
    assert set(outcomes) == set(bad)
    rows = {row["video_id"]: row for row in videos.catalog.read_rows("clips")}
    for video_id, (_, words) in BAD_VIDEOS.items():
        assert outcomes[video_id].status == rows[video_id]["status"] == "failed"
        assert words in outcomes[video_id].reason
        assert rows[video_id]["reason"] == outcomes[video_id].reason
    assert [clip.clip_id for clip in usable_clips(videos.catalog, "val")] == [rows["good"]["clip_id"]]


@pytest.mark.parametrize("damage", ["half", "words", "empty", "vanished"])
def test_a_damaged_video_becomes_a_row_with_a_reason_and_leaves_no_files(videos: Videos, damage: str) -> None:
    row = videos.add("broken")
    path = videos.catalog.home.video("broken")
    content = path.read_bytes()
    path.write_bytes({"half": content[: len(content) // 2], "words": b"words" * 99}.get(damage, b""))
    if damage == "vanished":
        path.unlink()
    [outcome] = videos.preprocess(row | {"digest": damage}, videos.add("good"))[:1]
    assert outcome.status == "failed"
    assert "broken" in outcome.reason
    left = [path for path in (videos.catalog.home.root / "clips").rglob("*") if path.is_file()]
    assert len(left) == 2  # those of the good one


def test_clips_that_stand_are_skipped(videos: Videos) -> None:
    rows = [videos.add("first"), videos.add("second", colour="green")]
    videos.preprocess(*rows)
    version = videos.catalog.version("clips")
    assert statuses(videos.preprocess(*rows)) == {"first": "skipped", "second": "skipped"}
    assert videos.catalog.version("clips") == version


def test_a_clip_whose_file_was_removed_is_made_again(videos: Videos) -> None:
    row = videos.add("first")
    videos.preprocess(row)
    [clip] = usable_clips(videos.catalog, "val")
    frames = clip.frames_path.read_bytes()
    clip.frames_path.unlink()
    assert statuses(videos.preprocess(row)) == {"first": "done"}
    assert clip.frames_path.read_bytes() == frames


def test_a_video_that_changed_or_is_listed_differently_is_prepared_again(videos: Videos) -> None:
    row = videos.add("first")
    videos.preprocess(row)
    [before] = videos.catalog.read_rows("clips")
    assert statuses(videos.preprocess(row | {"split": "train"})) == {"first": "done"}
    [moved] = videos.catalog.read_rows("clips")
    assert (moved["split"], moved["clip_id"]) == ("train", before["clip_id"])
    videos.catalog.home.video("first").unlink()
    assert statuses(videos.preprocess(videos.add("first", tone_hz=880))) == {"first": "done"}
    [changed] = videos.catalog.read_rows("clips")
    assert changed["clip_id"] != before["clip_id"]
