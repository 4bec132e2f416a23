"""In which order the desk loads: names first, then the workroom, the model last."""

from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.store import Catalog
from desk.loading import Loading, Opened
from desk.studio import Studio
from tests.tasks.planted import TONES_HZ


def test_names_are_told_before_the_workroom_is_there_and_it_before_the_model(
    catalog: Catalog, champion: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = Loading()
    seen = [loading.doing]

    def init(studio: Studio, opened: Opened, folder: Path) -> None:
        seen.append(loading.doing)
        assert [known["name"] for known in loading.known.result(timeout=0)] == sorted(TONES_HZ)
        assert not loading.studio.done()

    def warm_up(studio: Studio) -> None:
        seen.append(loading.doing)
        assert loading.studio.result(timeout=0) is studio

    monkeypatch.setattr(Studio, "__init__", init)
    monkeypatch.setattr(Studio, "warm_up", warm_up)
    loading.load(Opened(home=catalog.home), tmp_path)
    assert [*seen, loading.doing] == ["what the model knows", "the data folder and its tables", "the model", ""]


def test_who_waits_is_told_why_there_is_nothing(catalog: Catalog, tmp_path: Path) -> None:
    loading = Loading()
    with pytest.raises(CatalogError, match="no model 'lost'"):
        loading.load(Opened(home=catalog.home, checkpoint="lost"), tmp_path)
    assert isinstance(loading.known.exception(timeout=0), CatalogError)
    assert isinstance(loading.studio.exception(timeout=0), CatalogError)
