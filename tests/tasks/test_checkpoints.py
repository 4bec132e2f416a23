from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row, separator_of
from tests.tasks.planted import TONES_HZ, register_checkpoint
from tests.tasks.untrained import write_checkpoint
from varemix.errors import CheckpointError


def test_without_a_champion_a_person_is_told_how_to_get_one(catalog: Catalog, checkpoint_file: Path) -> None:
    assert champion_id(catalog) is None
    with pytest.raises(CatalogError, match="no champion yet"):
        checkpoint_row(catalog, None)
    register_checkpoint(catalog, checkpoint_file, "candidate")
    with pytest.raises(CatalogError, match="no champion yet"):
        checkpoint_row(catalog, None)


def test_the_champion_serves_unless_another_is_named(catalog: Catalog, champion: str, checkpoint_file: Path) -> None:
    register_checkpoint(catalog, checkpoint_file, "other")
    assert champion_id(catalog) == champion
    assert checkpoint_row(catalog, None)["checkpoint_id"] == champion
    assert checkpoint_row(catalog, "other")["checkpoint_id"] == "other"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a small checkpoint that came with the software."""
    file = write_checkpoint(tmp_path / "reference.safetensors", ["flute", "tuba"], seed=5)
    monkeypatch.setattr("varemix.weights.REFERENCE", file)
    return file


def test_without_a_champion_the_shipped_checkpoint_serves_and_gets_its_row(catalog: Catalog, shipped: Path) -> None:
    row = checkpoint_row(catalog, None)
    [stored] = catalog.read_rows("checkpoints")
    assert row["checkpoint_id"] == stored["checkpoint_id"]
    assert (stored["stage"], stored["recipe"], stored["seed"]) == ("shipped", "untrained", 5)
    assert stored["digest"] == file_digest(shipped)
    assert catalog.home.absolute(stored["path"]).read_bytes() == shipped.read_bytes()
    assert separator_of(catalog, row, "cpu").instruments == ("flute", "tuba")
    version = catalog.version("checkpoints")
    for name in (None, "shipped", row["checkpoint_id"]):
        assert checkpoint_row(catalog, name)["checkpoint_id"] == row["checkpoint_id"]
    assert catalog.version("checkpoints") == version
    assert champion_id(catalog) is None


def test_the_shipped_checkpoint_can_be_named_where_there_is_a_champion(
    catalog: Catalog, champion: str, shipped: Path
) -> None:
    assert checkpoint_row(catalog, None)["checkpoint_id"] == champion
    assert checkpoint_row(catalog, "shipped")["stage"] == "shipped"


def test_a_shipped_file_that_was_removed_from_the_home_is_brought_back(catalog: Catalog, shipped: Path) -> None:
    path = catalog.home.absolute(checkpoint_row(catalog, None)["path"])
    path.unlink()
    checkpoint_row(catalog, None)
    assert path.read_bytes() == shipped.read_bytes()


def test_another_shipped_file_is_another_checkpoint(catalog: Catalog, shipped: Path) -> None:
    before = checkpoint_row(catalog, "shipped")["checkpoint_id"]
    write_checkpoint(shipped, ["flute"], seed=6)
    assert checkpoint_row(catalog, "shipped")["checkpoint_id"] != before
    assert len(catalog.read("checkpoints")) == 2


def test_an_installation_without_a_checkpoint_says_so_when_it_is_asked_for(catalog: Catalog, champion: str) -> None:
    with pytest.raises(CatalogError, match="shipped without a model"):
        checkpoint_row(catalog, "shipped")


def test_an_unknown_id_is_an_error_that_lists_the_known_ones(catalog: Catalog, champion: str) -> None:
    with pytest.raises(CatalogError, match="no model 'nobody'; the catalog has small"):
        checkpoint_row(catalog, "nobody")


def test_the_separator_of_a_row_is_loaded_once(catalog: Catalog, champion: str) -> None:
    row = checkpoint_row(catalog, champion)
    separator = separator_of(catalog, row, "cpu")
    assert separator.instruments == tuple(sorted(TONES_HZ))
    assert separator_of(catalog, row, "cpu") is separator


def test_a_checkpoint_whose_file_is_gone_is_an_error(catalog: Catalog, champion: str) -> None:
    row = checkpoint_row(catalog, champion)
    catalog.home.absolute(row["path"]).unlink()
    with pytest.raises(CheckpointError, match="There is no model at"):
        separator_of(catalog, row, "cpu")
