"""What a server must know before the first run: pools, the queue of what trains, deployments, automations.

Doing it again changes nothing, but brings the server to what the files say.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse, SetStateStatus
from prefect.events.schemas.automations import AutomationCore
from prefect.states import AwaitingRetry
from prefect.workers.process import ProcessWorker

from catalog.files import write_atomically
from service.beginning import beginning
from service.described import AUTOMATIONS, DEPLOYMENTS, ROOT
from service.settings import CPU, GPU, LEARNING, LEARNING_POOL_VARIABLE, RECOVERY, pools
from varemix.errors import ServiceError

_COUNT = "prefect.run-count"
_SEEN_WITHIN = timedelta(days=2)
_ABOUT = {
    CPU: "Runs on the processor: downloads, masks, remixes; what trains too, where there is no GPU.",
    GPU: "Runs on hosts with a GPU: what trains and scores.",
}


class Schedule(NamedTuple):
    """A schedule, and the deployment that it is of."""

    deployment: DeploymentResponse
    schedule: DeploymentSchedule


def set_up(learning_pool: str, folder: Path) -> list[str]:
    """Tell the server everything; return what was done, a line each. `folder` keeps what was deployed last.

    What trains is deployed to the pool named. Raises ServiceError where Prefect refuses.
    """
    with get_client(sync_client=True) as client:
        lines = [_pool(client, name) for name in dict.fromkeys((CPU, learning_pool, *pools()))]
        started = _schedules(client)
        lines.append(_deployments(client, learning_pool, folder))
        lines += _kept_started(client, started)
        described = automations(os.environ)
        lines += [_automation(client, description) for description in described]
        lines += [_started_again(client, run) for run in _crashed_unseen(client, described, beginning(folder))]
    return lines


def automations(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the automations of the file, their times as the environment says."""
    times = {name: environment.get(name) or usual for name, usual in RECOVERY.items()}
    return list(yaml.safe_load(Template((AUTOMATIONS / "recovery.yaml").read_text()).substitute(times))["automations"])


def _pool(client: SyncPrefectClient, name: str) -> str:
    """Make a pool, and in it the queue of what trains, one run at a time; what a person changed since stays."""
    is_there = name in {pool.name for pool in client.read_work_pools()}
    if not is_there:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=name, type="process", description=_ABOUT[name], base_job_template=template)
        )
    if LEARNING not in {queue.name for queue in client.read_work_queues(work_pool_name=name)}:
        client.create_work_queue(
            LEARNING, work_pool_name=name, concurrency_limit=1, description="What trains: one run at a time."
        )
    return f"pool {name}: {'is there' if is_there else 'made'}"


def _deployments(client: SyncPrefectClient, learning_pool: str, folder: Path) -> str:
    """Deploy what prefect.yaml says, unless it was: what a person changed in the UI stays until the files change."""
    described = yaml.safe_load(DEPLOYMENTS.read_text())["deployments"]
    missing = {entry["name"] for entry in described} - {known.name for known in client.read_deployments()}
    note, digest = folder / "deployed", _digest_of_deployments(learning_pool)
    if not missing and note.exists() and note.read_text() == digest:
        return f"deployments: {len(described)} are there"
    ended = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(DEPLOYMENTS)],
        cwd=ROOT,
        env=os.environ | {LEARNING_POOL_VARIABLE: learning_pool, "PWD": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    missing = {entry["name"] for entry in described} - {known.name for known in client.read_deployments()}
    if ended.returncode or missing:
        raise ServiceError(f"The deployments of {DEPLOYMENTS.name} were not taken; Prefect said:\n{ended.stdout}")
    write_atomically(note, digest.encode())
    return f"deployments: {', '.join(entry['name'] for entry in described)}; what trains goes to pool {learning_pool}"


def _schedules(client: SyncPrefectClient) -> dict[tuple[str, str], Schedule]:
    """Return all schedules, by the names of deployment and schedule."""
    return {
        (deployment.name, schedule.slug or str(schedule.schedule)): Schedule(deployment, schedule)
        for deployment in client.read_deployments()
        for schedule in deployment.schedules
    }


def _kept_started(client: SyncPrefectClient, before: Mapping[tuple[str, str], Schedule]) -> list[str]:
    """Start again the schedules that were started before all was deployed anew; return how to start the others."""
    lines = []
    for key, (deployment, schedule) in _schedules(client).items():
        was_active = before[key].schedule.active if key in before else schedule.active
        if was_active != schedule.active:
            client.update_deployment_schedule(deployment.id, schedule.id, active=was_active)
        if not was_active:
            lines.append(
                f"schedule '{key[1]}' of {key[0]}: paused, and stays so until a person starts it, in the UI or by "
                f"`prefect deployment schedule resume {key[0]}/{key[0]} {schedule.id}`"
            )
    return lines


def _digest_of_deployments(learning_pool: str) -> str:
    """Return a digest of all that decides what is deployed: the file, the forms of flows and plans, the place."""
    forms = [file for folder in ("flows", "varemix/remix") for file in sorted((ROOT / folder).glob("*.py"))]
    sources = [DEPLOYMENTS, *forms, ROOT / "varemix" / "signal" / "smoothing_time.py"]
    parts = [learning_pool, str(ROOT), *(source.read_text() for source in sources)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _automation(client: SyncPrefectClient, description: dict[str, Any]) -> str:
    """Make an automation, or bring the one of its name to what the file says."""
    wanted = AutomationCore.model_validate(description)
    known = client.read_automations_by_name(wanted.name)
    if not known:
        client.create_automation(wanted)
    elif _essence(known[0]) != _essence(wanted):
        client.update_automation(known[0].id, wanted)
    else:
        return f"automation '{wanted.name}': is there"
    return f"automation '{wanted.name}': {'changed' if known else 'made'}"


def _essence(automation: AutomationCore) -> dict[str, Any]:
    """Return what an automation does; a person may have switched it off, which stays.

    Not as JSON: there the events, which are sets, become lists, in whatever order.
    """
    return automation.model_dump(include={"description", "trigger", "actions"})


def _crashed_unseen(
    client: SyncPrefectClient, described: list[dict[str, Any]], began: datetime | None
) -> list[FlowRun]:
    """Return the runs that an automation would have started again, had the server not gone with them.

    What crashed since the server began is the automations' own: started again here too, it would run twice.
    """
    if began is None:
        return []
    [counts] = [each["trigger"]["match"][_COUNT] for each in described if _COUNT in each["trigger"]["match"]]
    crashed = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
            start_time=FlowRunFilterStartTime.model_validate({"after_": datetime.now(UTC) - _SEEN_WITHIN}),
        )
    )
    return [
        run
        for run in crashed
        if run.deployment_id and str(run.run_count) in counts and run.state and run.state.timestamp < began
    ]


def _started_again(client: SyncPrefectClient, run: FlowRun) -> str:
    """Start a run again, unless somebody did meanwhile: the server would take it for another start."""
    state = client.read_flow_run(run.id).state
    if run.state is None or state is None or state.id != run.state.id:
        return f"run '{run.name}': crashed as the server went, and was started again"
    awaiting: State[Any] = AwaitingRetry(message="Crashed, and starts again to finish what is left.")
    answer = client.set_flow_run_state(run.id, awaiting)
    if answer.status != SetStateStatus.ACCEPT:
        return f"run '{run.name}': crashed as the server went; the server does not let it start again"
    return f"run '{run.name}': crashed as the server went, and starts again"
