"""The catalog as what a training learns from: which rows, of which versions, and as which files."""

from dataclasses import replace

import pytest

from catalog.errors import TableError
from catalog.store import Catalog
from tasks.training_rows import training_rows
from tests.tasks.small_recipe import small, small_by_name
from tests.tasks.stocked import add_photos, add_sounds, sound_row
from varemix.training.recipe import Recipe


@pytest.fixture
def by_name() -> Recipe:
    return small_by_name()


@pytest.fixture
def stocked(catalog: Catalog) -> Catalog:
    """Return a catalog of sounds and photos of several licences and splits, some not ready."""
    add_sounds(
        catalog,
        sound_row("a", licence="CC BY 4.0"),
        sound_row("b", kind="notes", pitch_hz=330.0, licence="CC0"),
        sound_row("c", label="x_bell", split="val", piece="duo", kind="ensemble"),
        sound_row("d", split="test"),
        sound_row("e", status="failed"),
        seconds=0.1,
    )
    add_photos(catalog, [("p", "harp", "red"), ("q", "none", "white")], licence="CC BY 4.0")
    add_photos(catalog, [("r", "harp", "blue")])
    add_photos(catalog, [("s", "harp", "green")], split="val")
    return catalog


def names(rows: object) -> list[str]:
    return sorted(row["sound_id"] for row in rows)  # type: ignore[attr-defined]


def test_sounds_and_photos_are_learnt_from_only_where_the_recipe_draws_by_shares(
    stocked: Catalog, by_name: Recipe
) -> None:
    found = training_rows(stocked, by_name)
    assert names(found.rows["sounds"]) == ["a", "b", "c"]
    assert {row["photo_id"] for row in found.rows["photos"]} == {"p", "q", "r", "s"}
    assert found.versions == {table: stocked.version(table) for table in ("sounds", "photos")}  # there are no clips yet
    clips_alone = training_rows(stocked, small())
    assert (clips_alone.versions, clips_alone.counts) == ({}, [])
    assert clips_alone.ids == {"clips": [], "sounds": [], "photos": []}


def test_only_what_the_recipe_may_take_is_learnt_from(stocked: Catalog, by_name: Recipe) -> None:
    found = training_rows(stocked, replace(by_name, licences=("CC BY",)))
    assert names(found.rows["sounds"]) == ["a"]
    assert {count["licence"] for count in found.counts} == {"CC BY 4.0"}
    assert {count["label"]: count["num_rows"] for count in found.counts if count["kind"] == "photo"} == {
        **{"harp": 1, "none": 1},
    }


def test_sounds_become_places_in_their_files(stocked: Catalog, by_name: Recipe) -> None:
    material = training_rows(stocked, by_name).material(stocked.home)
    first, second, third = sorted(material.sounds, key=lambda sound: sound.first_s)
    assert [round(one.first_s * 44_100) for one in (first, second, third)] == [0, 4_410, 8_820]
    assert {round(one.duration_s * 44_100) for one in (first, second, third)} == {4_410}
    assert {one.path.is_file() for one in (first, second, third)} == {True}
    assert (first.label, first.kind, first.group, first.pitch_hz, first.piece) == ("harp", "phrase", "ann", 0.0, "")
    assert (second.kind, second.pitch_hz) == ("notes", 330.0)
    assert (third.label, third.split, third.piece) == ("x_bell", "val", "duo")


def test_photos_of_none_are_strangers_and_none_is_kept_for_validation(stocked: Catalog, by_name: Recipe) -> None:
    material = training_rows(stocked, by_name).material(stocked.home)
    assert {name: sorted(path.stem for path in paths) for name, paths in material.photos.items()} == {
        "harp": ["p", "r"]
    }
    assert [path.stem for path in material.strangers] == ["q"]


def test_what_a_checkpoint_learnt_from_is_found_again(stocked: Catalog, by_name: Recipe) -> None:
    versions = {f"{table}_version": stocked.version(table) for table in ("sounds", "photos")} | {"clips_version": -1}
    before = training_rows(stocked, by_name).ids
    add_sounds(stocked, sound_row("new"))
    add_photos(stocked, [("t", "harp", "pink")])
    assert training_rows(stocked, by_name, versions).ids == before
    now = training_rows(stocked, by_name).ids
    assert set(now["sounds"]) - set(before["sounds"]) == {"clip of new"}
    assert set(now["photos"]) - set(before["photos"]) == {"picture t"}


def test_a_checkpoint_of_before_there_were_sounds_learnt_from_none(stocked: Catalog, by_name: Recipe) -> None:
    rows = training_rows(stocked, by_name, {f"{table}_version": None for table in ("clips", "sounds", "photos")})
    assert (rows.versions, rows.counts) == ({}, [])


def test_a_version_that_is_gone_is_told(stocked: Catalog, by_name: Recipe) -> None:
    versions = {"clips_version": -1, "sounds_version": 999, "photos_version": -1}
    with pytest.raises(TableError):
        training_rows(stocked, by_name, versions)
