"""The loop: epochs of steps, validation after each, the best kept, every stop survived."""

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
from varemix.media.clips import Clip
from varemix.media.video import read_frames
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import load_imagenet
from varemix.training.augmentation import Studio
from varemix.training.average import Average
from varemix.training.batches import Batch, BatchMaker, Place, batches_at
from varemix.training.codes import teach_codes
from varemix.training.devices import as_training_error, chosen_device, is_reduced
from varemix.training.examples import check_recordings
from varemix.training.heads import fit_head
from varemix.training.loss import separation_loss
from varemix.training.material import Material
from varemix.training.mixing import source_spectra
from varemix.training.names import NamedCodes
from varemix.training.optimiser import new_optimiser
from varemix.training.pace import FULL_PACE, Clock, Pace
from varemix.training.pictures import KeptFeatures, PictureBook, open_book, spread
from varemix.training.recipe import Recipe, begins_with, num_steps, steps_per_epoch
from varemix.training.soundbank import SoundBank, recordings_of
from varemix.training.state import History, load_state, save_state
from varemix.training.team import Team, joined_team, with_shared_statistics

_HEAD = "vision.head."
_VISION = "vision."


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
    material: Material,
    folder: Path,
    *,
    start: Path | None = None,
    device: str = "auto",
    pace: Pace = FULL_PACE,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History:
    """Train and leave `checkpoint.safetensors`, the best by validation loss, in `folder`.

    Goes on from `folder/state.pt` if there is one; on a CPU the losses are then exactly those of an undisturbed run.
    `start` is a checkpoint of the same separator whose weights are begun with. Stopped by the pace before the end, its
    state is saved. Started by torchrun, processes share the batches. Raises TrainingError when the material does not
    allow it, the device is missing or too small, or the loss stops being a number.
    """
    recordings = recordings_of(material.clips, material.sounds)
    for split in ("train", "val"):
        check_recordings(recordings, recipe, split)
    place = chosen_device(device)
    folder.mkdir(parents=True, exist_ok=True)
    with joined_team(place) as team, as_training_error(recipe, folder):
        separator = new_separator(recipe, start).to(place)
        with team.first_alone():
            chords = recipe.shares.chords if recipe.shares else {}
            bank = SoundBank.open(
                material.clips,
                material.sounds,
                folder / "samples.npy",
                place,
                chord_shares=chords,
                seed=recipe.seed,
            )
        run = _Run(recipe, separator, bank, material, folder, team, is_new=start is None)
        return run.go(pace, report)


def new_separator(recipe: Recipe, start: Path | None = None) -> Separator:
    """Return the recipe's separator before its first step, the same for the same seed and start.

    Raises TrainingError when the checkpoint to start from is of another separator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        begun = load_checkpoint(start) if start else None
        separator = Separator(recipe.separator, begun.instruments if begun else ())
        if recipe.initialisation == "pixels":
            separator.sound.apply(_initialise)
    if begun is None:
        load_imagenet(recipe.separator.vision, separator.vision)
        return separator
    if not begins_with(recipe, begun.settings):
        raise TrainingError(
            f"'{start}' holds another separator than recipe '{recipe.name}' trains. "
            "Start from a checkpoint of that recipe, or from none."
        )
    has_trunk = begun.settings.vision == recipe.separator.vision
    if not has_trunk:
        load_imagenet(recipe.separator.vision, separator.vision)
    left_out = (_HEAD if has_trunk else _VISION) if recipe.asked == "names" else "nothing"
    own = {name: value for name, value in begun.state_dict().items() if not name.startswith(left_out)}
    separator.load_state_dict(separator.state_dict() | own)
    return separator


class _Lesson(nn.Module):
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


class _Run:
    """One training run: what the steps share."""

    def __init__(
        self,
        recipe: Recipe,
        separator: Separator,
        bank: SoundBank,
        material: Material,
        folder: Path,
        team: Team,
        *,
        is_new: bool,
    ) -> None:
        self.recipe, self.separator, self.material, self.team, self.folder = recipe, separator, material, team, folder
        self.state_path, self.best_path = folder / "state.pt", folder / "best.pt"
        self.checkpoint_path = folder / "checkpoint.safetensors"
        num_clips = len(material.clips["train"])
        self.steps_per_epoch, self.num_steps = steps_per_epoch(recipe, num_clips), num_steps(recipe, num_clips)
        separator.is_reduced = is_reduced(recipe, separator.device)
        separator.vision.trunk.requires_grad_(recipe.trunk_rate > 0)
        if team.size > 1:
            with_shared_statistics(separator)
        self.book = self._opened_book(bank)
        codes = self.book.codes if isinstance(self.book, NamedCodes) else None
        self.optimiser = new_optimiser(recipe, separator, codes, is_new=is_new)
        self.norms = [module for module in separator.sound.modules() if isinstance(module, nn.BatchNorm2d)]
        self.lesson = _Lesson(recipe, separator, bank, self.book, team)
        self.average = Average(self.lesson, recipe.averaging) if recipe.averaging else None
        self.history = History()
        if self.state_path.exists():
            self.history = load_state(self.state_path, self.lesson, self.optimiser, self.average, self._identity)
        elif isinstance(self.book, KeptFeatures) and is_new:
            teach_codes(separator, self.book, recipe)
        self.maker = BatchMaker(recipe, bank.recordings, self.book)
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
        separator, clips = self.separator.eval(), self.material.clips
        separator.keep_instruments(self.book.instrument_queries())
        if self.recipe.asked == "names":
            separator = self._with_head(separator)
        provenance = {
            "recipe": self.recipe.as_dict(),
            "num_steps": self.history.num_steps,
            "validation_loss": self.history.best_validation_loss,
            "num_clips": {split: len(members) for split, members in clips.items()},
            "num_sounds": len(self.material.sounds),
            "num_photos": sum(len(paths) for paths in self.material.photos.values()),
        }
        temporary = self.checkpoint_path.with_name(".checkpoint.new")
        save_checkpoint(temporary, separator, provenance=provenance)
        temporary.replace(self.checkpoint_path)

    def _with_head(self, separator: Separator) -> Separator:
        """Return the separator with a head that compares pictures with the instruments.

        It learns from the photos, and of an instrument that has none from a few frames of its videos.
        """
        photos = {name: list(paths) for name, paths in self.material.photos.items() if paths}
        for clip in self.material.clips["train"]:
            if not self.material.photos.get(clip.instrument):
                photos.setdefault(clip.instrument, []).extend(self._frames_of(clip))
        known = {name: paths for name, paths in photos.items() if name in separator.instruments}
        return fit_head(separator, known, self.material.strangers, may_lack=True)

    def _frames_of(self, clip: Clip) -> list[Path]:
        """Return files of a few frames of a clip, named as of one owner."""
        folder = self.folder / "frames"
        folder.mkdir(exist_ok=True)
        chosen = spread(clip.num_frames, self.recipe.pictures_per_clip).tolist()
        paths = [folder / f"{clip.clip_id}__{number}.jpg" for number in chosen]
        for path, jpeg in zip(paths, read_frames(clip.frames_path, chosen), strict=True):
            path.write_bytes(jpeg)
        return paths

    @property
    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        material = self.material
        clips = [[clip.clip_id for clip in material.clips[split]] for split in ("train", "val")]
        sounds = [sound.sound_id for sound in material.sounds]
        photos = {name: [path.name for path in paths] for name, paths in material.photos.items()}
        return {"recipe": self.recipe.as_dict(), "clips": clips, "sounds": sounds, "photos": photos}

    def _batches(self, places: Iterator[Place]) -> Iterator[Batch]:
        return batches_at(self.maker, places, reads_ahead=self.separator.device.type != "cpu")

    def _opened_book(self, bank: SoundBank) -> PictureBook:
        """Open the book; the first process makes what lies in its file."""
        recipe, separator, material = self.recipe, self.separator, self.material
        if recipe.asked == "names":
            separator.vision.requires_grad_(False)
            names = {one.label for one in bank.recordings if one.split == "train" and one.names_instrument}
            return NamedCodes(recipe, separator, sorted(names)).to(separator.device)
        with self.team.first_alone():
            return open_book(recipe, separator, material.clips, material.photos, self.folder)

    def _diverged(self, what: str) -> str:
        return (
            f"The {what}. The last state saved before it is kept in '{self.state_path}'; "
            "lower the learning rate or look for odd recordings."
        )


def _initialise(module: nn.Module) -> None:
    """Start as the Sound of Pixels does: small normal convolutions, batch normalisation around 1."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.001)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
