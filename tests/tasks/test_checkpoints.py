from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row, separator_of
from tests.tasks.planted import TONES_HZ, register_checkpoint
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


def test_an_unknown_id_is_an_error_that_lists_the_known_ones(catalog: Catalog, champion: str) -> None:
    with pytest.raises(CatalogError, match="no checkpoint 'nobody'; the catalog has small"):
        checkpoint_row(catalog, "nobody")


def test_the_separator_of_a_row_is_loaded_once(catalog: Catalog, champion: str) -> None:
    row = checkpoint_row(catalog, champion)
    separator = separator_of(catalog, row, "cpu")
    assert separator.instruments == tuple(sorted(TONES_HZ))
    assert separator_of(catalog, row, "cpu") is separator


def test_a_checkpoint_whose_file_is_gone_is_an_error(catalog: Catalog, champion: str) -> None:
    row = checkpoint_row(catalog, champion)
    catalog.home.absolute(row["path"]).unlink()
    with pytest.raises(CheckpointError, match="There is no checkpoint at"):
        separator_of(catalog, row, "cpu")
