"""Rates: how they rise and fall, and which weights they move."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from varemix.model.separator import Separator
from varemix.training.optimiser import new_optimiser, rate_factor
from varemix.training.recipe import RECIPES, Recipe, coarse, named_recipe, paper, reference, tiny


def factors_of(recipe: Recipe, steps_per_epoch: int) -> np.ndarray:
    num_steps = recipe.epochs * steps_per_epoch
    return np.array([rate_factor(recipe, step, num_steps) for step in range(num_steps)])


def test_the_papers_rates_fall_tenfold_at_their_epochs() -> None:
    factors = factors_of(paper(), 100)
    np.testing.assert_allclose(factors[:4_000], 1)
    np.testing.assert_allclose(factors[4_000:8_000], 0.1)
    np.testing.assert_allclose(factors[8_000:], 0.01)


def test_the_cosine_rises_at_first_and_then_falls_to_nothing() -> None:
    factors = factors_of(tiny(), 100)
    peak = int(np.argmax(factors))
    assert peak == 249  # of 1,000: a quarter, less than 300
    assert factors[peak] > 0.8
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
    assert 0 < factors[-1] < 1e-3


@pytest.mark.parametrize(("recipe", "fall_share"), [(coarse(), 0.5), (reference(), 0.35)], ids=["coarse", "reference"])
def test_the_plateau_is_level_until_it_falls_in_a_line(recipe: Recipe, fall_share: float) -> None:
    factors = factors_of(recipe, 100)
    num_steps, fall = len(factors), round(fall_share * len(factors))
    assert (np.diff(factors[:300]) > 0).all()
    assert (factors[299 : num_steps - fall + 1] == 1).all()
    np.testing.assert_allclose(np.diff(factors[-fall:]), -1 / fall, atol=1e-9)
    assert factors[-1] == pytest.approx(1 / fall)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("steps_per_epoch", [1, 2, 3])
def test_rates_are_never_above_those_of_the_recipe(name: str, steps_per_epoch: int) -> None:
    factors = factors_of(named_recipe(name), steps_per_epoch)
    assert (factors > 0).all()
    assert (factors <= 1).all()


def test_a_training_that_begins_with_a_checkpoint_has_its_own_rate(recipe: Recipe, separator: Separator) -> None:
    slow = replace(recipe, rate=0.1, start_rate=0.01)
    for is_new, changed, expected in (
        (True, slow, 0.1),
        (False, slow, 0.01),
        (False, replace(slow, start_rate=None), 0.1),
    ):
        groups = new_optimiser(changed, separator, is_new=is_new).param_groups
        assert {(group["full_rate"], group["lr"]) for group in groups} == {(expected, expected)}


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_codes_learn_in_place_of_the_head(recipe: Recipe, separator: Separator, optimiser: str) -> None:
    codes = torch.nn.Parameter(torch.zeros(3, 8))
    named = replace(recipe, optimiser=optimiser, rate=0.1, head_rate=0.01)
    groups = new_optimiser(named, separator, codes).param_groups
    rates = {id(weights): group["full_rate"] for group in groups for weights in group["params"]}
    assert rates[id(codes)] == 0.01
    own = [*separator.sound.parameters(), *separator.synthesizer.parameters()]
    assert rates.keys() == {id(codes), *map(id, own)}


def rates_and_decays(recipe: Recipe, separator: Separator) -> dict[str, tuple[float, float]]:
    """Return the rate and the weight decay of each weight that learns."""
    names = {id(weights): name for name, weights in separator.named_parameters()}
    return {
        names[id(weights)]: (group["full_rate"], group["weight_decay"])
        for group in new_optimiser(recipe, separator).param_groups
        for weights in group["params"]
    }


def test_with_adam_kernels_decay_and_offsets_scales_and_places_do_not(recipe: Recipe, separator: Separator) -> None:
    found = rates_and_decays(replace(recipe, weight_decay=0.5, rate=0.1), separator)
    decaying = {name for name, (_, decay) in found.items() if decay > 0}
    kernels = {
        name
        for name, weights in separator.named_parameters()
        if weights.ndim > 1 and not name.startswith(("vision.trunk.", "sound.place."))
    }
    assert decaying == kernels
    assert {"synthesizer.scale", "sound.place.0", "sound.maps.bias"} <= found.keys() - decaying
    assert {decay for _, decay in found.values()} == {0.0, 0.5}


def test_a_frozen_trunk_does_not_learn_and_the_head_has_its_own_rate(recipe: Recipe, separator: Separator) -> None:
    found = rates_and_decays(replace(recipe, rate=0.1, head_rate=0.01), separator)
    assert not [name for name in found if name.startswith("vision.trunk.")]
    assert {rate for name, (rate, _) in found.items() if name.startswith("vision.head.")} == {0.01}
    assert {rate for name, (rate, _) in found.items() if not name.startswith("vision.")} == {0.1}
    alike = rates_and_decays(replace(recipe, rate=0.1), separator)
    assert {rate for rate, _ in alike.values()} == {0.1}


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_trunk_that_learns_does_so_at_its_rate(recipe: Recipe, separator: Separator, optimiser: str) -> None:
    found = rates_and_decays(replace(recipe, optimiser=optimiser, trunk_rate=1e-4, rate=0.1), separator)
    assert found.keys() == {name for name, _ in separator.named_parameters()}
    assert {rate for name, (rate, _) in found.items() if name.startswith("vision.trunk.")} == {1e-4}


def test_momentum_and_decay_of_sgd_are_the_papers(recipe: Recipe, separator: Separator) -> None:
    found = new_optimiser(replace(recipe, optimiser="sgd", weight_decay=1e-4), separator)
    assert isinstance(found, torch.optim.SGD)
    assert {(group["momentum"], group["weight_decay"]) for group in found.param_groups} == {(0.9, 1e-4)}
