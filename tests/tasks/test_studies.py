"""The study of remixes: every balance and every smoothing of a pair, once."""

from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

import tasks.studies
from catalog.store import Catalog
from catalog.tables import TABLES
from tasks.evaluate import Question
from tasks.shards import Outcome
from tasks.studies import study_mixtures
from tests.solos import Solos
from tests.tasks.test_evaluate import drawn
from varemix.evaluation.mixing_levels import remix_scores
from varemix.evaluation.smoothing_study import SEARCHED
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S


@pytest.fixture(autouse=True)
def without_grades(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave PEAQ out, which takes nearly all of the time."""
    monkeypatch.setattr(tasks.studies, "remix_scores", partial(remix_scores, with_odg=False))


@pytest.fixture(scope="module")
def questions(two_instruments: Solos) -> list[Question]:
    return drawn(two_instruments, 2)


def study(catalog: Catalog, questions: list[Question]) -> list[Outcome]:
    return study_mixtures.fn(
        items=questions,
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id="small",
        split="train",
        seed=3,
        catalog_version=7,
    )


def test_a_pair_gets_a_row_for_each_balance_and_each_smoothing(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    [outcome] = study(catalog, questions[:1])
    assert outcome.status == "done"
    remixes, smoothings = catalog.read("remix_scores"), catalog.read("smoothing_scores")
    assert len(remixes) == 11 * 2 * 2
    assert len(smoothings) == 2 * 2 * len(SEARCHED)
    assert set(remixes["pair_id"]) == set(smoothings["pair_id"]) == {questions[0].pair_id}
    assert {remixes["instrument"][0], remixes["other_instrument"][0]} == {"flute", "tuba"}
    assert smoothings["smoothing_s"].notna().equals(smoothings["method"] == "zlbm")
    assert set(remixes["smoothing_s"]) == {0.0, DEFAULT_SMOOTHING_S}
    best = smoothings[(smoothings["masks"] == "ideal") & (smoothings["method"] == "zlbm")]
    assert best.groupby("smoothing_s")["gain_db"].mean().max() > 0  # smoothed binary masks come nearer to ratio masks
    at_half = remixes[(remixes["weight_tenths"] == 5) & (remixes["method"] == "remix")]
    assert (at_half["sdr_db"] == 100).all()  # the remix is the mix itself
    assert (at_half["lsd_db"] == 0).all()


def test_tables_from_before_smoothing_was_in_seconds_go_on(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    kept = {"score_id": "old", "checkpoint_id": "c", "catalog_version": 1, "split": "val", "seed": 0, "pair_id": "p"}
    rows = {
        "remix_scores": {"instrument": "a", "other_instrument": "b", "weight_tenths": 5, "method": "remix"},
        "smoothing_scores": {"instrument": "a", "masks": "ideal", "method": "zlbm", "settings": "decay=0.8"},
    }
    for name, row in rows.items():
        whole = TABLES[name].schema
        schema = pa.schema([field for field in whole if field.name != "smoothing_s"])
        old = dict.fromkeys(schema.names) | kept | row | {"decay": 0.8, "updated_at": datetime(2020, 1, 1, tzinfo=UTC)}
        write_deltalake(catalog.home.tables / name, pa.Table.from_pylist([old], schema=schema))
    assert [outcome.status for outcome in study(catalog, questions[:1])] == ["done"]
    for name in rows:
        found = catalog.read(name).set_index("score_id")
        assert (found.loc["old", "decay"], np.isnan(found.loc["old", "smoothing_s"])) == (0.8, True)
        new = found.drop(index="old").query("smoothing_s > 0")
        np.testing.assert_allclose(new["decay"], np.exp(-512 / 44_100 / new["smoothing_s"]))
        assert len(new) > 0


def test_what_was_studied_is_not_studied_again_and_comes_out_the_same(
    catalog: Catalog, champion: str, questions: list[Question]
) -> None:
    study(catalog, questions[:1])
    before = catalog.read("remix_scores")
    assert [outcome.status for outcome in study(catalog, questions)] == ["skipped", "done"]
    kept = catalog.read("remix_scores", where={"pair_id": questions[0].pair_id})
    pd.testing.assert_frame_equal(kept, before)
    assert len(catalog.read("remix_scores")) == 2 * len(before)


def test_a_pair_whose_recording_is_lost_is_told_and_the_next_one_is_studied(
    catalog: Catalog, champion: str, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    from varemix.errors import MediaError

    lost = questions[0].mixture
    real = tasks.studies.read_sources

    def read(mixture: object) -> np.ndarray:
        if mixture == lost:
            raise MediaError("The recording is gone.")
        return real(mixture)  # type: ignore[arg-type]

    monkeypatch.setattr(tasks.studies, "read_sources", read)
    outcomes = study(catalog, questions)
    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [
        ("failed", "The recording is gone."),
        ("done", ""),
    ]
