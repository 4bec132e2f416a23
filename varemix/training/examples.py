"""Mix-and-separate examples: clips of different instruments, mixed, so that the true sources are known.

Everything in an example follows from the generator it is drawn with, so a run that stops can go on as if it had not,
and several processes can draw their parts of one batch.
Source: Zhao et al. 2018; Yang, Wei, Lerch 2020 (always different instruments, no clipping).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from varemix.errors import TrainingError
from varemix.media.clips import Clip, draw_distinct, frames_around
from varemix.signal.grid import RATE_HZ
from varemix.training.recipe import Recipe
from varemix.training.recordings import Recordings

_LEVELLED_RMS, _SILENT_RMS, _MOST_LEVELLING = 0.08, 1e-3, 4.0


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A part of a recording: `speed` times faster, and so higher, at a volume that may be below 0."""

    clip: Clip
    first_sample: int
    speed: float
    volume: float
    is_levelled: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """One instrument of a mix; a silent one has no voices. `frames` are shown for it where it is asked for itself."""

    instrument: str
    voices: tuple[Voice, ...]
    clip: Clip
    frames: tuple[int, ...]


def check_clips(clips: Sequence[Clip], recipe: Recipe, split: str) -> None:
    """Raise TrainingError unless the clips can be mixed as the recipe wants."""
    num_instruments = len({clip.instrument for clip in clips})
    if num_instruments < min(recipe.num_sources, 2):
        raise TrainingError(
            f"The {split} split has usable clips of {num_instruments} instruments; recipe '{recipe.name}' mixes "
            f"different ones. Refresh the catalog with videos of more instruments."
        )


def draw_sources(clips: Sequence[Clip], recipe: Recipe, draw: np.random.Generator, *, is_changed: bool) -> list[Source]:
    """Return the sources of one example, no two of the same instrument; those beyond the mix's number are silent.

    `is_changed` says whether volume and augmentation are drawn too, as they are for learning, not for validation.
    """
    most = min(recipe.num_sources, len({clip.instrument for clip in clips}))
    chosen = draw_distinct(clips, most, draw)
    odds = np.array(recipe.source_odds[:most])
    num_sounding = 1 + int(draw.choice(most, p=odds / odds.sum()))
    sources = [_draw_source(clip, clips, recipe, draw, is_changed=is_changed) for clip in chosen]
    return [source if place < num_sounding else replace(source, voices=()) for place, source in enumerate(sources)]


def _draw_source(
    clip: Clip, clips: Sequence[Clip], recipe: Recipe, draw: np.random.Generator, *, is_changed: bool
) -> Source:
    """Return a sounding source: a stretch of the clip, and now and then of another of its instrument too."""
    voice = _draw_voice(clip, recipe, draw, is_changed=is_changed)
    middle_s = (voice.first_sample + min(recipe.window_samples, clip.num_samples) / 2) / RATE_HZ
    frames = frames_around(clip, middle_s, count=recipe.pictures_per_example, stride=recipe.picture_stride)
    voices = [voice]
    if draw.random() < recipe.augmentation.doubled_share and is_changed:
        same = [member for member in clips if member.instrument == clip.instrument]
        voices.append(_draw_voice(same[draw.integers(len(same))], recipe, draw, is_changed=is_changed))
    return Source(instrument=clip.instrument, voices=tuple(voices), clip=clip, frames=frames)


def wave_of(source: Source, recordings: Recordings, num_samples: int) -> Tensor:
    """Return the source's samples [S]."""
    total = torch.zeros(num_samples)
    for voice in source.voices:
        read = recordings.stretch(voice.clip, voice.first_sample, round(num_samples * voice.speed))
        samples = _brought_to(num_samples, torch.from_numpy(read))
        total += voice.volume * (_levelling(samples) if voice.is_levelled else 1.0) * samples
    return total


def _draw_voice(clip: Clip, recipe: Recipe, draw: np.random.Generator, *, is_changed: bool) -> Voice:
    first = int(draw.integers(max(1, clip.num_samples - recipe.window_samples + 1)))
    if not is_changed:
        return Voice(clip=clip, first_sample=first, speed=1.0, volume=1.0, is_levelled=False)
    change = recipe.augmentation
    return Voice(
        clip=clip,
        first_sample=first,
        volume=float(draw.uniform(*recipe.volume_range)),
        speed=float(2 ** (draw.uniform(-1, 1) * change.pitch_semitones / 12)),
        is_levelled=bool(draw.random() < change.levelled_share),
    )


def _brought_to(num_samples: int, samples: Tensor) -> Tensor:
    """Return the samples played faster or slower, so that they are as many as wanted."""
    if len(samples) == num_samples:
        return samples
    line = samples[None, None]
    return functional.interpolate(line, size=num_samples, mode="linear", align_corners=True)[0, 0]


def _levelling(samples: Tensor) -> float:
    """Return the factor that brings samples to one loudness; near silence stays near silence."""
    rms = float(samples.square().mean().sqrt())
    return min(_LEVELLED_RMS / rms, _MOST_LEVELLING) if rms > _SILENT_RMS else 1.0
