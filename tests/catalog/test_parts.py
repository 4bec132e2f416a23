from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from catalog.errors import TableError
from catalog.files import Home
from catalog.parts import part_of
from catalog.rows import rows_to_arrow
from catalog.store import Catalog
from catalog.tables import TABLES


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(Home.open(tmp_path))


def masks(name: str, status: str = "ready") -> dict[str, object]:
    """Return a row of masks of the sound `name`."""
    known = {"track_id": "t", "checkpoint_id": "c", "status": status}
    return {"mask_id": f"masks-{name}", "content_digest": name, **known}


def damage_other_parts(catalog: Catalog, name: str) -> None:
    """Make every file unreadable that does not hold the masks of a sound."""
    for path in catalog.home.tables.joinpath("masks").rglob("*.parquet"):
        if path.parent.name != f"part={part_of(name)}":
            path.write_bytes(b"damaged")


def test_a_question_about_one_sound_reads_its_part_alone(catalog: Catalog) -> None:
    catalog.merge("masks", [masks(name) for name in "abcdefgh"])
    damage_other_parts(catalog, "c")
    [found] = catalog.read_rows("masks", where={"content_digest": ["c"], "status": "ready"})
    assert found["mask_id"] == "masks-c"
    with pytest.raises(TableError, match="could not be read"):
        catalog.read_rows("masks")


def test_a_merge_reads_the_parts_of_its_rows_alone(catalog: Catalog) -> None:
    catalog.merge("masks", [masks(name) for name in "abcdefgh"])
    damage_other_parts(catalog, "c")
    catalog.merge("masks", [masks("c", status="failed")])
    [found] = catalog.read_rows("masks", where={"content_digest": "c"})
    assert found["status"] == "failed"


def test_a_row_whose_column_says_nothing_lies_somewhere_too(catalog: Catalog) -> None:
    lost = {key: value for key, value in masks("lost").items() if key != "content_digest"}
    catalog.merge("masks", [lost, masks("a")])
    catalog.merge("masks", [{**lost, "status": "removed"}])
    assert len(catalog.read_rows("masks")) == 2
    [found] = catalog.read_rows("masks", where={"content_digest": None})
    assert (found["mask_id"], found["status"]) == ("masks-lost", "removed")


def test_parts_that_became_crowded_are_joined(catalog: Catalog) -> None:
    for number in range(40):
        catalog.merge("masks", [masks("a") | {"mask_id": f"masks-{number}"}])
    assert len(DeltaTable(catalog.home.table("masks")).file_uris()) < 20
    assert len(catalog.read_rows("masks", where={"content_digest": "a"})) == 40


def test_a_table_from_before_it_had_parts_goes_on_without(catalog: Catalog) -> None:
    table = TABLES["masks"]
    write_deltalake(catalog.home.table("masks"), rows_to_arrow(table, [masks("a"), masks("b")]))
    catalog.merge("masks", [masks("b", status="failed"), masks("c")])
    found = {row["content_digest"]: row["status"] for row in catalog.read_rows("masks")}
    assert found == {"a": "ready", "b": "failed", "c": "ready"}
    assert len(catalog.read_rows("masks", where={"content_digest": "b"})) == 1
    catalog.compact("masks")
    assert DeltaTable(catalog.home.table("masks")).metadata().partition_columns == []
