"""What masks made of stems cost against the stems themselves, and how others and our network hear together.

    python -m benchmarks.separators --sounds FOLDER [--mixes N] [--weights PATH]

Mixes are real phrases of split val, six seconds of voice, drums, bass and two other instruments: voice and bass in the
middle, drums with two different sides, the others panned. The true sources stand in for a perfect separator, so that
what is lost is lost by masks alone. The first table has masks of stems on several grids, at 4 bits as they are kept:
one for each channel, one for all channels, and those of the mid signal; NSDR of what they cut out, PEAQ's grade of
remixes (voice muted, drums -6 dB) beside remixes made of the stems, and their size. The second table has the two other
instruments, heard by our network alone, by our network in the mix with shares balanced afterwards, and in what others
leave over. With --weights a network of Demucs stands in the first table, too, beside its own stems.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from benchmarks.rounds import say
from catalog.mask_packing import pack, unpack
from varemix.evaluation.peaq.measure import peaq
from varemix.media.sounds import Sound, listed_sounds, read_sound
from varemix.model.separator import Separator
from varemix.separators.interface import Mix
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.spectrogram import filter_samples, stft
from varemix.signal.stem_masks import stem_masks
from varemix.weights import shipped_checkpoint

_SECONDS = 6.0
_BASE = ("voice", "drums", "bass")
_RMS = 0.1
_BITS, _EXPONENT = 4, 1.5
_GRIDS = {
    "4096/1024, 512 rows": Grid(window_samples=4096, hop_samples=1024, log_rows=512, floor=4e-3),
    "4096/1024, bins": Grid(window_samples=4096, hop_samples=1024, log_rows=None, floor=4e-3),
    "2048/512, 512 rows": Grid(window_samples=2048, hop_samples=512, log_rows=512, floor=4e-3),
    "2048/512, bins": Grid(window_samples=2048, hop_samples=512, log_rows=None, floor=4e-3),
}


@dataclass(frozen=True)
class Played:
    """A mix: the names of its instruments and the stereo sources [N, 2, S] that it is the sum of."""

    names: tuple[str, ...]
    sources: np.ndarray

    @property
    def mix(self) -> np.ndarray:
        """The mix [2, S]."""
        total: np.ndarray = self.sources.sum(axis=0)
        return total

    @property
    def stems(self) -> np.ndarray:
        """The stems that a separator gives: voice, drums, bass, and the rest, [4, 2, S]."""
        return np.concatenate([self.sources[:3], self.sources[3:].sum(axis=0, keepdims=True)])


def played(folder: Path, num_mixes: int) -> Iterator[Played]:
    """Yield the mixes, each drawn by its number."""
    by_label: dict[str, list[Sound]] = {}
    for sound in listed_sounds(folder):
        if sound.split == "val" and sound.kind in ("phrase", "synth") and sound.names_instrument:
            by_label.setdefault(sound.label, []).append(sound)
    others = sorted(set(by_label) - {*_BASE, "double_bass"})
    for number in range(num_mixes):
        draw = np.random.default_rng([0, number, 77])
        names = (*_BASE, *map(str, draw.choice(others, 2, replace=False)))
        yield Played(names, np.stack([_placed(name, by_label[name], draw) for name in names]) / len(names))


def _placed(name: str, sounds: list[Sound], draw: np.random.Generator) -> np.ndarray:
    """Return a drawn phrase [2, S], brought to one level but for 3 dB, at its place between left and right."""
    sound = sounds[int(draw.integers(len(sounds)))]
    after_s = draw.uniform(0, max(0.0, sound.duration_s - _SECONDS))
    mono = read_sound(sound, after_s=after_s, num_samples=round(_SECONDS * RATE_HZ), rate_hz=RATE_HZ)
    mono = mono * (_RMS / max(1e-3, float(np.sqrt(np.square(mono).mean()))) * 10 ** (draw.uniform(-3, 3) / 20))
    if name == "drums":
        return np.stack([mono, 0.9 * np.roll(mono, int(draw.integers(10, 400)))]).astype(np.float32)
    angle = np.pi / 2 * (0.5 if name in _BASE else draw.uniform(0.15, 0.85))
    return np.stack([np.cos(angle) * mono, np.sin(angle) * mono]).astype(np.float32)


def nsdr_db(truth: np.ndarray, estimate: np.ndarray, mix: np.ndarray) -> float:
    """Return by how much an estimate is nearer to the truth than the mix is, of all channels together."""
    errors = [np.square(signal - truth, dtype=np.float64).sum() for signal in (mix, estimate)]
    return float(10 * np.log10(errors[0] / errors[1]))


def kept(masks: Tensor) -> tuple[Tensor, int]:
    """Return masks as they are read from a mask file, and how many bytes they take in it."""
    codec, num_bytes, read = pa.Codec("zstd", compression_level=9), 0, []
    for mask in masks.flatten(0, -3).numpy():
        data = pack(mask, _BITS, _EXPONENT)
        num_bytes += len(codec.compress(data, asbytes=True))
        read.append(unpack(data, _BITS, mask.shape, _EXPONENT))
    return torch.from_numpy(np.stack(read)).reshape(masks.shape), num_bytes


def masks_of(stems: np.ndarray, mix: np.ndarray, grid: Grid, how: str) -> Tensor:
    """Return masks [N, C, R, T], C being 2 or 1, of stems [N, 2, S] of a mix [2, S]."""
    if how == "mid":
        stems, mix = stems.mean(1, keepdims=True), mix.mean(0, keepdims=True)
    of_stems, of_mix = (stft(torch.from_numpy(signal), grid.applied) for signal in (stems, mix))
    made = stem_masks(of_stems, of_mix, grid.applied, per_channel=how == "each")
    return made if how == "each" else made[:, None]


def cut(mix: np.ndarray, masks: Tensor, grid: Grid) -> np.ndarray:
    """Return what masks [N, C, R, T] cut out of a mix [2, S], [N, 2, S]."""
    given = torch.from_numpy(np.repeat(mix[None], len(masks), axis=0))
    return filter_samples(given, masks.expand(-1, 2, -1, -1), grid.applied).numpy()


def say_what_masks_cost(mixes: list[Played], stems_of: Callable[[Played], np.ndarray], title: str) -> None:
    """Print the first table for the stems that a separator gives."""
    say(f"{title}\ngrid, masks: NSDR of voice, drums, bass and their mean [dB]; grade; kB a second and instrument")
    for name, grid in _GRIDS.items():
        for how in ("each", "all", "mid"):
            rows: list[list[float]] = []
            for one in mixes:
                stems = stems_of(one)
                masks, num_bytes = kept(masks_of(stems, one.mix, grid, how))
                made = cut(one.mix, masks, grid)
                gained = [nsdr_db(one.sources[i], made[i], one.mix) for i in range(3)]
                graded = [
                    peaq((one.mix + s * stems[i]).astype(float), (one.mix + s * made[i]).astype(float), RATE_HZ).odg
                    for i, s in ((0, -1.0), (1, -0.5))
                ]
                rows.append([*gained, float(np.mean(graded)), num_bytes / len(stems) / _SECONDS / 1000])
            voice, drums, bass, grade, size = np.mean(rows, axis=0)
            mean = (voice + drums + bass) / 3
            say(f"{name:20} {how:5} {voice:6.2f} {drums:6.2f} {bass:6.2f} {mean:6.2f}   {grade:6.2f}   {size:6.1f}")


def say_own(mixes: list[Played], stems_of: Callable[[Played], np.ndarray]) -> None:
    """Print how near a separator's own stems are to the truth."""
    own = [[nsdr_db(one.sources[i], stems_of(one)[i], one.mix) for i in range(3)] for one in mixes]
    say(f"{'the stems themselves':26} {' '.join(f'{value:6.2f}' for value in np.mean(own, axis=0))}")


def say_how_they_hear_together(mixes: list[Played], network: Separator) -> None:
    """Print the second table."""
    grid, known = network.mask_grid, list(network.instruments)
    claimed_names = [known.index(name) for name in (*_BASE, "double_bass")]
    found: dict[str, list[float]] = {}
    for one in mixes:
        unclaimed, each = (
            (1 - masks_of(one.stems, one.mix, grid, how)[:3].sum(dim=0)).clip(0, 1).numpy() for how in ("all", "each")
        )
        left, left_of_each = (
            filter_samples(torch.from_numpy(one.mix), torch.from_numpy(gains), grid.applied).numpy()
            for gains in (unclaimed, each)
        )
        in_mix, in_left, in_each = (
            network.masks(signal.mean(axis=0), network.instrument_queries).values[:, None]
            for signal in (one.mix, left, left_of_each)
        )
        other = 1 - in_mix[claimed_names].sum(axis=0)
        ways = {
            "our network alone": in_mix,
            "in the mix, shares balanced": in_mix * np.minimum(1, unclaimed / np.maximum(other, 1e-3)),
            "in what others leave over": in_left * unclaimed,
            "of each channel": in_each * each,
        }
        for way, masks in ways.items():
            places = [known.index(name) for name in one.names[3:]]
            made = cut(one.mix, torch.from_numpy(masks[places].astype(np.float32)), grid)
            found.setdefault(way, []).extend(nsdr_db(one.sources[3 + i], made[i], one.mix) for i in range(2))
    say(f"\nThe two other instruments of {len(mixes)} mixes: NSDR [dB]")
    for way, values in found.items():
        say(f"{way:30} {np.mean(values):6.2f}")
    gained = np.subtract(found["in what others leave over"], found["in the mix, shares balanced"])
    say(f"left over beside balanced: {gained.mean():+.2f} dB, standard error {gained.std() / len(gained) ** 0.5:.2f}")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sounds", type=Path, required=True, help="Folder of sounds with its lists.")
    options.add_argument("--mixes", type=int, default=12)
    options.add_argument("--weights", type=Path, help="Weights of Demucs, to be measured too.")
    asked = options.parse_args()
    torch.set_num_threads(1)
    mixes = list(played(asked.sounds, asked.mixes))
    say_what_masks_cost(mixes, lambda one: one.stems, f"True sources for stems, {len(mixes)} mixes")
    if asked.weights:
        from varemix.separators.demucs import Demucs

        demucs = Demucs({"weights": str(asked.weights)})
        order = [list(demucs.stems).index(name) for name in ("vocals", "drums", "bass", "other")]
        heard = {id(one): np.concatenate(list(demucs.stem_blocks(Mix.of(one.mix))), -1)[order] for one in mixes}
        say_what_masks_cost(mixes, lambda one: heard[id(one)], f"\nDemucs of {asked.weights.name}")
        say_own(mixes, lambda one: heard[id(one)])
    checkpoint = shipped_checkpoint()
    assert checkpoint is not None, "there is no built-in model"
    say_how_they_hear_together(mixes, Separator.load(checkpoint))


if __name__ == "__main__":
    main()
