"""A person is told when what serves separates worse than before, and not otherwise."""

from pathlib import Path
from typing import Any

import pytest

from catalog.store import Catalog
from tasks import quality
from tasks.decisions import last_decisions
from tasks.promote import promote_by_hand
from tasks.quality import told_of_drop, told_of_worse
from tests.tasks.planted import register_checkpoint
from tests.tasks.test_promote import on_pairs, score


@pytest.fixture(autouse=True)
def candidates(catalog: Catalog, checkpoint_file: Path) -> None:
    for name in ("old", "new"):
        register_checkpoint(catalog, checkpoint_file, name)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return the events that were raised."""
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(quality, "tell_quality_dropped", lambda *event: told.append(event))
    return told


@pytest.mark.parametrize(("new_db", "is_told"), [(1.0, True), (2.0, False), (3.0, False)])
def test_a_champion_that_is_worse_for_sure_is_told(
    catalog: Catalog,
    told: list[Any],
    new_db: float,
    is_told: bool,
) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2))
    score(catalog, "new", on_pairs(*[new_db] * 5))
    for name in ("old", "new"):
        promote_by_hand.fn(checkpoint_id=name, home=str(catalog.home.root))
    message = told_of_worse(last_decisions(catalog, 1)[0])
    assert (message is not None) is bool(told) is is_told
    if message:
        assert "mean NSDR 1.00 dB against 2.00 dB. If that was not meant: varemix rollback." in message
        assert told[0][:2] == ("new", message)


def add_scores(catalog: Catalog, version: int, first: int, *nsdrs_db: float) -> None:
    """Give the champion scores of pairs that were first drawn from a version of the clips."""
    score(catalog, "old", {f"pair {first + number}": db for number, db in enumerate(nsdrs_db)})
    rows = catalog.read_rows("scores")
    ids = {f"pair {first + number}" for number in range(len(nsdrs_db))}
    catalog.merge("scores", [row | {"catalog_version": version} for row in rows if row["pair_id"] in ids])


@pytest.mark.parametrize(
    ("new_db", "is_told"),
    [
        ((1.0, 1.2, 0.8, 1.1, 0.9, 1.0), True),
        ((4.6, 4.8, 4.7, 4.6, 4.8, 4.7), False),  # lower for sure, but by less than half a decibel
        ((9.0, -9.0, 9.0, -9.0, 5.0, 5.0), False),  # lower on average, but not for sure
        ((6.0, 6.1, 6.2, 6.0, 6.1, 6.2), False),
        ((-9.0, -9.0), False),  # too few mixes to say
    ],
)
def test_a_fall_on_mixes_with_new_clips_is_told(
    catalog: Catalog,
    told: list[Any],
    new_db: tuple[float, ...],
    is_told: bool,
) -> None:
    clip = {"instrument": "flute", "split": "val", "status": "ready", "clip_id": "c"}
    catalog.merge("clips", [clip | {"video_id": "a"}])
    add_scores(catalog, catalog.version("clips"), 0, 5.0, 5.1, 4.9, 5.0, 5.1, 4.9)
    catalog.merge("clips", [clip | {"video_id": "b"}])
    assert told_of_drop(catalog, "old", "val", 0) is None
    add_scores(catalog, catalog.version("clips"), 100, *new_db)
    message = told_of_drop(catalog, "old", "val", 0)
    assert (message is not None) is bool(told) is is_told
    if message:
        assert "mean NSDR 1.00 dB against 5.00 dB on val" in message


def test_another_checkpoint_on_other_mixes_is_no_drop(catalog: Catalog, told: list[Any]) -> None:
    catalog.merge("clips", [{"video_id": "a", "instrument": "x", "split": "val", "status": "ready", "clip_id": "c"}])
    add_scores(catalog, catalog.version("clips"), 0, *[5.0] * 6)
    score(catalog, "new", on_pairs(*[0.0] * 6))
    assert told_of_drop(catalog, "old", "val", 0) is None
