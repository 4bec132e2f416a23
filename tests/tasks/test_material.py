import pytest

from catalog.store import Catalog
from tasks.material import counted, kind_table, learnable, licence_table, ready_material
from varemix.errors import UsageError


def sound(sound_id: str, **facts: object) -> dict[str, object]:
    row = {"sound_id": sound_id, "label": "flute", "kind": "notes", "group": "ann", "split": "train", "status": "ready"}
    row |= {"source": "list.csv", "file": f"{sound_id}.wav", "source_first_sample": 0, "duration_s": 30.0}
    return row | facts


@pytest.fixture
def stocked(catalog: Catalog) -> Catalog:
    """Return a catalog of four sounds that are ready, one that is not, and a photo."""
    catalog.merge(
        "sounds",
        [
            sound("a", licence="CC BY 4.0"),
            sound("b", licence="cc-by-3.0"),
            sound("c"),
            sound("d", licence="CC BY-SA 4.0", kind="phrase", split="val", label="x_bells"),
            sound("e", status="failed"),
        ],
    )
    photo = {"photo_id": "p", "instrument": "none", "split": "train", "status": "ready", "source": "photos.csv"}
    catalog.merge("photos", [photo | {"file": "p.jpg", "licence": "CC0"}])
    return catalog


def test_rows_are_counted_by_licence_split_kind_and_label(stocked: Catalog) -> None:
    assert counted("sounds", learnable(stocked, "sounds", "train")) == [
        {"licence": licence, "split": "train", "kind": "notes", "label": "flute", "num_rows": 1, "seconds": 30.0}
        for licence in ("CC BY 4.0", "cc-by-3.0", "unstated")
    ]
    [photo] = [count for count in ready_material(stocked) if count["kind"] == "photo"]
    assert (photo["label"], photo["num_rows"], photo["seconds"]) == ("none", 1, 0.0)


def test_only_what_is_ready_and_allowed_is_learnt_from(stocked: Catalog) -> None:
    def ids(*licences: str) -> list[str]:
        return [row["sound_id"] for row in learnable(stocked, "sounds", "train", licences=licences)]

    assert ids("CC BY") == ["a", "b"]
    assert ids("unstated", "CC BY-SA") == ["c"]
    assert ids("MIT") == []
    assert len(learnable(stocked, "sounds", "train")) == 3
    with pytest.raises(UsageError, match="There is no split 'night'"):
        learnable(stocked, "sounds", "night")


def test_tables_say_what_there_is_and_what_a_business_may_do_with_it(stocked: Catalog) -> None:
    licences, kinds = licence_table(ready_material(stocked)), kind_table(ready_material(stocked))
    for line in (
        "| CC BY | yes | 2 | 1.0 | 0 |",
        "| CC BY-SA | share alike | 1 | 0.5 | 0 |",
        "| CC0 | yes | 0 | 0.0 | 1 |",
    ):
        assert line in licences
    for line in ("| train | notes | 1 | 3 | 1.5 | 0 |", "| val | phrase | 1 | 1 | 0.5 | 0 |"):
        assert line in kinds
