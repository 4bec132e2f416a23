"""Which file serves one recording: the same that the tables say, told without them."""

from pathlib import Path

import pytest

from catalog.champion import told_champion
from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks.checkpoints import champion_id
from tasks.promote import promote_by_hand, roll_back
from tasks.serving import serving_file
from tasks.tidy import pin
from tests.tasks.planted import TONES_HZ, open_catalog, register_checkpoint
from tests.tasks.untrained import write_checkpoint


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Return a catalog with two checkpoints, and no champion."""
    own = open_catalog(tmp_path / "home")
    for name in ("a", "b"):
        register_checkpoint(own, write_checkpoint(tmp_path / f"{name}.safetensors", sorted(TONES_HZ)), name)
    return own


def serving(catalog: Catalog, checkpoint: str | None = None) -> Path:
    return serving_file(checkpoint, catalog.home.address)


def test_a_file_or_an_id_serves_as_it_is_asked_for(catalog: Catalog, tmp_path: Path) -> None:
    assert serving(catalog, "b") == catalog.home.checkpoint("b")
    assert serving(catalog, str(tmp_path / "a.safetensors")) == tmp_path / "a.safetensors"
    with pytest.raises(CatalogError, match=r"no model 'c'; the catalog has a, b\."):
        serving(catalog, "c")


def test_promotions_and_rollbacks_leave_word_of_the_champion(catalog: Catalog) -> None:
    home = catalog.home.address
    for step in (
        lambda: promote_by_hand.fn(checkpoint_id="a", home=home),
        lambda: promote_by_hand.fn(checkpoint_id="b", home=home),
        lambda: pin(catalog, "a", "by hand"),
        lambda: roll_back.fn(home=home),
    ):
        step()
        told = told_champion(catalog.home)
        assert told
        assert told.champion
        assert told.champion.checkpoint_id == champion_id(catalog)
        assert serving(catalog) == catalog.home.checkpoint(told.champion.checkpoint_id)


def test_a_home_without_the_word_is_served_by_its_tables(catalog: Catalog) -> None:
    promote_by_hand.fn(checkpoint_id="a", home=catalog.home.address)
    (catalog.home.tables / "champion.json").unlink()
    assert serving(catalog) == catalog.home.checkpoint("a")


def test_a_champion_whose_file_was_changed_does_not_serve(catalog: Catalog) -> None:
    promote_by_hand.fn(checkpoint_id="a", home=catalog.home.address)
    file = catalog.home.checkpoint("a")
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content + b" ")
    with pytest.raises(CatalogError, match="was changed since it was recorded"):
        serving(catalog)


def test_without_champion_the_shipped_checkpoint_serves_and_no_home_is_made(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "a.safetensors"
    monkeypatch.setattr("varemix.weights.REFERENCE", shipped)
    for home in (tmp_path / "nowhere", tmp_path / "home"):
        assert serving_file(None, str(home)) == shipped
        assert serving_file("shipped", str(home)) == shipped
    assert not (tmp_path / "nowhere").exists()


def test_where_nothing_serves_it_is_said_how_something_would(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="There is no champion yet"):
        serving_file(None, str(tmp_path / "nowhere"))
