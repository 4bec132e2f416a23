"""The flow `evaluate` with all that it can be asked for."""

from pathlib import Path

import pytest
from PIL import Image

from catalog.store import Catalog
from flows.compare import compare
from flows.evaluate import drawn_questions, evaluate
from flows.summary import Summary, page
from tests.solos import Solos
from tests.sounds import make_sounds
from tests.tasks.planted import open_catalog, register_checkpoint
from tests.tasks.untrained import write_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings are theirs


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three pictures of each instrument, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("stills")
    for name, colour in {"flute": "silver", "tuba": "gold", "violin": "brown", "xylophone": "red"}.items():
        for number in range(3):
            Image.new("RGB", (16 + number, 16), colour).save(folder / f"{name}_{number}.png")
    (folder / "violin_0.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, four_instruments: Solos) -> Catalog:
    """Return a catalog of the solo clips, with a champion."""
    folder = tmp_path_factory.mktemp("evaluation")
    catalog = open_catalog(folder / "home")
    (catalog.home.root / "solos").symlink_to(four_instruments.val[0].wav_path.parent)
    rows = [
        {
            "video_id": clip.clip_id,
            "clip_id": clip.clip_id,
            "instrument": clip.instrument,
            "split": "val",
            "status": "ready",
            "wav_path": f"solos/{clip.wav_path.name}",
            "frames_path": f"solos/{clip.frames_path.name}",
            "duration_s": clip.num_samples / 44_100,
            "rate_hz": 44_100,
            "num_frames": clip.num_frames,
            "frame_rate_hz": clip.frame_rate_hz,
        }
        for clip in four_instruments.val
    ]
    catalog.merge("clips", rows)
    instruments = sorted(clip.instrument for clip in four_instruments.val)
    file = write_checkpoint(folder / "file.safetensors", instruments, presence_threshold_db=-18.0)
    register_checkpoint(catalog, file, "small", "champion")
    return catalog


@pytest.fixture(scope="module")
def summary(catalog: Catalog, stills: Path, prefect_url: str) -> Summary:
    return evaluate(pairs=2, seed=1, stills=str(stills), sources=3, images_per_source=2, home=str(catalog.home.root))


def test_every_mix_is_scored_and_a_picture_that_cannot_be_read_is_told(summary: Summary, stills: Path) -> None:
    lost = [outcome.item for outcome in summary.failed]
    assert str(stills / "violin_0.png") in lost
    assert summary.counts["done"] + len(lost) - 1 == 2  # a mix may have been asked for with that picture


def test_the_facts_tell_what_was_measured(summary: Summary, catalog: Catalog) -> None:
    facts = summary.facts
    assert (facts["pairs"], facts["sources"], facts["images_per_source"]) == (2, 3, 2)
    assert facts["instruments_with_few_recordings"] == {"flute": 1, "tuba": 1, "violin": 1, "xylophone": 1}
    assert set(facts["mean_nsdr_db"]) == {
        "ideal_binary",
        "ideal_ratio",
        "video",
        "image",
        "name",
        "images_together",
        "wrong_image",
    }
    assert set(facts["mean_level_db"]) == {"image", "wrong_image", "blank_image"}
    shares, means = facts["nsdr_share_of_ceiling"], facts["mean_nsdr_db"]
    for ceiling in ("ideal_binary", "ideal_ratio"):
        assert shares[ceiling] == pytest.approx(means["image"] / means[ceiling], abs=0.01)
    assert facts["nsdr_deviation_over_images_db"] >= 0
    presence = facts["presence"]
    assert presence["threshold_db"] == -18.0
    assert 0 <= presence["roc_auc"] <= 1
    num_decided = len(catalog.read("scores", where={"condition": ["image", "wrong_image"], "seed": 1}))
    assert presence["right"] + presence["wrong"] == num_decided
    recognised = facts["stills_recognised"]
    assert (recognised["of"], recognised["share"]) == (11, round(recognised["right"] / 11, 3))


def test_the_page_has_a_table_for_each_question(summary: Summary) -> None:
    text = page(summary)
    for words in (
        "## Separation of mixes of 3",
        "| level [dB] |",
        "| deviation over images [dB] |",
        "| presence | roc auc ",
        "## Stills taken for another instrument",
    ):
        assert words in text


def test_more_images_or_sources_leave_the_rest_of_the_drawing_as_it_is(four_instruments: Solos) -> None:
    clips = [*four_instruments.train, *four_instruments.val]
    few, many = (drawn_questions(clips, 3, 7, None, 2, count) for count in (1, 2))
    assert [[stills[0] for stills in question.stills] for question in few] == [
        [stills[0] for stills in question.stills] for question in many
    ]
    assert [question.wrong for question in few] == [question.wrong for question in many]
    assert {len(stills) for question in many for stills in question.stills} == {2}
    assert not {question.pair_id for question in few} & {question.pair_id for question in many}
    threes = drawn_questions(clips, 3, 7, None, 3)
    assert [question.mixture.instruments[:2] for question in threes] == [q.mixture.instruments for q in few]


def test_the_report_is_one_file_to_look_at_and_to_listen_to(summary: Summary, catalog: Catalog) -> None:
    path = Path(summary.facts["report"])
    assert path.parent == catalog.home.reports
    html = path.read_text()
    assert "Separation of mixes of 3" in html
    assert html.count("<audio") == 3 * 5  # the best, the median and the worst
    assert html.count("<img") >= 2


@pytest.fixture(scope="module")
def compared(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> list[Summary]:
    sounds = make_sounds(tmp_path_factory.mktemp("packed") / "sounds")
    instruments = ["flute", "tuba", "violin", "xylophone"]
    file = write_checkpoint(catalog.home.root / "other.safetensors", instruments, seed=1)
    register_checkpoint(catalog, file, "other")
    return compare("small", "other", pairs=5, seed=2, sounds=str(sounds), home=str(catalog.home.root))


def test_two_checkpoints_are_compared_on_the_same_mixes(compared: list[Summary]) -> None:
    first, second, both = compared
    assert (first.facts["checkpoint_id"], second.facts["checkpoint_id"]) == ("small", "other")
    assert both.facts["verdict"] in {"B is better", "B is worse", "B is undecided"}
    difference_db = both.facts["difference_db"]
    assert difference_db["low"] <= difference_db["mean"] <= difference_db["high"]
    mean_db = second.facts["mean_nsdr_db"]["image"] - first.facts["mean_nsdr_db"]["image"]
    assert difference_db["mean"] == pytest.approx(mean_db, abs=0.02)
    assert set(both.facts["verdicts"]) == {"flute", "tuba", "violin", "xylophone"}
    assert "| all |" in page(both)


def test_both_stand_side_by_side_with_what_was_found_on_sounds(compared: list[Summary]) -> None:
    first, _, both = compared
    assert first.facts["sounds"]["strangers"]["sounds"] == 6  # two of each
    assert first.facts["sounds"]["strangers"]["of"] == 4
    assert "## Strangers" in page(first)
    html = Path(both.facts["report"]).read_text()
    for text in (page(both), html):
        for words in ("A: small", "B: other", "still image", "strangers alone", "ensembles of one piece"):
            assert words in text


def test_a_checkpoint_beside_itself_is_undecided_and_other_folders_are_other_reports(
    catalog: Catalog, compared: list[Summary], stills: Path
) -> None:
    first, _, both = compare("small", "small", pairs=5, seed=2, home=str(catalog.home.root))
    other, _, pictured = compare("small", "small", pairs=5, seed=2, stills=str(stills), home=str(catalog.home.root))
    assert len({summary.facts["report"] for summary in (compared[0], first, other)}) == 3
    assert pictured.facts["report"] != both.facts["report"]
    assert both.facts["verdict"] == "B is undecided"
    assert both.facts["difference_db"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
