"""Mixes of sounds, asked for by name: which rows they leave in which table."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.store import Catalog
from tasks.evaluate_sounds import SoundQuestion, evaluate_sounds, sound_questions
from tasks.shards import Outcome
from tests.sounds import make_sounds
from varemix.errors import EvaluationError

KNOWN = ("flute", "tuba", "violin")  # to the champion; the clips are of the first two


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[SoundQuestion]:
    """Return a pair, an ensemble and a stranger."""
    folder = make_sounds(tmp_path_factory.mktemp("sounds"))
    found = sound_questions(folder, "val", KNOWN[:2], 1, 1, seed=1)
    return [next(q for q in found if q.mixture.material == material) for material in ("pair", "ensemble", "stranger")]


@pytest.fixture(autouse=True)
def without_grades(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave PEAQ out, which takes nearly all of the time."""
    monkeypatch.setattr("varemix.evaluation.achieved_gain.grade", lambda *_: -1.0)


def evaluate(catalog: Catalog, questions: list[SoundQuestion]) -> list[Outcome]:
    return evaluate_sounds.fn(
        items=questions,
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id="small",
        split="val",
        seed=1,
        catalog_version=7,
    )


def test_mixes_are_scored_by_the_names_that_are_known_and_strangers_are_listened_to(
    catalog: Catalog, champion: str, questions: list[SoundQuestion]
) -> None:
    pair, ensemble, _ = questions
    partner = pair.mixture.instruments[1]
    assert [outcome.status for outcome in evaluate(catalog, questions)] == ["done"] * 3
    scores = catalog.read("scores")
    by_name = scores[scores["condition"] == "name"]
    asked = by_name.groupby("material")["instrument"].apply(sorted).to_dict()
    assert asked == {"pair": [partner], "ensemble": ["flute", "tuba"]}
    ceilings = scores[scores["condition"] == "ideal_ratio"]
    assert len(ceilings) == 4
    assert ceilings["nsdr_db"].min() > 15  # they share no frequency
    gains = catalog.read("gain_scores")
    assert gains.groupby("pair_id")["instrument"].nunique().to_dict() == {pair.pair_id: 1, ensemble.pair_id: 2}
    assert set(gains["odg"]) == {-1.0}
    assert gains["delta_snr_db"].notna().all()


def test_all_known_instruments_are_measured_in_every_mix(
    catalog: Catalog, champion: str, questions: list[SoundQuestion]
) -> None:
    evaluate(catalog, questions)
    found = catalog.read("presence_scores")
    assert len(found) == 3 * len(KNOWN)
    playing = found[found["status"] == "plays"].groupby("material")["instrument"].apply(sorted).to_dict()
    assert playing == {"pair": [questions[0].mixture.instruments[1]], "ensemble": ["flute", "tuba"]}
    assert set(found[found["material"] == "stranger"]["sounding"]) == {"piano"}


def test_what_was_scored_is_skipped(catalog: Catalog, champion: str, questions: list[SoundQuestion]) -> None:
    evaluate(catalog, questions[2:])
    assert [outcome.status for outcome in evaluate(catalog, questions[1:])] == ["done", "skipped"]


def test_a_sound_that_cannot_be_read_is_told_and_stops_nobody(
    catalog: Catalog, champion: str, questions: list[SoundQuestion], tmp_path: Path
) -> None:
    mixture = questions[2].mixture
    [part] = mixture.parts
    lost = tmp_path / "lost.flac"
    lost.write_text("no sound")
    bad = replace(questions[2], mixture=replace(mixture, parts=(replace(part, sound=replace(part.sound, path=lost)),)))
    outcomes = evaluate(catalog, [bad, questions[2]])
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "lost.flac" in outcomes[0].reason


def test_so_many_pairs_and_ensembles_are_graded_and_other_splits_have_nothing(tmp_path: Path) -> None:
    folder = make_sounds(tmp_path / "sounds")
    questions = sound_questions(folder, "val", KNOWN[:2], 5, 1, seed=1)
    graded = [question.mixture.material for question in questions if question.is_graded]
    assert graded == ["pair", "ensemble"]
    assert len({question.pair_id for question in questions}) == len(questions)
    with pytest.raises(EvaluationError, match="none can be mixed"):
        sound_questions(folder, "test", KNOWN[:2], 5, 1, seed=1)
