"""Mixtures of recordings to be separated again: pairs or more, drawn by seed from one split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varemix.errors import EvaluationError
from varemix.media.clips import Clip, Stretch, draw_distinct, frames_around, read_stretch
from varemix.signal.grid import RATE_HZ

MIXTURE_SAMPLES = 262_140
FRAMES_SHOWN, FRAME_STRIDE = 3, 12


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Stretches of 5.94 s, each of another instrument, to be mixed."""

    sources: tuple[Stretch, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        """The instruments, in the order of the sources."""
        return tuple(source.clip.instrument for source in self.sources)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return " + ".join(self.instruments)

    def others(self, source: int) -> tuple[str, ...]:
        """Return the instruments that one source is mixed with."""
        return self.instruments[:source] + self.instruments[source + 1 :]


def draw_mixtures(clips: Sequence[Clip], num_mixtures: int, *, num_sources: int = 2, seed: int) -> list[Mixture]:
    """Return the mixtures that the seed draws; each depends only on the seed and its number.

    Raises EvaluationError when the clips are not of so many instruments.
    """
    instruments = sorted({clip.instrument for clip in clips})
    if len(instruments) < num_sources:
        found = ", ".join(instruments) or "none"
        raise EvaluationError(
            f"Mixes of {num_sources} sources need clips of {num_sources} instruments; this split has {found}. "
            "Refresh the catalog, or choose another split or fewer sources."
        )
    draws = (np.random.default_rng([seed, number]) for number in range(num_mixtures))
    return [_draw_mixture(clips, num_sources, draw) for draw in draws]


def read_sources(mixture: Mixture) -> np.ndarray:
    """Return the sources [N, S] as they stand in the mix, which is their sum: each divided by N."""
    return np.stack([read_stretch(source, MIXTURE_SAMPLES) for source in mixture.sources]) / len(mixture.sources)


def _draw_mixture(clips: Sequence[Clip], num_sources: int, draw: np.random.Generator) -> Mixture:
    chosen = draw_distinct(clips, num_sources, draw)
    return Mixture(sources=tuple(_draw_stretch(clip, draw) for clip in chosen))


def _draw_stretch(clip: Clip, draw: np.random.Generator) -> Stretch:
    first = int(draw.integers(max(1, clip.num_samples - MIXTURE_SAMPLES + 1)))
    middle_s = (first + min(MIXTURE_SAMPLES, clip.num_samples) / 2) / RATE_HZ
    return Stretch(
        clip=clip,
        first_sample=first,
        volume=1.0,
        frames=frames_around(clip, middle_s, count=FRAMES_SHOWN, stride=FRAME_STRIDE),
    )
