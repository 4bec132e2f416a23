"""What the vision network is shown: fresh frames, or features kept of a few."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.solos import Solos, make_clip, write_frames
from tests.varemix.training.sounding import recording
from varemix.media.clips import Clip, decoded_frames
from varemix.model.separator import Separator
from varemix.training.examples import Source, Voice
from varemix.training.kept_features import KeptFeatures
from varemix.training.loop import new_separator
from varemix.training.pictures import FreshPictures, mean_clip_queries, open_book, spread
from varemix.training.recipe import Recipe
from varemix.training.soundbank import VIDEO

GREYS = (30, 90, 150, 210)


def showing(clip: Clip, *frames: int) -> Source:
    own = recording(clip.instrument, kind=VIDEO, group=clip.clip_id, clip=clip)
    return Source(label=clip.instrument, voices=(Voice(recording=own, offset=0.0, limit=1, speed=1.0),), frames=frames)


def alone(clip: Clip) -> dict[str, list[Clip]]:
    """Return the clip as the only one there is, to learn from."""
    return {"train": [clip], "val": []}


def of_seed(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def learning(separator: Separator) -> Iterator[Separator]:
    """Return the separator in training, as it is between the steps, and back in evaluation afterwards."""
    yield separator.train()
    separator.eval()


@pytest.fixture(scope="module")
def clips(two_instruments: Solos) -> dict[str, list[Clip]]:
    """Return two training clips and one validation clip of each of two instruments, with one frame each."""
    return {
        split: [replace(clip, num_frames=1) for clip in getattr(two_instruments, split)] for split in ("train", "val")
    }


@pytest.fixture(scope="module")
def features_file(
    separator: Separator, recipe: Recipe, clips: dict[str, list[Clip]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the features of the clips."""
    path = tmp_path_factory.mktemp("book") / "features.safetensors"
    open_book(recipe, separator, clips, {}, path.parent)
    return path


@pytest.fixture
def book(separator: Separator, recipe: Recipe, clips: dict[str, list[Clip]], features_file: Path) -> KeptFeatures:
    return KeptFeatures(recipe, separator, features_file)


@pytest.fixture
def grey_clip(tmp_path: Path) -> Clip:
    """Return a clip of four frames, each of another grey, all darker to the left."""
    shade = np.linspace(-25, 25, 320, dtype=np.int64)
    pictures = [np.broadcast_to((grey + shade)[None, :, None], (256, 320, 3)).astype(np.uint8) for grey in GREYS]
    clip = make_clip(tmp_path, "flute", number=0, duration_s=1.0)
    write_frames(tmp_path / "grey.parquet", [Image.fromarray(picture) for picture in pictures])
    return replace(clip, frames_path=tmp_path / "grey.parquet", num_frames=4)


@pytest.fixture
def fresh(recipe: Recipe, separator: Separator, grey_clip: Clip, tmp_path: Path) -> FreshPictures:
    return FreshPictures(
        replace(recipe, trunk_rate=1e-4, pictures_per_clip=4), separator, alone(grey_clip), tmp_path / "frames.npy"
    )


def test_the_recipe_decides_between_fresh_pictures_and_kept_features(
    separator: Separator, recipe: Recipe, clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    few = {split: members[:1] for split, members in clips.items()}
    assert isinstance(open_book(replace(recipe, trunk_rate=1e-4), separator, few, {}, tmp_path), FreshPictures)
    assert isinstance(open_book(recipe, separator, few, {}, tmp_path), KeptFeatures)


def test_frames_are_spread_over_a_clip_and_never_more_than_it_has() -> None:
    assert spread(100, 3).tolist() == [25, 50, 74]
    assert spread(2, 5).tolist() == [0, 1]
    assert spread(4, 4).tolist() == [0, 1, 2, 3]
    assert spread(1, 4).tolist() == [0]


def greys_of(pictures: torch.Tensor) -> list[int]:
    """Return which grey is shown on each of the pictures [..., 3, H, W]."""
    shown = pictures.float().mean(dim=(-3, -2, -1)).flatten()
    return [int(np.abs(np.array(GREYS) - value.item()).argmin()) for value in shown]


def test_fresh_pictures_are_the_frames_asked_for(fresh: FreshPictures, grey_clip: Clip) -> None:
    for is_learning in (False, True):
        shown = fresh.show([showing(grey_clip, 0, 3), showing(grey_clip, 2, 1)], of_seed(0), is_learning=is_learning)
        assert shown.shape == (2, 2, 3, 224, 224)
        assert shown.dtype == torch.uint8
        assert greys_of(shown) == [0, 3, 2, 1]


def test_frames_that_were_not_kept_give_way_to_their_neighbours(
    recipe: Recipe, separator: Separator, grey_clip: Clip, tmp_path: Path
) -> None:
    fewer = FreshPictures(replace(recipe, pictures_per_clip=1), separator, alone(grey_clip), tmp_path / "fewer.npy")
    [kept] = spread(4, 1)
    shown = fewer.show([showing(grey_clip, 0, 1, 2, 3)], of_seed(0), is_learning=False)
    assert greys_of(shown) == [kept] * 4


def test_fresh_pictures_for_learning_are_cut_and_mirrored_by_the_generator_all_of_a_source_alike(
    fresh: FreshPictures, grey_clip: Clip
) -> None:
    def shown(seed: int, *, is_learning: bool) -> torch.Tensor:
        return fresh.show([showing(grey_clip, 1, 1)], of_seed(seed), is_learning=is_learning)[0]

    plain = shown(0, is_learning=False)
    assert torch.equal(plain, shown(1, is_learning=False))
    pictures = [shown(seed, is_learning=True) for seed in range(30)]
    assert torch.equal(pictures[1], shown(1, is_learning=True))
    assert all(torch.equal(*pair) for pair in pictures)
    darker_to_the_left = [bool(pair[0, 0, 100, 0] < pair[0, 0, 100, -1]) for pair in pictures]
    assert plain[0, 0, 100, 0] < plain[0, 0, 100, -1]
    assert 5 < sum(darker_to_the_left) < 25
    assert len({pair[0, 0, 100, 0].item() for pair in pictures}) > 4


def test_frames_are_decoded_once(
    recipe: Recipe, separator: Separator, fresh: FreshPictures, grey_clip: Clip, tmp_path: Path
) -> None:
    grey_clip.frames_path.unlink()
    again = FreshPictures(replace(recipe, pictures_per_clip=4), separator, alone(grey_clip), tmp_path / "frames.npy")
    shown = [book.show([showing(grey_clip, 2)], of_seed(0), is_learning=True) for book in (fresh, again)]
    assert torch.equal(*shown)


@torch.no_grad()
def test_queries_of_fresh_pictures_are_those_of_the_separator(
    fresh: FreshPictures, separator: Separator, grey_clip: Clip
) -> None:
    shown = fresh.show([showing(grey_clip, 0), showing(grey_clip, 3)], of_seed(0), is_learning=False)
    pictures = [Image.fromarray(picture[0].permute(1, 2, 0).numpy()) for picture in shown]
    torch.testing.assert_close(fresh.queries(shown[None])[0], separator.queries(pictures), rtol=0, atol=1e-5)


@torch.no_grad()
def test_kept_features_of_validation_are_those_of_the_frames_as_they_are(
    book: KeptFeatures, separator: Separator, clips: dict[str, list[Clip]]
) -> None:
    shown = book.show([], of_seed(0), is_learning=False)
    assert shown.shape == (3, 1, 2560)  # flute, tuba and nothing
    expected = separator.queries([decoded_frames(clip, [0])[0] for clip in clips["val"]])
    torch.testing.assert_close(book.queries(shown[None])[0, :2], expected, rtol=0, atol=2e-3)  # of half precision


def seen_in_learning(book: KeptFeatures, place: int) -> set[bytes]:
    """Return which features are shown of an instrument, or of nothing, in 60 examples."""
    examples = (book.show([], of_seed(seed), is_learning=True) for seed in range(60))
    return {shown[place].numpy().tobytes() for shown in examples}


def test_learning_sees_every_view_of_an_instruments_pictures_drawn_by_the_generator(book: KeptFeatures) -> None:
    assert torch.equal(*(book.show([], of_seed(1), is_learning=True) for _ in range(2)))
    assert [len(seen_in_learning(book, place)) for place in range(3)] == [4, 4, 2]  # two clips in two views
    plain = book.show([], of_seed(0), is_learning=False)
    assert plain[0].numpy().tobytes() not in seen_in_learning(book, 0)


def test_photographs_are_learnt_from_too(
    separator: Separator, recipe: Recipe, clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    for number, colour in enumerate(("red", "lime")):
        Image.new("RGB", (90, 60), colour).save(tmp_path / f"{number}.png")
    plain = replace(recipe, picture_views=1)
    photos = {"flute": [tmp_path / "0.png", tmp_path / "1.png"]}
    book = open_book(plain, separator, clips, photos, tmp_path)
    assert [len(seen_in_learning(book, place)) for place in range(2)] == [4, 2]


def test_where_sources_are_asked_for_each_is_shown_its_own_clip(
    separator: Separator, recipe: Recipe, clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    own = replace(recipe, asked="sources", picture_views=1)
    book = open_book(own, separator, clips, {}, tmp_path)
    every = [*clips["train"], *clips["val"]]
    shown = book.show([showing(clip, 0) for clip in every], of_seed(0), is_learning=True)
    assert shown.shape == (6, 1, 2560)
    again = book.show([showing(every[4], 0), showing(every[1], 0)], of_seed(1), is_learning=True)
    assert torch.equal(again, shown[[4, 1]])
    assert len({one.numpy().tobytes() for one in shown}) == 6


def test_pictures_are_looked_at_once_and_serve_again_when_the_run_goes_on(
    recipe: Recipe, clips: dict[str, list[Clip]], book: KeptFeatures, features_file: Path, monkeypatch
) -> None:
    other = new_separator(recipe)
    monkeypatch.setattr(other.vision, "features", lambda pictures: pytest.fail("looked again"))
    again = KeptFeatures(recipe, other, features_file)
    assert torch.equal(*(one.show([], of_seed(0), is_learning=True) for one in (book, again)))


def test_the_head_learns_from_kept_features_and_the_trunk_does_not(separator: Separator, book: KeptFeatures) -> None:
    book.queries(book.show([], of_seed(0), is_learning=True)[None]).sum().backward()
    assert all(parameter.grad is not None for parameter in separator.vision.head.parameters())
    assert all(parameter.grad is None for parameter in separator.vision.trunk.parameters())
    separator.zero_grad(set_to_none=True)


def test_looking_at_clips_leaves_the_separator_as_it_was_but_for_the_standard_of_its_head(
    learning: Separator, recipe: Recipe, clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in learning.state_dict().items()}
    few = {"train": clips["train"][::2], "val": []}
    open_book(recipe, learning, few, {}, tmp_path)
    assert learning.training
    changed = {name for name, value in learning.state_dict().items() if not torch.equal(before[name], value)}
    assert changed == {"vision.head.0.mean", "vision.head.0.deviation"}
    learning.load_state_dict(before)


@torch.no_grad()
def test_an_instruments_query_is_the_mean_over_its_training_pictures(
    book: KeptFeatures, separator: Separator, clips: dict[str, list[Clip]]
) -> None:
    queries = book.instrument_queries()
    assert sorted(queries) == ["flute", "tuba"]
    pictures = [decoded_frames(clip, [0])[0] for clip in clips["train"] if clip.instrument == "tuba"]
    torch.testing.assert_close(queries["tuba"], separator.queries(pictures).mean(dim=0), rtol=0, atol=2e-3)


@torch.no_grad()
def test_fresh_pictures_give_instruments_the_mean_over_their_clips(
    recipe: Recipe, separator: Separator, clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    few = {"train": clips["train"][::2], "val": []}
    fresh = FreshPictures(replace(recipe, trunk_rate=1e-4), separator, few, tmp_path / "frames.npy")
    expected = mean_clip_queries(separator, few["train"], 8)
    assert fresh.instrument_queries().keys() == expected.keys()
    assert all(torch.equal(query, expected[name]) for name, query in fresh.instrument_queries().items())
    assert list(fresh.instruments) == []  # each source is asked for itself


@torch.no_grad()
def test_so_is_that_of_clips(separator: Separator, clips: dict[str, list[Clip]]) -> None:
    queries = mean_clip_queries(separator, clips["train"], 8)
    assert sorted(queries) == ["flute", "tuba"]
    pictures = [decoded_frames(clip, [0])[0] for clip in clips["train"] if clip.instrument == "tuba"]
    torch.testing.assert_close(queries["tuba"], separator.queries(pictures).mean(dim=0))
