"""Instruments by name: codes that are learnt, those of a start kept, noise on them only while learning."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from varemix.model.separator import Separator
from varemix.training.names import NamedCodes
from varemix.training.recipe import Recipe

NAMES = ["flute", "harp", "tuba"]


@pytest.fixture
def named(recipe: Recipe) -> Recipe:
    return replace(recipe, asked="names", code_noise=0.5)


def keeping(recipe: Recipe, queries: dict[str, torch.Tensor]) -> Separator:
    """Return a separator that keeps such queries."""
    separator = Separator(recipe.separator)
    separator.keep_instruments(queries)
    return separator


@pytest.fixture
def new(named: Recipe, separator: Separator) -> NamedCodes:
    return NamedCodes(named, separator, NAMES)


def of_seed(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_each_instrument_has_a_query_of_its_own_mostly_on_or_off(new: NamedCodes, named: Recipe) -> None:
    queries = new.instrument_queries()
    assert list(queries) == NAMES
    together = torch.stack(list(queries.values()))
    assert together.shape == (3, named.separator.num_maps)
    assert ((together > 0) & (together < 1)).all()
    assert ((together < 0.25) | (together > 0.75)).float().mean() > 0.4
    assert (together[:, None] - together).abs().amax(dim=-1).fill_diagonal_(1).min() > 0.3


def test_the_seed_decides_the_codes(named: Recipe, separator: Separator, new: NamedCodes) -> None:
    assert torch.equal(NamedCodes(named, separator, NAMES[::-1]).codes, new.codes)
    assert not torch.equal(NamedCodes(replace(named, seed=1), separator, NAMES).codes, new.codes)


def test_the_codes_of_a_start_are_kept_and_new_instruments_get_new_ones(named: Recipe) -> None:
    kept = {name: torch.rand(8, generator=torch.Generator().manual_seed(seed)) for seed, name in enumerate("ty")}
    codes = NamedCodes(named, keeping(named, kept), ["a", "t", "z"])
    assert codes.instruments == ["t", "y", "a", "z"]  # what is known comes first, even what is not learnt from now
    queries = codes.instrument_queries()
    for name, query in kept.items():
        torch.testing.assert_close(queries[name], query, rtol=0, atol=1e-3)
    assert (queries["a"] - queries["z"]).abs().max() > 0.3


def test_queries_that_are_all_on_or_off_can_still_be_learnt_from(named: Recipe) -> None:
    codes = NamedCodes(named, keeping(named, {"t": torch.tensor([0.0, 1.0] * 4)}), [])
    assert codes.codes.isfinite().all()
    torch.testing.assert_close(codes.instrument_queries()["t"], torch.tensor([0.0, 1.0] * 4), rtol=0, atol=2e-4)


def test_noise_lies_on_the_codes_only_while_learning_and_follows_from_the_generator(new: NamedCodes) -> None:
    shown = [new.show([], of_seed(seed), is_learning=True) for seed in (0, 0, 1)]
    assert shown[0].shape == (3, 1, 8)
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[0], shown[2])
    many = torch.stack([new.show([], of_seed(seed), is_learning=True) for seed in range(100)])
    assert many.std().item() == pytest.approx(0.5, rel=0.1)
    assert not new.show([], of_seed(0), is_learning=False).any()


def test_without_noise_queries_are_those_that_are_kept(new: NamedCodes) -> None:
    shown = torch.stack([new.show([], of_seed(0), is_learning=False)] * 2)
    found = new.queries(shown)
    assert found.shape == (2, 3, 8)
    for place, query in enumerate(new.instrument_queries().values()):
        assert torch.equal(found[0, place], found[1, place])
        torch.testing.assert_close(found[0, place], query)
    noisy = new.queries(shown + 1.0)
    assert (noisy > found).all()


def test_codes_learn(new: NamedCodes) -> None:
    new.queries(new.show([], of_seed(0), is_learning=True)[None]).sum().backward()
    assert new.codes.grad is not None
    assert (new.codes.grad != 0).all()
    assert not any(query.requires_grad for query in new.instrument_queries().values())
