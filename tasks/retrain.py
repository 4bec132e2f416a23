"""When training again is worth a night: when enough clips are new since what was trained before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.errors import HomeError, TableError
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row, serving_id
from tasks.decisions import record, tried_beside
from tasks.training_rows import training_rows
from varemix.errors import CheckpointError
from varemix.model.header import read_header, settings_of
from varemix.training.recipe import Recipe, begins_with, may_go_on_from, named_recipe

RETRAIN_SHARE = 0.05
"""The share of the clips that must be new or changed, unless a person says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """Whether to train tonight, from which checkpoint (None: from the beginning), and why or why not."""

    is_due: bool
    start: str | None
    reason: str


def retraining(catalog: Catalog, recipe_name: str, share: float = RETRAIN_SHARE) -> Retraining:
    """Return whether training again is due.

    It is when the recipe was not tried yet beside what serves, the champion or before the first one the shipped
    checkpoint, and when at least `share` of the clips and sounds that it learns from are new or changed since the
    champion was trained, or the last challenger that was not promoted. It starts from what serves where the recipe
    trains the same separator, and where that learnt from nothing but what the recipe may learn from.
    """
    recipe = named_recipe(recipe_name)
    champion = champion_id(catalog)
    start, begins = _start(catalog, recipe, champion, serving_id(catalog))
    tried = _tried(catalog, recipe, champion)
    if not tried:
        because = f"recipe '{recipe_name}' was not tried beside it yet" if champion else "there is no champion yet"
        return Retraining(is_due=True, start=start, reason=f"{because}; {begins}")
    last = max(tried, key=lambda row: int(row["clips_version"]))
    known, today = _learnt_ids(catalog, recipe, last), _learnt_ids(catalog, recipe)
    num_new = len(today - known)
    enough = num_new >= max(1, share * len(today))
    found = f"{num_new} of {len(today)} clips and sounds are new or changed since {last['checkpoint_id']} was trained"
    rule = f"{100 * share:g} % are needed to train again"
    return Retraining(is_due=enough, start=start, reason=f"{found}; {begins if enough else rule}")


def record_not_retrained(catalog: Catalog, reason: str) -> None:
    """Write down that nothing was trained tonight, and why."""
    champion = champion_id(catalog)
    record(catalog, "not_retrained", reason, before=champion, after=champion)


def _start(catalog: Catalog, recipe: Recipe, champion: str | None, serving: str | None) -> tuple[str | None, str]:
    """Return the checkpoint to start from, and how it begins in words."""
    if serving is None:
        return None, "it begins with nothing learnt"
    rival = "champion" if champion else "built-in model"
    try:
        row = checkpoint_row(catalog, champion)
        file = catalog.home.fetched(row["path"], row["digest"])
        header = read_header(file)
        settings = settings_of(file, header)
    except (CheckpointError, HomeError) as error:
        return None, f"it begins with nothing learnt, since the {rival}'s file cannot be read: {error}"
    if not begins_with(recipe, settings):
        return (
            None,
            f"it begins with nothing learnt, since '{recipe.name}' trains another separator than the {rival}'s",
        )
    if not may_go_on_from(recipe, header["provenance"]):
        return (
            None,
            f"it begins with nothing learnt, since the {rival} learnt from more than '{recipe.name}' may learn from",
        )
    return serving, f"it goes on from the {rival} {serving}"


def _tried(catalog: Catalog, recipe: Recipe, champion: str | None) -> Sequence[dict[str, Any]]:
    """Return the rows of the champion and of what it stood up to, those of this recipe."""
    ids = tried_beside(catalog, champion) | ({champion} if champion else set())
    rows = catalog.read_rows("checkpoints", where={"checkpoint_id": list(ids)}) if ids else []
    return [row for row in rows if json.loads(row["settings_json"]) == _as_stored(recipe.as_dict())]


def _as_stored(settings: dict[str, Any]) -> Any:
    return json.loads(json.dumps(settings))


def _learnt_ids(catalog: Catalog, recipe: Recipe, checkpoint: Mapping[str, Any] | None = None) -> set[str]:
    """Return the clips and sounds that a recipe learns from now, or that a checkpoint of it learnt from.

    Of versions of tables that cannot be read any more there are none.
    """
    try:
        ids = training_rows(catalog, recipe, checkpoint).ids
    except TableError:
        if checkpoint is None:
            raise
        return set()
    return {*ids["clips"], *ids["sounds"]}
