"""Mix-and-separate examples: clips of different instruments, mixed, so that the true sources are known.

Everything in an example follows from the generator it is drawn with, so a run that stops can go on as if it had not,
and several processes can draw their parts of one batch.
Source: Zhao et al. 2018; Yang, Wei, Lerch 2020 (always different instruments, no clipping).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from varemix.errors import TrainingError
from varemix.media.clips import Clip, draw_distinct, frames_around
from varemix.signal.spectrogram import RATE_HZ
from varemix.training.recipe import Augmentation, Recipe
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
    change = recipe.augmentation if is_changed else Augmentation()
    sources = []
    for place, clip in enumerate(chosen):
        first = _draw_first(clip, recipe.window_samples, draw)
        middle_s = (first + min(recipe.window_samples, clip.num_samples) / 2) / RATE_HZ
        frames = frames_around(clip, middle_s, count=recipe.pictures_per_example, stride=recipe.picture_stride)
        voices = [_draw_voice(clip, first, recipe, change, draw, is_changed=is_changed)]
        if draw.random() < change.doubled_share:
            other = [member for member in clips if member.instrument == clip.instrument]
            second = other[draw.integers(len(other))]
            begin = _draw_first(second, recipe.window_samples, draw)
            voices.append(_draw_voice(second, begin, recipe, change, draw, is_changed=is_changed))
        is_sounding = place < num_sounding
        sources.append(
            Source(instrument=clip.instrument, voices=tuple(voices) if is_sounding else (), clip=clip, frames=frames)
        )
    return sources


def wave_of(source: Source, recordings: Recordings, num_samples: int) -> Tensor:
    """Return the source's samples [S]."""
    total = torch.zeros(num_samples)
    for voice in source.voices:
        samples = torch.from_numpy(recordings.stretch(voice.clip, voice.first_sample, round(num_samples * voice.speed)))
        if voice.speed != 1:
            samples = functional.interpolate(samples[None, None], size=num_samples, mode="linear", align_corners=True)[
                0, 0
            ]
        total += voice.volume * (_levelling(samples) if voice.is_levelled else 1.0) * samples
    return total


def _draw_first(clip: Clip, num_samples: int, draw: np.random.Generator) -> int:
    return int(draw.integers(max(1, clip.num_samples - num_samples + 1)))


def _draw_voice(
    clip: Clip, first: int, recipe: Recipe, change: Augmentation, draw: np.random.Generator, *, is_changed: bool
) -> Voice:
    volume = float(draw.uniform(*recipe.volume_range)) if is_changed else 1.0
    semitones = draw.uniform(-1, 1) * change.pitch_semitones
    return Voice(
        clip=clip,
        first_sample=first,
        speed=float(2 ** (semitones / 12)),
        volume=volume,
        is_levelled=bool(draw.random() < change.levelled_share),
    )


def _levelling(samples: Tensor) -> float:
    """Return the factor that brings samples to one loudness; near silence stays near silence."""
    rms = float(samples.square().mean().sqrt())
    return min(_LEVELLED_RMS / rms, _MOST_LEVELLING) if rms > _SILENT_RMS else 1.0
