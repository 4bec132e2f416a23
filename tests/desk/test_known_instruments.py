"""The desk tells which instruments it knows, and how well it hears each."""

from pathlib import Path

from catalog.store import Catalog
from desk import PAGE
from tests.desk.conftest import OpenDesk
from tests.tasks.planted import register_checkpoint
from varemix.model.checkpoint import load_checkpoint, read_header, save_checkpoint
from varemix.weights import REFERENCE


def test_how_well_each_instrument_is_heard_is_told(
    open_desk: OpenDesk, catalog: Catalog, checkpoint_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "measured.safetensors"
    save_checkpoint(file, load_checkpoint(checkpoint_file), provenance={"nsdr_by_name_db": {"flute": 0.2, "tuba": 7}})
    register_checkpoint(catalog, file, "measured")
    known = open_desk(checkpoint="measured").client.get("/api/instruments").json()
    assert [(one["title"], one["heard"], one["nsdr_db"], one["picture"]) for one in known] == [
        ("flute", "poorly", 0.2, "/pictures/flute.webp"),
        ("tuba", "well", 7.0, "/pictures/tuba.webp"),
        ("violin", "", None, "/pictures/violin.webp"),
    ]


def test_every_instrument_that_the_shipped_checkpoint_knows_has_a_picture() -> None:
    pictures = {path.stem for path in (PAGE / "pictures").iterdir()}
    assert set(read_header(REFERENCE)["instruments"]) <= pictures
