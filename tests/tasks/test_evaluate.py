from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from catalog.store import Catalog
from tasks.evaluate import Question, evaluate_mixtures
from tasks.score_rows import presence_rows
from tasks.shards import Outcome
from tasks.stills import clip_stills, draw_further_stills, draw_stills, draw_wrong_stills
from tests.solos import Solos
from tests.tasks.planted import register_checkpoint
from tests.tasks.untrained import write_checkpoint
from varemix.evaluation.condition_names import CONDITIONS, IMAGES_TOGETHER, PICTURED
from varemix.evaluation.mixtures import draw_mixtures


@pytest.fixture(scope="module")
def questions(two_instruments: Solos) -> list[Question]:
    """Return two pairs of a flute and a tuba, with pictures to ask for them."""
    return drawn(two_instruments, 2)


def drawn(solos: Solos, num_mixtures: int, num_sources: int = 2, num_images: int = 1) -> list[Question]:
    pictures, draw = clip_stills([*solos.train, *solos.val]), np.random.default_rng(3)
    questions = []
    for mixture in draw_mixtures(solos.train, num_mixtures, num_sources=num_sources, seed=3):
        first, wrong = draw_stills(mixture, pictures, draw), draw_wrong_stills(mixture, pictures, draw)
        stills = draw_further_stills(mixture, pictures, first, num_images - 1, draw)
        questions.append(Question(mixture=mixture, seed=3, stills=stills, wrong=wrong))
    return questions


def evaluate(
    catalog: Catalog, questions: list[Question], *, checkpoint_id: str = "small", version: int = 7
) -> list[Outcome]:
    return evaluate_mixtures.fn(
        items=questions,
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id=checkpoint_id,
        split="train",
        seed=3,
        catalog_version=version,
    )


def scores(catalog: Catalog) -> pd.DataFrame:
    return catalog.read("scores")


def test_every_pair_instrument_and_condition_gets_a_row_that_names_its_snapshot(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    outcomes = evaluate(catalog, questions)
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    found = scores(catalog)
    assert len(found) == len(questions) * 2 * len(CONDITIONS)
    assert set(found["condition"]) == set(CONDITIONS)
    assert set(found["pair_id"]) == {question.pair_id for question in questions}
    assert set(found["instrument"]) == set(found["other_instrument"]) == {"flute", "tuba"}
    assert set(found["num_sources"]) == {2}
    assert found["level_db"].between(-120, 6).all()
    assert set(found[found["presence_db"].notna()]["condition"]) == {*PICTURED, "name"}
    shown = found[found["condition"] == "wrong_image"]
    assert (shown["shown_instrument"] == shown["other_instrument"]).all()  # there are but two
    own = found.set_index(["condition", "pair_id", "instrument"]).sort_index()
    together, apart = own.loc[IMAGES_TOGETHER], own.loc["image"]
    assert (together["level_db"] > apart["level_db"] + 0.1).all()  # with one rival less, the violin
    assert list(together["shown_instrument"]) == list(together.index.get_level_values("instrument"))
    scored = own["nsdr_db"]
    np.testing.assert_allclose(scored.loc["separate_and_add"], scored.loc["image"], atol=1e-9)  # the same stems
    snapshot = found[["checkpoint_id", "catalog_version", "split", "seed"]].drop_duplicates()
    assert snapshot.to_dict("records") == [
        {"checkpoint_id": champion, "catalog_version": 7, "split": "train", "seed": 3}
    ]
    by_condition = found.groupby("condition")["nsdr_db"].mean()
    assert by_condition["mix"] == pytest.approx(0, abs=1e-6)
    assert by_condition["ideal_binary"] == by_condition.max() > 15  # flute and tuba share no frequency
    assert abs(by_condition["image"]) < 5  # the separator has learnt nothing


def test_every_wished_gain_of_every_instrument_gets_a_row(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    evaluate(catalog, questions)
    gains = catalog.read("gain_scores")
    assert len(gains) == len(questions) * 2 * 7
    assert gains["wished_db"].min() == -np.inf
    louder = gains[gains["wished_db"] == 12]
    assert louder["target_db"].between(0, 12).all()
    assert (gains[gains["wished_db"] < 0]["target_db"] <= 0).all()
    assert gains.groupby(["pair_id", "instrument"])["delta_snr_db"].std().max() < 0.01  # the mask's, whatever the wish


def test_every_instrument_that_is_known_is_measured_by_its_name_whether_it_plays_or_not(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    evaluate(catalog, questions[:1])
    found = catalog.read("presence_scores").set_index("instrument")
    assert found["status"].to_dict() == {"flute": "plays", "tuba": "plays", "violin": "absent"}
    assert set(found["sounding"]) == {" + ".join(questions[0].mixture.instruments)}
    assert set(found["threshold_db"]) == {-1000.0}  # never calibrated
    by_name = scores(catalog).query("condition == 'name'").set_index("instrument")["presence_db"]
    assert by_name.to_dict() == pytest.approx(found["presence_db"].drop("violin").to_dict())


def test_what_the_checkpoint_does_not_know_is_not_asked_for_by_name(
    catalog: Catalog, tmp_path: Path, questions: list[Question]
) -> None:
    register_checkpoint(catalog, write_checkpoint(tmp_path / "few.safetensors", ["tuba", "violin"]), "few")
    evaluate(catalog, questions[:1], checkpoint_id="few")
    counts = scores(catalog).groupby("condition")["instrument"].apply(list)
    assert counts["name"] == ["tuba"]
    assert sorted(counts["image"]) == ["flute", "tuba"]


def test_images_are_asked_together_only_where_instruments_compete(
    catalog: Catalog, tmp_path: Path, questions: list[Question]
) -> None:
    file = write_checkpoint(tmp_path / "alone.safetensors", ["flute", "tuba"], has_rivals=False)
    register_checkpoint(catalog, file, "alone")
    evaluate(catalog, questions[:1], checkpoint_id="alone")
    assert set(scores(catalog)["condition"]) == set(CONDITIONS) - {IMAGES_TOGETHER}


def test_pairs_that_were_scored_are_skipped(catalog: Catalog, champion: str, questions: list[Question]) -> None:
    evaluate(catalog, questions[:1])
    before = scores(catalog)
    outcomes = evaluate(catalog, questions, version=8)
    assert [outcome.status for outcome in outcomes] == ["skipped", "done"]
    after = scores(catalog)
    assert len(after) == 2 * len(before)
    kept = after[after["pair_id"] == questions[0].pair_id].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)


def test_another_checkpoint_is_scored_for_itself(
    catalog: Catalog, champion: str, checkpoint_file: Path, questions: list[Question]
) -> None:
    register_checkpoint(catalog, checkpoint_file, "other")
    for checkpoint_id in (champion, "other"):
        [outcome] = evaluate(catalog, questions[:1], checkpoint_id=checkpoint_id)
        assert outcome.status == "done"
    first, second = (group for _, group in scores(catalog).groupby("checkpoint_id"))
    columns = ["condition", "instrument", "nsdr_db"]
    one, other = (group.sort_values(columns[:2])[columns].reset_index(drop=True) for group in (first, second))
    pd.testing.assert_frame_equal(one, other)  # the same weights under another name


def test_a_newer_version_of_the_step_scores_again(
    catalog: Catalog, champion: str, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(catalog, questions[:1])
    monkeypatch.setattr("tasks.evaluate.STEP_VERSION", 1_000)
    [outcome] = evaluate(catalog, questions[:1])
    assert outcome.status == "done"


def test_a_pair_that_cannot_be_read_is_told_and_stops_nobody(
    catalog: Catalog, champion: str, questions: list[Question], tmp_path: Path
) -> None:
    picture = tmp_path / "flute.jpg"
    picture.write_text("no picture")
    bad = replace(questions[0], stills=((picture,), questions[0].stills[1]))
    outcomes = evaluate(catalog, [bad, questions[1]])
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "'flute.jpg' is no picture" in outcomes[0].reason
    assert set(scores(catalog)["pair_id"]) == {questions[1].pair_id}


def test_a_pair_at_which_something_breaks_fails_alone_and_a_full_disk_leaves_what_was_scored(
    catalog: Catalog, champion: str, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [OSError(28, "No space left on device"), ValueError("odd")]

    def breaking(question: Question, *given: Any) -> Any:
        if question.pair_id == questions[1].pair_id:
            raise errors[0]
        return presence_rows(question, *given)

    monkeypatch.setattr("tasks.evaluate.presence_rows", breaking)
    with pytest.raises(OSError, match="No space left"):
        evaluate(catalog, questions)
    assert set(scores(catalog)["pair_id"]) == {questions[0].pair_id}
    del errors[0]
    outcomes = evaluate(catalog, questions[::-1])
    assert [outcome.status for outcome in outcomes] == ["failed", "skipped"]
    assert outcomes[0].reason == "ValueError: odd"


def test_mixtures_of_three_and_further_images_have_rows_of_their_own(
    catalog: Catalog, champion: str, four_instruments: Solos
) -> None:
    [question] = drawn(four_instruments, 1, num_sources=3, num_images=2)
    lone = replace(question, stills=(question.stills[0][:1], *question.stills[1:]))
    outcomes = evaluate(catalog, [lone])
    assert [(outcome.status, outcome.item) for outcome in outcomes] == [("done", " + ".join(lone.mixture.instruments))]
    found = scores(catalog)
    counts = found["condition"].value_counts().to_dict()
    assert counts == dict.fromkeys(CONDITIONS, 3) | {"image_2": 2, "name": 2}  # the xylophone has no name there
    assert set(found["num_sources"]) == {3}
    row = found[found["instrument"] == lone.mixture.instruments[1]].iloc[0]
    assert row["other_instrument"] == f"{lone.mixture.instruments[0]} + {lone.mixture.instruments[2]}"
    wrong = found[found["condition"] == "wrong_image"]["shown_instrument"]
    assert set(wrong) == {"flute", "tuba", "violin", "xylophone"} - set(lone.mixture.instruments)
    assert len({lone.pair_id, question.pair_id}) == 2


def test_the_masks_and_measures_of_further_images_are_their_own(
    catalog: Catalog, champion: str, two_instruments: Solos
) -> None:
    [question] = drawn(two_instruments, 1, num_images=2)
    swapped = replace(question, stills=tuple(stills[::-1] for stills in question.stills))
    evaluate(catalog, [question, swapped])
    columns = ["instrument", "nsdr_db", "level_db", "presence_db"]
    tables = {
        (pair_id, condition): table.sort_values("instrument")[columns].to_numpy()[:, 1:].astype(float)
        for (pair_id, condition), table in scores(catalog).groupby(["pair_id", "condition"])
    }
    for one, other in (("image", "image_2"), ("image_2", "image")):
        np.testing.assert_allclose(tables[question.pair_id, one], tables[swapped.pair_id, other], atol=1e-3)


def test_other_pictures_make_another_pair(questions: list[Question], tmp_path: Path) -> None:
    picture = tmp_path / "1.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    with_red = replace(questions[0], stills=((picture,), questions[0].stills[1])).pair_id
    Image.new("RGB", (8, 8), "blue").save(picture)
    with_blue = replace(questions[0], stills=((picture,), questions[0].stills[1])).pair_id
    assert len({questions[0].pair_id, with_red, with_blue}) == 3


def test_silent_sources_have_rows_without_scores(catalog: Catalog, champion: str, questions: list[Question]) -> None:
    mixture = questions[0].mixture
    first, second = mixture.sources
    quiet = replace(questions[0], mixture=replace(mixture, sources=(replace(first, volume=0.0), second)))
    [outcome] = evaluate(catalog, [quiet])
    assert outcome.status == "done"
    rows = catalog.read_rows("scores", where={"instrument": first.clip.instrument})
    assert {row["status"] for row in rows} == {"skipped"}
    assert {row["nsdr_db"] for row in rows} == {None}
    assert {"silent" in row["reason"] for row in rows} == {True}
