"""Decisions about the champion: what is written down, by hand, and the way back."""

from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks import promote as promote_step
from tasks.checkpoints import champion_id, checkpoint_row
from tasks.decisions import champions_before, last_decisions, tried_beside
from tasks.promote import promote_by_hand, roll_back
from tasks.shards import Outcome
from tests.tasks.planted import register_checkpoint
from tests.tasks.test_promote import on_pairs, promote, score, stages
from tests.tasks.untrained import write_checkpoint


@pytest.fixture(autouse=True)
def candidates(catalog: Catalog, checkpoint_file: Path) -> None:
    for name in ("one", "two", "three"):
        register_checkpoint(catalog, checkpoint_file, name)


def by_hand(catalog: Catalog, checkpoint_id: str) -> Outcome:
    return promote_by_hand.fn(checkpoint_id=checkpoint_id, home=str(catalog.home.root), why="sounds better")


def back(catalog: Catalog) -> Outcome:
    return roll_back.fn(home=str(catalog.home.root), why="it hums")


def kinds(catalog: Catalog) -> list[str]:
    return [row["kind"] for row in reversed(last_decisions(catalog))]


def test_every_decision_is_a_row_with_its_figures_and_reason(catalog: Catalog) -> None:
    score(catalog, "one", on_pairs(1, 2, 3, 1, 2, 3))
    score(catalog, "two", on_pairs(2, 3, 4, 2, 3, 4))
    score(catalog, "three", on_pairs(2, 2, 2, 2, 2, 2))
    for name in ("one", "two", "three"):
        promote(catalog, name)
    assert kinds(catalog) == ["promoted", "promoted", "kept"]
    kept, promoted, first = last_decisions(catalog)
    assert (first["champion_before_id"], first["champion_after_id"], first["verdict"]) == (None, "one", None)
    ids = ("challenger_id", "champion_before_id", "champion_after_id")
    assert [promoted[name] for name in ids] == ["two", "one", "two"]
    figures = ("champion_nsdr_db", "challenger_nsdr_db", "num_scores", "verdict", "split")
    assert [promoted[name] for name in figures] == [2.0, 3.0, 6, "better", "val"]
    assert [kept[name] for name in ids] == ["three", "two", "two"]
    assert kept["difference_high_db"] < 0
    assert kept["reason"].startswith("not promoted: worse: mean NSDR 2.00 dB")
    assert stages(catalog) == {"one": "retired", "two": "champion", "three": "candidate"}


def test_a_person_promotes_what_the_scores_would_not_and_is_told_what_they_say(catalog: Catalog) -> None:
    score(catalog, "one", on_pairs(2, 2, 2, 2, 2))
    score(catalog, "two", on_pairs(1, 1, 1, 1, 1))
    promote(catalog, "one")
    outcome = by_hand(catalog, "two")
    assert outcome.reason.startswith("promoted by hand (sounds better): worse: mean NSDR 1.00 dB")
    assert (champion_id(catalog), kinds(catalog)) == ("two", ["promoted", "by_hand"])
    assert by_hand(catalog, "two").status == "skipped"
    assert by_hand(catalog, "three").reason == "promoted by hand (sounds better): not compared with what served before"


def test_each_rollback_leads_one_further_back(catalog: Catalog) -> None:
    for name in ("one", "two", "three"):
        by_hand(catalog, name)
    assert champions_before(catalog) == [None, "one", "two"]
    assert back(catalog) == Outcome(item="two", status="done", reason="rolled back from three: it hums")
    assert stages(catalog) == {"one": "retired", "two": "champion", "three": "retired"}
    assert back(catalog).item == "one"
    with pytest.raises(CatalogError, match="one is the first champion; nothing served before it"):
        back(catalog)
    assert (champion_id(catalog), kinds(catalog)[-2:]) == ("one", ["rolled_back", "rolled_back"])
    by_hand(catalog, "three")
    assert back(catalog).item == "one"


def test_before_the_first_champion_the_shipped_checkpoint_served(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = write_checkpoint(tmp_path / "reference.safetensors", ["flute", "tuba"], seed=5)
    monkeypatch.setattr("varemix.weights.REFERENCE", shipped)
    by_hand(catalog, "one")
    shipped_id = back(catalog).item
    assert (champion_id(catalog), checkpoint_row(catalog, None)["checkpoint_id"]) == (None, shipped_id)
    by_hand(catalog, "shipped")
    by_hand(catalog, "two")
    assert stages(catalog)[shipped_id] == "shipped"
    assert back(catalog).item == shipped_id


def test_a_champion_whose_file_is_gone_or_changed_is_not_gone_back_to(catalog: Catalog) -> None:
    by_hand(catalog, "one")
    by_hand(catalog, "two")
    path = catalog.home.checkpoint("one")
    path.unlink()
    path.write_bytes(b"something else")
    with pytest.raises(CatalogError, match="was changed since it was recorded"):
        back(catalog)
    path.unlink()
    with pytest.raises(CatalogError, match=r"one, '.*', is gone"):
        back(catalog)
    assert (champion_id(catalog), kinds(catalog)) == ("two", ["by_hand", "by_hand"])


def test_a_night_does_not_promote_again_what_a_person_went_back_from(catalog: Catalog) -> None:
    score(catalog, "one", on_pairs(1, 1, 1, 1, 1))
    score(catalog, "two", on_pairs(2, 2, 2, 2, 2))
    promote(catalog, "one")
    promote(catalog, "two")
    back(catalog)
    assert "`varemix promote two` overrules it" in promote(catalog, "two").reason
    assert (champion_id(catalog), tried_beside(catalog, "one")) == ("one", {"two"})
    by_hand(catalog, "two")
    assert champion_id(catalog) == "two"


def test_a_run_that_was_killed_while_it_promoted_decides_once(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(catalog, "one")
    with monkeypatch.context() as patch:
        patch.setattr(promote_step, "_change", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            by_hand(catalog, "two")
    assert (champion_id(catalog), champions_before(catalog)) == ("one", [None])
    by_hand(catalog, "two")
    assert (kinds(catalog), champions_before(catalog)) == (["by_hand", "by_hand"], [None, "one"])


def test_a_champion_older_than_the_book_of_decisions_can_be_gone_back_from(
    catalog: Catalog, checkpoint_file: Path
) -> None:
    rows = {row["checkpoint_id"]: row for row in catalog.read_rows("checkpoints")}
    old = rows["one"] | {"stage": "retired", "reason": "followed by two"}
    catalog.merge("checkpoints", [old, rows["two"] | {"stage": "champion"}])
    assert back(catalog).item == "one"
    assert promote(catalog, "one").status == "skipped"
