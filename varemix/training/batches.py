"""Batches of examples, drawn by seed and place, read ahead while the device is at work.

A batch is numbers only: which recordings sound from where on, and what is changed. The sound is made on the device.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from varemix.training.augmentation import Changes, draw_changes
from varemix.training.book import PictureBook
from varemix.training.examples import Pool, Source, draw_sources
from varemix.training.recipe import Augmentation, Recipe
from varemix.training.soundbank import Recording, Voices

_KINDS = {"train": 0, "val": 1}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B examples of up to N sources each, of which A sound, with V voices.

    `is_sounding` [B, N] says which sound; of those, in order, `volumes` [A] and `is_levelled` [A]. Of the voices
    `voice_volumes` [V] and `source_of_voice` [V], a place in A. `shown` [B, Q, P, ...] is what is asked with, `labels`
    [B, N] which of these asks for which source: -1 where none does. `changes` are None for validation.
    """

    is_sounding: Tensor
    volumes: Tensor
    is_levelled: Tensor
    voices: Voices
    voice_volumes: Tensor
    source_of_voice: Tensor
    shown: Tensor
    labels: Tensor
    changes: Changes | None

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        parts: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {name: part if part is None else part.to(device) for name, part in parts.items()}
        return Batch(**moved)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a run a batch stands: `split` "train" or "val", its number, and which of its examples are wanted."""

    split: str
    number: int
    examples: range


@dataclass(frozen=True, kw_only=True)
class _Example:
    sources: Sequence[Source]
    level: float
    shown: Tensor
    changes: Changes


class BatchMaker:
    """Makes the batch of any place; the same one for the same seed."""

    def __init__(self, recipe: Recipe, recordings: Sequence[Recording], book: PictureBook) -> None:
        self._recipe, self._book = recipe, book
        self._pools = {
            split: Pool([one for one in recordings if one.split == split], recipe) for split in ("train", "val")
        }
        self._labels = {name: place for place, name in enumerate(book.instruments)}

    def make(self, place: Place) -> Batch:
        """Return the batch."""
        examples = [self._example(place, number) for number in place.examples]
        sources = [source for example in examples for source in example.sources]
        levels = [example.level * source.volume for example in examples for source in example.sources]
        voices = [voice for source in sources for voice in source.voices]
        counts = torch.tensor([len(example.sources) for example in examples])
        return Batch(
            is_sounding=torch.arange(self._recipe.num_sources) < counts[:, None],
            volumes=torch.tensor(levels, dtype=torch.float32),
            is_levelled=torch.tensor([source.is_levelled for source in sources]),
            voices=Voices(
                first=torch.tensor([voice.recording.first_sample for voice in voices]),
                limit=torch.tensor([voice.limit for voice in voices]),
                offset=torch.tensor([voice.offset for voice in voices], dtype=torch.float64),
                speed=torch.tensor([voice.speed for voice in voices], dtype=torch.float64),
            ),
            voice_volumes=torch.tensor([voice.volume for voice in voices], dtype=torch.float32),
            source_of_voice=torch.tensor([place for place, source in enumerate(sources) for _ in source.voices]),
            shown=torch.stack([example.shown for example in examples]),
            labels=torch.tensor([self._labels_of(example.sources) for example in examples]),
            changes=Changes.stacked([example.changes for example in examples]) if place.split == "train" else None,
        )

    def _example(self, place: Place, number: int) -> _Example:
        draw = np.random.default_rng([self._recipe.seed, _KINDS[place.split], place.number, number])
        is_learning = place.split == "train"
        sources = draw_sources(self._pools[place.split], self._recipe, draw, is_changed=is_learning)
        shown = self._book.show(sources, draw, is_learning=is_learning)
        if self._recipe.asked == "sources":  # nothing asks for those that do not sound
            shown = torch.cat([shown, shown.new_zeros(self._recipe.num_sources - len(sources), *shown.shape[1:])])
        change = self._recipe.augmentation if is_learning else Augmentation()
        level = 10 ** (draw.uniform(*change.level_db) / 20) / self._recipe.num_sources
        changes = draw_changes(change, self._recipe.num_sources, draw)
        return _Example(sources=sources, level=level, shown=shown, changes=changes)

    def _labels_of(self, sources: Sequence[Source]) -> list[int]:
        """Return which query asks for each source."""
        silent = [-1] * (self._recipe.num_sources - len(sources))
        if self._recipe.asked == "sources":
            return [*range(len(sources)), *silent]
        return [*(self._labels.get(source.label, -1) for source in sources), *silent]


def batches_at(maker: BatchMaker, places: Iterator[Place], *, reads_ahead: bool) -> Iterator[Batch]:
    """Yield the batches of the places in order; reading ahead, the next one is made while this one is in use.

    That helps where the device is not the processor that draws.
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
