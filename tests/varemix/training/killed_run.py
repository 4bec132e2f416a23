"""A training run that is killed at a chosen place; runs in a process of its own."""

import os
import signal
from pathlib import Path
from typing import Literal

import torch
import torch._dynamo  # optimisers import it when first used, which takes seconds: once for all processes

from varemix.training import pictures
from varemix.training.loop import train
from varemix.training.material import Material
from varemix.training.pace import Pace
from varemix.training.recipe import Recipe

SAVE_EVERY_STEPS = 3
NUM_NOTHINGS = 2


def train_until_killed(
    recipe: Recipe, material: Material, folder: Path, moment: Literal["before", "after", "held"], number: int
) -> None:
    """Train, and be killed before or after the file of that number, counted from 1, takes its final name.

    Before, half of the file is written. One that is held stops there, for another to kill it.
    """
    torch.set_num_threads(1)
    pictures._NUM_NOTHINGS = NUM_NOTHINGS
    num_renamed = 0
    rename = Path.replace

    def counted(path: Path, target: Path) -> Path:
        nonlocal num_renamed
        num_renamed += 1
        if (num_renamed, moment) == (number, "before"):
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        renamed = rename(path, target)
        if (num_renamed, moment) == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        if (num_renamed, moment) == (number, "held"):
            os.kill(os.getpid(), signal.SIGSTOP)
        return renamed

    Path.replace = counted  # type: ignore[method-assign]
    train(recipe, material, folder, device="cpu", pace=Pace(save_every_steps=SAVE_EVERY_STEPS))
