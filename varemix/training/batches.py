"""Batches of examples, drawn by seed and place, read ahead while the device is at work."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from varemix.media.clips import Clip
from varemix.training.augmentation import Changes, draw_changes
from varemix.training.examples import Source, draw_sources, wave_of
from varemix.training.pictures import PictureBook
from varemix.training.recipe import Augmentation, Recipe
from varemix.training.recordings import Recordings

_KINDS = {"train": 0, "val": 1}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples: waves [B, N, S], what is shown for their queries [B, Q, P, ...], labels [B, N], and changes."""

    waves: Tensor
    shown: Tensor
    labels: Tensor
    changes: tuple[Changes, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a run a batch stands: `split` "train" or "val", its number, and which of its examples are wanted."""

    split: str
    number: int
    examples: range


class BatchMaker:
    """Makes the batch of any place; the same one for the same seed."""

    def __init__(self, recipe: Recipe, clips: Mapping[str, Sequence[Clip]], book: PictureBook) -> None:
        self._recipe, self._clips, self._book = recipe, clips, book
        self._recordings = Recordings()
        self._labels = {name: place for place, name in enumerate(sorted({clip.instrument for clip in clips["train"]}))}

    def make(self, place: Place) -> Batch:
        """Return the batch. Raises MediaError when a recording or a frame cannot be read."""
        examples = [self._example(place, number) for number in place.examples]
        waves, shown, labels, changes = zip(*examples, strict=True)
        return Batch(
            waves=torch.stack(waves), shown=torch.stack(shown), labels=torch.stack(labels), changes=tuple(changes)
        )

    def _example(self, place: Place, number: int) -> tuple[Tensor, Tensor, Tensor, Changes]:
        draw = np.random.default_rng([self._recipe.seed, _KINDS[place.split], place.number, number])
        is_learning = place.split == "train"
        sources = draw_sources(self._clips[place.split], self._recipe, draw, is_changed=is_learning)
        shown = self._book.show(sources, draw, is_learning=is_learning)
        change = self._recipe.augmentation if is_learning else Augmentation()
        waves = [wave_of(source, self._recordings, self._recipe.window_samples) for source in sources]
        level = 10 ** (draw.uniform(*change.level_db) / 20)
        changes = draw_changes(change, self._recipe.separator.grid, len(sources), draw)
        audible = {place: echoes for place, echoes in changes.echoes.items() if sources[place].voices}
        return (
            torch.stack(waves) * (level / len(sources)),
            shown,
            torch.tensor(self._labels_of(sources)),
            replace(changes, echoes=audible),
        )

    def _labels_of(self, sources: Sequence[Source]) -> list[int]:
        """Return which query asks for each source."""
        if self._recipe.asked == "sources":
            return list(range(len(sources)))
        return [self._labels[source.instrument] for source in sources]


def batches_at(maker: BatchMaker, places: Iterator[Place], *, reads_ahead: bool) -> Iterator[Batch]:
    """Yield the batches of the places in order; reading ahead, the next one is made while this one is in use.

    That helps where the device is not the processor that reads.
    """
    if not reads_ahead:
        yield from map(maker.make, places)
        return
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = (reader.submit(maker.make, place) for place in places)
        upcoming = next(coming, None)
        while upcoming is not None:
            current, upcoming = upcoming, next(coming, None)
            yield current.result()
