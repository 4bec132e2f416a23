"""The loop: epochs of steps, validation after each, the best kept, every stop survived."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from varemix.errors import TrainingError
from varemix.media.clips import Clip, Stretch
from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import load_imagenet
from varemix.training.examples import check_clips, draw_sources, waves
from varemix.training.loss import separation_loss
from varemix.training.pictures import PictureBook, instrument_queries, open_book
from varemix.training.recipe import Recipe
from varemix.training.state import History, load_state, save_state

_TRAINING, _VALIDATION = 0, 1
_QUERY_PICTURES_PER_CLIP = 8


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after a step: losses, speed, seconds left at this speed."""

    step: int
    num_steps: int
    loss: float
    validation_loss: float | None
    examples_per_s: float
    seconds_left: float


def train(
    recipe: Recipe,
    train_clips: Sequence[Clip],
    val_clips: Sequence[Clip],
    folder: Path,
    *,
    device: str = "auto",
    save_every_steps: int = 50,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History:
    """Train and leave `checkpoint.safetensors`, the best by validation loss, in `folder`.

    Goes on from `folder/state.pt` if there is one; on a CPU the losses are then exactly those of an undisturbed run.
    Raises TrainingError when the clips do not allow it, the device is missing, or the loss stops being a number.
    """
    check_clips(train_clips, recipe, "train")
    check_clips(val_clips, recipe, "val")
    folder.mkdir(parents=True, exist_ok=True)
    separator = new_separator(recipe).to(chosen_device(device))
    run = _Run(recipe, separator, train_clips, val_clips, folder)
    started, before = time.monotonic(), run.history.seconds
    first_step = run.history.num_steps
    for step in range(first_step, run.num_steps):
        loss = run.step(step)
        run.history.seconds = before + time.monotonic() - started
        validation_loss = run.validate(step + 1) if (step + 1) % run.steps_per_epoch == 0 else None
        if (step + 1) % save_every_steps == 0 or validation_loss is not None:
            run.save()
        steps_per_s = (step + 1 - first_step) / (time.monotonic() - started)
        report(
            Progress(
                step=step + 1,
                num_steps=run.num_steps,
                loss=loss,
                validation_loss=validation_loss,
                examples_per_s=steps_per_s * recipe.batch_size,
                seconds_left=(run.num_steps - step - 1) / steps_per_s,
            )
        )
    run.finish()
    return run.history


def new_separator(recipe: Recipe) -> Separator:
    """Return the recipe's separator before its first step, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        separator = Separator(recipe.separator)
        if recipe.initialisation == "sound_of_pixels":
            separator.sound.apply(_initialise)
    load_imagenet(recipe.separator.vision, separator.vision)
    return separator


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


def rate_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return what the learning rates are multiplied with at a step (from 0)."""
    if recipe.schedule == "steps":
        return float(0.1 ** sum(step >= epoch * steps_per_epoch for epoch in recipe.rate_drops))
    warm_up = min(1.0, (step + 1) / (steps_per_epoch / 2))
    return warm_up * 0.5 * (1 + math.cos(math.pi * step / (recipe.epochs * steps_per_epoch)))


class _Run:
    """One training run: what the steps share."""

    def __init__(
        self,
        recipe: Recipe,
        separator: Separator,
        train_clips: Sequence[Clip],
        val_clips: Sequence[Clip],
        folder: Path,
    ) -> None:
        self.recipe, self.separator = recipe, separator
        self.train_clips, self.val_clips = train_clips, val_clips
        self.state_path, self.best_path = folder / "state.pt", folder / "best.pt"
        self.checkpoint_path = folder / "checkpoint.safetensors"
        self.steps_per_epoch = math.ceil(len(train_clips) * recipe.examples_per_clip / recipe.batch_size)
        self.num_steps = recipe.epochs * self.steps_per_epoch
        self.optimiser = _optimiser(recipe, separator)
        self.history = History()
        if self.state_path.exists():
            self.history = load_state(self.state_path, separator, self.optimiser, self._identity)
        self.book: PictureBook = open_book(recipe, separator, [*train_clips, *val_clips])

    @property
    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        clips = [[clip.clip_id for clip in members] for members in (self.train_clips, self.val_clips)]
        return {"recipe": self.recipe.as_dict(), "clips": clips}

    def save(self) -> None:
        """Write the state from which the run can go on."""
        save_state(self.state_path, self.separator, self.optimiser, self.history, self._identity)

    def step(self, step: int) -> float:
        """Learn from one batch; return its loss."""
        self.separator.train()
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_rate"] * rate_factor(self.recipe, step, self.steps_per_epoch)
        loss = self._loss(self.train_clips, (_TRAINING, step), self.recipe.batch_size)
        if not torch.isfinite(loss):
            raise TrainingError(self._diverged(f"loss stopped being a number at step {step + 1}"))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.history.losses.append(loss.item())
        return loss.item()

    @torch.no_grad()
    def validate(self, num_steps: int) -> float:
        """Return the mean loss over the validation examples, always the same; keep the weights if it is the best."""
        self.separator.eval()
        sizes = list(_batches(self.recipe.num_validation_examples, self.recipe.batch_size))
        losses = [self._loss(self.val_clips, (_VALIDATION, i), size).item() for i, size in enumerate(sizes)]
        loss = float(np.average(losses, weights=sizes))
        if not math.isfinite(loss):
            raise TrainingError(self._diverged(f"validation loss stopped being a number after step {num_steps}"))
        if loss < self.history.best_validation_loss:
            temporary = self.best_path.with_name(".best.pt.new")
            torch.save(self.separator.state_dict(), temporary)
            temporary.replace(self.best_path)
        self.history.validation_losses.append((num_steps, loss))
        return loss

    def finish(self) -> None:
        """Write the best weights as a checkpoint that also knows the instruments by name."""
        self.separator.load_state_dict(torch.load(self.best_path, map_location="cpu", weights_only=True))
        self.separator.eval()
        kept = instrument_queries(self.separator, self.train_clips, _QUERY_PICTURES_PER_CLIP)
        self.separator.keep_instruments(kept)
        provenance = {
            "recipe": self.recipe.as_dict(),
            "num_steps": self.history.num_steps,
            "validation_loss": self.history.best_validation_loss,
            "num_clips": {"train": len(self.train_clips), "val": len(self.val_clips)},
        }
        temporary = self.checkpoint_path.with_name(".checkpoint.new")
        save_checkpoint(temporary, self.separator, provenance=provenance)
        temporary.replace(self.checkpoint_path)

    def _diverged(self, what: str) -> str:
        return (
            f"The {what}. The last state saved before it is kept in '{self.state_path}'; "
            "lower the learning rate or look for odd recordings."
        )

    def _loss(self, clips: Sequence[Clip], place: tuple[int, int], size: int) -> torch.Tensor:
        """Return the loss on the batch that the seed draws for this place."""
        draw = np.random.default_rng([self.recipe.seed, *place])
        examples = [draw_sources(clips, self.recipe, draw) for _ in range(size)]
        flat: list[Stretch] = [source for sources in examples for source in sources]
        queries = self.book.queries(flat, draw).unflatten(0, (size, self.recipe.num_sources))
        sources = waves(examples, self.recipe.window_samples).to(self.separator.device)
        return separation_loss(self.separator, sources, queries)


def _batches(total: int, size: int) -> Iterator[int]:
    for first in range(0, total, size):
        yield min(size, total - first)


def _optimiser(recipe: Recipe, separator: Separator) -> torch.optim.Optimizer:
    trunk = list(separator.vision.trunk.parameters())
    kept = {id(parameter) for parameter in trunk}
    groups = [{"params": [p for p in separator.parameters() if id(p) not in kept], "full_rate": recipe.rate}]
    if recipe.trunk_rate:
        groups.append({"params": trunk, "full_rate": recipe.trunk_rate})
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.weight_decay)


def _initialise(module: nn.Module) -> None:
    """Start as the Sound of Pixels does: small normal convolutions, batch normalisation around 1."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.001)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
