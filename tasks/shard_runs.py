"""Shards as runs of a deployment: each is taken by a worker of a work pool, on whichever machine that has room.

The step `masks` goes to the deployment `shard/masks` if there is one, else to `shard/shard`: which pool hears, with a
GPU perhaps, and which pool writes is so a matter of the deployments. A run that crashes, as when its worker is killed,
is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from catalog.errors import CatalogError
from catalog.files import Home
from tasks.orders import forget_order, read_answer, write_order
from tasks.shards import NUM_RETRIES, Outcome
from varemix.errors import UsageError

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

RUNS_AT_ONCE = 32
"""So many runs wait or work at a time; how many work is up to the pools and their workers."""

_POLL_S = 1.0
_FLOW = "shard"


@dataclass(kw_only=True)
class _Given:
    """A shard that was given to a deployment."""

    number: int
    order: str
    run_id: UUID
    num_tries: int = 1


def run_as_deployments(
    step: Task[..., list[Outcome]],
    shards: Sequence[list[Any]],
    settings: Mapping[str, Any],
    advance: Callable[[int], None],
) -> list[list[Outcome] | str]:
    """Return what became of each shard: its outcomes, or why there are none. Raises UsageError without a deployment.

    `advance` is told how many items are through. Whoever breaks this off cancels the runs.
    """
    home = Home.open(settings["home"])
    sent = {name: value for name, value in settings.items() if name != "home"}
    results: dict[int, list[Outcome] | str] = {}
    waiting = list(reversed(range(len(shards))))
    with get_client(sync_client=True) as client, _given() as given:
        deployment = _deployment(client, step.name)

        def give(number: int, order: str) -> UUID:
            named = f"{number + 1} of {len(shards)}"
            parameters = {"step": step.name, "order": order, "shard": named, "home": home.address}
            run: Any = run_deployment(
                deployment, parameters=parameters, flow_run_name=f"{step.name} {named}", timeout=0, as_subflow=True
            )
            return UUID(str(run.id))

        while waiting or given:
            while waiting and len(given) < RUNS_AT_ONCE:
                number = waiting.pop()
                order = write_order(home, step.fn, {"items": shards[number], **sent})
                run_id = give(number, order)
                given[run_id] = _Given(number=number, order=order, run_id=run_id)
            time.sleep(_POLL_S)
            for run in _ended(client, given):
                own = given.pop(run.id)
                if _has_crashed(run) and own.num_tries <= NUM_RETRIES:
                    run_id = give(own.number, own.order)
                    given[run_id] = _Given(
                        number=own.number, order=own.order, run_id=run_id, num_tries=own.num_tries + 1
                    )
                    continue
                results[own.number] = _answer(home, own.order, run)
                forget_order(home, own.order)
                advance(len(shards[own.number]))
    return [results[number] for number in range(len(shards))]


def _deployment(client: SyncPrefectClient, step: str) -> str:
    """Return the name of the deployment that does shards of a step."""
    for name in (f"{_FLOW}/{step}", f"{_FLOW}/{_FLOW}"):
        with suppress(ObjectNotFound):
            client.read_deployment_by_name(name)
            return name
    raise UsageError(
        f"The runner 'deployments' found no deployment '{_FLOW}/{_FLOW}'. Deploy it with `prefect --no-prompt deploy "
        "--all`, and start workers on its pool; or leave the runner at threads."
    )


@contextmanager
def _given() -> Iterator[dict[UUID, _Given]]:
    """Give an empty set of given shards; those in it when the block breaks off are cancelled."""
    given: dict[UUID, _Given] = {}
    try:
        yield given
    except BaseException:
        with get_client(sync_client=True) as client:
            for run in _runs(client, given):
                if not run.state or not run.state.is_final():
                    is_running = bool(run.state and run.state.is_running())
                    client.set_flow_run_state(run.id, Cancelling() if is_running else Cancelled())
        raise


def _runs(client: SyncPrefectClient, given: Mapping[UUID, _Given]) -> list[FlowRun]:
    if not given:
        return []
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(given))))


def _ended(client: SyncPrefectClient, given: Mapping[UUID, _Given]) -> list[FlowRun]:
    return [run for run in _runs(client, given) if run.state and run.state.is_final()]


def _has_crashed(run: FlowRun) -> bool:
    return bool(run.state and run.state.is_crashed())


def _answer(home: Home, order: str, run: FlowRun) -> list[Outcome] | str:
    """Return what a run that ended told, or what its end tells."""
    assert run.state is not None
    try:
        return read_answer(home, order)
    except CatalogError:
        told = run.state.message or "nothing more is known"
        return f"The run '{run.name}' ended as {run.state.name}: {told}"
