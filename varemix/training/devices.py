"""Where training and hearing take place, and what people are told when that place will not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from varemix.errors import TrainingError
from varemix.model.precision import has_fast_bfloat16
from varemix.training.recipe import Recipe


def chosen_device(name: str) -> torch.device:
    """Return the device; "auto" takes a GPU where there is one. TrainingError when the one asked for is missing."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise TrainingError(f"There is no device '{name}'; give auto, cpu or cuda.")
    gpus = {"cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))}
    if name != "cpu" and not (torch.cuda.is_available() and name in gpus):
        raise TrainingError(
            f"Device '{name}' was asked for, but PyTorch finds no GPU of that name. Mend the driver "
            "(see `varemix doctor`), or ask for cpu."
        )
    return torch.device(name)


def is_reduced(recipe: Recipe, device: torch.device) -> bool:
    """Return whether a recipe computes in bfloat16 on a device: where it is slower there, float32 serves instead."""
    return recipe.precision == "bfloat16" and has_fast_bfloat16(device)


@contextmanager
def as_training_error(recipe: Recipe, folder: Path) -> Iterator[None]:
    """Turn a device that is too small into a TrainingError that says what to do."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TrainingError(
            f"A batch of {recipe.batch_size} mixes does not fit into memory ({error}). The last saved state is kept in "
            f"'{folder}'. Take a device with more memory, several with torchrun, or a recipe with a smaller batch."
        ) from error
