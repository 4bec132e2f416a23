"""What the vision network is shown during training: decoded frames, or features kept of pictures.

A trunk that learns must look at every picture anew, each time cut and mirrored differently; frames are decoded once,
into one file that is mapped into memory. A frozen trunk gives the same features each time, so they are computed once,
for random views of the clips' frames and of photographs. Either file lies in the run's folder and serves again when
the run goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image
from safetensors.torch import save_file
from torch import Tensor

from varemix.media.clips import Clip, decoded_frames
from varemix.media.pictures import read_picture
from varemix.model.queries import middle, normalised, picture_tensor
from varemix.model.separator import Separator
from varemix.training.book import PictureBook
from varemix.training.examples import Source
from varemix.training.kept_features import KeptFeatures
from varemix.training.material import Photos
from varemix.training.recipe import Recipe
from varemix.training.views import picture_of_nothing, random_view

_SPARE = 1.1  # frames are decoded so much larger than they are shown, to be cut at random
_NUM_NOTHINGS = 96
_QUERY_PICTURES_PER_CLIP = 8
_PICTURES_AT_ONCE = 16


def open_book(
    recipe: Recipe, separator: Separator, clips: Mapping[str, Sequence[Clip]], photos: Photos, folder: Path
) -> PictureBook:
    """Return the book that the recipe asks for, of the clips of "train" and "val"."""
    if recipe.trunk_rate > 0:
        return FreshPictures(recipe, separator, clips, folder / "frames.npy")
    path = folder / "features.safetensors"
    if not path.exists():
        _save(path, dict(_features(recipe, separator, clips, photos)))
    return KeptFeatures(recipe, separator, path)


class FreshPictures:
    """Decoded frames of every clip, cut and mirrored at random for learning, shown for the clip's own sound."""

    def __init__(self, recipe: Recipe, separator: Separator, clips: Mapping[str, Sequence[Clip]], path: Path) -> None:
        self._separator, self._clips = separator, clips["train"]
        every = [*clips["train"], *clips["val"]]
        self.instruments: Sequence[str] = ()
        self._pixels = separator.vision.pixels
        self._kept = {clip.clip_id: spread(clip.num_frames, recipe.pictures_per_clip) for clip in every}
        counts = [len(self._kept[clip.clip_id]) for clip in every]
        self._first = dict(zip(self._kept, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
        if not path.exists():
            _decode(every, self._kept, round(_SPARE * self._pixels), path)
        self._frames = np.load(path, mmap_mode="r")

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        """Return pictures [N, P, 3, H, W] in 0..255, the same cut for all pictures of a source."""
        return torch.stack([self._cut(source, draw, is_learning=is_learning) for source in sources])

    def queries(self, shown: Tensor) -> Tensor:
        """Return the queries [B, N, K] of pictures [B, N, P, 3, H, W]."""
        seen: Tensor = self._separator.vision(normalised(shown.flatten(0, 1).float()))
        return seen.unflatten(0, shown.shape[:2])

    def instrument_queries(self) -> dict[str, Tensor]:
        """Return each instrument's own query [K]: the mean of those of single frames of its training clips."""
        return mean_clip_queries(self._separator, self._clips, _QUERY_PICTURES_PER_CLIP)

    def _cut(self, source: Source, draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        clip_id = source.recording.group
        kept = self._kept[clip_id]
        nearest = np.abs(kept[:, None] - np.array(source.frames)).argmin(axis=0)
        pictures = self._frames[self._first[clip_id] + nearest]
        spare = pictures.shape[1] - self._pixels
        left, top = draw.integers(spare + 1, size=2) if is_learning else (spare // 2, spare // 2)
        cut = pictures[:, top : top + self._pixels, left : left + self._pixels]
        is_mirrored = is_learning and draw.random() < 0.5
        return torch.from_numpy(np.ascontiguousarray(cut[:, :, ::-1] if is_mirrored else cut)).permute(0, 3, 1, 2)


def spread(num_frames: int, wanted: int) -> np.ndarray:
    """Return so many frames spread evenly over a clip's, or all of them if it has fewer."""
    if num_frames <= wanted:
        return np.arange(num_frames)
    return np.unique(np.linspace(0, num_frames - 1, wanted + 2).round().astype(int)[1:-1])


@torch.no_grad()
def mean_clip_queries(separator: Separator, clips: Sequence[Clip], pictures_per_clip: int) -> dict[str, Tensor]:
    """Return each instrument's own query [K]: the mean of the queries of single frames of its clips."""
    queries: dict[str, list[Tensor]] = {}
    for clip in clips:
        images = decoded_frames(clip, spread(clip.num_frames, pictures_per_clip).tolist())
        queries.setdefault(clip.instrument, []).append(separator.queries(images))
    return {name: torch.cat(group).mean(dim=0) for name, group in queries.items()}


def _decode(clips: Sequence[Clip], kept: Mapping[str, np.ndarray], pixels: int, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.new")
    shape = (sum(len(kept[clip.clip_id]) for clip in clips), pixels, pixels, 3)
    frames = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
    place = 0
    for clip in clips:
        for picture in decoded_frames(clip, kept[clip.clip_id].tolist()):
            frames[place] = np.asarray(middle(picture, pixels))
            place += 1
    frames.flush()
    temporary.replace(path)


def _features(
    recipe: Recipe,
    separator: Separator,
    clips: Mapping[str, Sequence[Clip]],
    photos: Photos,
) -> Iterator[tuple[str, Tensor]]:
    """Yield features [pictures, views, D] by split and instrument, by clip, and of nothing."""
    instruments = sorted({clip.instrument for clip in clips["train"]})
    for split in ("train", "val"):
        num_views = recipe.picture_views if split == "train" else 1
        for name in instruments:
            parts = []
            for clip in (clip for clip in clips[split] if clip.instrument == name):
                frames = decoded_frames(clip, spread(clip.num_frames, recipe.pictures_per_clip).tolist())
                parts.append(_looked_at(separator, frames, num_views, recipe.seed))
                if recipe.asked == "sources":
                    yield f"clip/{clip.clip_id}", parts[-1]
            if split == "train":
                parts += [
                    _looked_at(separator, [read_picture(path)], num_views, recipe.seed) for path in photos.get(name, [])
                ]
            if parts:
                yield f"{split}/{name}", torch.cat(parts)
    draw = np.random.default_rng(recipe.seed)
    yield "nothing", _looked_at(separator, [picture_of_nothing(draw) for _ in range(_NUM_NOTHINGS)], 1, recipe.seed)


@torch.inference_mode()
def _looked_at(separator: Separator, pictures: Sequence[Image], num_views: int, seed: int) -> Tensor:
    """Return the trunk's features [pictures, views, D], in half precision; the first view is the picture as it is."""
    was_training = separator.training
    separator.eval()
    draw = np.random.default_rng(seed)
    views = [
        view for picture in pictures for view in [picture, *(random_view(picture, draw) for _ in range(num_views - 1))]
    ]
    features = []
    for first in range(0, len(views), _PICTURES_AT_ONCE):
        some = views[first : first + _PICTURES_AT_ONCE]
        vision = separator.vision
        tensors = torch.stack([picture_tensor(view, vision.framing, vision.pixels) for view in some])
        features.append(separator.vision.features(tensors.to(separator.device)[None])[0].cpu().half())
    separator.train(was_training)
    return torch.cat(features).unflatten(0, (len(pictures), num_views))


def _save(path: Path, features: dict[str, Tensor]) -> None:
    temporary = path.with_name(f".{path.name}.new")
    save_file(features, temporary)
    temporary.replace(path)
