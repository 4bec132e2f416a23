"""Separators hear the same mixes as our network, and what each is worth is written down for each instrument."""

from pathlib import Path

import pytest

from catalog.store import Catalog
from flows.evaluate_separators import drawn_mixes, known_separators
from tasks.evaluate_separators import SeparatorQuestion, evaluate_separators, separator_questions
from tasks.shards import Outcome
from tests.sounds import make_sounds
from tests.varemix.separators.planted import plant_settings
from varemix.errors import UsageError

OURS = ["flute", "tuba", "violin"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return plant_settings(tmp_path, monkeypatch, "deep: {kind: planted, instrument: tuba, hz: 700}\n")


def questions(folder: Path) -> list[SeparatorQuestion]:
    known = known_separators()
    return separator_questions(drawn_mixes(str(folder), "val", OURS, known, 2, 1), known)


def evaluate(catalog: Catalog, asked: list[SeparatorQuestion]) -> list[Outcome]:
    return evaluate_separators.fn(
        items=asked,
        shard="1",
        home=str(catalog.home.root),
        checkpoint_id="small",
        split="val",
        seed=1,
        catalog_version=7,
    )


def test_each_separator_is_scored_on_what_it_knows_beside_ours(
    catalog: Catalog, champion: str, tmp_path: Path, settings: Path
) -> None:
    asked = questions(make_sounds(tmp_path / "sounds"))
    assert {outcome.status for outcome in evaluate(catalog, asked)} == {"done"}
    scores = catalog.read("scores")
    by_condition = scores.groupby("condition")["instrument"].unique().map(set).to_dict()
    assert by_condition["separator deep"] == {"tuba"}
    assert by_condition["separator varemix"] >= {"tuba", "flute"}
    assert scores["nsdr_db"].notna().all()
    assert {outcome.status for outcome in evaluate(catalog, asked)} == {"skipped"}
    settings.write_text("deep: {kind: planted, instrument: tuba, hz: 300}\n")
    again = questions(tmp_path / "sounds")
    assert {one.pair_id for one in again}.isdisjoint(one.pair_id for one in asked)


def test_one_that_fails_loses_its_mixes_and_says_why(
    catalog: Catalog, champion: str, tmp_path: Path, settings: Path
) -> None:
    settings.write_text("deep: {kind: planted, instrument: tuba, breaks: it has no more memory}\n")
    made = evaluate(catalog, questions(make_sounds(tmp_path / "sounds"))[:1])
    assert [(outcome.status, outcome.reason) for outcome in made] == [("failed", "it has no more memory")]


def test_without_any_separator_it_is_told_how_there_is_one(settings: Path) -> None:
    settings.write_text("{}\n")
    with pytest.raises(UsageError, match=r"docs/separators\.md tells how"):
        known_separators()
