"""Shards as runs of a deployment, with a stand-in for the server; the real one is in tests/flows/test_machines.py."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import Task
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, State

from catalog.files import Home
from tasks import shard_runs
from tasks.orders import read_order, write_answer
from tasks.shards import Outcome, run_shards, shard_task
from tests.tasks.planted import visible_files
from varemix.errors import UsageError


@shard_task("count")
def count(*, items: list[int], shard: str, home: str, by: int) -> list[Outcome]:
    return [Outcome(item=str(item * by), status="done") for item in items]


class Server:
    """Takes runs, and ends each at once as `end` says: with a state, after its work or without it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.end: Callable[[dict[str, Any]], State[Any]] = self.work
        self.runs: dict[UUID, SimpleNamespace] = {}
        self.deployments = {"shard/shard"}

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read_deployment_by_name(self, name: str) -> None:
        if name not in self.deployments:
            raise ObjectNotFound(Exception(name))

    def run_deployment(self, name: str, parameters: dict[str, Any], flow_run_name: str, **how: Any) -> Any:
        assert name in self.deployments
        run = SimpleNamespace(id=uuid4(), name=flow_run_name, deployment=name, state=self.end(parameters))
        self.runs[run.id] = run
        return run

    def read_flow_runs(self, flow_run_filter: Any) -> list[Any]:
        return [self.runs[run_id] for run_id in flow_run_filter.id.any_]

    def set_flow_run_state(self, run_id: UUID, state: State[Any]) -> None:
        self.runs[run_id].state = state

    def work(self, parameters: dict[str, Any]) -> State[Any]:
        """Do what a worker does."""
        step: Task[..., list[Outcome]] = count
        order = read_order(self.home, step.fn, parameters["order"])
        write_answer(self.home, parameters["order"], step.fn(**order, shard="", home=parameters["home"]))
        return Completed()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a server whose runs do their work."""
    made = Server(Home.open(tmp_path / "home"))
    monkeypatch.setenv("VAREMIX_RUNNER", "deployments")
    monkeypatch.setattr(shard_runs, "get_client", lambda sync_client: made)
    monkeypatch.setattr(shard_runs, "run_deployment", made.run_deployment)
    monkeypatch.setattr(shard_runs, "_POLL_S", 0.001)
    return made


def counted(server: Server) -> list[Outcome]:
    items = list(range(5))
    return run_shards(count, items, [f"item {item}" for item in items], size=2, home=server.home.address, by=10)


def test_every_shard_is_a_run_and_outcomes_keep_their_order(server: Server) -> None:
    assert [outcome.item for outcome in counted(server)] == ["0", "10", "20", "30", "40"]
    assert [run.name for run in server.runs.values()] == ["count 1 of 3", "count 2 of 3", "count 3 of 3"]
    assert visible_files(server.home.root) == []


def test_a_step_with_a_deployment_of_its_own_goes_there(server: Server) -> None:
    server.deployments.add("shard/count")
    counted(server)
    assert {run.deployment for run in server.runs.values()} == {"shard/count"}


def test_a_run_that_crashed_is_started_again_but_not_for_ever(server: Server) -> None:
    crashes = iter([True, False, True, True, True])
    server.end = lambda parameters: Crashed() if next(crashes, False) else server.work(parameters)
    outcomes = counted(server)
    assert [outcome.status for outcome in outcomes[:2]] == ["done", "done"]
    assert len(server.runs) == 3 + 4
    server.end = lambda parameters: Crashed(message="the worker died")
    assert {outcome.status for outcome in counted(server)} == {"failed"}
    assert visible_files(server.home.root) == []


@pytest.mark.parametrize("state", [Failed(message="no room"), Cancelled(message="by a person")])
def test_a_run_that_tells_nothing_fails_its_items_with_what_its_end_tells(server: Server, state: State[Any]) -> None:
    server.end = lambda parameters: state if "2 of 3" in parameters["shard"] else server.work(parameters)
    outcomes = counted(server)
    assert [outcome.status for outcome in outcomes] == ["done", "done", "failed", "failed", "done"]
    assert outcomes[2].item == "item 2"
    assert outcomes[2].reason == f"The run 'count 2 of 3' ended as {state.name}: {state.message}"


def test_not_more_runs_wait_than_the_pools_can_bear(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_runs, "RUNS_AT_ONCE", 1)
    unfinished: list[int] = []

    def end(parameters: dict[str, Any]) -> State[Any]:
        unfinished.append(len(visible_files(server.home.root)))
        return server.work(parameters)

    server.end = end
    assert len(counted(server)) == 5
    assert unfinished == [1, 1, 1]  # one order at a time


def test_who_breaks_off_cancels_the_runs(server: Server) -> None:
    server.end = lambda parameters: server.work(parameters) if "1 of 2" in parameters["shard"] else Pending()

    def stop(num_items: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shard_runs.run_as_deployments(count, [[1], [2]], {"home": server.home.address, "by": 10}, stop)
    assert [run.state.name for run in server.runs.values()] == ["Completed", "Cancelled"]


def test_without_a_deployment_it_says_what_to_do(server: Server) -> None:
    server.deployments.clear()
    with pytest.raises(UsageError, match=r"no deployment 'shard/shard'. Deploy it with `prefect --no-prompt deploy"):
        counted(server)
