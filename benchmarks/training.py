"""How fast training is, beside the plain way to feed it and beside the network alone: `make bench-train`.

The ways take turns in one run, so that what else the machine does hits all alike:
    our loop        `varemix.training.loop.train` as it is: drawing, augmentation, pictures, validation left out
    plain loader    the same network and loss, fed as the public code of the Sound of Pixels does it
    network alone   forward, loss, backward and optimiser on a batch that lies ready on the device
Without --clips the demonstration's clips are prepared and used.
"""

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator
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
from varemix.signal.spectrogram import stft
from varemix.training.batches import BatchMaker, Place
from varemix.training.devices import chosen_device, is_reduced
from varemix.training.loop import Progress, new_separator, train
from varemix.training.loss import separation_loss
from varemix.training.optimiser import new_optimiser
from varemix.training.pictures import open_book
from varemix.training.recipe import RECIPES, Recipe, named_recipe

_WARM_STEPS = 2
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
                train(recipe, clips.train, clips.val, folder, device=str(device), report=self._hold)
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

    def step(self, spectra: torch.Tensor, queries: Callable[[], torch.Tensor], labels: torch.Tensor) -> None:
        """Learn from spectra [B, N, F, T], queries [B, Q, K] and labels [B, N]."""
        loss = separation_loss(self.separator, self.recipe.asked, spectra, None, queries(), labels)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()


def network_alone(recipe: Recipe, clips: Clips, folder: Path, learner: Learner) -> Callable[[], None]:
    """Return a step on a batch that lies ready on the device."""
    members = {"train": clips.train, "val": clips.val}
    book = open_book(recipe, learner.separator, members, {}, folder)
    batch = BatchMaker(recipe, members, book).make(Place(split="train", number=0, examples=range(recipe.batch_size)))
    spectra = stft(batch.waves.to(learner.device), recipe.separator.grid)
    shown, labels = batch.shown.to(learner.device), batch.labels.to(learner.device)
    return lambda: learner.step(spectra, lambda: book.queries(shown), labels)


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
        self._steps(batches, self._num_ready + _WARM_STEPS)
        return seconds_of(lambda: self._steps(batches, num_steps), self._learner.device)

    def _steps(self, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], num_steps: int) -> None:
        for _ in range(num_steps):
            self._step(*next(batches))

    def _step(self, spectra: torch.Tensor, pictures: torch.Tensor) -> None:
        learner = self._learner
        spectra, pictures = (part.to(learner.device, non_blocking=True) for part in (spectra, pictures))
        labels = torch.arange(spectra.shape[1], device=learner.device).expand(len(spectra), -1)
        vision = learner.separator.vision
        vision.trunk.train(learner.recipe.trunk_rate > 0)
        learner.step(spectra, lambda: vision(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2]), labels)


def timed_steps(step: Callable[[], None], num_steps: int, device: torch.device) -> Callable[[], float]:
    """Return what makes a few steps that do not count, then so many that do."""

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    def run() -> float:
        steps(_WARM_STEPS)
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


def measure(options: argparse.Namespace, clips: Clips) -> None:
    """Time the ways and print the table."""
    device = chosen_device(options.device)
    recipe = named_recipe(options.recipe)
    endless = replace(  # an epoch that never ends, with features of few views: neither changes what a step costs
        recipe,
        batch_size=options.batch_size or recipe.batch_size,
        examples_per_clip=10**6,
        picture_views=1,
        code_steps=0,
    )
    instruments = len({clip.instrument for clip in clips.train})
    say(
        f"Recipe {recipe.name}, batches of {endless.batch_size}, {endless.precision}, on {_in_words(device)}; "
        f"{len(clips.train)} clips of {instruments} instruments; {options.rounds} rounds of {options.steps} steps."
    )
    folder = clips.folder / "run"
    folder.mkdir()
    alone = network_alone(endless, clips, folder, learner := Learner(endless, device))
    real = RealLoop(endless, clips, folder, device)
    plain = PlainFeeding(endless, clips, clips.folder / "frames", learner, options.workers)
    ways = [
        Way(name="our loop", run=timed_steps(real.step, options.steps, device)),
        Way(name=f"plain loader, {options.workers} workers", run=lambda: plain.seconds(options.steps)),
        Way(name="network alone", run=timed_steps(alone, options.steps, device)),
    ]
    if options.compile:
        compiled = network_alone(endless, clips, folder, Learner(endless, device, is_compiled=True))
        ways.append(Way(name="network alone, compiled", run=timed_steps(compiled, options.steps, device)))
    seconds = alternated(ways, options.rounds, device)
    real.stop()
    finish(device)
    rates = say_rates(seconds, options.steps * endless.batch_size, "examples/s", beside="network alone")
    say(f"\nOur loop is {rates['our loop'] / rates[ways[1].name]:.2f} times as fast as the plain loader.")
    if device.type == "cuda":
        say_share_of_peak(alone, endless, rates["network alone"], device)


def _in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of the processor"


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="reference", choices=list(RECIPES), help="what is trained")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--clips", metavar="HOME", help="a home whose clips are used; else the demonstration's")
    parser.add_argument("--batch-size", type=int, help="instead of the recipe's")
    parser.add_argument("--steps", type=int, default=10, help="a round has so many, of each way")
    parser.add_argument("--rounds", type=int, default=5, help="so many count, after one that does not")
    parser.add_argument("--workers", type=int, default=max(1, min(16, os.cpu_count() or 1)), help="of the plain loader")
    parser.add_argument("--compile", action="store_true", help="measure the network compiled by torch.compile too")
    options = parser.parse_args()
    try:
        with clips_of(options.clips) as clips:
            measure(options, clips)
    except VaremixError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
