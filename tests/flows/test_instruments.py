"""Which instruments are known, and how well each is heard, is told to people and to programs."""

import json
import sys
from pathlib import Path

import pytest

from catalog.store import Catalog
from flows.cli import main
from flows.instruments import page
from tests.tasks.planted import open_catalog, register_checkpoint
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.hearing_quality import HearingQuality


@pytest.fixture
def catalog(tmp_path: Path, checkpoint_file: Path) -> Catalog:
    """Return the catalog of a home whose champion was measured on two of its three instruments."""
    file = tmp_path / "measured.safetensors"
    figures = {"flute": 6.4, "tuba": -0.3}
    save_checkpoint(file, load_checkpoint(checkpoint_file), provenance={"nsdr_by_name_db": figures})
    catalog = open_catalog(tmp_path / "home")
    register_checkpoint(catalog, file, "measured", "champion")
    return catalog


@pytest.mark.parametrize("options", [[], ["--checkpoint", "measured"]])
def test_programs_are_told_how_well_each_instrument_is_heard(
    catalog: Catalog, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["varemix", "instruments", "--json", "--home", str(catalog.home.root), *options]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == {
        "checkpoint": "measured",
        "instruments": [
            {"name": "flute", "heard": "well", "nsdr_db": 6.4},
            {"name": "tuba", "heard": "hardly at all", "nsdr_db": -0.3},
            {"name": "violin", "heard": None, "nsdr_db": None},
        ],
    }


def test_people_see_a_table_with_what_nsdr_means() -> None:
    told = page("measured", [HearingQuality(instrument="flute", nsdr_db=4.04), HearingQuality(instrument="tuba")])
    assert "| flute | fairly | 4.0 |" in told
    assert "| tuba |  |  |" in told
    assert "validation mixes" in told


def test_a_checkpoint_that_was_not_measured_says_so() -> None:
    assert "was not measured" in page("old", [HearingQuality(instrument="tuba")])
