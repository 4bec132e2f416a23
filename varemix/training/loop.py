"""The loop: epochs of steps, validation after each, the best kept, every stop survived."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from varemix.errors import TrainingError
from varemix.media.clips import Clip
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import load_imagenet
from varemix.signal.grid import Grid
from varemix.signal.spectrogram import stft
from varemix.training.augmentation import Noise, changed
from varemix.training.batches import Batch, BatchMaker, Place, batches_at
from varemix.training.codes import teach_codes
from varemix.training.devices import as_training_error, chosen_device, is_reduced
from varemix.training.examples import check_clips
from varemix.training.loss import separation_loss
from varemix.training.optimiser import new_optimiser, rate_factor
from varemix.training.pictures import KeptFeatures, Photos, PictureBook, mean_clip_queries, open_book
from varemix.training.recipe import Recipe, num_steps, steps_per_epoch
from varemix.training.state import History, load_state, save_state
from varemix.training.team import Team, joined_team, with_shared_statistics

_QUERY_PICTURES_PER_CLIP = 8


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


def train(
    recipe: Recipe,
    train_clips: Sequence[Clip],
    val_clips: Sequence[Clip],
    folder: Path,
    *,
    photos: Photos | None = None,
    start: Path | None = None,
    device: str = "auto",
    save_every_steps: int = 50,
    most_steps: int | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History:
    """Train and leave `checkpoint.safetensors`, the best by validation loss, in `folder`.

    Goes on from `folder/state.pt` if there is one; on a CPU the losses are then exactly those of an undisturbed run.
    `photos` are learnt from too; `start` is a checkpoint of the same separator whose weights are begun with. With
    `most_steps` it stops after so many, its state saved. Started by torchrun, processes share the batches. Raises
    TrainingError when the clips do not allow it, the device is missing or too small, or the loss stops being a number.
    """
    clips = {"train": train_clips, "val": val_clips}
    for split, members in clips.items():
        check_clips(members, recipe, split)
    folder.mkdir(parents=True, exist_ok=True)
    place = chosen_device(device)
    with joined_team(place) as team, as_training_error(recipe, folder):
        separator = new_separator(recipe, start).to(place)
        run = _Run(recipe, separator, clips, photos or {}, folder, team, is_new=start is None)
        return run.go(save_every_steps, most_steps, report)


def new_separator(recipe: Recipe, start: Path | None = None) -> Separator:
    """Return the recipe's separator before its first step, the same for the same seed and start.

    Raises TrainingError when the checkpoint to start from is of another separator.
    """
    if start is not None:
        separator = load_checkpoint(start)
        if replace(separator.settings, reading=recipe.separator.reading) != recipe.separator:
            raise TrainingError(
                f"'{start}' holds another separator than recipe '{recipe.name}' trains. "
                "Start from a checkpoint of that recipe, or from none."
            )
        separator.settings = recipe.separator
        return separator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        separator = Separator(recipe.separator)
        if recipe.initialisation == "pixels":
            separator.sound.apply(_initialise)
    load_imagenet(recipe.separator.vision, separator.vision)
    return separator


class _Lesson(nn.Module):
    """From a batch to its loss: all that happens on the device."""

    def __init__(self, recipe: Recipe, separator: Separator, book: PictureBook) -> None:
        super().__init__()
        self.separator = separator
        self._recipe, self._book = recipe, book
        self._noise = Noise(recipe.seed, separator.settings.grid, separator.device)

    def forward(self, batch: Batch) -> Tensor:
        """Return the mean loss [] of the batch's examples."""
        device = self.separator.device
        spectra = _spectra(batch.waves, self.separator.settings.grid, device)
        queries = self._book.queries(batch.shown.to(device, non_blocking=True))
        labels = batch.labels.to(device)
        asked = self._recipe.asked
        if not self.separator.training:
            return separation_loss(self.separator, asked, spectra, None, queries, labels)
        noise = self._noise.of(batch.changes, spectra.shape[-1])
        spectra = changed(spectra, batch.changes)
        return separation_loss(self.separator, asked, spectra, noise, queries, labels, batch.changes)


class _Run:
    """One training run: what the steps share."""

    def __init__(
        self,
        recipe: Recipe,
        separator: Separator,
        clips: Mapping[str, Sequence[Clip]],
        photos: Photos,
        folder: Path,
        team: Team,
        *,
        is_new: bool,
    ) -> None:
        self.recipe, self.separator, self.clips, self.photos, self.team = recipe, separator, clips, photos, team
        self.state_path, self.best_path = folder / "state.pt", folder / "best.pt"
        self.checkpoint_path = folder / "checkpoint.safetensors"
        self.steps_per_epoch = steps_per_epoch(recipe, len(clips["train"]))
        self.num_steps = num_steps(recipe, len(clips["train"]))
        separator.is_reduced = is_reduced(recipe, separator.device)
        separator.vision.trunk.requires_grad_(recipe.trunk_rate > 0)
        if team.size > 1:
            with_shared_statistics(separator)
        self.book = self._opened_book(folder)
        self.optimiser = new_optimiser(recipe, separator)
        self.norms = [module for module in separator.sound.modules() if isinstance(module, nn.BatchNorm2d)]
        self.history = History()
        if self.state_path.exists():
            self.history = load_state(self.state_path, separator, self.optimiser, self._identity)
        elif isinstance(self.book, KeptFeatures) and is_new:
            teach_codes(separator, self.book, recipe)
        self.maker = BatchMaker(recipe, clips, self.book)
        self.lesson = _Lesson(recipe, separator, self.book)
        self.shared_lesson = team.share(self.lesson)

    def go(self, save_every_steps: int, most_steps: int | None, report: Callable[[Progress], None]) -> History:
        """Make the steps that are left, or `most_steps` of them."""
        first = self.history.num_steps
        last = self.num_steps if most_steps is None else min(self.num_steps, first + most_steps)
        examples = self.team.part(self.recipe.batch_size)
        batches = self._batches(Place(split="train", number=step, examples=examples) for step in range(first, last))
        started, before = time.monotonic(), self.history.seconds
        for step, batch in enumerate(batches, start=first):
            loss = self.step(step, batch)
            is_epoch_over = (step + 1) % self.steps_per_epoch == 0
            validation_loss = self.validate(step + 1) if is_epoch_over else None
            self.history.seconds = before + time.monotonic() - started
            if (step + 1) % save_every_steps == 0 or is_epoch_over or step + 1 == last:
                self.save()
            steps_per_s = (step + 1 - first) / (time.monotonic() - started)
            if self.team.is_first:
                report(
                    Progress(
                        step=step + 1,
                        num_steps=self.num_steps,
                        loss=loss,
                        validation_loss=validation_loss,
                        rate=self.recipe.rate * rate_factor(self.recipe, step, self.steps_per_epoch),
                        examples_per_s=steps_per_s * self.recipe.batch_size,
                        seconds_left=(self.num_steps - step - 1) / steps_per_s,
                    )
                )
        if last == self.num_steps and self.team.is_first:
            self.finish()
        self.team.wait()
        return self.history

    def save(self) -> None:
        """Write the state from which the run can go on."""
        if self.team.is_first:
            save_state(self.state_path, self.separator, self.optimiser, self.history, self._identity)

    def step(self, step: int, batch: Batch) -> float:
        """Learn from one batch; return its loss."""
        self.separator.train()
        factor = rate_factor(self.recipe, step, self.steps_per_epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_rate"] * factor
        for norm in self.norms:
            norm.momentum = max(self.recipe.norm_momentum, 1 / (step + 1))
        loss = self.shared_lesson(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        value = self.team.mean(loss.detach()).item()
        if not math.isfinite(value):
            raise TrainingError(self._diverged(f"loss stopped being a number at step {step + 1}"))
        if self.recipe.longest_gradient is not None:
            nn.utils.clip_grad_norm_(self.separator.parameters(), self.recipe.longest_gradient)
        self.optimiser.step()
        self.history.losses.append(value)
        return value

    @torch.no_grad()
    def validate(self, num_steps: int) -> float:
        """Return the mean loss over the validation examples, always the same; keep the weights if it is the best."""
        self.separator.eval()
        size, total = self.recipe.batch_size, self.recipe.num_validation_examples
        sizes = [min(size, total - first) for first in range(0, total, size)]
        places = (Place(split="val", number=i, examples=self.team.part(count)) for i, count in enumerate(sizes))
        losses = [self.team.mean(self.lesson(batch)).item() for batch in self._batches(places)]
        loss = float(np.average(losses, weights=sizes))
        if not math.isfinite(loss):
            raise TrainingError(self._diverged(f"validation loss stopped being a number after step {num_steps}"))
        if loss < self.history.best_validation_loss and self.team.is_first:
            temporary = self.best_path.with_name(".best.pt.new")
            torch.save(self.separator.state_dict(), temporary)
            temporary.replace(self.best_path)
        self.history.validation_losses.append((num_steps, loss))
        return loss

    def finish(self) -> None:
        """Write the best weights as a checkpoint that also knows the instruments by name."""
        self.separator.load_state_dict(torch.load(self.best_path, map_location="cpu", weights_only=True))
        self.separator.eval()
        self.separator.keep_instruments(
            self.book.instrument_queries()
            if isinstance(self.book, KeptFeatures)
            else mean_clip_queries(self.separator, self.clips["train"], _QUERY_PICTURES_PER_CLIP)
        )
        provenance = {
            "recipe": self.recipe.as_dict(),
            "num_steps": self.history.num_steps,
            "validation_loss": self.history.best_validation_loss,
            "num_clips": {split: len(members) for split, members in self.clips.items()},
            "num_photos": sum(len(paths) for paths in self.photos.values()),
        }
        temporary = self.checkpoint_path.with_name(".checkpoint.new")
        save_checkpoint(temporary, self.separator, provenance=provenance)
        temporary.replace(self.checkpoint_path)

    @property
    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        clips = [[clip.clip_id for clip in self.clips[split]] for split in ("train", "val")]
        photos = {name: [path.name for path in paths] for name, paths in self.photos.items()}
        return {"recipe": self.recipe.as_dict(), "clips": clips, "photos": photos}

    def _batches(self, places: Iterator[Place]) -> Iterator[Batch]:
        return batches_at(self.maker, places, reads_ahead=self.separator.device.type != "cpu")

    def _opened_book(self, folder: Path) -> PictureBook:
        """Open the book; the first process makes what lies in its file."""
        if not self.team.is_first:
            self.team.wait()
        book = open_book(self.recipe, self.separator, self.clips, self.photos, folder)
        if self.team.is_first:
            self.team.wait()
        return book

    def _diverged(self, what: str) -> str:
        return (
            f"The {what}. The last state saved before it is kept in '{self.state_path}'; "
            "lower the learning rate or look for odd recordings."
        )


def _spectra(waves: Tensor, grid: Grid, device: torch.device) -> Tensor:
    """Return the spectra [B, N, F, T] of waves [B, N, S], of which only those that sound are transformed."""
    is_sounding = waves.any(dim=-1)
    transformed = stft(waves[is_sounding].to(device, non_blocking=True), grid)
    spectra = transformed.new_zeros(*waves.shape[:2], *transformed.shape[1:])
    spectra[is_sounding.to(device)] = transformed
    return spectra


def _initialise(module: nn.Module) -> None:
    """Start as the Sound of Pixels does: small normal convolutions, batch normalisation around 1."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.001)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
