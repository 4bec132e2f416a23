"""A separator that tells pictures apart by their colour: of a red flute, of a green tuba, and of neither."""

from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from tests.tasks.untrained import SETTINGS
from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import RecognisingNetwork, load_imagenet
from varemix.training.heads import recognising

COLOURS = {"flute": "red", "tuba": "green", "stranger": "white"}
_LOGIT = 12.0  # of a picture for what it shows; a stranger has 0 for each


def picture_of(name: str) -> Image.Image:
    """Return a picture of a flute, a tuba, or a stranger."""
    return Image.new("RGB", (64, 48), COLOURS[name])


def write_picture(path: Path, name: str) -> Path:
    """Write a picture of a flute, a tuba, or a stranger."""
    picture_of(name).save(path)
    return path


def recogniser() -> Separator:
    """Return a separator that has learnt nothing but the three pictures."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = Separator(replace(SETTINGS, vision="efficientnet_lite0")).eval()
        plain.keep_instruments({name: torch.rand(SETTINGS.num_maps) for name in ("flute", "tuba")})
    load_imagenet("efficientnet_lite0", plain.vision)
    separator = recognising(plain)
    assert isinstance(separator.vision, RecognisingNetwork)
    flute, tuba, stranger = separator.seen([picture_of(name) for name in COLOURS]).mean(dim=1)
    ways = torch.stack([flute, tuba]) - stranger
    head = separator.vision.head
    with torch.no_grad():
        head.linear.weight.copy_(_LOGIT * ways / ways.square().sum(dim=1, keepdim=True))
        head.linear.bias.copy_(-head.linear.weight @ stranger)
        head.least_likeness.fill_(0.8)
    return separator


def write_recogniser(path: Path) -> Path:
    """Write the checkpoint of such a separator."""
    save_checkpoint(path, recogniser(), provenance={"recipe": {"name": "pictured"}})
    return path
