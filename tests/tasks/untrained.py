"""A separator that has learnt nothing, so small that it hears a second of music at once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator, SeparatorSettings
from varemix.signal.grid import PAPER_GRID, Grid

SETTINGS = SeparatorSettings(
    vision="efficientnet_lite0",
    num_maps=4,
    sound="residual",
    widths=(4, 8, 8, 8),
    window_frames=64,
    masks="soft",
    has_rivals=True,
    grid=replace(PAPER_GRID, floor=1e-3),
)


def write_checkpoint(
    path: Path,
    instruments: Sequence[str],
    *,
    seed: int = 0,
    presence_threshold_db: float | None = None,
    has_rivals: bool = True,
    grid: Grid = SETTINGS.grid,
) -> Path:
    """Write the separator that the seed draws, with a query for each instrument; by default it takes all to play."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        separator = Separator(replace(SETTINGS, has_rivals=has_rivals, grid=grid))
        separator.keep_instruments({name: torch.rand(SETTINGS.num_maps) for name in instruments})
    if presence_threshold_db is not None:
        separator.presence_threshold_db.fill_(presence_threshold_db)
    save_checkpoint(path, separator, provenance={"recipe": {"name": "untrained", "seed": seed}})
    return path
