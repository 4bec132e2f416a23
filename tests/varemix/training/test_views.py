"""Views and pictures of nothing: always RGB pictures, and each follows from its generator."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from varemix.training.views import picture_of_nothing, random_view


def photograph(size: tuple[int, int] = (120, 90)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def view(draw: np.random.Generator) -> Image.Image:
    return random_view(photograph(), draw)


@pytest.mark.parametrize("make", [view, picture_of_nothing])
def test_the_same_generator_draws_the_same_picture_and_others_others(
    make: Callable[[np.random.Generator], Image.Image],
) -> None:
    once, again = ([make(np.random.default_rng(seed)) for seed in range(40)] for _ in range(2))
    assert {picture.mode for picture in once} == {"RGB"}
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    assert len({picture.tobytes() for picture in once}) == 40


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (2_000, 20), (33, 32)])
def test_pictures_of_any_size_have_views(size: tuple[int, int]) -> None:
    for seed in range(20):
        found = random_view(photograph(size), np.random.default_rng(seed))
        assert min(found.size) >= 15


def test_views_still_show_the_picture() -> None:
    red = Image.new("RGB", (100, 80), (220, 20, 20))
    shares = []
    for seed in range(50):
        pixels = np.asarray(random_view(red, np.random.default_rng(seed))).astype(int)
        shares.append((pixels[..., 0] > pixels[..., 1] + 10).mean())
    assert min(shares) > 0.15
    assert np.median(shares) > 0.9


def test_a_view_leaves_the_picture_itself_alone() -> None:
    picture = photograph()
    random_view(picture, np.random.default_rng(0))
    assert np.array_equal(picture, photograph())


def test_pictures_of_nothing_are_of_several_kinds() -> None:
    pictures = [np.asarray(picture_of_nothing(np.random.default_rng(seed))) for seed in range(60)]
    assert {picture.shape for picture in pictures} == {(224, 224, 3)}
    detail = [np.abs(np.diff(picture.astype(int), axis=0)).mean() for picture in pictures]
    assert sum(value == 0 for value in detail) > 5  # plain colours, and gradients from left to right
    assert sum(0 < value < 5 for value in detail) > 5  # gradients and blots
    assert sum(value > 20 for value in detail) > 5  # noise
