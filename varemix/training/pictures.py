"""What the vision network is shown during training: fresh frames, or features kept of a few.

A trunk that learns must look at every picture anew, each time cut and mirrored differently. A frozen trunk gives the
same features each time, so they are computed once for some frames of every clip.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from varemix.media.clips import Clip, Stretch, decoded_frames
from varemix.model.queries import middle_tensor, random_tensors
from varemix.model.separator import Separator
from varemix.training.recipe import Recipe


class PictureBook(Protocol):
    """Gives the queries of the sources of a batch."""

    def queries(self, sources: Sequence[Stretch], draw: np.random.Generator) -> Tensor:
        """Return one query [B, K] for each source."""


def open_book(recipe: Recipe, separator: Separator, clips: Sequence[Clip]) -> PictureBook:
    """Return the book that the recipe asks for."""
    if recipe.pictures_per_clip is not None:
        return KeptFeatures(separator, clips, recipe.pictures_per_clip)
    return FreshPictures(separator)


class FreshPictures:
    """Frames decoded for each example, cut and mirrored at random while the separator is training."""

    def __init__(self, separator: Separator) -> None:
        self.separator = separator

    def queries(self, sources: Sequence[Stretch], draw: np.random.Generator) -> Tensor:
        """Return one query [B, K] for each source, made of all its frames."""
        clips = [self._tensors(source, draw) for source in sources]
        seen: Tensor = self.separator.vision(torch.stack(clips).to(self.separator.device))
        return seen

    def _tensors(self, source: Stretch, draw: np.random.Generator) -> Tensor:
        images = decoded_frames(source.clip, source.frames)
        if self.separator.training:
            return random_tensors(images, draw)
        return torch.stack([middle_tensor(image) for image in images])


class KeptFeatures:
    """Features of a few evenly spaced frames of every clip, from a trunk that does not learn."""

    def __init__(self, separator: Separator, clips: Sequence[Clip], pictures_per_clip: int) -> None:
        self.separator = separator
        self.features = {clip.clip_id: clip_features(separator, clip, pictures_per_clip) for clip in clips}

    def queries(self, sources: Sequence[Stretch], draw: np.random.Generator) -> Tensor:
        """Return one query [B, K] for each source, made of as many kept pictures as it has frames."""
        picked = []
        for source in sources:
            kept = self.features[source.clip.clip_id]
            picked.append(kept[draw.integers(len(kept), size=len(source.frames))])
        return self.separator.vision.queries(torch.stack(picked))


@torch.no_grad()
def clip_features(separator: Separator, clip: Clip, num_pictures: int) -> Tensor:
    """Return the trunk's features [P, ...] of evenly spaced frames of the clip, and of their mirror images."""
    was_training = separator.training
    separator.eval()
    frames = np.unique(np.linspace(0, clip.num_frames - 1, num_pictures + 2).round().astype(int)[1:-1])
    images = torch.stack([middle_tensor(image) for image in decoded_frames(clip, frames.tolist())])
    both = torch.cat([images, images.flip(-1)]).to(separator.device)
    features = separator.vision.features(both[None])[0]
    separator.train(was_training)
    return features


@torch.no_grad()
def instrument_queries(separator: Separator, clips: Sequence[Clip], pictures_per_clip: int) -> dict[str, Tensor]:
    """Return each instrument's own query [K]: the mean of the queries of single frames of its clips."""
    queries: dict[str, list[Tensor]] = {}
    for clip in clips:
        features = clip_features(separator, clip, pictures_per_clip)
        queries.setdefault(clip.instrument, []).append(separator.vision.queries(features[:, None]))
    return {name: torch.cat(group).mean(dim=0) for name, group in queries.items()}
