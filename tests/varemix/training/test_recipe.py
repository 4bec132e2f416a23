"""The recipes: the paper's against the published numbers, and rules that all of them keep."""

import json
from dataclasses import FrozenInstanceError, asdict

import pytest
import torch

from varemix.errors import TrainingError, UsageError
from varemix.model.separator import Separator
from varemix.signal.spectrogram import num_frames
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
        "log_rows": 256,
        "masks": "binary",
        "has_rivals": False,
        "floor": 1e-10,
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_found_under_its_name(name: str) -> None:
    assert named_recipe(name).name == name


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'papre'.*paper, reference, tiny"):
        named_recipe("papre")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_a_separator(name: str) -> None:
    with torch.device("meta"):
        Separator(named_recipe(name).separator)


@pytest.mark.parametrize("name", RECIPES)
def test_an_example_has_whole_frames_that_the_network_can_halve_and_no_more_than_it_hears_at_once(name: str) -> None:
    recipe = named_recipe(name)
    frames = num_frames(recipe.window_samples)
    assert frames == (recipe.example_frames or recipe.separator.window_frames)
    assert frames % 2 ** len(recipe.separator.widths) == 0
    assert frames <= recipe.separator.window_frames


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json_whole(name: str) -> None:
    recipe = named_recipe(name)
    stored = json.loads(json.dumps(recipe.as_dict()))
    assert set(stored) == set(Recipe.__dataclass_fields__)
    assert stored["separator"]["widths"] == list(recipe.separator.widths)
    assert stored["volume_range"] == list(recipe.volume_range)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_from_json_as_it_was(name: str) -> None:
    recipe = named_recipe(name)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    "change",
    [{"surprise": 1}, {"separator": {"num_maps": 3}}, {"augmentation": 5}, {"augmentation": {"surprise": 1}}],
)
def test_what_is_no_recipe_is_refused(change: dict) -> None:
    with pytest.raises(TrainingError, match="no recipe of this varemix"):
        Recipe.from_dict(tiny().as_dict() | change)


def test_a_recipe_cannot_be_changed_by_accident() -> None:
    recipe = tiny()
    with pytest.raises(FrozenInstanceError):
        recipe.rate = 1.0  # type: ignore[misc]
