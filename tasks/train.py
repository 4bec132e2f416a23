"""Step: clips -> checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from catalog.files import Home
from catalog.store import Catalog
from tasks.progress import bar
from tasks.shards import Outcome, is_transient
from tasks.terminal_bar import Advance
from tasks.trained import keep_trained, stands
from tasks.training_plan import TrainingPlan, plan_training
from varemix.training.nodes import Nodes
from varemix.training.pace import Pace

if TYPE_CHECKING:
    from varemix.training.run import Progress
    from varemix.training.state import History

_LOG_EVERY_S = 30.0


@task(task_run_name="train {recipe}", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def train_checkpoint(
    *,
    recipe: str,
    home: str,
    device: str = "auto",
    photos: str | None = None,
    start: str | None = None,
    minutes: float | None = None,
    processes: int = 1,
    nodes: int = 1,
    node_rank: int = 0,
    endpoint: str = "",
) -> tuple[str, Outcome]:
    """Train the recipe on what the catalog holds now; return the checkpoint's id.

    A checkpoint of the same recipe and material that stands is not trained again; one half trained goes on. Of several
    nodes that train together the first one writes the checkpoint, the others help and leave the unfinished training,
    which lies in the folder of them all, to it.
    """
    together = Nodes(count=nodes, rank=node_rank, endpoint=endpoint)
    catalog = Catalog(Home.open(home))
    plan = plan_training(catalog, recipe, photos, start, minutes)
    if stands(catalog, plan.checkpoint_id):
        if together.is_first:
            plan.forget_unfinished()  # a run that was killed after its last row
        return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="skipped", reason="stands already")
    history = _trained(plan, device, Pace(minutes=minutes), processes, together)
    if history is None:
        return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="done", reason=f"helped as node {node_rank}")
    keep_trained(
        catalog,
        plan.origin,
        plan.folder / "checkpoint.safetensors",
        history,
        clips=plan.material.clips["val"],
        sounds=plan.material.val_sounds,
        device=device,
    )
    plan.forget_unfinished()
    return plan.checkpoint_id, Outcome(item=plan.checkpoint_id, status="done", reason=in_words_of(history))


def _trained(plan: TrainingPlan, device: str, pace: Pace, processes: int, nodes: Nodes) -> History | None:
    """Train, and tell how far it has come; None where this node only helped."""
    from varemix.training.launch import launch

    with bar(f"train {plan.recipe.name}", plan.num_steps) as advance:
        return launch(
            plan.recipe,
            plan.material,
            plan.folder,
            start=plan.start,
            device=device,
            pace=pace,
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


def in_words_of(history: History) -> str:
    """Return how long a training took and what it reached."""
    return (
        f"{history.num_steps} steps in {history.seconds:.0f} s, best validation loss {history.best_validation_loss:.4f}"
    )
