"""A separator that has learnt nothing, so small that it hears a second of music at once."""

from collections.abc import Sequence
from pathlib import Path

import torch

from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator, SeparatorSettings

SETTINGS = SeparatorSettings(
    vision="efficientnet_lite0",
    num_maps=4,
    base_channels=4,
    levels=4,
    upsampling="nearest",
    window_frames=64,
    masks="soft",
)


def write_checkpoint(path: Path, instruments: Sequence[str], *, seed: int = 0) -> Path:
    """Write the separator that the seed draws, with a query for each instrument."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        separator = Separator(SETTINGS)
        separator.keep_instruments({name: torch.rand(SETTINGS.num_maps) for name in instruments})
    save_checkpoint(path, separator, provenance={"seed": seed})
    return path
