"""Mix-and-separate examples: clips of different instruments, mixed, so that the true sources are known.

Everything in an example follows from the generator it is drawn with, so a run that stops can go on as if it had not.
Source: Zhao et al. 2018; Yang, Wei, Lerch 2020 (always different instruments, no clipping).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from varemix.errors import TrainingError
from varemix.media.clips import Clip, Stretch, draw_distinct, frames_around, read_stretch
from varemix.signal.spectrogram import RATE_HZ
from varemix.training.recipe import Recipe


def check_clips(clips: Sequence[Clip], recipe: Recipe, split: str) -> None:
    """Raise TrainingError unless the clips can be mixed as the recipe wants."""
    num_instruments = len({clip.instrument for clip in clips})
    if num_instruments < recipe.num_sources:
        raise TrainingError(
            f"The {split} split has usable clips of {num_instruments} instruments; recipe '{recipe.name}' mixes "
            f"{recipe.num_sources} different ones. Refresh the catalog with videos of more instruments."
        )


def draw_sources(clips: Sequence[Clip], recipe: Recipe, draw: np.random.Generator) -> list[Stretch]:
    """Return the sources of one example, no two of the same instrument."""
    return [_draw_stretch(clip, recipe, draw) for clip in draw_distinct(clips, recipe.num_sources, draw)]


def waves(examples: Sequence[Sequence[Stretch]], num_samples: int) -> Tensor:
    """Return the sources [B, N, S] of examples, each divided by N, so that their sum, the mix, does not clip."""
    read = [[read_stretch(stretch, num_samples) for stretch in sources] for sources in examples]
    return torch.from_numpy(np.array(read)) / len(examples[0])


def _draw_stretch(clip: Clip, recipe: Recipe, draw: np.random.Generator) -> Stretch:
    first = int(draw.integers(max(1, clip.num_samples - recipe.window_samples + 1)))
    middle_s = (first + min(recipe.window_samples, clip.num_samples) / 2) / RATE_HZ
    return Stretch(
        clip=clip,
        first_sample=first,
        volume=float(draw.uniform(*recipe.volume_range)),
        frames=frames_around(clip, middle_s, count=recipe.pictures_per_example, stride=recipe.picture_stride),
    )
