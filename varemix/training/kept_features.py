"""Features that a frozen trunk has of pictures, kept in one file, so that each picture is looked at once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from varemix.model.separator import Separator
from varemix.model.vision import Standardise
from varemix.training.examples import Source
from varemix.training.recipe import Recipe


class KeptFeatures:
    """Features that a frozen trunk has of frames, photographs and pictures of nothing, in several views each.

    For learning a picture is any of its instrument in any view, for validation any of its instrument in the validation
    clips as it is. Where sources are asked for themselves, it is one of their own clip.
    """

    def __init__(self, recipe: Recipe, separator: Separator, path: Path) -> None:
        self._recipe, self._separator = recipe, separator
        self._features = load_file(path)
        splits = (name.partition("/") for name in self._features)
        self.instruments: Sequence[str] = sorted(name for split, _, name in splits if split == "train")
        for module in separator.vision.head.modules():
            if isinstance(module, Standardise):
                module.learn(torch.cat([self._of("train", name).flatten(0, 1) for name in self.instruments]).float())

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        """Return features [Q, P, D]: of the sources, or of all instruments and of nothing."""
        if self._recipe.asked == "sources":
            every = [self._features[f"clip/{source.recording.group}"] for source in sources]
        else:
            split = "train" if is_learning else "val"
            every = [self._of(split, name) for name in self.instruments] + [self._features["nothing"]]
        return torch.stack([self._pick(views, draw, is_learning=is_learning) for views in every])

    def queries(self, shown: Tensor) -> Tensor:
        """Return the queries [B, Q, K] of features [B, Q, P, D]."""
        return self._separator.vision.queries(shown.flatten(0, 1).float()).unflatten(0, shown.shape[:2])

    @torch.no_grad()
    def instrument_queries(self) -> dict[str, Tensor]:
        """Return each instrument's own query [K]: the mean of the queries of its training pictures as they are."""
        device = self._separator.device
        plain = {name: self._of("train", name)[:, :1].to(device).float() for name in self.instruments}
        return {name: self._separator.vision.queries(pictures).mean(dim=0) for name, pictures in plain.items()}

    def _of(self, split: str, instrument: str) -> Tensor:
        """Return an instrument's features [pictures, views, D]; without validation clips of it, those learnt from."""
        return self._features.get(f"{split}/{instrument}", self._features[f"train/{instrument}"])

    def _pick(self, views: Tensor, draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        pictures = draw.integers(len(views), size=self._recipe.pictures_per_example)
        chosen = draw.integers(views.shape[1] if is_learning else 1, size=len(pictures))
        return views[torch.from_numpy(pictures), torch.from_numpy(chosen)]
