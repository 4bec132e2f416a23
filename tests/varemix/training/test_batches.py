"""Batches: they follow from seed and place alone, whoever makes them and in which parts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.solos import Solos
from varemix.errors import MediaError
from varemix.training.batches import Batch, BatchMaker, Place, batches_at
from varemix.training.examples import Source
from varemix.training.recipe import Augmentation, Recipe

CHANGES = Augmentation(
    pitch_semitones=2, equaliser_db=3, room_share=0.5, doubled_share=0.5, noise_share=0.5, levelled_share=0.5
)


class Notebook:
    """A picture book that notes whom it is asked about and shows a number drawn for each."""

    def __init__(self) -> None:
        self.sources: list[Sequence[Source]] = []

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> torch.Tensor:
        self.sources.append(sources)
        return torch.from_numpy(draw.random((len(sources), 1, 1))) + (10 if is_learning else 0)

    def queries(self, shown: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@pytest.fixture
def changing(recipe: Recipe) -> Recipe:
    """Return a recipe that draws all there is to draw."""
    return replace(recipe, source_odds=(0.2, 0.5, 0.3), augmentation=CHANGES)


def maker(recipe: Recipe, clips: Solos, book: Notebook | None = None) -> BatchMaker:
    return BatchMaker(recipe, {"train": clips.train, "val": clips.val}, book or Notebook())


def place(number: int, *, split: str = "train", examples: range = range(4)) -> Place:
    return Place(split=split, number=number, examples=examples)


def assert_same(one: Batch, other: Batch) -> None:
    for name in ("waves", "shown", "labels"):
        assert torch.equal(getattr(one, name), getattr(other, name))
    for change, twin in zip(one.changes, other.changes, strict=True):
        np.testing.assert_array_equal(change.gains, twin.gains)
        assert change.noise == twin.noise
        assert change.echoes.keys() == twin.echoes.keys()


def test_the_same_place_has_the_same_batch_and_every_other_another(changing: Recipe, four_instruments: Solos) -> None:
    once, again = (maker(changing, four_instruments).make(place(3)) for _ in range(2))
    assert_same(once, again)
    others = [
        maker(changing, four_instruments).make(place(4)),
        maker(changing, four_instruments).make(place(3, split="val")),
        maker(replace(changing, seed=1), four_instruments).make(place(3)),
    ]
    assert all(not torch.equal(once.waves, other.waves) for other in others)
    assert len({wave.numpy().tobytes() for wave in once.waves}) == 4


def test_two_halves_are_the_whole(changing: Recipe, four_instruments: Solos) -> None:
    whole = maker(changing, four_instruments).make(place(0))
    halves = [maker(changing, four_instruments).make(place(0, examples=part)) for part in (range(2), range(2, 4))]
    joined = Batch(
        waves=torch.cat([half.waves for half in halves]),
        shown=torch.cat([half.shown for half in halves]),
        labels=torch.cat([half.labels for half in halves]),
        changes=halves[0].changes + halves[1].changes,
    )
    assert_same(whole, joined)


def test_sources_are_divided_by_their_number_so_that_the_mix_does_not_clip(
    recipe: Recipe, four_instruments: Solos
) -> None:
    loud = replace(recipe, source_odds=(0, 0, 1), volume_range=(1.0, 1.0))
    waves = maker(loud, four_instruments).make(place(0)).waves
    assert waves.shape == (4, 3, recipe.window_samples)
    assert waves.dtype == torch.float32
    assert waves.abs().amax(dim=-1).max() == pytest.approx(0.7 / 3, rel=0.01)  # the clips are as loud as 0.7
    assert waves.sum(dim=1).abs().max() <= 1


def test_labels_say_which_query_asks_for_each_source(recipe: Recipe, four_instruments: Solos) -> None:
    book = Notebook()
    labels = maker(replace(recipe, asked="instruments"), four_instruments, book).make(place(0)).labels
    names = ["flute", "tuba", "violin", "xylophone"]
    assert [[names[label] for label in row] for row in labels.tolist()] == [
        [source.instrument for source in sources] for sources in book.sources
    ]
    labels = maker(replace(recipe, asked="sources"), four_instruments).make(place(0)).labels
    assert labels.tolist() == [[0, 1]] * 4


def test_validation_hears_recordings_as_they_are(changing: Recipe, four_instruments: Solos) -> None:
    book = Notebook()
    batch = maker(changing, four_instruments, book).make(place(0, split="val"))
    for change in batch.changes:
        assert (change.gains == 1).all()
        assert not change.echoes
        assert change.noise[0] == 0
    assert (batch.shown < 10).all()
    assert {source.clip.clip_id for sources in book.sources for source in sources} <= {
        clip.clip_id for clip in four_instruments.val
    }
    assert {voice.speed for sources in book.sources for source in sources for voice in source.voices} == {1.0}


def test_whole_mixes_are_made_louder_for_learning_between_the_levels_of_the_recipe(
    recipe: Recipe, four_instruments: Solos
) -> None:
    levels_db = (-6.0, 12.0)
    louder = replace(recipe, augmentation=Augmentation(level_db=levels_db))
    gains_db = []
    for number in range(10):
        plain, loud = (maker(one, four_instruments).make(place(number)).waves for one in (recipe, louder))
        ratio = loud.flatten(1).norm(dim=1) / plain.flatten(1).norm(dim=1)
        torch.testing.assert_close(loud, plain * ratio[:, None, None])  # all sources of a mix alike
        gains_db += (20 * ratio.log10()).tolist()
    assert levels_db[0] <= min(gains_db) < -4
    assert 10 < max(gains_db) <= levels_db[1]
    validated = (maker(one, four_instruments).make(place(0, split="val")).waves for one in (recipe, louder))
    assert torch.equal(*validated)


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_batches_come_in_order_read_ahead_or_not(recipe: Recipe, two_instruments: Solos, reads_ahead: bool) -> None:
    here = maker(recipe, two_instruments)
    found = list(batches_at(here, (place(number) for number in range(5)), reads_ahead=reads_ahead))
    assert len(found) == 5
    for number, batch in enumerate(found):
        assert_same(batch, here.make(place(number)))
    assert list(batches_at(here, iter(()), reads_ahead=reads_ahead)) == []


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_a_recording_that_cannot_be_read_is_told(recipe: Recipe, two_instruments: Solos, reads_ahead: bool) -> None:
    lost = [replace(clip, wav_path=clip.wav_path.with_name("lost.wav")) for clip in two_instruments.train]
    here = maker(recipe, replace(two_instruments, train=lost))
    with pytest.raises(MediaError, match=r"lost\.wav"):
        list(batches_at(here, iter([place(0)]), reads_ahead=reads_ahead))
