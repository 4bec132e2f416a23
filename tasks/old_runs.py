"""Runs that Prefect remembers, and their end: those of this software that ended long ago are forgotten.

A server that runs for ever can do so by itself (`PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,flow_runs`); the
embedded one, which lives as long as a command, cannot. Events are the server's: it keeps them for
`PREFECT_SERVER_EVENTS_RETENTION_PERIOD`, by default 7 days.
"""

from datetime import UTC, datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.exceptions import ObjectNotFound

FLOWS = (
    *("refresh", "train", "evaluate", "compare", "masks", "remix", "separate", "nightly", "housekeeping"),
    *("promote", "rollback", "shard", "labels", "bundle", "take-bundle", "weights", "evaluate-separators"),
)
"""The flows of this software: a server may have others, whose runs are not ours to forget."""

_PAGE = 200


@task(name="forget old runs", task_run_name="forget old runs", cache_policy=NO_CACHE)
def forget_old_runs(*, keep_days: float, dry_run: bool = False) -> int:
    """Remove the runs that ended more than `keep_days` ago from the server, with their artifacts; return how many."""
    with get_client(sync_client=True) as client:
        if dry_run:
            return len(_all_old(client, keep_days))
        num_gone = 0
        while runs := _old(client, keep_days, offset=0):
            gone = [run for run in runs if _forgotten(client, run)]
            num_gone += len(gone)
            if not gone:  # others remove them at the same time
                break
        return num_gone


def _all_old(client: SyncPrefectClient, keep_days: float) -> list[FlowRun]:
    runs: list[FlowRun] = []
    while page := _old(client, keep_days, offset=len(runs)):
        runs += page
    return runs


def _old(client: SyncPrefectClient, keep_days: float, offset: int) -> list[FlowRun]:
    before = datetime.now(UTC) - timedelta(days=keep_days)
    return client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
        flow_run_filter=FlowRunFilter(
            end_time=FlowRunFilterEndTime.model_validate({"before_": before}),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))),
        ),
        limit=_PAGE,
        offset=offset,
    )


def _forgotten(client: SyncPrefectClient, run: FlowRun) -> bool:
    try:
        for artifact in client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        ):
            client.delete_artifact(artifact.id)
        client.delete_flow_run(run.id)
    except ObjectNotFound:
        return False
    return True
