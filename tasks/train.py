"""Step: clips -> checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from catalog.files import Home, write_atomically
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.clips import usable_clips
from tasks.progress import bar
from tasks.shards import Outcome, is_transient
from varemix.media.clips import Clip
from varemix.training.examples import check_clips
from varemix.training.recipe import Recipe, named_recipe

if TYPE_CHECKING:
    from varemix.training.loop import Progress
    from varemix.training.state import History

STEP_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What is to be trained: a recipe, and the clips that the catalog holds in this version."""

    checkpoint_id: str
    recipe: Recipe
    clips: Mapping[str, Sequence[Clip]]
    clips_version: int
    home: Home

    @property
    def folder(self) -> Path:
        """Where the unfinished training lies."""
        return self.home.work(self.checkpoint_id)

    def forget_unfinished(self) -> None:
        """Remove what an unfinished run of this plan left, so that training starts from the beginning."""
        shutil.rmtree(self.folder)


def plan_training(catalog: Catalog, recipe_name: str) -> TrainingPlan:
    """Return what training now would be. Raises UsageError for an unknown recipe, TrainingError without clips."""
    version = catalog.version("clips")
    recipe = named_recipe(recipe_name)
    clips = {split: usable_clips(catalog, split, version=version) for split in ("train", "val")}
    for split, members in clips.items():
        check_clips(members, recipe, split)
    return TrainingPlan(
        checkpoint_id=_checkpoint_id(recipe, clips),
        recipe=recipe,
        clips=clips,
        clips_version=version,
        home=catalog.home,
    )


@task(task_run_name="train {recipe}", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def train_checkpoint(*, recipe: str, home: str, device: str = "auto") -> tuple[str, Outcome]:
    """Train the recipe on the clips that the catalog holds now; return the checkpoint's id.

    A checkpoint of the same recipe and clips that stands is not trained again; one half trained goes on.
    """
    catalog = Catalog(Home.open(home))
    plan = plan_training(catalog, recipe)
    path = catalog.home.checkpoint(plan.checkpoint_id)
    if path.exists() and len(catalog.read("checkpoints", where={"checkpoint_id": plan.checkpoint_id})):
        plan.forget_unfinished()  # a run that was killed after its last row
        return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="skipped", reason="stands already")
    history = _trained(plan, device)
    write_atomically(path, (plan.folder / "checkpoint.safetensors").read_bytes())
    catalog.merge("checkpoints", [_row(catalog.home, plan, history)])
    plan.forget_unfinished()
    return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="done", reason=_in_words(history))


def _trained(plan: TrainingPlan, device: str) -> History:
    """Train, and tell how far it has come."""
    from varemix.training.loop import train

    with bar(f"train {plan.recipe.name}", 100) as advance:

        def report(progress: Progress) -> None:
            advance(100 * progress.step // progress.num_steps - 100 * (progress.step - 1) // progress.num_steps)
            _log_epoch(progress)

        return train(plan.recipe, plan.clips["train"], plan.clips["val"], plan.folder, device=device, report=report)


def _row(home: Home, plan: TrainingPlan, history: History) -> dict[str, Any]:
    path = home.checkpoint(plan.checkpoint_id)
    return {
        "checkpoint_id": plan.checkpoint_id,
        "recipe": plan.recipe.name,
        "settings_json": json.dumps(plan.recipe.as_dict(), sort_keys=True),
        "clips_version": plan.clips_version,
        "seed": plan.recipe.seed,
        "num_steps": history.num_steps,
        "validation_loss": history.best_validation_loss,
        "path": home.relative(path),
        "digest": file_digest(path),
        "stage": "candidate",
        "seconds": history.seconds,
    }


def _checkpoint_id(recipe: Recipe, clips: Mapping[str, Sequence[Clip]]) -> str:
    ids = {split: [clip.clip_id for clip in members] for split, members in clips.items()}
    settings = json.loads(json.dumps(recipe.as_dict()))  # tuples as lists, as they are stored
    return content_id("checkpoint", version=STEP_VERSION, recipe=settings, clips=ids)


def _in_words(history: History) -> str:
    return (
        f"{history.num_steps} steps in {history.seconds:.0f} s, best validation loss {history.best_validation_loss:.4f}"
    )


def _log_epoch(progress: Progress) -> None:
    """Log an epoch's end to the run, where a person follows it."""
    if progress.validation_loss is not None:
        get_run_logger().info(
            "Step %d of %d: loss %.4f, validation %.4f, %.1f examples/s, %.0f s left.",
            progress.step,
            progress.num_steps,
            progress.loss,
            progress.validation_loss,
            progress.examples_per_s,
            progress.seconds_left,
        )
