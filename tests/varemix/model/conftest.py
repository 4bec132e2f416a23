from dataclasses import replace

import pytest
import torch

from varemix.model.separator import Separator, SeparatorSettings
from varemix.signal.grid import PAPER_GRID


@pytest.fixture(scope="session")
def settings() -> SeparatorSettings:
    return SeparatorSettings(
        vision="efficientnet_lite0",
        num_maps=4,
        sound="residual",
        widths=(4, 8, 8, 8, 8),
        window_frames=64,
        masks="soft",
        has_rivals=True,
        grid=replace(PAPER_GRID, floor=1e-3),
    )


@pytest.fixture(scope="session")
def separator(settings) -> Separator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        separator = Separator(settings, ["cello", "violin"])
        separator.keep_instruments({"violin": torch.rand(4), "cello": torch.rand(4)})
    return separator.eval()
