from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.store import Catalog
from tasks.checkpoints import champion_id, serving_id
from tasks.promote import promote_if_better
from tasks.shards import Outcome
from tests.tasks.planted import register_checkpoint
from tests.tasks.untrained import write_checkpoint


@pytest.fixture
def candidates(catalog: Catalog, checkpoint_file: Path) -> tuple[str, str]:
    """Return the ids of two checkpoints."""
    return register_checkpoint(catalog, checkpoint_file, "old"), register_checkpoint(catalog, checkpoint_file, "new")


def score(
    catalog: Catalog,
    checkpoint_id: str,
    nsdr_db: Mapping[str, float | None],
    condition: str = "image",
    seed: int = 0,
    split: str = "val",
    num_sources: int = 2,
    instrument: str = "flute",
) -> None:
    """Give a checkpoint a score of an instrument on each of the pairs; None stands for a silent estimate."""
    rows = [
        {
            "score_id": f"{checkpoint_id}-{pair_id}-{condition}-{seed}-{split}-{num_sources}-{instrument}",
            "checkpoint_id": checkpoint_id,
            "catalog_version": 1,
            "split": split,
            "seed": seed,
            "pair_id": pair_id,
            "num_sources": num_sources,
            "condition": condition,
            "instrument": instrument,
            "nsdr_db": value_db,
            "status": "skipped" if value_db is None else "scored",
        }
        for pair_id, value_db in nsdr_db.items()
    ]
    catalog.merge("scores", rows)


def on_pairs(*nsdrs_db: float) -> dict[str, float]:
    """Return scores of as many pairs."""
    return {f"pair {number}": nsdr_db for number, nsdr_db in enumerate(nsdrs_db)}


def promote(catalog: Catalog, checkpoint_id: str) -> Outcome:
    return promote_if_better.fn(checkpoint_id=checkpoint_id, home=str(catalog.home.root), split="val", seed=0)


def stages(catalog: Catalog) -> dict[str, str]:
    return {row["checkpoint_id"]: row["stage"] for row in catalog.read_rows("checkpoints")}


def test_the_first_checkpoint_becomes_champion(catalog: Catalog, candidates: tuple[str, str]) -> None:
    score(catalog, "old", {"a": 1.0, "b": 3.0})
    outcome = promote(catalog, "old")
    assert (outcome.status, outcome.reason) == ("done", "first champion, mean NSDR 2.00 dB on val")
    assert stages(catalog) == {"old": "champion", "new": "candidate"}


def test_before_the_first_champion_it_must_be_better_than_the_shipped_checkpoint(
    catalog: Catalog, candidates: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = write_checkpoint(tmp_path / "reference.safetensors", ["flute", "tuba"], seed=5)
    monkeypatch.setattr("varemix.weights.REFERENCE", shipped)
    serving = str(serving_id(catalog))
    score(catalog, "old", on_pairs(1, 2, 3, 1, 2, 3))
    assert promote(catalog, "old").reason == (
        f"not promoted: the built-in model {serving} was not scored on the same pairs"
    )
    score(catalog, serving, on_pairs(2, 3, 4, 2, 3, 4))
    kept = promote(catalog, "old")
    assert (kept.status, serving_id(catalog)) == ("unchanged", serving)
    assert kept.reason.startswith("not promoted: worse: mean NSDR 2.00 dB against the built-in model's 3.00 dB")
    score(catalog, "new", on_pairs(3, 4, 5, 3, 4, 5))
    assert promote(catalog, "new").reason.startswith("promoted: better: mean NSDR 4.00 dB against the built-in")
    assert serving_id(catalog) == "new"


def test_a_better_checkpoint_follows_the_champion_and_says_by_how_much(
    catalog: Catalog, candidates: tuple[str, str]
) -> None:
    score(catalog, "old", on_pairs(1, 2, 3, 1, 2, 3))
    promote(catalog, "old")
    score(catalog, "new", on_pairs(2, 3, 4, 2, 3, 4))
    outcome = promote(catalog, "new")
    assert outcome.status == "done"
    assert outcome.reason == (
        "promoted: better: mean NSDR 3.00 dB against the champion's 2.00 dB, "
        "difference +1.00 to +1.00 dB (95 % interval), on 6 scores of val"
    )
    assert stages(catalog) == {"old": "retired", "new": "champion"}
    assert champion_id(catalog) == "new"


@pytest.mark.parametrize(
    ("elsewhere", "is_promoted"), [((), False), (("tuba",), True), (("flute",), False), (("flute", "tuba"), False)]
)
def test_what_is_better_on_the_whole_and_worse_at_an_instrument_is_kept_back_unless_another_separator_hears_that(
    catalog: Catalog, candidates: tuple[str, str], elsewhere: tuple[str, ...], is_promoted: bool
) -> None:
    for name, flute_db, tuba_db in (("old", 1.0, 3.0), ("new", 9.0, 1.0)):
        score(catalog, name, on_pairs(*[flute_db] * 6))
        score(catalog, name, on_pairs(*[tuba_db] * 6), instrument="tuba")
    promote(catalog, "old")
    outcome = promote_if_better.fn(
        checkpoint_id="new", home=str(catalog.home.root), split="val", seed=0, elsewhere=elsewhere
    )
    assert (champion_id(catalog) == "new") == is_promoted
    if not elsewhere:
        assert outcome.reason.startswith("not promoted: worse at tuba, though better: mean NSDR 5.00 dB")


@pytest.mark.parametrize(
    "news_db",
    [
        (1.99, 1.99, 1.99, 1.99, 1.99, 1.99),
        (2.0, 2.0, 2.0, 2.0, 2.0, 2.0),
        (9.0, 1.0, 1.0, 1.0, 1.0, 1.0),  # a higher mean by one lucky pair
        (9.0, 9.0, 9.0, 9.0),  # too few pairs to be sure
    ],
)
def test_a_checkpoint_that_is_not_better_for_sure_does_not(
    catalog: Catalog, candidates: tuple[str, str], news_db: tuple[float, ...]
) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2, 2))
    promote(catalog, "old")
    score(catalog, "new", on_pairs(*news_db))
    version = catalog.version("checkpoints")
    outcome = promote(catalog, "new")
    assert outcome.status == "unchanged"
    assert outcome.reason.startswith("not promoted: ")
    assert stages(catalog) == {"old": "champion", "new": "candidate"}
    assert catalog.version("checkpoints") == version


def test_the_champion_is_not_promoted_again(catalog: Catalog, candidates: tuple[str, str]) -> None:
    score(catalog, "old", {"a": 2.0})
    promote(catalog, "old")
    assert promote(catalog, "old").status == "skipped"


def test_only_pairs_that_both_were_scored_on_count(catalog: Catalog, candidates: tuple[str, str]) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2) | {"hard": -30.0})
    promote(catalog, "old")
    score(catalog, "new", on_pairs(1, 1, 1, 1, 1) | {"easy": 30.0})
    outcome = promote(catalog, "new")
    assert outcome.status == "unchanged"
    assert "worse: mean NSDR 1.00 dB against the champion's 2.00 dB" in outcome.reason
    assert outcome.reason.endswith("on 5 scores of val")


def test_only_still_images_and_pairs_of_the_same_split_and_seed_count(
    catalog: Catalog, candidates: tuple[str, str]
) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2))
    promote(catalog, "old")
    score(catalog, "new", on_pairs(1, 1, 1, 1, 1))
    for others in (
        {"condition": "video"},
        {"condition": "image_2"},
        {"condition": "ideal_binary"},
        {"seed": 1},
        {"split": "test"},
        {"num_sources": 3},
    ):
        score(catalog, "new", on_pairs(30, 30, 30, 30, 30), **others)
    assert promote(catalog, "new").status == "unchanged"


def test_without_a_pair_in_common_nobody_is_promoted(catalog: Catalog, candidates: tuple[str, str]) -> None:
    score(catalog, "old", {"a": 2.0})
    promote(catalog, "old")
    score(catalog, "new", {"b": 9.0})
    outcome = promote(catalog, "new")
    assert (outcome.status, "not scored on the same pairs" in outcome.reason) == ("unchanged", True)


def test_a_checkpoint_that_leaves_nothing_to_score_is_never_better(
    catalog: Catalog, candidates: tuple[str, str]
) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2))
    promote(catalog, "old")
    score(catalog, "new", dict.fromkeys(on_pairs(2, 2, 2, 2, 2), None))
    assert promote(catalog, "new").status == "unchanged"
    assert champion_id(catalog) == "old"


def test_scores_that_one_of_both_lacks_count_for_neither(catalog: Catalog, candidates: tuple[str, str]) -> None:
    score(catalog, "old", on_pairs(2, 2, 2, 2, 2) | {"b": -90.0})
    promote(catalog, "old")
    score(catalog, "new", on_pairs(1, 1, 1, 1, 1) | {"b": None})
    assert promote(catalog, "new").status == "unchanged"
