"""How fast masks are made, and what reduced precision changes about them: `make bench`.

The masks of the kept instruments of one recording, a mix of the demonstration's clips, by ways that take turns:
    as shipped      all of them, by the separator as it is loaded: in bfloat16 where the processor is faster in it
    in float32      the same in float32, as on processors without bfloat16
    eleven asked    eleven of them, in float32
    network alone   the sound network as it was trained, in float32, in the memory layout that PyTorch starts with, over
                    as much sound; no transform, no overlap, no masks
    htdemucs        HTDemucs of the package demucs with random weights, where that is installed: it separates the
                    recording into the sound of four sources
Without --checkpoint it is the shipped one or, where there is none, an untrained one of the reference recipe.
"""

import argparse
import copy
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import Clips, clips_of
from benchmarks.rounds import Way, alternated, say, say_rates
from varemix.errors import VaremixError
from varemix.evaluation.bss import nsdr_db
from varemix.evaluation.mixtures import Mixture, draw_mixtures, read_sources
from varemix.media.clips import Stretch, read_stretch
from varemix.model.checkpoint import load_checkpoint
from varemix.model.precision import has_fast_bfloat16
from varemix.model.separator import Separator
from varemix.remix.mixer import separate
from varemix.signal.grid import RATE_HZ
from varemix.training.devices import chosen_device
from varemix.training.loop import new_separator
from varemix.training.recipe import reference
from varemix.weights import shipped_checkpoint

_NUM_SOURCES = 3
_COMPARED_S = 20.0
_SCORED_PAIRS = 24
_BLOCK_SAMPLES = 10 * RATE_HZ
_SHIPPED, _ALONE = "as shipped", "network alone"


def mixed(clips: Clips, seconds: float) -> np.ndarray:
    """Return a mix [S] of clips of different instruments, each repeated as often as it takes."""
    firsts = {clip.instrument: clip for clip in reversed(clips.val)}
    chosen = [firsts[name] for name in sorted(firsts)[:_NUM_SOURCES]]
    num_samples = round(seconds * RATE_HZ)
    stretches = [Stretch(clip=clip, first_sample=0, volume=1 / _NUM_SOURCES, frames=()) for clip in chosen]
    return np.asarray(np.sum([read_stretch(stretch, num_samples) for stretch in stretches], axis=0), np.float32)


def chosen_separator(checkpoint: Path | None, clips: Clips, device: torch.device) -> Separator:
    """Return the separator to measure, and say which it is."""
    path = checkpoint or shipped_checkpoint()
    if path is not None:
        say(f"Separator: '{path}'.")
        return Separator.load(path, device)
    say("Separator: of the reference recipe, untrained.")
    separator = new_separator(reference()).to(device).eval()
    draw = torch.Generator().manual_seed(0)
    names = sorted({clip.instrument for clip in clips.train})
    separator.keep_instruments({name: torch.rand(reference().separator.num_maps, generator=draw) for name in names})
    separator.instrument_queries = separator.instrument_queries.to(device)
    separator.is_reduced = has_fast_bfloat16(device)
    return separator


def hearing(separator: Separator, mix: np.ndarray, most: int | None = None) -> Callable[[], None]:
    """Return what makes the masks of the kept instruments, or of the first few, block by block, and lets them go."""

    def run() -> None:
        blocks = (mix[first : first + _BLOCK_SAMPLES] for first in range(0, len(mix), _BLOCK_SAMPLES))
        for _ in separator.mask_blocks(blocks, separator.instrument_queries[:most]):
            pass

    return run


def network_alone(checkpoint: Path, seconds: float, device: torch.device) -> Callable[[], None]:
    """Return what hears so many seconds of noise, window by window, with the plain sound network alone."""
    separator = load_checkpoint(checkpoint, device)
    grid, frames = separator.settings.grid, separator.settings.window_frames
    sound = separator.sound.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    heard = torch.randn(1, 1, grid.num_rows, frames, device=device)
    num_windows = round(seconds / (frames * grid.hop_s))

    def run() -> None:
        with torch.inference_mode():
            for _ in range(num_windows):
                sound(heard)

    return run


def demucs(mix: np.ndarray, device: torch.device) -> Callable[[], None] | None:
    """Return what separates the mix by an HTDemucs with random weights, None where it is not installed."""
    try:
        apply, htdemucs = import_module("demucs.apply"), import_module("demucs.htdemucs")
    except ImportError as error:
        say(f"HTDemucs is left out ({error}); to compare with it: .venv/bin/python -m pip install demucs")
        return None
    model = htdemucs.HTDemucs(sources=["drums", "bass", "other", "vocals"]).to(device).eval()
    stereo = torch.from_numpy(np.stack([mix, mix])[None]).to(device)

    def run() -> None:
        with torch.inference_mode():
            apply.apply_model(model, stereo, shifts=0, split=True, device=device)

    return run


def say_difference(separator: Separator, mix: np.ndarray) -> None:
    """Print how far masks in bfloat16 are from those in float32."""
    part = mix[: round(_COMPARED_S * RATE_HZ)]
    reduced, full = (twin.masks(part, separator.instrument_queries) for twin in in_both_precisions(separator))
    difference = np.abs(reduced.values - full.values)
    say(
        f"\nMasks of {len(difference)} instruments in bfloat16 differ from those in float32 by "
        f"{difference.mean():.5f} on average and by {difference.max():.4f} at most, over {len(part) / RATE_HZ:.0f} s."
    )


def say_what_it_costs(separator: Separator, clips: Clips) -> None:
    """Print how far the scores of pairs, asked for by name, differ between bfloat16 and float32."""
    both = in_both_precisions(separator)
    pairs = [pair for pair in draw_mixtures(clips.val, _SCORED_PAIRS, seed=0) if _knows(separator, pair)]
    nsdrs_db = np.array([[_nsdr_db(one, pair) for pair in pairs] for one in both])  # [2, pairs, N]
    apart_db = np.abs(nsdrs_db[0] - nsdrs_db[1])
    if np.isfinite(apart_db).any():
        say(
            f"NSDR of {len(pairs)} pairs, asked for by name: {np.nanmean(nsdrs_db[0]):.3f} dB in bfloat16, "
            f"{np.nanmean(nsdrs_db[1]):.3f} dB in float32; a source differs by {np.nanmax(apart_db):.3f} dB at most."
        )


def in_both_precisions(separator: Separator) -> tuple[Separator, Separator]:
    """Return twins of the separator, one that computes in bfloat16 and one in float32."""
    reduced, full = copy.deepcopy(separator), copy.deepcopy(separator)
    reduced.is_reduced, full.is_reduced = True, False
    return reduced, full


def _knows(separator: Separator, pair: Mixture) -> bool:
    return set(pair.instruments) <= set(separator.instruments)


def _nsdr_db(separator: Separator, pair: Mixture) -> np.ndarray:
    """Return the NSDR [N] of a pair's sources."""
    sources = read_sources(pair)
    mix = sources.sum(axis=0)
    queries = torch.stack([separator.instrument_query(name) for name in pair.instruments])
    stems = separate(mix[None], separator.masks(mix, queries))[:, 0]
    return nsdr_db(sources, stems, mix)


def measure(options: argparse.Namespace, clips: Clips) -> None:
    """Time the ways and print the table."""
    device = chosen_device(options.device)
    torch.set_num_threads(options.threads)
    mix = mixed(clips, options.seconds)
    separator = chosen_separator(options.checkpoint, clips, device)
    precision = "bfloat16" if separator.is_reduced else "float32"
    say(
        f"{options.seconds:.0f} s of music, {len(separator.instruments)} instruments, {options.threads} threads, "
        f"{device}; as shipped it computes in {precision}."
    )
    full = in_both_precisions(separator)[1]
    ways = [
        Way(name=_SHIPPED, run=hearing(separator, mix)),
        Way(name="in float32", run=hearing(full, mix)),
        Way(name="eleven asked", run=hearing(full, mix, 11)),
    ]
    path = options.checkpoint or shipped_checkpoint()
    if path is not None:
        ways.append(Way(name=_ALONE, run=network_alone(path, options.seconds, device)))
    rival = demucs(mix, device)
    if rival is not None:
        ways.append(Way(name="htdemucs", run=rival))
    seconds = alternated(ways, options.rounds, device)
    rates = say_rates(seconds, options.seconds, "x real time", beside=_ALONE if path else "in float32")
    if rival is not None:
        say(f"\nAs shipped it hears {rates[_SHIPPED] / rates['htdemucs']:.1f} times as fast as HTDemucs.")
    say_difference(separator, mix)
    say_what_it_costs(separator, clips)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hearing", description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, help="a .safetensors file; else what is shipped")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--clips", metavar="HOME", help="a data folder whose clips are mixed; else the demonstration's")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the recording is")
    parser.add_argument("--rounds", type=int, default=3, help="so many count, after one that does not")
    parser.add_argument("--threads", type=int, default=2, help="of the processor")
    options = parser.parse_args()
    try:
        with clips_of(options.clips) as clips:
            measure(options, clips)
    except VaremixError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
