"""The state of a training run on disk: enough to go on, after any stop, as if there had been none."""

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import torch
from torch import nn
from torch.optim import Optimizer

from varemix.errors import TrainingError
from varemix.training.average import Average

# what torch raises for a file that it did not write, or that was damaged since
_NO_STATE = (OSError, RuntimeError, ValueError, LookupError, TypeError, EOFError, BadZipFile, pickle.UnpicklingError)


@dataclass(kw_only=True)
class History:
    """What a run has seen so far: the loss of every step, the validation loss after every epoch."""

    losses: list[float] = field(default_factory=list)
    validation_losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "History":
        """Return the history that plain values tell, also when they went through JSON."""
        pairs = [(int(step), float(loss)) for step, loss in values["validation_losses"]]
        return cls(**{**values, "validation_losses": pairs})

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def best_validation_loss(self) -> float:
        """The smallest validation loss; infinite before the first."""
        return min((loss for _, loss in self.validation_losses), default=float("inf"))


def save_state(
    path: Path,
    model: nn.Module,
    optimiser: Optimizer,
    average: Average | None,
    history: History,
    run: Mapping[str, Any],
) -> None:
    """Write the state; a reader sees the old one or the new one, never half of one.

    `run` says in plain values which run this is: what it trains, with what.
    """
    temporary = path.with_name(f".{path.name}.new")
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": average.state_dict() if average else {},
        "history": asdict(history),
        "run": dict(run),
    }
    torch.save(state, temporary)
    temporary.replace(path)


def load_state(
    path: Path, model: nn.Module, optimiser: Optimizer, average: Average | None, run: Mapping[str, Any]
) -> History:
    """Fill model, optimiser and average from the state and return its history.

    Raises TrainingError for another run's file.
    """
    try:
        if not is_zipfile(path):
            raise ValueError("it is damaged")
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["run"] != dict(run):
            raise ValueError("it is of another recipe or of other clips")
        model.load_state_dict(state["model"])
        if state["optimiser"] is not None:
            optimiser.load_state_dict(state["optimiser"])
        if average:
            average.load_state_dict(state["average"])
        return History(**state["history"])
    except _NO_STATE as error:
        raise TrainingError(
            f"The training state '{path}' does not fit this run ({error}). Remove it to start from the beginning."
        ) from error


def halved(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state small enough for slow links: weights and averages in half precision, without the moments.

    Training goes on from it with moments that begin anew.
    """
    parts = {
        name: {
            key: value.half() if value.is_floating_point() and value.ndim > 1 else value
            for key, value in state[name].items()
        }
        for name in ("model", "average")
    }
    return {**state, **parts, "optimiser": None}
