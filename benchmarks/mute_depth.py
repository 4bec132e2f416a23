"""What a mute reaches beside what the masks promise: `make bench-mute SOUNDS=FOLDER`.

Mixes of the split `val` of a folder of sounds are heard, each instrument is muted at every exponent, and what became of
the instrument and of the rest, which are known, is held against what the masks were sure of. The table is written where
the desk reads it (`--out`), by default beside the weights.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.rounds import say
from catalog.mask_packing import pack, unpack
from varemix.errors import MediaError
from varemix.evaluation.sound_mixtures import draw_sound_mixtures, read_sound_sources
from varemix.media.sounds import listed_sounds
from varemix.model.separator import Separator
from varemix.remix.mute_depth import EXPONENTS, DepthMeter
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.presence import PresenceMeter
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, decay_of
from varemix.signal.spectrogram import filter_samples
from varemix.weights import MUTE_DEPTH, REFERENCE

ASKED_FOR = (
    *("accordion", "acoustic_guitar", "cello", "clarinet", "erhu", "flute"),
    *("saxophone", "trumpet", "tuba", "violin", "xylophone"),
)
_BITS, _EXPONENT = 4, 1.5  # of soft masks, as they are stored
_NUM_ROWS = 8
_SHARES = (10, 90)  # percentiles between which eight of ten lie
_MAX_ENSEMBLES = 24


@dataclass(frozen=True, kw_only=True)
class Mute:
    """A mute of one instrument in one mix: what the masks were sure of and what was reached, target and rest [2] dB."""

    exponent: float
    certain_db: np.ndarray
    reached_db: np.ndarray


class _Powers(PresenceMeter):
    """Keeps the power of a mix as it goes by."""

    def __init__(self, num_masks: int, grid: Grid) -> None:
        super().__init__(num_masks, grid)
        self.powers: list[np.ndarray] = []

    def add(self, masks: np.ndarray, power: np.ndarray, first_frame: int | None = None) -> None:
        """Take in the next frames."""
        self.powers.append(power.copy())


def heard_whole(separator: Separator, mix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks [N, R, T] of all known instruments in a mix [S], and its power [R, T] behind them."""
    heard = _Powers(len(separator.instruments), separator.mask_grid)
    blocks = separator.mask_blocks([mix], separator.instrument_queries, meter=heard)
    masks = np.concatenate([block.copy() for block in blocks], axis=-1)
    return masks, np.concatenate(heard.powers, axis=-1)


def mutes_of(separator: Separator, sources: np.ndarray, names: Sequence[str]) -> Iterator[Mute]:
    """Yield the mutes of each named source of sources [N, S]; one that the separator does not know is passed over."""
    grid = separator.mask_grid
    masks, power = heard_whole(separator, sources.sum(axis=0))
    for place, name in enumerate(names):
        if name not in separator.instruments:
            continue
        mask = masks[separator.instruments.index(name)]
        stored = unpack(pack(mask.clip(0, 1), _BITS, _EXPONENT), _BITS, mask.shape, _EXPONENT)
        meter = DepthMeter(1)
        meter.add(stored[None], power)
        parts = np.stack([sources[place], np.delete(sources, place, axis=0).sum(axis=0)])
        for exponent, certain_db in zip(EXPONENTS, meter.certain_db()[:, 0].T, strict=True):
            read = Masks(values=stored[None] ** np.float32(exponent), grid=grid)
            yield Mute(exponent=exponent, certain_db=certain_db, reached_db=_reached_db(parts, read))


def _reached_db(parts: np.ndarray, mask: Masks) -> np.ndarray:
    """Return by how much the levels of parts [2, S] change when what one mask takes of them is taken away."""
    smooth = zlbm(mask.values, decay_of(DEFAULT_SMOOTHING_S, mask.grid))[0]
    taken = filter_samples(torch.from_numpy(parts), torch.from_numpy(smooth), mask.grid.applied).numpy()
    before, after = (np.square(signal, dtype=np.float64).sum(axis=-1) for signal in (parts, parts - taken))
    return np.asarray(10 * np.log10(np.maximum(after, 1e-12) / np.maximum(before, 1e-12)))


def rows_of(certain_db: np.ndarray, reached_db: np.ndarray) -> list[dict[str, float]]:
    """Return a table of what was reached, a row for each eighth of the mutes by what the masks were sure of.

    What is reached never gets less where the masks get surer.
    """
    groups = np.array_split(np.argsort(certain_db), _NUM_ROWS)
    columns = {
        "certain_db": [certain_db[group].mean() for group in groups],
        "reached_db": [np.median(reached_db[group]) for group in groups],
        "deepest_db": [np.percentile(reached_db[group], _SHARES[0]) for group in groups],
        "least_db": [np.percentile(reached_db[group], _SHARES[1]) for group in groups],
    }
    steady = {name: np.maximum.accumulate(column).round(2).tolist() for name, column in columns.items()}
    return [dict(zip(steady, row, strict=True)) for row in zip(*steady.values(), strict=True)]


def main() -> None:
    """Measure, tell, and write the table."""
    parser = argparse.ArgumentParser(description="What a mute reaches beside what the masks promise.")
    parser.add_argument("--sounds", type=Path, required=True, help="folder of sounds with a split val")
    parser.add_argument("--pairs", type=int, default=75)
    parser.add_argument("--out", type=Path, default=MUTE_DEPTH)
    asked = parser.parse_args()
    separator = Separator.load(REFERENCE)
    sounds = [sound for sound in listed_sounds(asked.sounds) if sound.split == "val"]
    drawn = draw_sound_mixtures(sounds, ASKED_FOR, asked.pairs, seed=0)
    pairs = [mixture for mixture in drawn if mixture.material == "pair"]
    ensembles = [mixture for mixture in drawn if mixture.material == "ensemble"][:_MAX_ENSEMBLES]
    mutes: list[Mute] = []
    for mixture in [*pairs, *ensembles]:
        try:
            mutes += mutes_of(separator, read_sound_sources(mixture), mixture.instruments)
        except MediaError as error:
            say(f"Without {mixture.name}: {error}")
    certain, reached = (np.stack([getattr(mute, name) for mute in mutes]) for name in ("certain_db", "reached_db"))
    num = len(mutes) // len(EXPONENTS)
    say(f"{num} instruments in {len(pairs)} pairs and {len(ensembles)} stretches of ensembles\n")
    say(f"{'exponent':>8}{'sure of, dB':>14}{'reached, dB':>14}{'rest sure of':>14}{'rest, dB':>12}{'r':>8}")
    for exponent in EXPONENTS:
        own = np.array([mute.exponent == exponent for mute in mutes])
        said = [np.median(values) for part in (0, 1) for values in (certain[own, part], reached[own, part])]
        r = np.corrcoef(certain[own, 0], reached[own, 0])[0, 1]
        say(f"{exponent:8g}{said[0]:14.1f}{said[1]:14.1f}{said[2]:14.1f}{said[3]:12.1f}{r:8.2f}")
    errors = np.abs(reached[:, 0] - np.interp(certain[:, 0], *_columns(rows_of(certain[:, 0], reached[:, 0]))))
    middle, much = np.percentile(errors, [50, 90])
    say(f"\nwhat is told of a mute is off by {middle:.1f} dB in the median, by {much:.1f} dB or more in a tenth")
    table = {"mute": rows_of(certain[:, 0], reached[:, 0]), "rest": rows_of(certain[:, 1], reached[:, 1])}
    asked.out.write_text(json.dumps(table, indent=1) + "\n")


def _columns(rows: Sequence[dict[str, float]]) -> tuple[list[float], list[float]]:
    return [row["certain_db"] for row in rows], [row["reached_db"] for row in rows]


if __name__ == "__main__":
    main()
