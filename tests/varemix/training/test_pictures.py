"""What the vision network is shown: fresh frames, or features kept of a few."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.solos import Solos, make_clip
from varemix.media.clips import Clip, Stretch, decoded_frames
from varemix.model.queries import middle_tensor
from varemix.model.separator import Separator
from varemix.training.pictures import FreshPictures, KeptFeatures, clip_features, instrument_queries, open_book
from varemix.training.recipe import Recipe, paper


def shown(clip: Clip, *frames: int) -> Stretch:
    return Stretch(clip=clip, first_sample=0, volume=1.0, frames=frames)


def of_seed(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def clip(two_instruments: Solos) -> Clip:
    return two_instruments.train[0]


@pytest.fixture
def learning(separator: Separator) -> Separator:
    """Return the separator in training, as it is between the steps, and back in evaluation afterwards."""
    yield separator.train()
    separator.eval()


def test_the_recipe_decides_between_fresh_pictures_and_kept_features(
    separator: Separator, recipe: Recipe, clip: Clip
) -> None:
    assert isinstance(open_book(paper(), separator, [clip]), FreshPictures)
    assert isinstance(open_book(recipe, separator, [clip]), KeptFeatures)


@torch.no_grad()
def test_fresh_pictures_outside_training_are_the_middles_of_the_frames(separator: Separator, clip: Clip) -> None:
    queries = FreshPictures(separator).queries([shown(clip, 0, 2)], of_seed(0))
    expected = separator.query_of_clip(decoded_frames(clip, [0, 2]))
    torch.testing.assert_close(queries[0], expected)


@torch.no_grad()
def test_fresh_pictures_in_training_are_cut_by_the_generator(
    separator: Separator, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(separator.vision, "forward", lambda pictures: seen.append(pictures) or torch.zeros(1, 8))
    monkeypatch.setattr(separator, "training", True)
    for seed in (1, 1, 2):
        FreshPictures(separator).queries([shown(clip, 0, 1)], of_seed(seed))
    assert seen[0].shape == (1, 2, 3, 224, 224)
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)
    assert not torch.equal(seen[0], seen[2])


@torch.no_grad()
def test_kept_features_give_the_queries_of_pictures_of_the_clip(separator: Separator, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path, name, number=1, duration_s=1.0, num_frames=1) for name in ("flute", "tuba")]
    queries = KeptFeatures(separator, clips, 3).queries([shown(clip, 0) for clip in clips], of_seed(0))
    for query, clip in zip(queries, clips, strict=True):
        picture = decoded_frames(clip, [0])[0]
        either_way = [middle_tensor(picture), middle_tensor(picture).flip(-1)]
        possible = separator.vision(torch.stack(either_way).unsqueeze(1))
        assert min((query - one).abs().max() for one in possible) < 1e-5


@torch.no_grad()
def test_kept_features_are_picked_by_the_generator(separator: Separator, clip: Clip) -> None:
    book = KeptFeatures(separator, [clip], 2)
    sources = [shown(clip, 0)] * 8
    once, again, other = (book.queries(sources, of_seed(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert not torch.equal(once, other)


def test_the_head_learns_from_kept_features_and_the_trunk_does_not(separator: Separator, clip: Clip) -> None:
    KeptFeatures(separator, [clip], 1).queries([shown(clip, 0)], of_seed(0)).sum().backward()
    assert all(parameter.grad is not None for parameter in separator.vision.head.parameters())
    assert all(parameter.grad is None for parameter in separator.vision.trunk.parameters())
    separator.zero_grad(set_to_none=True)


def test_looking_at_a_clip_leaves_the_separator_as_it_was(learning: Separator, clip: Clip) -> None:
    before = {name: value.clone() for name, value in learning.state_dict().items()}
    features = clip_features(learning, clip, 1)
    assert learning.training
    assert features.shape == (2, 2560)  # the picture and its mirror image
    assert all(torch.equal(before[name], value) for name, value in learning.state_dict().items())


def test_a_clip_of_fewer_frames_than_asked_for_gives_those_it_has(separator: Separator, tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "flute", number=1, duration_s=1.0, num_frames=2)
    assert clip_features(separator, clip, 5).shape == (4, 2560)


@torch.no_grad()
def test_an_instruments_query_is_the_mean_over_its_clips(separator: Separator, two_instruments: Solos) -> None:
    queries = instrument_queries(separator, two_instruments.train, 1)
    assert sorted(queries) == ["flute", "tuba"]
    each = [
        separator.vision.queries(clip_features(separator, clip, 1)[:, None])
        for clip in two_instruments.of("tuba").train
    ]
    torch.testing.assert_close(queries["tuba"], torch.cat(each).mean(dim=0))
