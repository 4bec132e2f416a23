"""What a shard is given travels as JSON and arrives as it was."""

import ast
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import CatalogError
from catalog.files import Home
from catalog.photo_lists import SourcePhoto
from catalog.sound_lists import SoundFile, SourceSound
from catalog.sources import SourceVideo
from flows.shard import STEPS
from tasks.evaluate import Question
from tasks.evaluate_separators import SeparatorQuestion
from tasks.evaluate_sounds import SoundQuestion
from tasks.orders import forget_order, read_answer, read_order, write_answer, write_order
from tasks.queries import Query
from tasks.shards import Outcome
from tasks.stills import Shown
from tasks.who_hears import Assigned
from tasks.wishes import Job, Wanted
from tests.tasks.planted import visible_files
from varemix.evaluation.mixtures import Mixture
from varemix.evaluation.sound_mixtures import SoundMixture, SoundPart
from varemix.media.clips import Clip, Stretch
from varemix.media.download import DownloadOptions
from varemix.media.sounds import Sound
from varemix.remix.level_care import LevelCare
from varemix.remix.plan import TrackWishes
from varemix.remix.wishes import GainWish

TRACK: dict[str, Any] = {"track_id": "a", "track_path": "Jasminblüte – erhu.flac", "duration_s": 1.5, "reason": None}
QUERIES = [Query(name="violin"), Query(name="picture-1", picture=Path("/pictures/a.jpg"))]

ASKED = Assigned(instrument="voice", separator="ours", name="demucs", version="4", digest="d", per_channel=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def question(home: Home) -> Question:
    """Return a question about clips of the home."""
    clips = [
        Clip(
            clip_id=name,
            instrument=name,
            wav_path=home.wav(name),
            frames_path=home.frames(name),
            num_samples=3,
            num_frames=2,
            frame_rate_hz=6.0,
        )
        for name in ("flute", "tuba")
    ]
    heard = tuple(Stretch(clip=clip, first_sample=1, volume=0.5, frames=(0, 1)) for clip in clips)
    stills = ((Path("/pictures/flute.jpg"),), (heard[1],))
    wrong = (Shown("tuba", heard[1]), Shown("violin", Path("/pictures/violin.jpg")))
    return Question(mixture=Mixture(sources=heard), seed=3, stills=stills, wrong=wrong)


def job() -> Job:
    gains = (GainWish(target="violin", gain_db=-math.inf), GainWish(target="/pictures/a.jpg", is_solo=True))
    wishes = TrackWishes(gains=gains, care=LevelCare(true_peak_db=-1.0), format="flac", rule="folk")
    return Job(track=TRACK, wanted=Wanted(wishes=wishes, queries=tuple(QUERIES)), out_path=Path("/out/a.flac"))


def sounds() -> SoundMixture:
    sound = Sound(
        path=Path("/sounds/a.flac"), first_s=0.5, duration_s=9.0, label="harp", kind="phrase", group="Ann", split="val"
    )
    return SoundMixture(material="stranger", parts=(SoundPart(sound=sound, after_s=1.5),))


def arguments(step: str, home: Home) -> dict[str, Any]:
    """Return what a shard of a step may be given."""
    scored = {"checkpoint_id": "c", "split": "val", "seed": 1, "catalog_version": 7}
    heard = {"checkpoint_id": "c", "queries": QUERIES, "nothing_else": True}
    video = SourceVideo(video_id="-a", instrument="tuba", split="val")
    sound = SourceSound(file="a.flac", place="/a.flac", label="tuba", kind="phrase", group="Ann", split="val")
    photo = SourcePhoto(file="a.jpg", place="/a.jpg", instrument="tuba", owner="Ann", split="val")
    return {
        "download": {"items": [video], "source": "list.csv", "options": DownloadOptions(cookies_file=Path("/c"))},
        "preprocess": {"items": [{"video_id": "-a", "path": "videos/a.mp4"}]},
        "sounds": {"items": [SoundFile(place="/a.flac", clips=(sound,))], "options": DownloadOptions()},
        "photos": {"items": [photo], "options": DownloadOptions()},
        "scan": {"items": [Path("/library/a.flac")], "library": Path("/library")},
        "masks": {"items": [TRACK], **heard},
        "remix": {"items": [job()], "checkpoint_id": "c"},
        "separate": {"items": [TRACK], "out": Path("/out"), **heard},
        "evaluate": {"items": [question(home)], **scored},
        "study": {"items": [question(home)], **scored},
        "evaluate sounds": {"items": [SoundQuestion(mixture=sounds(), is_graded=True)], **scored},
        "evaluate separators": {"items": [SeparatorQuestion(mixture=sounds(), asked=(ASKED,))], **scored},
        "fetch weights": {"items": ["a.th"], "model": "htdemucs_6s", "folder": Path("/weights")},
    }[step]


def test_every_step_that_works_in_shards_can_be_ordered() -> None:
    given = set()
    for file in (Path(__file__).parents[2] / "flows").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id == "run_shards" and isinstance(call.args[0], ast.Name):
                given.add(call.args[0].id)
    assert given == {step.fn.__name__ for step in STEPS.values()}


@pytest.mark.parametrize("step", STEPS)
def test_what_a_shard_is_given_arrives_as_it_was(step: str, home: Home) -> None:
    given = arguments(step, home)
    function = STEPS[step].fn
    assert read_order(home, function, write_order(home, function, given)) == given


def test_paths_within_the_home_arrive_in_the_home_of_whoever_reads(home: Home, tmp_path: Path) -> None:
    function = STEPS["evaluate"].fn
    name = write_order(home, function, arguments("evaluate", home))
    other = Home.open(tmp_path / "other")
    other.order(name).parent.mkdir(parents=True)
    home.order(name).rename(other.order(name))
    assert read_order(other, function, name)["items"] == [question(other)]


def test_times_of_rows_arrive_as_words(home: Home) -> None:
    function = STEPS["masks"].fn
    given = {**arguments("masks", home), "items": [TRACK | {"updated_at": datetime(2020, 1, 2, tzinfo=UTC)}]}
    [track] = read_order(home, function, write_order(home, function, given))["items"]
    assert track["updated_at"] == "2020-01-02 00:00:00+00:00"


@pytest.mark.parametrize("told", [[Outcome(item="a", status="failed", reason="is empty")], [], "the disk is full"])
def test_an_answer_arrives_and_nothing_stays(told: list[Outcome] | str, home: Home) -> None:
    name = write_order(home, STEPS["scan"].fn, arguments("scan", home))
    with pytest.raises(CatalogError, match="is not there any more"):
        read_answer(home, name)
    write_answer(home, name, told)
    assert read_answer(home, name) == told
    forget_order(home, name)
    assert visible_files(home.root) == []
