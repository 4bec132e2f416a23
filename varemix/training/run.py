"""A run: epochs of steps, validation after each, the best kept, every stop survived.

It needs numbers only: a bank of samples and a book that asks. Clips, photos and pictures are `varemix.training.loop`'s.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from varemix.errors import TrainingError
from varemix.model.checkpoint import save_checkpoint
from varemix.model.separator import Separator
from varemix.training.augmentation import Studio
from varemix.training.average import Average
from varemix.training.batches import Batch, BatchMaker, Place, batches_at
from varemix.training.book import PictureBook
from varemix.training.codes import teach_codes
from varemix.training.devices import is_reduced
from varemix.training.kept_features import KeptFeatures
from varemix.training.loss import separation_loss
from varemix.training.mixing import source_spectra
from varemix.training.names import NamedCodes
from varemix.training.optimiser import new_optimiser
from varemix.training.pace import Clock, Pace
from varemix.training.recipe import Recipe, num_steps, steps_per_epoch
from varemix.training.soundbank import VIDEO, SoundBank
from varemix.training.state import History, load_state, save_state
from varemix.training.team import Team, with_shared_statistics


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after a step: losses, learning rate, speed, seconds left at this speed."""

    step: int
    num_steps: int
    loss: float
    validation_loss: float | None
    rate: float
    examples_per_s: float
    seconds_left: float


class Lesson(nn.Module):
    """From a batch to its loss: all that happens on the device."""

    def __init__(self, recipe: Recipe, separator: Separator, bank: SoundBank, book: PictureBook, team: Team) -> None:
        super().__init__()
        self.separator, self.book = separator, book
        self._recipe, self._bank, self._team = recipe, bank, team
        self._studio = Studio(recipe.seed, separator.settings.grid, separator.device)

    def forward(self, batch: Batch) -> Tensor:
        """Return the mean loss [] of the batch's examples."""
        batch = batch.to(self.separator.device)
        with torch.no_grad():
            spectra = source_spectra(batch, self._bank, self._studio, self._recipe)
        queries = self.book.queries(batch.shown)
        labels, changes = batch.labels, batch.changes
        noise = None if changes is None else self._studio.noise(changes.noise, spectra.shape[-1])
        hidden = None if changes is None else changes.hidden
        num_named = self._team.mean((labels >= 0).sum().float())
        return separation_loss(self.separator, self._recipe, spectra, noise, queries, labels, hidden, num_named)


class Run:
    """One training run: what the steps share."""

    def __init__(
        self,
        recipe: Recipe,
        separator: Separator,
        bank: SoundBank,
        book: PictureBook,
        folder: Path,
        team: Team,
        *,
        is_new: bool,
        finish: Callable[[Separator], Separator] = lambda separator: separator,
    ) -> None:
        self.recipe, self.separator, self.bank, self.book, self.team = recipe, separator, bank, book, team
        self.state_path, self.best_path = folder / "state.pt", folder / "best.pt"
        self.checkpoint_path, self._finish = folder / "checkpoint.safetensors", finish
        num_clips = sum(one.kind == VIDEO and one.split == "train" for one in bank.recordings)
        self.steps_per_epoch, self.num_steps = steps_per_epoch(recipe, num_clips), num_steps(recipe, num_clips)
        separator.is_reduced = is_reduced(recipe, separator.device)
        separator.vision.trunk.requires_grad_(recipe.trunk_rate > 0)
        if team.size > 1:
            with_shared_statistics(separator)
        codes = book.codes if isinstance(book, NamedCodes) else None
        self.optimiser = new_optimiser(recipe, separator, codes, is_new=is_new)
        self.norms = [module for module in separator.sound.modules() if isinstance(module, nn.BatchNorm2d)]
        self.lesson = Lesson(recipe, separator, bank, book, team)
        self.average = Average(self.lesson, recipe.averaging) if recipe.averaging else None
        self.history = History()
        if self.state_path.exists():
            self.history = load_state(self.state_path, self.lesson, self.optimiser, self.average, self._identity)
        elif isinstance(book, KeptFeatures) and is_new:
            teach_codes(separator, book, recipe)
        self.maker = BatchMaker(recipe, bank.recordings, book)
        self.shared_lesson = team.share(self.lesson)

    def go(self, pace: Pace, report: Callable[[Progress], None]) -> History:
        """Make the steps that are left, or as many as the pace allows."""
        clock = Clock(self.history.num_steps, self.num_steps, pace)
        examples = self.team.part(self.recipe.batch_size)
        batches = self._batches(Place(split="train", number=step, examples=examples) for step in clock.steps)
        before = self.history.seconds
        for step, batch in enumerate(batches, start=clock.first):
            rate_share = clock.rate_factor(self.recipe, step, self.team)
            loss = self.step(step, batch, rate_share)
            is_over = clock.is_over(self.team)
            is_epoch_over = (step + 1) % self.steps_per_epoch == 0
            validation_loss = self.validate(step + 1) if is_epoch_over or is_over else None
            self.history.seconds = before + clock.seconds
            if (step + 1) % pace.save_every_steps == 0 or is_epoch_over or is_over or step + 1 == clock.last:
                self.save()
            if self.team.is_first:
                report(
                    Progress(
                        step=step + 1,
                        num_steps=clock.num_steps_at(step + 1),
                        loss=loss,
                        validation_loss=validation_loss,
                        rate=self.optimiser.param_groups[0]["lr"],
                        examples_per_s=clock.steps_per_s(step + 1) * self.recipe.batch_size,
                        seconds_left=clock.seconds_left(step + 1),
                    )
                )
            if is_over:
                break
        if (pace.minutes is not None or clock.last == self.num_steps) and self.team.is_first:
            self.finish()
        self.team.wait()
        return self.history

    def save(self) -> None:
        """Write the state from which the run can go on."""
        if self.team.is_first:
            save_state(self.state_path, self.lesson, self.optimiser, self.average, self.history, self._identity)

    def step(self, step: int, batch: Batch, rate_share: float) -> float:
        """Learn from one batch; return its loss."""
        self.separator.train()
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_rate"] * rate_share
        for norm in self.norms:
            norm.momentum = max(self.recipe.norm_momentum, 1 / (step + 1))
        loss = self.shared_lesson(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        value = self.team.mean(loss.detach()).item()
        if not math.isfinite(value):
            raise TrainingError(self._diverged(f"loss stopped being a number at step {step + 1}"))
        if self.recipe.longest_gradient is not None:
            nn.utils.clip_grad_norm_(self.lesson.parameters(), self.recipe.longest_gradient)
        self.optimiser.step()
        if self.average:
            self.average.follow(step + 1)
        self.history.losses.append(value)
        return value

    @torch.no_grad()
    def validate(self, num_steps: int) -> float:
        """Return the mean loss over the validation examples, always the same; keep the weights if it is the best."""
        self.separator.eval()
        size, total = self.recipe.batch_size, self.recipe.num_validation_examples
        sizes = [min(size, total - first) for first in range(0, total, size)]
        places = (Place(split="val", number=i, examples=self.team.part(count)) for i, count in enumerate(sizes))
        with self.average.in_place() if self.average else nullcontext():
            losses = [self.team.mean(self.lesson(batch)).item() for batch in self._batches(places)]
            loss = float(np.average(losses, weights=sizes))
            if not math.isfinite(loss):
                raise TrainingError(self._diverged(f"validation loss stopped being a number after step {num_steps}"))
            if loss < self.history.best_validation_loss and self.team.is_first:
                temporary = self.best_path.with_name(".best.pt.new")
                torch.save(self.lesson.state_dict(), temporary)
                temporary.replace(self.best_path)
        self.history.validation_losses.append((num_steps, loss))
        return loss

    def finish(self) -> None:
        """Write the best weights as a checkpoint that also knows the instruments by name."""
        self.lesson.load_state_dict(torch.load(self.best_path, map_location="cpu", weights_only=True))
        self.separator.eval().keep_instruments(self.book.instrument_queries())
        splits = [one.split for one in self.bank.recordings]
        provenance = {
            "recipe": self.recipe.as_dict(),
            "num_steps": self.history.num_steps,
            "validation_loss": self.history.best_validation_loss,
            "num_recordings": {split: splits.count(split) for split in ("train", "val")},
        }
        temporary = self.checkpoint_path.with_name(".checkpoint.new")
        save_checkpoint(temporary, self._finish(self.separator), provenance=provenance)
        temporary.replace(self.checkpoint_path)

    @property
    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        ids = [[one.recording_id, one.label, one.split, one.num_samples] for one in self.bank.recordings]
        digest = hashlib.sha256(json.dumps(ids).encode()).hexdigest()
        return {"recipe": self.recipe.as_dict(), "recordings": digest, "instruments": list(self.book.instruments)}

    def _batches(self, places: Iterator[Place]) -> Iterator[Batch]:
        return batches_at(self.maker, places, reads_ahead=self.separator.device.type != "cpu")

    def _diverged(self, what: str) -> str:
        return (
            f"The {what}. The last state saved before it is kept in '{self.state_path}'; "
            "lower the learning rate or look for odd recordings."
        )
