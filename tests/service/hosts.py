"""A host with a server and a worker of its own, as `varemix up` starts them, and runs on it."""

import contextlib
import os
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Cancelling

from service.host import down, up
from service.processes import Daemon
from service.settings import Settings, read_settings
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
FLOWS = "tests/service/small_flows.py"
STAGES = ("refresh", "train", "evaluate", "masks", "remix", "nightly")
ZOMBIE_AFTER_S = 30  # runs tell every 2 s that they live; what starves is silent for many times that
SLOW_S = 600.0  # what takes seconds takes minutes where others use the processor too
_OWN = ("PREFECT", "VAREMIX")


@dataclass
class Host:
    """A home with a server and a worker."""

    home: Path
    database_url: str = ""
    said: list[str] = field(default_factory=list)
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        """Choose a free port, and hurry."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        own = {
            "PREFECT_SERVER_API_PORT": str(free_port()),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database_url,
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "VAREMIX_ZOMBIE_AFTER_S": str(ZOMBIE_AFTER_S),
            "VAREMIX_WORKERS": "2",
            "OMP_NUM_THREADS": "1",
        }
        self.settings = read_settings(str(self.home), kept | own)

    def up(self) -> list[str]:
        """Start what does not run; return what was said."""
        self.said = []
        up(self.settings, self.said.append)
        return self.said

    def down(self, grace_s: float = 20.0) -> list[str]:
        """Stop everything; return what was said."""
        self.said = []
        down(self.settings, self.said.append, grace_s=grace_s)
        return self.said

    def daemon(self, name: str) -> Daemon:
        """Return the server or a worker."""
        return Daemon(name=name, folder=self.settings.folder)

    @contextmanager
    def prefect(self) -> Iterator[SyncPrefectClient]:
        """Let this process speak with the server, and run flows there."""
        own = {PREFECT_API_URL: self.settings.api_url, PREFECT_HOME: self.home / "prefect"}
        with temporary_settings(own), get_client(sync_client=True) as client:
            yield client

    def deploy(self) -> None:
        """Deploy the small flows beside the deployments of prefect.yaml, with leases as those have them."""
        with self.prefect() as client:
            for stage in STAGES:
                client.create_deployment(
                    flow_id=client.create_flow_from_name(stage),
                    name="small",
                    entrypoint=f"{FLOWS}:{stage}",
                    work_pool_name="cpu",
                    work_queue_name="default",
                    pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
                    enforce_parameter_schema=False,
                    concurrency_limit=5,
                )

    def start(self, stage: str, parameters: Mapping[str, Any], **environment: str) -> UUID:
        """Ask for a run of a stage; a worker will take it."""
        with self.prefect() as client:
            deployment = client.read_deployment_by_name(f"{stage}/small")
            run = client.create_flow_run_from_deployment(
                deployment.id, parameters=dict(parameters), job_variables={"env": environment}
            )
            return run.id

    def run(self, run_id: UUID) -> FlowRun:
        """Return a run as the server knows it."""
        with self.prefect() as client:
            return client.read_flow_run(run_id)

    def cancel(self, run_id: UUID) -> None:
        """Do what the button in the UI does."""
        with self.prefect() as client:
            client.set_flow_run_state(run_id, Cancelling(), force=True)

    def wait_for(self, run_id: UUID, *names: str, timeout_s: float = SLOW_S) -> FlowRun:
        """Wait until the run is in one of the states named; return it."""
        runs: list[FlowRun] = []

        def is_there() -> bool:
            runs.append(self.run(run_id))
            return runs[-1].state_name in names

        wait_until(is_there, timeout_s, lambda: f"{runs[-1].name} is {runs[-1].state_name}, not {names}; {self.logs()}")
        return runs[-1]

    @contextmanager
    def without_automations(self) -> Iterator[None]:
        """Let nobody count silence while the server is away for longer than these tests call silent."""
        with self.prefect() as client:
            automations = client.read_automations()
            for automation in automations:
                client.pause_automation(automation.id)
        try:
            yield
        finally:
            with self.prefect() as client:
                for automation in automations:
                    client.resume_automation(automation.id)

    def can_be_asked(self) -> bool:
        """Return whether the server reaches its database."""
        address = f"{self.settings.api_url}/flow_runs/count"
        asked = urllib.request.Request(address, b"{}", {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=10):
                return True
        except OSError:
            return False

    def worker(self) -> psutil.Process:
        """Return the process of the worker."""
        process = self.daemon("worker-cpu").process()
        assert process
        return process

    def logs(self) -> str:
        """Return the last words of server and worker."""
        return "\n".join(f"{name}: {self.daemon(name).last_words(30)}" for name in ("server", "worker-cpu"))


def processes_of(run_id: UUID) -> list[psutil.Process]:
    """Return the processes of a run, and all that they started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID") == str(run_id):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill(processes: Sequence[psutil.Process]) -> bool:
    """Kill processes at once; return whether any was there to be killed."""
    was_there = False
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            was_there |= process.status() != psutil.STATUS_ZOMBIE
            process.kill()
    return was_there


def wait_until(is_so: Callable[[], bool], timeout_s: float, otherwise: Callable[[], str]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)
