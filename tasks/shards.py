"""Shards: a task does a handful of items, so that ten thousand tracks are a few hundred task runs.

Each item ends as an outcome; one bad item stops nobody. A shard that breaks as a whole (a full disk, a lost
database) is tried again when that may help, and then ends as one failed outcome for each of its items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import as_completed
from prefect.runtime import task_run
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import quote

from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks.origin import run_id
from tasks.progress import bar
from tasks.runners import DEPLOYMENTS, THREADS, chosen_runner
from tasks.terminal_bar import Advance
from varemix.errors import DownloadInterruptedError, VaremixError
from varemix.memory import give_back_files, give_back_gaps
from varemix.redaction import redacted

Status = Literal["done", "skipped", "unchanged", "unavailable", "failed"]
NUM_RETRIES = 2
_ENDINGS: dict[str, Status] = {
    "ready": "done",
    "remixed": "done",
    "unchanged": "unchanged",
    "untouched": "unchanged",  # as rows of older versions say it
    "unavailable": "unavailable",
    "failed": "failed",
}
_Item = TypeVar("_Item")
_P = ParamSpec("_P")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one item, and why where it is not simply done."""

    item: str
    status: Status
    reason: str = ""


def is_transient(task_: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether another try may help: an interrupted download, a busy disk or database."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, DownloadInterruptedError | OSError)


def is_last_try() -> bool:
    """Return whether the running task will not be tried again; so outside Prefect too."""
    return (task_run.run_count or NUM_RETRIES + 1) > NUM_RETRIES


def shard_task(name: str) -> Callable[[Callable[_P, list[Outcome]]], Task[_P, list[Outcome]]]:
    """Make a task of a function over a shard; its run is named after the stage and the shard."""
    return task(
        name=name,
        task_run_name=name + " {shard}",
        retries=NUM_RETRIES,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
        cache_policy=NO_CACHE,
    )


def run_shards(
    step: Task[..., list[Outcome]], items: Sequence[Any], names: Sequence[str], *, size: int, **settings: Any
) -> list[Outcome]:
    """Run the step over the items in shards of `size`; return every item's outcome, in order.

    `names` say how a person calls each item. `settings` go to every shard. The runner is that of the flow, or, where
    the environment chose so, each shard is a run of a deployment.
    """
    starts = range(0, len(items), size)
    shards = [list(items[first : first + size]) for first in starts]
    with bar(step.name, len(items)) as advance:
        if chosen_runner() == DEPLOYMENTS:
            from tasks.shard_runs import run_as_deployments

            results: Sequence[Any] = run_as_deployments(step, shards, settings, advance)
        else:
            results = _run_as_tasks(step, shards, settings, advance)
    give_back_gaps()
    give_back_files()
    outcomes: list[Outcome] = []
    for first, result in zip(starts, results, strict=True):
        if isinstance(result, BaseException | str):
            reason = result if isinstance(result, str) else explained(result)
            lost = names[first : first + size]
            outcomes += [Outcome(item=name, status="failed", reason=reason) for name in lost]
        else:
            outcomes += result
    return outcomes


def _run_as_tasks(
    step: Task[..., list[Outcome]], shards: Sequence[list[Any]], settings: Mapping[str, Any], advance: Advance
) -> list[Any]:
    """Return the outcomes of each shard, or what broke it."""
    # Prefect looks for futures in all that a task is given, and takes as long for it as the work: quoted, it does not.
    # Dask takes a quotation for a tuple.
    unread = quote if chosen_runner() == THREADS else (lambda value: value)
    given = {name: unread(value) for name, value in settings.items()}
    futures = [
        step.submit(items=unread(items), shard=f"{number} of {len(shards)}", **given)
        for number, items in enumerate(shards, start=1)
    ]
    sizes = dict(zip(futures, map(len, shards), strict=True))
    for done in as_completed(futures):
        advance(sizes[done])
    return [future.result(raise_on_failure=False) for future in futures]


def settle(
    catalog: Catalog,
    table: str,
    items: Sequence[_Item],
    *,
    name: Callable[[_Item], str],
    stands: Callable[[_Item], bool],
    make: Callable[[_Item], dict[str, Any]],
) -> list[Outcome]:
    """Make the row of each item whose result does not stand yet; then write the rows, files being there already.

    `make` returns an item's row, whose status tells what became of it; for all else see `each_alone`.
    """
    rows: list[dict[str, Any]] = []
    run = {"run_id": run_id()}

    def made(item: _Item) -> Outcome:
        rows.append(make(item) | run)
        return outcome_of(name(item), rows[-1])

    return each_alone(items, name=name, stands=stands, make=made, keep=lambda: catalog.merge(table, rows))


def each_alone(
    items: Sequence[_Item],
    *,
    name: Callable[[_Item], str],
    stands: Callable[[_Item], bool],
    make: Callable[[_Item], Outcome],
    keep: Callable[[], object],
) -> list[Outcome]:
    """Make each item whose result does not stand yet, and return what became of all; in the end `keep` writes the rows.

    `name` says how a person calls an item. An item at which `make` breaks without knowing why fails by itself; a broken
    disk or connection fails the shard.
    """
    outcomes = []
    try:
        for item in items:
            if stands(item):
                outcomes.append(Outcome(item=name(item), status="skipped"))
                continue
            try:
                outcomes.append(make(item))
            except (OSError, CatalogError, DownloadInterruptedError):
                raise
            except Exception as error:  # noqa: BLE001 - one bad item stops nobody
                outcomes.append(Outcome(item=name(item), status="failed", reason=explained(error)))
    finally:  # where a full disk stops the shard, what was made before stands
        keep()
    return outcomes


def outcome_of(name: str, row: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a row's status tells."""
    return Outcome(item=name, status=_ENDINGS[row["status"]], reason=row.get("reason") or "")


def explained(error: BaseException) -> str:
    """Return an error in words, without secrets: our own speak for themselves, others are named."""
    is_own = isinstance(error, VaremixError | CatalogError)
    return redacted(str(error) if is_own else f"{type(error).__name__}: {error}")
