from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.store import Catalog
from tasks.recognise import recognise_stills
from tests.tasks.planted import register_checkpoint
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import VisionNetwork

COLOURS = {"flute_1": "red", "flute_2": "blue", "tuba_1": "blue", "cello_1": "green"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with pictures of a flute, a tuba and a cello, and one that cannot be read."""
    for name, colour in COLOURS.items():
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "tuba_3.png").write_text("no picture")
    return tmp_path


def mean_colours(_: Separator, images: Sequence[Image.Image]) -> torch.Tensor:
    """Return as what is seen in pictures [N, 4] what they look like from afar."""
    colours = np.array([np.asarray(image).mean(axis=(0, 1)) for image in images])
    return torch.nn.functional.pad(torch.from_numpy(colours).float(), (0, 1))


def test_each_picture_is_taken_for_the_instrument_whose_kept_query_is_nearest(
    catalog: Catalog, checkpoint_file: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Separator, "seen", mean_colours)
    monkeypatch.setattr(VisionNetwork, "queries", lambda _, seen: seen)
    separator = load_checkpoint(checkpoint_file)
    separator.keep_instruments({"flute": torch.tensor([200.0, 10, 0, 0]), "tuba": torch.tensor([0.0, 40, 150, 0])})
    save_checkpoint(tmp_path / "taught.safetensors", separator, provenance={})
    register_checkpoint(catalog, tmp_path / "taught.safetensors", "taught")
    found, lost = recognise_stills.fn(folder=folder, home=str(catalog.home.root), checkpoint_id="taught")
    assert [(own.picture, own.instrument, own.taken_for) for own in found] == [
        ("flute_1.png", "flute", "flute"),
        ("flute_2.png", "flute", "tuba"),
        ("tuba_1.png", "tuba", "tuba"),
    ]
    [outcome] = lost
    assert (outcome.status, Path(outcome.item).name) == ("failed", "tuba_3.png")
    assert "is no picture" in outcome.reason
