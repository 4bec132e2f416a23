"""Batches: they follow from seed and place alone, whoever makes them and in which parts."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.solos import Solos
from tests.varemix.training.sounding import filmed, recording
from varemix.training.batches import Batch, BatchMaker, Place, batches_at
from varemix.training.examples import Source
from varemix.training.recipe import Asked, Augmentation, Recipe, Shares
from varemix.training.soundbank import VIDEO, Recording

NAMES = ("flute", "tuba", "violin", "xylophone")
CHANGES = Augmentation(
    pitch_semitones=2, equaliser_db=3, room_share=0.5, doubled_share=0.5, noise_share=0.5, levelled_share=0.5
)


class Notebook:
    """A picture book that notes whom it is asked about and shows a number drawn for each that asks."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.instruments: Sequence[str] = NAMES
        self.sources: list[Sequence[Source]] = []

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> torch.Tensor:
        self.sources.append(sources)
        asking = sources if self._asked == "sources" else self.instruments
        return torch.from_numpy(draw.random((len(asking), 1, 1))) + (10 if is_learning else 0)

    def queries(self, shown: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def instrument_queries(self) -> dict[str, torch.Tensor]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def recordings(four_instruments: Solos) -> list[Recording]:
    """Return the recordings of clips of four instruments."""
    return filmed(four_instruments)


@pytest.fixture
def changing(recipe: Recipe) -> Recipe:
    """Return a recipe that draws all there is to draw, of three sources each time."""
    return replace(recipe, asked="sources", source_odds=(0.2, 0.5, 0.3), augmentation=CHANGES)


def maker(recipe: Recipe, recordings: Sequence[Recording], book: Notebook | None = None) -> BatchMaker:
    return BatchMaker(recipe, recordings, book or Notebook(recipe.asked))


def place(number: int, *, split: str = "train", examples: range = range(4)) -> Place:
    return Place(split=split, number=number, examples=examples)


def numbers_of(part: Any, name: str = "batch") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield all tensors of a batch and of what it holds, by name."""
    if isinstance(part, torch.Tensor):
        yield name, part
    elif part is not None:
        for field in fields(part):
            yield from numbers_of(getattr(part, field.name), field.name)


def assert_same(one: Batch, other: Batch) -> None:
    pairs = list(zip(numbers_of(one), numbers_of(other), strict=True))
    assert len(pairs) > 10
    for (name, value), (_, twin) in pairs:
        assert torch.equal(value, twin), name


def are_same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for (_, a), (_, b) in zip(numbers_of(one), numbers_of(other), strict=True))


def test_the_same_place_has_the_same_batch_and_every_other_another(
    changing: Recipe, recordings: list[Recording]
) -> None:
    once, again = (maker(changing, recordings).make(place(3)) for _ in range(2))
    assert_same(once, again)
    others = [maker(changing, recordings).make(place(4)), maker(replace(changing, seed=1), recordings).make(place(3))]
    assert not any(are_same(once, other) for other in others)
    validated = maker(changing, recordings).make(place(3, split="val"))
    assert validated.changes is None
    assert not torch.equal(once.voices.offset, validated.voices.offset)
    assert len({offset.item() for offset in once.voices.offset}) > 4


def test_two_halves_are_the_whole(changing: Recipe, recordings: list[Recording]) -> None:
    whole = maker(changing, recordings).make(place(0))
    first, second = (maker(changing, recordings).make(place(0, examples=part)) for part in (range(2), range(2, 4)))
    for (name, value), (_, one), (_, other) in zip(*map(numbers_of, (whole, first, second)), strict=True):
        moved = len(first.volumes) if name == "source_of_voice" else 0
        assert torch.equal(value, torch.cat([one, other + moved] if moved else [one, other])), name


def test_a_batch_tells_which_sources_sound_and_which_voices_are_theirs(
    changing: Recipe, recordings: list[Recording]
) -> None:
    book = Notebook(changing.asked)
    batch = maker(changing, recordings, book).make(place(0))
    sources = [source for example in book.sources for source in example]
    voices = [voice for source in sources for voice in source.voices]
    assert batch.is_sounding.tolist() == [[n < len(example) for n in range(3)] for example in book.sources]
    assert batch.is_levelled.tolist() == [source.is_levelled for source in sources]
    assert batch.source_of_voice.tolist() == [n for n, source in enumerate(sources) for _ in source.voices]
    assert batch.voice_volumes.tolist() == pytest.approx([voice.volume for voice in voices])
    told = zip(
        *(part.tolist() for part in (batch.voices.first, batch.voices.limit, batch.voices.offset, batch.voices.speed)),
        strict=True,
    )
    assert list(told) == [(v.recording.first_sample, v.limit, v.offset, v.speed) for v in voices]
    assert len(voices) > len(sources)  # some are doubled


def test_sources_are_divided_by_their_greatest_number_so_that_the_mix_does_not_clip(
    recipe: Recipe, recordings: list[Recording]
) -> None:
    loud = replace(recipe, source_odds=(0, 0.5, 0.5), volume_range=(1.0, 1.0))
    volumes = maker(loud, recordings).make(place(0)).volumes
    torch.testing.assert_close(volumes, torch.full_like(volumes, 1 / 3))


def test_labels_say_which_query_asks_for_each_source_and_silent_places_have_none(
    recipe: Recipe, recordings: list[Recording]
) -> None:
    book = Notebook("instruments")
    three = replace(recipe, asked="instruments", source_odds=(0.3, 0.4, 0.3))
    labels = maker(three, recordings, book).make(place(0)).labels
    for row, sources in zip(labels.tolist(), book.sources, strict=True):
        assert [NAMES[label] for label in row[: len(sources)]] == [source.label for source in sources]
        assert row[len(sources) :] == [-1] * (3 - len(sources))
    assert (labels == -1).any()
    own = maker(replace(three, asked="sources"), recordings, book := Notebook("sources")).make(place(0))
    assert own.labels.tolist() == [[n if n < len(sources) else -1 for n in range(3)] for sources in book.sources]
    assert own.shown.shape == (4, 3, 1, 1)
    assert (own.shown[own.labels < 0] == 0).all()
    assert (own.shown[own.labels >= 0] > 0).all()


def test_what_has_no_name_is_nobodys(recipe: Recipe) -> None:
    sounds = [recording(label, kind=VIDEO) for label in ("flute", "tuba")] + [recording("x_bell"), recording("harp")]
    shares = Shares(kinds={VIDEO: 0.5, "phrase": 0.5}, further=0.5)
    book = Notebook("instruments")
    everything = replace(recipe, asked="instruments", source_odds=(0, 0, 0, 1.0), shares=shares)
    labels = maker(everything, [*sounds, *(replace(one, split="val") for one in sounds)], book).make(place(0)).labels
    for row, sources in zip(labels.tolist(), book.sources, strict=True):
        found = {source.label: label for source, label in zip(sources, row, strict=True)}
        assert found == {"flute": 0, "tuba": 1, "x_bell": -1, "harp": -1}  # no picture asks for a harp either


def test_validation_hears_recordings_as_they_are(changing: Recipe, recordings: list[Recording]) -> None:
    book = Notebook(changing.asked)
    batch = maker(changing, recordings, book).make(place(0, split="val"))
    assert batch.changes is None
    assert not batch.is_levelled.any()
    torch.testing.assert_close(batch.volumes, torch.full_like(batch.volumes, 1 / 3))
    assert (batch.shown < 10).all()
    assert {source.recording.split for sources in book.sources for source in sources} == {"val"}
    assert (batch.voices.speed == 1).all()


def test_whole_mixes_are_made_louder_for_learning_between_the_levels_of_the_recipe(
    recipe: Recipe, recordings: list[Recording]
) -> None:
    levels_db = (-6.0, 12.0)
    louder = replace(recipe, augmentation=Augmentation(level_db=levels_db))
    gains_db = []
    for number in range(10):
        plain, loud = (maker(one, recordings).make(place(number)).volumes for one in (recipe, louder))
        ratios = (loud / plain).view(4, 2)
        torch.testing.assert_close(ratios[:, 0], ratios[:, 1])  # all sources of a mix alike
        gains_db += (20 * ratios[:, 0].log10()).tolist()
    assert levels_db[0] <= min(gains_db) < -4
    assert 10 < max(gains_db) <= levels_db[1]
    assert_same(*(maker(one, recordings).make(place(0, split="val")) for one in (louder, recipe)))


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_batch_goes_to_a_device_as_it_is(changing: Recipe, recordings: list[Recording], split: str) -> None:
    batch = maker(changing, recordings).make(place(0, split=split))
    assert_same(batch.to(torch.device("cpu")), batch)
    moved = list(numbers_of(batch.to(torch.device("meta"))))
    assert {value.device.type for _, value in moved} == {"meta"}
    assert len(moved) == len(list(numbers_of(batch)))


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_batches_come_in_order_read_ahead_or_not(
    recipe: Recipe, recordings: list[Recording], reads_ahead: bool
) -> None:
    here = maker(recipe, recordings)
    found = list(batches_at(here, (place(number) for number in range(5)), reads_ahead=reads_ahead))
    assert len(found) == 5
    for number, batch in enumerate(found):
        assert_same(batch, here.make(place(number)))
    assert list(batches_at(here, iter(()), reads_ahead=reads_ahead)) == []


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_what_goes_wrong_in_drawing_is_told(recipe: Recipe, recordings: list[Recording], reads_ahead: bool) -> None:
    class Torn(Notebook):
        def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> torch.Tensor:
            raise RuntimeError("a page is missing")

    with pytest.raises(RuntimeError, match="a page is missing"):
        list(batches_at(maker(recipe, recordings, Torn("sources")), iter([place(0)]), reads_ahead=reads_ahead))


def test_endless_places_are_left_when_nobody_asks_any_more(recipe: Recipe, recordings: list[Recording]) -> None:
    numbers: list[int] = []

    def places() -> Iterator[Place]:
        for number in range(10**9):
            numbers.append(number)
            yield place(number)

    batches = batches_at(maker(recipe, recordings), places(), reads_ahead=True)
    for _ in range(3):
        next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(numbers) <= 4
