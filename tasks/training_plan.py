"""What a training now would be: recipe, material, beginning, and the id of what comes of it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalog.files import Home
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row
from tasks.material import counted
from tasks.stills import folder_stills
from tasks.trained import Origin
from tasks.training_rows import LEARNING_SPLITS, training_rows
from varemix.errors import UsageError
from varemix.licences import UNSTATED, is_allowed
from varemix.model.checkpoint import read_header
from varemix.training.examples import check_recordings
from varemix.training.material import Material
from varemix.training.recipe import Recipe, may_go_on_from, named_recipe, num_steps
from varemix.training.soundbank import recordings_of

STEP_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What is to be trained: a recipe, what the catalog holds in these versions, a beginning."""

    origin: Origin
    material: Material
    start: Path | None
    home: Home

    @property
    def checkpoint_id(self) -> str:
        """The id that the checkpoint will have."""
        return self.origin.checkpoint_id

    @property
    def recipe(self) -> Recipe:
        """What decides what training yields."""
        return self.origin.recipe

    @property
    def num_steps(self) -> int:
        """How many steps the whole training takes."""
        return num_steps(self.recipe, len(self.material.clips["train"]))

    @property
    def folder(self) -> Path:
        """Where the unfinished training lies."""
        return self.home.work(self.checkpoint_id)

    def forget_unfinished(self) -> None:
        """Remove what an unfinished run of this plan left, so that training starts from the beginning."""
        shutil.rmtree(self.folder)


def plan_training(
    catalog: Catalog,
    recipe_name: str,
    photos: str | None = None,
    start: str | None = None,
    minutes: float | None = None,
) -> TrainingPlan:
    """Return what training now would be; see `flows.train` for `photos`, `start` and `minutes`.

    Raises UsageError for an unknown recipe, and for photographs of a folder, whose licences nobody states, or a start
    that learnt from material of other licences, where the recipe does not take such; TrainingError without clips,
    CatalogError or CheckpointError for a start that is not there.
    """
    recipe = named_recipe(recipe_name)
    rows = training_rows(catalog, recipe)
    listed = rows.material(catalog.home)
    recordings = recordings_of(listed.clips, listed.sounds)
    for split in LEARNING_SPLITS:
        check_recordings(recordings, recipe, split)
    own = _photos(photos, {one.label for one in recordings if one.split == "train"}, recipe)
    pictures = {name: [*listed.photos.get(name, ()), *own.get(name, ())] for name in {**listed.photos, **own}}
    beginning, parent_id = _start(catalog, start, recipe) if start else (None, None)
    origin = Origin(
        checkpoint_id=_checkpoint_id(recipe, rows.ids, own, beginning, minutes),
        recipe=recipe,
        versions=rows.versions,
        trained_on=[*rows.counts, *_counted_photos(own)],
        parent_id=parent_id,
    )
    return TrainingPlan(origin=origin, material=replace(listed, photos=pictures), start=beginning, home=catalog.home)


def _start(catalog: Catalog, start: str, recipe: Recipe) -> tuple[Path, str | None]:
    """Return the checkpoint file to begin with, and its id where the catalog knows it."""
    if start.endswith(".safetensors"):
        file, own = Path(start), None
    else:
        row = checkpoint_row(catalog, start)
        file, own = catalog.home.fetched(row["path"], row["digest"]), row["checkpoint_id"]
    if not may_go_on_from(recipe, read_header(file)["provenance"]):
        raise UsageError(
            f"Recipe '{recipe.name}' takes material of the licences {', '.join(recipe.licences or ())} only, and the "
            f"model '{start}' learnt from other material, too. Leave --start out, or give a model that was trained by "
            f"'{recipe.name}'."
        )
    return file, own


def _photos(folder: str | None, instruments: set[str], recipe: Recipe) -> dict[str, list[Path]]:
    """Return the photographs of a folder, of the instruments that are trained."""
    if folder is None:
        return {}
    if not is_allowed(UNSTATED, recipe.licences):
        raise UsageError(
            f"Recipe '{recipe.name}' takes material of the licences {', '.join(recipe.licences or ())} only, and a "
            "folder of photographs tells none. Leave --photos out, and list photos with their licences for "
            "`varemix refresh`."
        )
    found = folder_stills(Path(folder))
    return {name: [path for path in found[name] if isinstance(path, Path)] for name in sorted(instruments & set(found))}


def _counted_photos(photos: Mapping[str, Sequence[Path]]) -> list[dict[str, Any]]:
    rows = [
        {"licence": UNSTATED, "split": "train", "instrument": name} for name, paths in photos.items() for _ in paths
    ]
    return counted("photos", rows)


def _checkpoint_id(
    recipe: Recipe,
    ids: Mapping[str, Sequence[str]],
    photos: Mapping[str, Sequence[Path]],
    start: Path | None,
    minutes: float | None,
) -> str:
    settings = json.loads(json.dumps(recipe.as_dict()))  # tuples as lists, as they are stored
    pictures = {name: [file_digest(path) for path in paths] for name, paths in photos.items()}
    beginning = file_digest(start) if start else None
    return content_id(
        "checkpoint",
        version=STEP_VERSION,
        recipe=settings,
        rows=ids,
        photos=pictures,
        start=beginning,
        minutes=minutes,
    )
