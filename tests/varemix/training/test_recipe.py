"""The recipes: the paper's against the published numbers, and rules that all of them keep."""

import json
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
import torch

from tests.grids import GRIDS, SMALL_GRID
from varemix.errors import TrainingError, UsageError
from varemix.model.separator import Separator
from varemix.signal.grid import Grid
from varemix.training.recipe import RECIPES, Augmentation, Recipe, named_recipe, paper, tiny


def test_the_papers_recipe_has_the_papers_numbers() -> None:
    # Yang, Wei, Lerch 2020, and Zhao et al. 2018 where it follows them
    recipe = paper()
    assert recipe.window_samples == 262_140
    assert recipe.epochs == 85
    assert recipe.batch_size == 16
    assert (recipe.trunk_rate, recipe.rate) == (1e-4, 1e-3)
    assert (recipe.optimiser, recipe.weight_decay) == ("sgd", 1e-4)
    assert (recipe.schedule, recipe.rate_drops) == ("steps", (40, 80))
    assert recipe.num_sources == 2
    assert recipe.volume_range == (0.5, 1.0)
    assert (recipe.pictures_per_example, recipe.picture_stride) == (3, 24)
    assert recipe.initialisation == "pixels"
    assert (recipe.asked, recipe.augmentation, recipe.precision) == ("sources", Augmentation(), "float32")
    assert asdict(recipe.separator) == {
        "vision": "resnet18_dilated",
        "sound": "pixels",
        "num_maps": 32,
        "widths": (64, 128, 256, 512, 512, 512, 512),
        "window_frames": 512,
        "num_sound_networks": 1,
        "frequency_blocks": False,
        "masks": "binary",
        "has_rivals": False,
        "grid": {"window_samples": 1022, "hop_samples": 512, "log_rows": 256, "floor": 1e-10},
        "reading": {"power": 1.0, "temperature": 1.0, "asked_weight": 1.0},  # the shares as they are
        "recognises": False,
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_found_under_its_name(name: str) -> None:
    assert named_recipe(name).name == name


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'papre'.*paper, reference, coarse, tiny"):
        named_recipe("papre")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_a_separator(name: str) -> None:
    with torch.device("meta"):
        Separator(named_recipe(name).separator)


@pytest.mark.parametrize("name", RECIPES)
def test_an_example_has_whole_frames_that_the_network_can_halve_and_no_more_than_it_hears_at_once(name: str) -> None:
    recipe = named_recipe(name)
    frames = recipe.separator.grid.num_frames(recipe.window_samples)
    assert frames == (recipe.example_frames or recipe.separator.window_frames)
    assert frames % 2 ** len(recipe.separator.widths) == 0
    assert frames <= recipe.separator.window_frames


def on_grid(grid: Grid) -> Recipe:
    return replace(tiny(), separator=replace(tiny().separator, grid=grid, frequency_blocks=True))


@pytest.mark.parametrize("grid", [*GRIDS.values(), SMALL_GRID], ids=[*GRIDS, "small"])
def test_an_example_has_as_many_frames_on_every_grid(grid: Grid) -> None:
    recipe = on_grid(grid)
    assert grid.num_frames(recipe.window_samples) == recipe.separator.window_frames
    assert grid.num_frames(replace(recipe, example_frames=96).window_samples) == 96


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json_whole(name: str) -> None:
    recipe = named_recipe(name)
    stored = json.loads(json.dumps(recipe.as_dict()))
    assert set(stored) == set(Recipe.__dataclass_fields__)
    assert stored["separator"]["widths"] == list(recipe.separator.widths)
    assert stored["volume_range"] == list(recipe.volume_range)


@pytest.mark.parametrize(
    "recipe", [*(make() for make in RECIPES.values()), on_grid(SMALL_GRID)], ids=[*RECIPES, "on a small grid"]
)
def test_every_recipe_comes_back_from_json_as_it_was(recipe: Recipe) -> None:
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"separator": {"num_maps": 3}},
        {"separator": asdict(tiny().separator) | {"grid": 5}},
        {"separator": asdict(tiny().separator) | {"grid": asdict(SMALL_GRID) | {"hop_samples": 1000}}},
        {"augmentation": 5},
        {"augmentation": {"surprise": 1}},
    ],
)
def test_what_is_no_recipe_is_refused(change: dict) -> None:
    with pytest.raises(TrainingError, match="no recipe of this varemix"):
        Recipe.from_dict(tiny().as_dict() | change)


def test_a_recipe_cannot_be_changed_by_accident() -> None:
    recipe = tiny()
    with pytest.raises(FrozenInstanceError):
        recipe.rate = 1.0  # type: ignore[misc]
