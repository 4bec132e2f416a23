"""A recipe small enough to train within a test."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from tests.varemix.training.killed_run import NUM_NOTHINGS
from varemix.model.separator import Separator
from varemix.training.loop import new_separator
from varemix.training.recipe import Recipe, tiny


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Compute in one thread: networks this small are faster so, and sums are always added up in the same order."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(autouse=True, scope="session")
def few_nothings() -> Iterator[None]:
    """Keep few pictures of nothing: looking at pictures is what takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("varemix.training.pictures._NUM_NOTHINGS", NUM_NOTHINGS)
        patch.setattr("varemix.training.heads._NUM_NOTHINGS", NUM_NOTHINGS)
        yield


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Return two epochs of four steps, each of two mixes of 0.37 s."""
    settings = replace(tiny().separator, num_maps=8, widths=(4, 8, 8, 8), window_frames=32)
    return replace(
        tiny(),
        name="small",
        separator=settings,
        epochs=2,
        examples_per_clip=4,
        batch_size=2,
        pictures_per_clip=1,
        code_steps=8,
        num_validation_examples=3,
    )


@pytest.fixture(scope="session")
def separator(recipe: Recipe) -> Separator:
    """Return the recipe's separator before its first step; to be looked at, not changed."""
    return new_separator(recipe).eval()
