"""When it is trained again: first, with another recipe, and when enough clips are new since what was tried before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.store import Catalog
from tasks.checkpoints import serving_id
from tasks.decisions import last_decisions
from tasks.promote import promote_by_hand, promote_if_better, roll_back
from tasks.retrain import Retraining, record_not_retrained, retraining
from tests.tasks.planted import register_checkpoint
from tests.tasks.small_recipe import small, small_by_name
from tests.tasks.stocked import sound_row
from tests.tasks.test_promote import on_pairs, promote, score
from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator
from varemix.training import recipe
from varemix.training.recipe import Recipe


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipe.RECIPES, "small", small)
    monkeypatch.setitem(recipe.RECIPES, "other", lambda: small(seed=1))


def add_clips(catalog: Catalog, *names: str, digest: str = "as it came", **facts: Any) -> None:
    row = {"instrument": "flute", "split": "train", "status": "ready"} | facts
    catalog.merge("clips", [row | {"video_id": name, "clip_id": f"{name} {digest}"} for name in names])


def add_sounds(catalog: Catalog, *names: str, split: str = "train") -> None:
    rows = [sound_row(name, split=split) for name in names]
    catalog.merge("sounds", rows)


def trained(catalog: Catalog, file: Path, name: str, by: Recipe | None = None) -> str:
    """Register a checkpoint as if the recipe had been trained on the clips and sounds of this moment."""
    register_checkpoint(catalog, file, name)
    [row] = catalog.read_rows("checkpoints", where={"checkpoint_id": name})
    versions = {f"{table}_version": catalog.version(table) for table in ("clips", "sounds")}
    facts = {"settings_json": json.dumps((by or small()).as_dict())} | versions
    catalog.merge("checkpoints", [row | facts])
    return name


@pytest.fixture
def old(catalog: Catalog, checkpoint_file: Path) -> str:
    """Return the champion, which was trained on twenty clips."""
    add_clips(catalog, *[f"clip {number}" for number in range(20)])
    trained(catalog, checkpoint_file, "old")
    promote_by_hand.fn(checkpoint_id="old", home=str(catalog.home.root))
    return "old"


def planned(catalog: Catalog, share: float = 0.1, name: str = "small") -> Retraining:
    return retraining(catalog, name, share)


def test_without_a_champion_it_is_trained_from_nothing(catalog: Catalog) -> None:
    expected = "there is no champion yet; it begins with nothing learnt"
    assert planned(catalog) == Retraining(is_due=True, start=None, reason=expected)


def test_before_the_first_champion_it_goes_on_from_the_shipped_checkpoint_and_is_tried_beside_it(
    catalog: Catalog, checkpoint_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "shipped.safetensors"
    save_checkpoint(file, Separator(small().separator, ["flute"]), provenance={})
    monkeypatch.setattr("varemix.weights.REFERENCE", file)
    shipped = serving_id(catalog)
    assert planned(catalog) == Retraining(
        is_due=True,
        start=shipped,
        reason=f"there is no champion yet; it goes on from the built-in model {shipped}",
    )
    add_clips(catalog, *[f"clip {number}" for number in range(20)])
    trained(catalog, checkpoint_file, "tried")
    promote_if_better.fn(checkpoint_id="tried", home=str(catalog.home.root), split="val", seed=0)
    assert planned(catalog).reason.startswith("0 of 20 clips and sounds are new or changed since tried was trained")


def test_it_is_trained_again_from_a_share_of_new_or_changed_clips_on(catalog: Catalog, old: str) -> None:
    assert (
        planned(catalog).reason
        == "0 of 20 clips and sounds are new or changed since old was trained; 10 % are needed to train again"
    )
    add_clips(catalog, "clip 3", digest="changed")
    add_clips(catalog, "broken", status="failed")
    add_clips(catalog, "only reported", split="test")
    assert not planned(catalog).is_due
    add_clips(catalog, "new", split="val")
    assert not planned(catalog).is_due  # 2 of 21
    add_clips(catalog, "newer")
    plan = planned(catalog)
    assert plan.is_due
    assert plan.reason.startswith("3 of 22 clips and sounds are new or changed since old was trained; ")
    assert planned(catalog, share=0.0).is_due


def test_new_sounds_count_where_the_recipe_learns_from_them(
    catalog: Catalog, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recipe.RECIPES, "small", small_by_name)
    add_clips(catalog, *[f"clip {number}" for number in range(8)])
    add_sounds(catalog, "a", "b")
    trained(catalog, checkpoint_file, "old", small_by_name())
    promote_by_hand.fn(checkpoint_id="old", home=str(catalog.home.root))
    assert planned(catalog).reason.startswith("0 of 10 clips and sounds are new or changed since old was trained")
    add_sounds(catalog, "c", "d")
    add_sounds(catalog, "only reported", split="test")
    plan = planned(catalog)
    assert plan.is_due
    assert plan.reason.startswith("2 of 12 clips and sounds are new or changed since old was trained")
    monkeypatch.setitem(recipe.RECIPES, "small", small)
    trained(catalog, checkpoint_file, "of-clips", small())
    promote_by_hand.fn(checkpoint_id="of-clips", home=str(catalog.home.root))
    add_sounds(catalog, "e", "f", "g")
    assert planned(catalog).reason.startswith("0 of 8 clips and sounds are new or changed since of-clips was trained")


def test_nothing_new_is_never_enough(catalog: Catalog, old: str) -> None:
    assert not planned(catalog, share=0.0).is_due


def test_another_recipe_is_tried_once(catalog: Catalog, old: str) -> None:
    plan = planned(catalog, name="other")
    assert plan.is_due
    assert plan.reason.startswith("recipe 'other' was not tried beside it yet")


def test_a_challenger_that_was_not_promoted_is_not_tried_again(
    catalog: Catalog, old: str, checkpoint_file: Path
) -> None:
    add_clips(catalog, "a", "b", "c")
    trained(catalog, checkpoint_file, "new")
    assert planned(catalog).is_due  # a night that was killed before it decided goes on
    for name in ("old", "new"):
        score(catalog, name, on_pairs(1, 1, 1, 1, 1))
    promote(catalog, "new")
    plan = planned(catalog)
    assert (plan.is_due, plan.reason[:67]) == (
        False,
        "0 of 23 clips and sounds are new or changed since new was trained; ",
    )
    add_clips(catalog, "d", "e", "f")
    assert planned(catalog).is_due


def test_what_was_rolled_back_is_not_trained_again(catalog: Catalog, old: str, checkpoint_file: Path) -> None:
    add_clips(catalog, "a", "b", "c")
    trained(catalog, checkpoint_file, "new")
    promote_by_hand.fn(checkpoint_id="new", home=str(catalog.home.root))
    roll_back.fn(home=str(catalog.home.root))
    assert not planned(catalog).is_due


def test_it_goes_on_from_a_champion_of_the_same_separator_only(
    catalog: Catalog, tmp_path: Path, checkpoint_file: Path
) -> None:
    from varemix.model.competition import ReadingRule
    from varemix.training.loop import new_separator

    same, read_otherwise = tmp_path / "same.safetensors", tmp_path / "read_otherwise.safetensors"
    separator = new_separator(small())
    save_checkpoint(same, separator, provenance={})
    separator.settings = replace(separator.settings, reading=ReadingRule(power=0.5))
    save_checkpoint(read_otherwise, separator, provenance={})
    starts = (("same", same, "same"), ("otherwise", read_otherwise, "otherwise"), ("other", checkpoint_file, None))
    for name, file, start in starts:
        trained(catalog, file, name)
        promote_by_hand.fn(checkpoint_id=name, home=str(catalog.home.root))
        assert planned(catalog).start == start


def test_a_recipe_of_some_licences_goes_on_only_from_what_was_learnt_under_these(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(small(), licences=("CC0", "MIT"))
    monkeypatch.setitem(recipe.RECIPES, "strict", lambda: strict)
    learnt = {"free": ("CC0",), "same": strict.licences, "more": ("CC0", "CC BY-NC"), "anything": None}
    for name, licences in learnt.items():
        by = replace(strict, licences=licences)
        file = tmp_path / f"{name}.safetensors"
        save_checkpoint(file, Separator(by.separator, ["flute"]), provenance={"recipe": by.as_dict()})
        trained(catalog, file, name, by)
        promote_by_hand.fn(checkpoint_id=name, home=str(catalog.home.root))
        assert planned(catalog, name="strict").start == (name if name in {"free", "same"} else None)
    assert planned(catalog, name="strict").reason.endswith("learnt from more than 'small' may learn from")
    assert planned(catalog).start == "anything"


def test_that_nothing_was_trained_is_written_down(catalog: Catalog, old: str) -> None:
    record_not_retrained(catalog, "nothing is new")
    row = last_decisions(catalog, 1)[0]
    assert (row["kind"], row["challenger_id"], row["champion_after_id"], row["reason"]) == (
        *("not_retrained", None, "old", "nothing is new"),
    )
