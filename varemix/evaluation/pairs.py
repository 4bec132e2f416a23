"""Pairs of recordings to be mixed and separated again, drawn by seed from one split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varemix.errors import EvaluationError
from varemix.media.clips import Clip, Stretch, draw_distinct, frames_around, read_stretch
from varemix.signal.spectrogram import RATE_HZ

PAIR_SAMPLES = 262_140
FRAMES_SHOWN, FRAME_STRIDE = 3, 12


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two stretches of 5.94 s, of different instruments, to be mixed."""

    sources: tuple[Stretch, Stretch]

    @property
    def instruments(self) -> tuple[str, str]:
        """The two instruments."""
        first, second = self.sources
        return first.clip.instrument, second.clip.instrument


def draw_pairs(clips: Sequence[Clip], num_pairs: int, *, seed: int) -> list[Pair]:
    """Return the pairs that the seed draws; each pair depends only on the seed and its number.

    Raises EvaluationError when the clips are not of at least two instruments.
    """
    instruments = sorted({clip.instrument for clip in clips})
    if len(instruments) < 2:
        found = ", ".join(instruments) or "none"
        raise EvaluationError(
            f"Pairs need clips of two instruments; this split has {found}. "
            "Refresh the catalog, or choose another split."
        )
    return [_draw_pair(clips, np.random.default_rng([seed, number])) for number in range(num_pairs)]


def read_sources(pair: Pair) -> np.ndarray:
    """Return the two sources [N, S] as they stand in the mix, which is their sum: each divided by N."""
    return np.stack([read_stretch(source, PAIR_SAMPLES) for source in pair.sources]) / len(pair.sources)


def _draw_pair(clips: Sequence[Clip], draw: np.random.Generator) -> Pair:
    first, second = (_draw_stretch(clip, draw) for clip in draw_distinct(clips, 2, draw))
    return Pair(sources=(first, second))


def _draw_stretch(clip: Clip, draw: np.random.Generator) -> Stretch:
    first = int(draw.integers(max(1, clip.num_samples - PAIR_SAMPLES + 1)))
    middle_s = (first + min(PAIR_SAMPLES, clip.num_samples) / 2) / RATE_HZ
    return Stretch(
        clip=clip,
        first_sample=first,
        volume=1.0,
        frames=frames_around(clip, middle_s, count=FRAMES_SHOWN, stride=FRAME_STRIDE),
    )
