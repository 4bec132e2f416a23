"""What a person started stays started; a stand-in for Prefect's client is enough to show it."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from service import setup


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
