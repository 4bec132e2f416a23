from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.shards import Outcome
from tasks.train import train_checkpoint
from tasks.trained import card_path
from tasks.training_plan import plan_training
from tests.solos import Solos
from tests.tasks.planted import visible_files
from tests.tasks.small_recipe import small, small_by_name
from tests.tasks.stocked import add_photos, add_sounds, sound_row
from tests.tasks.untrained import write_checkpoint
from varemix.errors import TrainingError, UsageError
from varemix.media.clips import Clip
from varemix.model.checkpoint import load_checkpoint, read_header
from varemix.training import recipe


@pytest.fixture(autouse=True)
def small_recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(recipe.RECIPES, "small", small)
    with disable_run_logger():
        yield


@pytest.fixture
def clips(catalog: Catalog, two_instruments: Solos) -> Solos:
    """Return the clips that the catalog knows."""
    add_clips(catalog, "train", two_instruments.train)
    add_clips(catalog, "val", two_instruments.val)
    return two_instruments


def add_clips(catalog: Catalog, split: str, clips: list[Clip]) -> None:
    rows = [_row(catalog, split, clip) for clip in clips]
    catalog.merge("clips", rows)


def _row(catalog: Catalog, split: str, clip: Clip) -> dict[str, object]:
    for source, place in ((clip.wav_path, catalog.home.wav), (clip.frames_path, catalog.home.frames)):
        place(clip.clip_id).parent.mkdir(parents=True, exist_ok=True)
        place(clip.clip_id).write_bytes(source.read_bytes())
    return {
        "video_id": clip.clip_id,
        "clip_id": clip.clip_id,
        "instrument": clip.instrument,
        "split": split,
        "status": "ready",
        "wav_path": catalog.home.relative(catalog.home.wav(clip.clip_id)),
        "frames_path": catalog.home.relative(catalog.home.frames(clip.clip_id)),
        "duration_s": clip.num_samples / 44_100,
        "rate_hz": 44_100,
        "num_frames": clip.num_frames,
        "frame_rate_hz": clip.frame_rate_hz,
    }


def train(catalog: Catalog) -> tuple[str, Outcome]:
    return train_checkpoint.fn(recipe="small", home=str(catalog.home.root), device="cpu")


def test_a_checkpoint_knows_its_instruments_and_its_row_the_data_it_learnt_from(catalog: Catalog, clips: Solos) -> None:
    version = catalog.version("clips")
    checkpoint_id, outcome = train(catalog)
    assert (outcome.item, outcome.status) == (checkpoint_id, "done")
    [row] = catalog.read_rows("checkpoints")
    path = catalog.home.absolute(row["path"])
    assert load_checkpoint(path).instruments == ("flute", "tuba")
    assert (row["digest"], row["clips_version"], row["stage"]) == (file_digest(path), version, "candidate")
    assert (row["num_steps"], row["seed"]) == (4, 0)
    assert visible_files(catalog.home.root / "work") == []


def test_a_checkpoint_that_stands_is_not_trained_again_and_one_that_was_lost_is(catalog: Catalog, clips: Solos) -> None:
    checkpoint_id, _ = train(catalog)
    path = catalog.home.checkpoint(checkpoint_id)
    content, version = path.read_bytes(), catalog.version("checkpoints")
    assert train(catalog) == (checkpoint_id, Outcome(item=checkpoint_id, status="skipped", reason="stands already"))
    assert catalog.version("checkpoints") == version
    path.unlink()
    assert train(catalog)[1].status == "done"
    assert path.read_bytes() == content


def test_what_a_run_killed_after_its_last_row_left_is_tidied_up(catalog: Catalog, clips: Solos) -> None:
    checkpoint_id, _ = train(catalog)
    (catalog.home.work(checkpoint_id) / "state.pt").write_bytes(b"the state of a training that is over")
    train(catalog)
    assert visible_files(catalog.home.root / "work") == []


def test_a_node_that_helped_leaves_the_folder_to_the_first_one(
    catalog: Catalog, clips: Solos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("varemix.training.launch.launch", lambda *_, **__: None)
    plan = plan_training(catalog, "small")
    state = plan.folder / "state.pt"
    state.write_bytes(b"what the first node still needs")
    for reason in ("helped as node 1", "stands already"):
        where = {"home": str(catalog.home.root), "device": "cpu", "endpoint": "node0:29500"}
        _, outcome = train_checkpoint.fn(recipe="small", nodes=2, node_rank=1, **where)
        assert outcome.reason == reason
        assert state.exists()
        monkeypatch.setattr("tasks.train.stands", lambda *_: True)


def test_other_clips_or_another_recipe_mean_another_checkpoint(
    catalog: Catalog, clips: Solos, four_instruments: Solos, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plan_training(catalog, "small")
    monkeypatch.setitem(recipe.RECIPES, "small", lambda: replace(small(), seed=1))
    assert plan_training(catalog, "small").checkpoint_id != before.checkpoint_id
    monkeypatch.setitem(recipe.RECIPES, "small", small)
    assert plan_training(catalog, "small") == before
    add_clips(catalog, "train", four_instruments.of("violin").train)
    after = plan_training(catalog, "small")
    assert after.checkpoint_id != before.checkpoint_id
    assert after.origin.versions["clips"] > before.origin.versions["clips"]


def test_a_checkpoint_tells_what_it_learnt_from_by_licence(catalog: Catalog, clips: Solos) -> None:
    rows = catalog.read_rows("clips", where={"split": "train"})
    catalog.merge("clips", [row | {"licence": "CC BY 4.0"} for row in rows if row["instrument"] == "tuba"])
    checkpoint_id, _ = train(catalog)
    path = catalog.home.checkpoint(checkpoint_id)
    told = read_header(path)["provenance"]["trained_on"]
    found = {(count["licence"], count["split"], count["kind"], count["label"]): count for count in told}
    assert found.keys() == {
        ("CC BY 4.0", "train", "video", "tuba"),
        *(("unstated", split, "video", "flute") for split in ("train", "val")),
        ("unstated", "val", "video", "tuba"),
    }
    tuba = found["CC BY 4.0", "train", "video", "tuba"]
    of_tuba = [clip for clip in clips.train if clip.instrument == "tuba"]
    assert tuba["num_rows"] == len(of_tuba)
    assert tuba["seconds"] == pytest.approx(sum(clip.num_samples for clip in of_tuba) / 44_100, abs=0.01)
    card = card_path(catalog.home, checkpoint_id).read_text()
    assert "| CC BY | yes |" in card
    assert "| unstated | no |" in card


def test_a_recipe_may_name_the_licences_that_it_takes(
    catalog: Catalog, clips: Solos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = plan_training(catalog, "small")
    first = everything.material.clips["train"][0]
    rows = catalog.read_rows("clips")
    catalog.merge("clips", [row | {"licence": "cc-by-4.0"} for row in rows if row["clip_id"] != first.clip_id])
    monkeypatch.setitem(recipe.RECIPES, "clean", lambda: replace(small(), name="clean", licences=("CC BY", "MIT")))
    plan = plan_training(catalog, "clean")
    expected = [clip for clip in everything.material.clips["train"] if clip != first]
    assert plan.material.clips["train"] == expected
    assert {count["licence"] for count in plan.origin.trained_on} == {"cc-by-4.0"}
    with pytest.raises(UsageError, match="takes material of the licences CC BY, MIT only"):
        plan_training(catalog, "clean", photos=str(tmp_path))
    other = write_checkpoint(tmp_path / "other.safetensors", ["flute"])
    with pytest.raises(UsageError, match="learnt from other material, too"):
        plan_training(catalog, "clean", start=str(other))
    assert plan_training(catalog, "small", start=str(other)).start == other


def test_clips_of_one_instrument_or_an_unknown_recipe_are_errors(catalog: Catalog, two_instruments: Solos) -> None:
    add_clips(catalog, "train", two_instruments.of("flute").train)
    with pytest.raises(TrainingError, match="train split has usable clips of 1 instruments"):
        plan_training(catalog, "small")
    with pytest.raises(UsageError, match="no recipe 'huge'; the recipes are"):
        plan_training(catalog, "huge")


def test_an_unfinished_training_can_be_forgotten(catalog: Catalog, clips: Solos) -> None:
    plan = plan_training(catalog, "small")
    state = plan.folder / "state.pt"
    state.write_bytes(b"half a training")
    plan.forget_unfinished()
    assert not Path(state).exists()


def test_by_name_it_is_learnt_from_all_that_sounds_and_told_of_all(
    catalog: Catalog, clips: Solos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recipe.RECIPES, "small", small_by_name)
    notes = [sound_row(f"note {number}", kind="notes", pitch_hz=262.0 + 30 * number) for number in range(4)]
    bells = [sound_row("bell", label="x_bell", licence="CC0"), sound_row("other bell", label="x_bell", split="val")]
    add_sounds(catalog, *notes, *bells, sound_row("phrase", split="val"), seconds=0.5)
    add_photos(catalog, [("ann__1", "harp", "red"), ("bob__1", "harp", "red"), ("stranger", "none", "white")])
    before = plan_training(catalog, "small")
    checkpoint_id, outcome = train(catalog)
    assert (checkpoint_id, outcome.status) == (before.checkpoint_id, "done")
    [row] = catalog.read_rows("checkpoints")
    versions = {table: row[f"{table}_version"] for table in ("clips", "sounds", "photos")}
    assert versions == {table: catalog.version(table) for table in versions}
    path = catalog.home.checkpoint(checkpoint_id)
    assert load_checkpoint(path).instruments == ("flute", "harp", "tuba")
    told = {
        (count["split"], count["kind"], count["label"]): count["num_rows"]
        for count in read_header(path)["provenance"]["trained_on"]
    }
    assert told == {
        **{("train", "video", name): 2 for name in ("flute", "tuba")},
        **{("val", "video", name): 1 for name in ("flute", "tuba")},
        ("train", "notes", "harp"): 4,
        ("val", "phrase", "harp"): 1,
        **{(split, "phrase", "x_bell"): 1 for split in ("train", "val")},
        ("train", "photo", "harp"): 2,
        ("train", "photo", "none"): 1,
    }
    add_sounds(catalog, sound_row("further", label="x_bell"))
    assert plan_training(catalog, "small").checkpoint_id != checkpoint_id


def test_sounds_and_photos_are_no_matter_to_a_recipe_of_clips_alone(catalog: Catalog, clips: Solos) -> None:
    before = plan_training(catalog, "small")
    add_sounds(catalog, sound_row("a"))
    add_photos(catalog, [("p", "harp", "red")])
    assert plan_training(catalog, "small") == before
