"""What a person started stays started, what nobody started again is; stand-ins for Prefect's client show it."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Crashed, Running

from service import setup
from service.beginning import beginning, note_beginning


def deployment(name: str, **schedules: bool) -> SimpleNamespace:
    slugs = [SimpleNamespace(id=uuid4(), slug=slug, schedule="", active=active) for slug, active in schedules.items()]
    return SimpleNamespace(id=uuid4(), name=name, schedules=slugs)


class Client:
    """Prefect's client, as far as schedules go."""

    def __init__(self, *deployments: SimpleNamespace) -> None:
        self.deployments = list(deployments)

    def read_deployments(self) -> list[Any]:
        return self.deployments

    def update_deployment_schedule(self, deployment_id: Any, schedule_id: Any, *, active: bool) -> None:
        [schedule] = [s for d in self.deployments if d.id == deployment_id for s in d.schedules if s.id == schedule_id]
        schedule.active = active


def active(client: Any) -> dict[str, bool]:
    return {slug: found.schedule.active for (_, slug), found in setup._schedules(client).items()}


def test_a_schedule_that_a_person_started_or_paused_stays_so_when_all_is_deployed_anew() -> None:
    client: Any = Client(deployment("nightly", nightly=True), deployment("housekeeping", weekly=False))
    before = setup._schedules(client)
    client.deployments = [deployment("nightly", nightly=False), deployment("housekeeping", weekly=True)]
    lines = setup._kept_started(client, before)
    assert active(client) == {"nightly": True, "weekly": False}
    assert [line.partition(":")[0] for line in lines] == ["schedule 'weekly' of housekeeping"]


def test_what_is_new_is_as_its_file_says_and_it_is_told_how_to_start_what_is_paused() -> None:
    client: Any = Client()
    before = setup._schedules(client)
    client.deployments = [deployment("nightly", nightly=False), deployment("housekeeping", weekly=True)]
    [line] = setup._kept_started(client, before)
    assert active(client) == {"nightly": False, "weekly": True}
    [paused] = client.deployments[0].schedules
    assert f"prefect deployment schedule resume nightly/nightly {paused.id}`" in line


@pytest.mark.parametrize("name", ["plan", "rules", "plan_gains", "tuning"])
def test_all_that_a_plans_form_is_made_of_decides_whether_all_is_deployed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for folder in ("flows", "varemix/remix", "varemix/signal"):
        shutil.copytree(setup.ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    before = setup._digest_of_deployments("cpu")
    assert setup._digest_of_deployments("cpu") == before
    module = tmp_path / "varemix" / "remix" / f"{name}.py"
    module.write_text(module.read_text() + "FURTHER = 1\n")
    assert setup._digest_of_deployments("cpu") != before


def crashed(name: str, at: datetime, run_count: int = 1) -> SimpleNamespace:
    return SimpleNamespace(
        id=uuid4(), name=name, deployment_id=uuid4(), run_count=run_count, state=Crashed(timestamp=at)
    )


class RunsClient:
    """Prefect's client, as far as runs that crashed go; what it read first may be old by then."""

    def __init__(self, *runs: SimpleNamespace, meanwhile: State[Any] | None = None) -> None:
        self.runs, self.meanwhile, self.set = runs, meanwhile, list[UUID]()

    def read_flow_runs(self, **_: object) -> list[Any]:
        return list(self.runs)

    def read_flow_run(self, run_id: UUID) -> Any:
        [run] = [run for run in self.runs if run.id == run_id]
        return SimpleNamespace(state=self.meanwhile or run.state)

    def set_flow_run_state(self, run_id: UUID, state: State[Any]) -> Any:
        assert (state.type, state.name) == (StateType.SCHEDULED, "AwaitingRetry")
        self.set.append(run_id)
        return SimpleNamespace(status=SetStateStatus.ACCEPT)


def started_again(client: Any, began: datetime | None) -> list[str]:
    found = setup._crashed_unseen(client, setup.automations({}), began)
    return [setup._started_again(client, run) for run in found]


BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, AFTER = BEGAN - timedelta(seconds=1), BEGAN + timedelta(seconds=1)


def test_what_crashed_before_the_server_began_starts_again_and_all_else_is_the_automations() -> None:
    client: Any = RunsClient(crashed("lost", BEFORE), crashed("seen", AFTER), crashed("often", BEFORE, run_count=4))
    assert started_again(client, BEGAN) == ["run 'lost': crashed as the server went, and starts again"]
    assert client.set == [client.runs[0].id]


def test_where_nobody_noted_when_the_server_began_no_run_is_touched(tmp_path: Path) -> None:
    client: Any = RunsClient(crashed("lost", BEFORE))
    assert started_again(client, beginning(tmp_path)) == []
    note_beginning(tmp_path)
    assert len(started_again(client, beginning(tmp_path))) == 1


@pytest.mark.parametrize("meanwhile", [Running(), Crashed()])
def test_a_run_that_somebody_else_started_again_is_not_started_once_more(meanwhile: State[Any]) -> None:
    client: Any = RunsClient(crashed("lost", BEFORE), meanwhile=meanwhile)
    assert started_again(client, BEGAN) == ["run 'lost': crashed as the server went, and was started again"]
    assert client.set == []
