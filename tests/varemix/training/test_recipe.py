"""The recipes: the paper's against the published numbers, and rules that all of them keep."""

import json
from dataclasses import FrozenInstanceError, asdict, replace
from typing import Any, get_args

import pytest
import torch

from tests.grids import GRIDS, SMALL_GRID
from varemix.errors import TrainingError, UsageError
from varemix.licences import BUSINESS
from varemix.media.sounds import Kind
from varemix.model.competition import ReadingRule
from varemix.model.separator import Separator
from varemix.signal.grid import Grid
from varemix.training.recipe import (
    RECIPES,
    Augmentation,
    Recipe,
    begins_with,
    clean,
    named_recipe,
    num_steps,
    paper,
    reference,
    steps_per_epoch,
    tiny,
)
from varemix.training.soundbank import TUNE, VIDEO


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
    with pytest.raises(UsageError, match=r"'papre'.*paper, reference, clean, coarse, tiny"):
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
        {"shares": {"surprise": 1}},
        {"shares": {"further": 0.5}},
    ],
)
def test_what_is_no_recipe_is_refused(change: dict) -> None:
    with pytest.raises(TrainingError, match="no recipe of this varemix"):
        Recipe.from_dict(tiny().as_dict() | change)


@pytest.mark.parametrize("name", RECIPES)
def test_shares_name_what_there_is_and_are_shares(name: str) -> None:
    shares = named_recipe(name).shares
    if shares:
        assert set(shares.kinds) <= {VIDEO, TUNE, *get_args(Kind)} - {"notes"}
        assert all(0 < share <= 1 for share in (*shares.kinds.values(), *shares.chords.values()))
        assert all(0 <= share < 1 for share in (shares.further, shares.ensembles))


def test_clean_differs_from_the_reference_in_what_it_learns_from_alone() -> None:
    assert replace(clean(), name="reference", licences=None) == reference()
    assert clean().licences == BUSINESS


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({}, True),
        ({"reading": ReadingRule(power=0.5)}, True),
        ({"num_maps": 32}, False),
        ({"grid": SMALL_GRID}, False),
        ({"vision": "efficientnet_lite2"}, False),
        ({"recognises": True}, False),
    ],
)
def test_a_training_begins_with_the_same_separator_alone_but_for_how_masks_are_read(
    changes: dict[str, Any], begins: bool
) -> None:
    settings = replace(tiny().separator, **changes)
    assert begins_with(tiny(), settings) == begins
    pictures_alone = changes.keys() <= {"reading", "vision", "recognises"}
    assert begins_with(replace(tiny(), asked="names"), settings) == pictures_alone


def test_an_epoch_is_of_so_many_examples_a_clip_or_of_so_many_at_all() -> None:
    by_clips = replace(tiny(), epochs=3, examples_per_clip=5, batch_size=4)
    assert [steps_per_epoch(by_clips, number) for number in (1, 4, 7)] == [2, 5, 9]
    assert num_steps(by_clips, 7) == 27
    assert (
        num_steps(replace(by_clips, examples_per_epoch=9), 7)
        == num_steps(replace(by_clips, examples_per_epoch=9), 0)
        == 9
    )


def test_a_recipe_cannot_be_changed_by_accident() -> None:
    recipe = tiny()
    with pytest.raises(FrozenInstanceError):
        recipe.rate = 1.0  # type: ignore[misc]
