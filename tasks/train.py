"""Step: clips -> checkpoint."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from catalog.files import Home, replacing, write_atomically
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.calibrate import calibrate
from tasks.checkpoints import checkpoint_row
from tasks.clips import clip_of
from tasks.material import card, counted, learnable
from tasks.origin import run_id
from tasks.progress import bar
from tasks.shards import Outcome, is_transient
from tasks.stills import folder_stills
from tasks.terminal_bar import Advance
from varemix.errors import UsageError
from varemix.licences import UNSTATED, is_allowed
from varemix.media.clips import Clip
from varemix.model.checkpoint import read_header
from varemix.training.examples import check_clips
from varemix.training.nodes import Nodes
from varemix.training.recipe import Recipe, named_recipe, num_steps

if TYPE_CHECKING:
    from varemix.training.loop import Progress
    from varemix.training.state import History

STEP_VERSION = 2
_LOG_EVERY_S = 30.0


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What is to be trained: a recipe, the clips that the catalog holds in this version, photographs, a beginning."""

    checkpoint_id: str
    recipe: Recipe
    clips: Mapping[str, Sequence[Clip]]
    clips_version: int
    photos: Mapping[str, Sequence[Path]]
    trained_on: Sequence[Mapping[str, Any]]
    start: Path | None
    parent_id: str | None
    home: Home

    @property
    def num_steps(self) -> int:
        """How many steps the whole training takes."""
        return num_steps(self.recipe, len(self.clips["train"]))

    @property
    def folder(self) -> Path:
        """Where the unfinished training lies."""
        return self.home.work(self.checkpoint_id)

    def forget_unfinished(self) -> None:
        """Remove what an unfinished run of this plan left, so that training starts from the beginning."""
        shutil.rmtree(self.folder)


def plan_training(
    catalog: Catalog, recipe_name: str, photos: str | None = None, start: str | None = None
) -> TrainingPlan:
    """Return what training now would be; see `flows.train` for `photos` and `start`.

    Raises UsageError for an unknown recipe, and for photographs of a folder, whose licences nobody states, where the
    recipe does not take such; TrainingError without clips, CatalogError or CheckpointError for a start
    that is not there.
    """
    version = catalog.version("clips")
    recipe = named_recipe(recipe_name)
    rows = {
        split: learnable(catalog, "clips", split, version=version, licences=recipe.licences)
        for split in ("train", "val")
    }
    clips = {split: [clip_of(catalog.home, row) for row in own] for split, own in rows.items()}
    for split, members in clips.items():
        check_clips(members, recipe, split)
    pictures = _photos(photos, {clip.instrument for clip in clips["train"]}, recipe)
    beginning, parent_id = _start(catalog, start) if start else (None, None)
    return TrainingPlan(
        checkpoint_id=_checkpoint_id(recipe, clips, pictures, beginning),
        recipe=recipe,
        clips=clips,
        clips_version=version,
        photos=pictures,
        trained_on=[*(count for own in rows.values() for count in counted("clips", own)), *_counted_photos(pictures)],
        start=beginning,
        parent_id=parent_id,
        home=catalog.home,
    )


@task(task_run_name="train {recipe}", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def train_checkpoint(
    *,
    recipe: str,
    home: str,
    device: str = "auto",
    photos: str | None = None,
    start: str | None = None,
    processes: int = 1,
    nodes: int = 1,
    node_rank: int = 0,
    endpoint: str = "",
) -> tuple[str, Outcome]:
    """Train the recipe on the clips that the catalog holds now; return the checkpoint's id.

    A checkpoint of the same recipe and clips that stands is not trained again; one half trained goes on. Of several
    nodes that train together the first one writes the checkpoint, the others help.
    """
    together = Nodes(count=nodes, rank=node_rank, endpoint=endpoint)
    catalog = Catalog(Home.open(home))
    plan = plan_training(catalog, recipe, photos, start)
    path = catalog.home.checkpoint(plan.checkpoint_id)
    if catalog.home.holds(catalog.home.relative(path)) and len(
        catalog.read("checkpoints", where={"checkpoint_id": plan.checkpoint_id})
    ):
        plan.forget_unfinished()  # a run that was killed after its last row
        return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="skipped", reason="stands already")
    history = _trained(plan, device, processes, together)
    if history is None:
        plan.forget_unfinished()
        return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="done", reason=f"helped as node {node_rank}")
    _keep_curves(plan, history)
    with replacing(path) as temporary:
        facts = {"trained_on": list(plan.trained_on)}
        calibrate(plan.folder / "checkpoint.safetensors", temporary, plan.clips["val"], device=device, facts=facts)
    catalog.home.keep(path)
    row = _row(catalog.home, plan, history)
    _keep_card(plan, row)
    catalog.merge("checkpoints", [row])
    plan.forget_unfinished()
    return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="done", reason=_in_words(history))


def _trained(plan: TrainingPlan, device: str, processes: int, nodes: Nodes) -> History | None:
    """Train, and tell how far it has come; None where this node only helped."""
    from varemix.training.launch import launch

    with bar(f"train {plan.recipe.name}", plan.num_steps) as advance:
        return launch(
            plan.recipe,
            plan.clips["train"],
            plan.clips["val"],
            plan.folder,
            photos=plan.photos,
            start=plan.start,
            device=device,
            num_processes=processes,
            nodes=nodes,
            report=_reporter(advance),
        )


def _reporter(advance: Advance) -> Callable[[Progress], None]:
    """Return what moves the bar, and logs a line now and then and at the end of every epoch."""
    from varemix.training.curves import in_numbers, in_words

    told_at, done = time.monotonic(), 0

    def report(progress: Progress) -> None:
        nonlocal told_at, done
        advance(progress.step - done, in_numbers(progress))
        done = progress.step
        if progress.validation_loss is not None or time.monotonic() - told_at > _LOG_EVERY_S:
            told_at = time.monotonic()
            get_run_logger().info(in_words(progress))

    return report


def curves_path(home: Home, checkpoint_id: str) -> Path:
    """Return where the picture of a training's curves lies; the table beside it ends in `.csv`."""
    return home.checkpoint(checkpoint_id).with_suffix(".curves.png")


def _keep_curves(plan: TrainingPlan, history: History) -> None:
    """Keep the curves beside the checkpoint, as a picture and as a table."""
    from varemix.training.curves import draw_curves, write_curves

    place = curves_path(plan.home, plan.checkpoint_id)
    write_atomically(place, draw_curves(history))
    write_curves(place.with_suffix(".csv"), history)
    plan.home.keep(place)
    plan.home.keep(place.with_suffix(".csv"))


def card_path(home: Home, checkpoint_id: str) -> Path:
    """Return where the model card of a checkpoint lies that was trained here."""
    return home.checkpoint(checkpoint_id).with_suffix(".card.md")


def _keep_card(plan: TrainingPlan, row: Mapping[str, Any]) -> None:
    """Keep beside the checkpoint, for people, what it learnt from."""
    place = card_path(plan.home, plan.checkpoint_id)
    write_atomically(place, card(row, plan.trained_on).encode())
    plan.home.keep(place)


def _start(catalog: Catalog, start: str) -> tuple[Path, str | None]:
    """Return the checkpoint file to begin with, and its id where the catalog knows it."""
    if start.endswith(".safetensors"):
        read_header(Path(start))
        return Path(start), None
    row = checkpoint_row(catalog, start)
    return catalog.home.fetched(row["path"], row["digest"]), row["checkpoint_id"]


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


def _row(home: Home, plan: TrainingPlan, history: History) -> dict[str, Any]:
    path = home.checkpoint(plan.checkpoint_id)
    return {
        "checkpoint_id": plan.checkpoint_id,
        "recipe": plan.recipe.name,
        "settings_json": json.dumps(plan.recipe.as_dict(), sort_keys=True),
        "clips_version": plan.clips_version,
        "parent_id": plan.parent_id,
        "seed": plan.recipe.seed,
        "num_steps": history.num_steps,
        "validation_loss": history.best_validation_loss,
        "path": home.relative(path),
        "digest": file_digest(path),
        "stage": "candidate",
        "seconds": history.seconds,
        "run_id": run_id(),
    }


def _checkpoint_id(
    recipe: Recipe, clips: Mapping[str, Sequence[Clip]], photos: Mapping[str, Sequence[Path]], start: Path | None
) -> str:
    ids = {split: [clip.clip_id for clip in members] for split, members in clips.items()}
    settings = json.loads(json.dumps(recipe.as_dict()))  # tuples as lists, as they are stored
    pictures = {name: [file_digest(path) for path in paths] for name, paths in photos.items()}
    beginning = file_digest(start) if start else None
    return content_id("checkpoint", version=STEP_VERSION, recipe=settings, clips=ids, photos=pictures, start=beginning)


def _in_words(history: History) -> str:
    return (
        f"{history.num_steps} steps in {history.seconds:.0f} s, best validation loss {history.best_validation_loss:.4f}"
    )
