"""What `varemix up` leaves behind: a server that knows everything, and again the same."""

import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

from service.settings import pools
from tests.service.hosts import SLOW_S, Host, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

NAMES = {
    *("nightly", "refresh", "train", "evaluate", "masks", "remix", "separate", "housekeeping"),
    *("promote", "rollback", "shard"),
}


def test_pools_limits_deployments_and_automations_are_there(host: Host) -> None:
    with host.prefect() as client:
        deployments = {each.name: each for each in client.read_deployments() if each.name in NAMES}
        queues = {
            pool.name: {
                queue.name: queue.concurrency_limit for queue in client.read_work_queues(work_pool_name=pool.name)
            }
            for pool in client.read_work_pools()
        }
        automations = client.read_automations()
    assert set(deployments) == NAMES
    limits = {"default": None, "learning": 1}
    assert queues == dict.fromkeys(pools(), limits)  # a pool without a worker would be shown as not ready
    learning = pools()[-1]
    assert {name: each.work_pool_name for name, each in deployments.items() if each.work_queue_name == "learning"} == {
        "nightly": learning,
        "train": learning,
    }
    assert deployments["evaluate"].work_pool_name == learning
    assert {
        each.work_pool_name for name, each in deployments.items() if name not in {"nightly", "train", "evaluate"}
    } == {"cpu"}
    assert len(automations) == 3
    assert all(automation.enabled for automation in automations)


def test_the_server_makes_the_runs_of_a_schedule(host: Host) -> None:
    """It did not with SQLAlchemy 2.1, and said so in its log alone."""
    scheduled = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))

    def weeks() -> int:
        with host.prefect() as client:
            found = {name: client.read_deployment_by_name(f"{name}/{name}").id for name in ("housekeeping", "nightly")}
            runs = client.read_flow_runs(flow_run_filter=scheduled)
        assert not [run for run in runs if run.deployment_id == found["nightly"]]  # nobody started it
        return len([run for run in runs if run.deployment_id == found["housekeeping"]])

    wait_until(lambda: weeks() > 0, SLOW_S, host.logs)


def test_a_schedule_that_a_person_started_stays_started_when_all_is_deployed_anew(host: Host) -> None:
    assert [line for line in host.up() if line.startswith("schedule 'nightly' of nightly: paused")]
    with host.prefect() as client:
        nightly = client.read_deployment_by_name("nightly/nightly")
        client.update_deployment_schedule(nightly.id, nightly.schedules[0].id, active=True)
    for note in host.home.rglob("deployed"):
        note.unlink()
    assert not [line for line in host.up() if line.startswith("schedule")]
    with host.prefect() as client:
        [schedule] = client.read_deployment_by_name("nightly/nightly").schedules
        client.update_deployment_schedule(nightly.id, schedule.id, active=False)
    assert schedule.active


def test_again_it_changes_nothing_and_says_so(host: Host) -> None:
    known = {name: host.daemon(name).process() for name in ("server", "worker-cpu")}
    said = host.up()
    assert "server: runs already" in said
    assert "worker for pool cpu: runs already" in said
    assert f"deployments: {len(NAMES)} are there" in said
    assert not [line for line in said if "made" in line or "changed" in line]
    assert {name: host.daemon(name).process() for name in known} == known
