"""What a bare host does with a bundle: decode, train, and put what comes of it into parts."""

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from varemix.bundle import parcels
from varemix.bundle.order import BundleOrder
from varemix.bundle.sound_packs import unpacked
from varemix.model.checkpoint import load_checkpoint
from varemix.model.separator import Separator
from varemix.training.book import PictureBook
from varemix.training.devices import as_training_error, chosen_device
from varemix.training.kept_features import KeptFeatures
from varemix.training.names import named_codes
from varemix.training.pace import Pace
from varemix.training.recipe import Recipe
from varemix.training.run import Progress, Run
from varemix.training.soundbank import SoundBank, laid_down
from varemix.training.state import halved
from varemix.training.team import Team


def train(folder: Path, options: argparse.Namespace) -> None:
    """Train as a bundle's order says, going on from where an earlier call or its state stands.

    Everything unpacked lies in `work`, what is to be sent back in `result`. Raises TrainingError as training does.
    """
    work = folder / "work"
    order = BundleOrder.from_json(parcels.receive(folder, "order.json", work / "order.json").read_text())
    recipe = replace(order.recipe, batch_size=options.batch_size) if options.batch_size else order.recipe
    device = chosen_device(options.device)
    samples = work / "samples.npy"
    if not samples.exists():
        _decode(folder, order, samples)
    state = work / "state.pt"
    if "state.pt" in parcels.names(folder) and not state.exists():
        parcels.receive(folder, "state.pt", state)
    start = parcels.receive(folder, "start.safetensors", work / "start.safetensors")
    separator = load_checkpoint(start).to(device)
    separator.settings = recipe.separator
    with as_training_error(recipe, work):
        bank = SoundBank.open(order.recordings, samples, device)
        book = _book(folder, order, recipe, separator)
        run = Run(recipe, separator, bank, book, work, Team(0, 1), is_new=order.is_new)
        pace = Pace(minutes=options.minutes, most_steps=options.steps)
        history = run.go(pace, _tell)
    _write_result(folder, work, recipe, is_half=options.state == "half")
    sys.stdout.write(f"{history.num_steps} steps; send the folder 'result' back for `varemix bundle --take result`.\n")


def _book(folder: Path, order: BundleOrder, recipe: Recipe, separator: Separator) -> PictureBook:
    """Return what asks for the instruments: their codes, or the features of pictures that came with the bundle."""
    if recipe.asked == "names":
        return named_codes(recipe, separator, order.recordings)
    features = parcels.receive(folder, "features", folder / "work" / "features.safetensors")
    return KeptFeatures(recipe, separator, features)


def _decode(folder: Path, order: BundleOrder, target: Path) -> None:
    """Lay down the bank of what lies in the bundle's packs, each decoded by one core."""
    last = order.recordings[-1]
    ends = np.cumsum([0, *order.packs])
    jobs = []
    for number, (first, end) in enumerate(pairwise(ends)):
        members = order.recordings[first:end]
        lengths = [one.num_samples for one in members]
        jobs.append((folder / f"sounds/{number:03d}.ogg", lengths, members[0].first_sample))
    with laid_down(target, last.first_sample + last.num_samples) as bank:
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(len(jobs), os.cpu_count() or 1)) as pool:
            for number, (first, samples) in enumerate(pool.imap_unordered(unpacked, jobs), start=1):
                bank[first : first + len(samples)] = samples
                sys.stdout.write(f"\rdecoded {number} of {len(jobs)} files of sound")
        sys.stdout.write("\n")


def _write_result(folder: Path, work: Path, recipe: Recipe, *, is_half: bool) -> None:
    """Put the state, and the checkpoint where it is finished, into parts; the moments stay out of a half state."""
    result = folder / "result"
    state = work / "state.pt"
    if is_half:
        kept = halved(torch.load(state, map_location="cpu", weights_only=True))
        state = work / "half.pt"
        torch.save(kept, state)
    history = torch.load(state, map_location="cpu", weights_only=True)["history"]
    facts = work / "result.json"
    facts.write_text(json.dumps({"history": history, "recipe": recipe.as_dict()}))
    for name, path in {
        "order.json": work / "order.json",
        "result.json": facts,
        "state.pt": state,
        "checkpoint.safetensors": work / "checkpoint.safetensors",
    }.items():
        if path.exists():
            parcels.send(path, result, name)
        else:
            parcels.forget(result, name)


def _tell(progress: Progress) -> None:
    if progress.validation_loss is not None or progress.step % 50 == 0:
        told = {name: round(value, 5) for name, value in asdict(progress).items() if value is not None}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
