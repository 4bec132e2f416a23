"""How fast training is, beside the plain way to feed it and beside the network alone: `make bench-train`.

The ways take turns in one run, so that what else the machine does hits all alike; what is counted are mixes:
    our loop        `varemix.training.loop.train` as it is: drawing, augmentation, queries, validation left out
    plain loader    the same network and loss, fed as the public code of the Sound of Pixels does it
    network alone   forward, loss, backward and optimiser on spectra and queries that lie ready on the device
All learn from clips of videos alone, by the recipe's own questions: by name, or by pictures. Without --clips the
demonstration's clips are prepared and used. On a processor batches have 8 mixes at most, unless --batch-size says
otherwise.
"""

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Queue

import torch

from benchmarks.clips import Clips, clips_of
from benchmarks.plain_loader import PlainExamples, plain_loader
from benchmarks.rounds import Way, alternated, finish, say, say_rates, seconds_of
from varemix.errors import VaremixError
from varemix.model.separator import Separator
from varemix.training.augmentation import Studio
from varemix.training.batches import BatchMaker, Place
from varemix.training.devices import chosen_device, is_reduced
from varemix.training.loop import new_separator, opened_bank, opened_book, train
from varemix.training.loss import separation_loss
from varemix.training.mixing import source_spectra
from varemix.training.optimiser import new_optimiser
from varemix.training.recipe import RECIPES, Recipe, named_recipe
from varemix.training.run import Progress
from varemix.training.soundbank import recordings_of

_MOST_ON_CPU = 8
# a processor takes minutes for a few steps
_WARM_STEPS = {"cuda": 2, "cpu": 1}
_STEPS = {"cuda": 10, "cpu": 1}
_ROUNDS = {"cuda": 5, "cpu": 2}
_MATRIX = 8192
_MATRIX_REPEATS = 20


class _EnoughError(Exception):
    """Ends a training that has been measured."""


class RealLoop:
    """The loop as people use it, in a thread of its own, held after each step until another one is wanted."""

    def __init__(self, recipe: Recipe, clips: Clips, folder: Path, device: torch.device) -> None:
        self._wanted: Queue[bool] = Queue()
        self._done: Queue[BaseException | None] = Queue()

        def work() -> None:
            self._wanted.get()
            try:
                train(recipe, clips.material, folder, device=str(device), report=self._hold)
            except BaseException as error:  # noqa: BLE001 - told by `step`, where somebody waits for it
                self._done.put(error)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Let the loop make a step, and wait for it."""
        self._wanted.put(True)
        error = self._done.get()
        if error is not None:
            raise error

    def stop(self) -> None:
        """End the loop."""
        self._wanted.put(False)
        with suppress(_EnoughError):
            raise self._done.get() or RuntimeError("the loop went on")

    def _hold(self, progress: Progress) -> None:
        self._done.put(None)
        if not self._wanted.get():
            raise _EnoughError


class Learner:
    """A separator that makes steps on spectra and queries that it is given."""

    def __init__(self, recipe: Recipe, device: torch.device, *, is_compiled: bool = False) -> None:
        self.recipe, self.device = recipe, device
        self.separator: Separator = new_separator(recipe).to(device).train()
        self.separator.is_reduced = is_reduced(recipe, device)
        self.separator.vision.trunk.requires_grad_(recipe.trunk_rate > 0)
        self._optimiser = new_optimiser(recipe, self.separator)
        if is_compiled:
            self.separator.sound.compile()

    def step(self, spectra: torch.Tensor, queries: torch.Tensor, labels: torch.Tensor) -> None:
        """Learn from spectra [B, N, F, T], queries [B, Q, K] and labels [B, N]."""
        loss = separation_loss(self.separator, self.recipe, spectra, None, queries, labels)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()


def network_alone(recipe: Recipe, clips: Clips, folder: Path, learner: Learner) -> Callable[[], None]:
    """Return a step on spectra and queries that lie ready on the device."""
    recordings = recordings_of(clips.material.clips, [])
    bank = opened_bank(recipe, clips.material, recordings, folder, learner.device)
    book = opened_book(recipe, learner.separator, clips.material, recordings, folder)
    studio = Studio(recipe.seed, recipe.separator.grid, learner.device)
    place = Place(split="train", number=0, examples=range(recipe.batch_size))
    batch = BatchMaker(recipe, recordings, book).make(place).to(learner.device)
    with torch.no_grad():
        spectra, queries = source_spectra(batch, bank, studio, recipe), book.queries(batch.shown)
    return lambda: learner.step(spectra, queries, batch.labels)


class PlainFeeding:
    """Steps on what a plain loader brings; each source is asked for by its own frames."""

    def __init__(self, recipe: Recipe, clips: Clips, folder: Path, learner: Learner, num_workers: int) -> None:
        vision = learner.separator.vision
        examples = PlainExamples(clips.train, recipe, vision.framing, vision.pixels, folder)
        self._loader = plain_loader(examples, recipe.batch_size, num_workers, learner.device)
        self._num_ready = num_workers * (self._loader.prefetch_factor or 0)
        self._learner = learner

    def seconds(self, num_steps: int) -> float:
        """Return how long so many steps take once the workers have given away what they had made ahead."""
        batches = iter(self._loader)
        self._steps(batches, self._num_ready + _WARM_STEPS[self._learner.device.type])
        return seconds_of(lambda: self._steps(batches, num_steps), self._learner.device)

    def _steps(self, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], num_steps: int) -> None:
        for _ in range(num_steps):
            self._step(*next(batches))

    def _step(self, spectra: torch.Tensor, pictures: torch.Tensor) -> None:
        learner = self._learner
        spectra, pictures = (part.to(learner.device, non_blocking=True) for part in (spectra, pictures))
        is_sounding = spectra.abs().amax(dim=(2, 3)) > 0
        labels = torch.where(is_sounding, torch.arange(spectra.shape[1], device=learner.device), -1)
        vision = learner.separator.vision
        vision.trunk.train(learner.recipe.trunk_rate > 0)
        learner.step(spectra, vision(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2]), labels)


def timed_steps(step: Callable[[], None], num_steps: int, device: torch.device) -> Callable[[], float]:
    """Return what makes a few steps that do not count, then so many that do."""

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    def run() -> float:
        steps(_WARM_STEPS[device.type])
        return seconds_of(lambda: steps(num_steps), device)

    return run


def say_share_of_peak(step: Callable[[], None], recipe: Recipe, examples_per_s: float, device: torch.device) -> None:
    """Print how much of what the device can multiply the network uses."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    flops_per_s = counter.get_total_flops() / recipe.batch_size * examples_per_s
    left, right = torch.randn(2, _MATRIX, _MATRIX, device=device, dtype=torch.bfloat16)
    left @ right
    seconds = seconds_of(lambda: [left @ right for _ in range(_MATRIX_REPEATS)], device)
    peak = 2 * _MATRIX**3 * _MATRIX_REPEATS / seconds
    say(
        f"\nThe network alone computes {flops_per_s / 1e12:.1f} TFLOP/s, "
        f"{flops_per_s / peak:.1%} of the {peak / 1e12:.0f} TFLOP/s that bfloat16 matrices reach here."
    )


def batch_size_of(recipe: Recipe, device: torch.device, wanted: int | None) -> int:
    """Return how many mixes a batch has: as many as wanted, else as the recipe says, but few on a processor."""
    if wanted:
        return wanted
    return min(recipe.batch_size, _MOST_ON_CPU) if device.type == "cpu" else recipe.batch_size


def measure(options: argparse.Namespace, clips: Clips) -> None:
    """Time the ways and print the table."""
    device = chosen_device(options.device)
    recipe = named_recipe(options.recipe)
    num_steps, num_rounds = options.steps or _STEPS[device.type], options.rounds or _ROUNDS[device.type]
    endless = replace(  # an epoch that never ends, of clips alone, with features of few views: a step costs the same
        recipe,
        batch_size=batch_size_of(recipe, device, options.batch_size),
        shares=None,
        examples_per_clip=10**6,
        examples_per_epoch=None,
        picture_views=1,
        code_steps=0,
    )
    instruments = len({clip.instrument for clip in clips.train})
    precision = "bfloat16" if is_reduced(endless, device) else "float32"
    say(
        f"Recipe {recipe.name}, batches of {endless.batch_size}, {precision}, on {_in_words(device)}; "
        f"{len(clips.train)} clips of {instruments} instruments; {num_rounds} rounds of {num_steps} steps."
    )
    folder = clips.folder / "run"
    folder.mkdir()
    alone = network_alone(endless, clips, folder, learner := Learner(endless, device))
    real = RealLoop(endless, clips, folder, device)
    plain = PlainFeeding(endless, clips, clips.folder / "frames", learner, options.workers)
    ways = [
        Way(name="our loop", run=timed_steps(real.step, num_steps, device)),
        Way(name=f"plain loader, {options.workers} workers", run=lambda: plain.seconds(num_steps)),
        Way(name="network alone", run=timed_steps(alone, num_steps, device)),
    ]
    if options.compile:
        compiled = network_alone(endless, clips, folder, Learner(endless, device, is_compiled=True))
        ways.append(Way(name="network alone, compiled", run=timed_steps(compiled, num_steps, device)))
    seconds = alternated(ways, num_rounds, device)
    real.stop()
    finish(device)
    rates = say_rates(seconds, num_steps * endless.batch_size, "mixes/s", beside="network alone")
    say(f"\nOur loop is {rates['our loop'] / rates[ways[1].name]:.2f} times as fast as the plain loader.")
    if device.type == "cuda":
        say_share_of_peak(alone, endless, rates["network alone"], device)


def _in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of the processor"


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="reference", choices=list(RECIPES), help="what is trained")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--clips", metavar="HOME", help="a data folder whose clips are used; else the demonstration's")
    parser.add_argument(
        "--batch-size", type=int, help=f"instead of the recipe's; on a processor at most {_MOST_ON_CPU}"
    )
    parser.add_argument("--steps", type=int, help="a round has so many, of each way: 10, on a processor 1")
    parser.add_argument("--rounds", type=int, help="so many count, after one that does not: 5, on a processor 2")
    parser.add_argument("--workers", type=int, default=max(1, min(16, os.cpu_count() or 1)), help="of the plain loader")
    parser.add_argument("--compile", action="store_true", help="measure the network compiled by torch.compile too")
    return parser.parse_args(arguments)


def main() -> None:
    """Read the options and measure."""
    options = options_of(sys.argv[1:])
    try:
        with clips_of(options.clips) as clips:
            measure(options, clips)
    except VaremixError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
