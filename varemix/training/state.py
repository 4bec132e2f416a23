"""The state of a training run on disk: enough to go on, after any stop, as if there had been none."""

import os
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from varemix.errors import TrainingError


@dataclass(kw_only=True)
class History:
    """What a run has seen so far: the loss of every step, the validation loss after every epoch."""

    losses: list[float] = field(default_factory=list)
    validation_losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def best_validation_loss(self) -> float:
        """The smallest validation loss; infinite before the first."""
        return min((loss for _, loss in self.validation_losses), default=float("inf"))


def save_state(path: Path, model: nn.Module, optimiser: Optimizer, history: History) -> None:
    """Write the state; a reader sees the old one or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "history": asdict(history)}
    torch.save(state, temporary)
    temporary.replace(path)


def load_state(path: Path, model: nn.Module, optimiser: Optimizer) -> History:
    """Fill model and optimiser from the state and return its history. Raises TrainingError for another run's file."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        return History(**state["history"])
    except (RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"The training state '{path}' does not fit this recipe ({error}). Remove it to start from the beginning."
        ) from error
