"""The deployments are what `prefect.yaml` says, and the flows can take it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, MOST_SMOOTHING_S, smoothing_of
from varemix.training.recipe import RECIPES

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS: dict[str, dict[str, Any]] = {deployment["name"]: deployment for deployment in CONFIG["deployments"]}


def loaded(name: str) -> Flow[..., Any]:
    return load_flow_from_entrypoint(str(ROOT / DEPLOYMENTS[name]["entrypoint"]))


def test_there_is_one_deployment_for_each_flow() -> None:
    assert {name: deployment["entrypoint"] for name, deployment in DEPLOYMENTS.items()} == {
        "refresh": "flows/refresh.py:refresh",
        "train": "flows/train.py:train",
        "evaluate": "flows/evaluate.py:evaluate",
        "masks": "flows/masks.py:masks",
        "remix": "flows/remix.py:remix",
        "separate": "flows/separate.py:separate",
        "shard": "flows/shard.py:shard",
        "housekeeping": "flows/housekeeping.py:housekeeping",
        "promote": "flows/champion.py:promote",
        "rollback": "flows/champion.py:rollback",
        "nightly": "flows/nightly.py:nightly",
    }


def test_runs_begin_in_the_folder_of_the_deployment_with_the_version_it_was_made_for() -> None:
    from prefect import __version__

    assert CONFIG["pull"] == [{"prefect.deployments.steps.set_working_directory": {"directory": "{{ $PWD }}"}}]
    assert CONFIG["prefect-version"] == __version__


def test_only_the_night_and_housekeeping_are_scheduled_and_what_downloads_and_trains_waits_for_a_person() -> None:
    assert {name: deployment.get("schedules") for name, deployment in DEPLOYMENTS.items()} == {
        **dict.fromkeys(DEPLOYMENTS),
        "housekeeping": [{"cron": "0 12 * * 0", "timezone": "Etc/UTC", "slug": "weekly"}],
        "nightly": [{"cron": "0 2 * * *", "timezone": "Etc/UTC", "slug": "nightly", "active": False}],
    }


def test_what_writes_the_same_things_runs_one_at_a_time() -> None:
    limits = {name: deployment.get("concurrency_limit") for name, deployment in DEPLOYMENTS.items()}
    assert {name: limit for name, limit in limits.items() if limit} == {
        "refresh": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "train": {"limit": 1, "collision_strategy": "ENQUEUE"},
        "housekeeping": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "nightly": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
    }


def test_what_trains_runs_one_at_a_time_on_the_gpu_where_there_is_one() -> None:
    pools = {name: deployment["work_pool"] for name, deployment in DEPLOYMENTS.items()}
    learning = {"name": "{{ $VAREMIX_LEARNING_POOL }}", "work_queue_name": "learning"}
    assert {name: pool for name, pool in pools.items() if pool["name"] != "cpu"} == {
        "nightly": learning,
        "train": learning,
        "evaluate": learning | {"work_queue_name": "default"},
    }
    assert {pool["work_queue_name"] for pool in pools.values() if pool["name"] == "cpu"} == {"default"}


def test_every_deployment_says_its_version_and_whose_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {deployment["version"] for deployment in DEPLOYMENTS.values()} == {project["version"]}
    assert all(deployment["tags"][0] == "varemix" for deployment in DEPLOYMENTS.values())


def test_forms_offer_what_there_is_to_choose_from() -> None:
    forms = {name: loaded(name).parameters.properties for name in ("train", "evaluate", "refresh", "nightly")}
    assert set(forms["train"]["recipe"]["enum"]) == set(forms["nightly"]["recipe"]["enum"]) == set(RECIPES)
    assert forms["train"]["device"]["enum"] == ["auto", "cpu", "cuda"]
    assert set(forms["evaluate"]["split"]["enum"]) == {"train", "val", "test"}
    assert (forms["evaluate"]["sources"]["minimum"], forms["evaluate"]["sources"]["maximum"]) == (2, 8)
    assert forms["refresh"]["limit"]["anyOf"][0]["minimum"] == 1


@pytest.mark.parametrize("name", ["remix", "nightly"])
def test_the_form_of_a_plan_asks_for_seconds_of_smoothing_and_a_decay_of_before_is_read(name: str) -> None:
    flow = loaded(name)
    for form in (flow.parameters.definitions[model]["properties"] for model in ("RemixPlan", "Rule")):
        assert form["smoothing_s"]["title"] == "Smoothing (s)"
        assert "smoothing" not in form
    asked = flow.parameters.definitions["RemixPlan"]["properties"]["smoothing_s"]
    assert (asked["minimum"], asked["maximum"], asked["default"]) == (0, MOST_SMOOTHING_S, DEFAULT_SMOOTHING_S)
    given = DEPLOYMENTS[name].get("parameters", {}) | {"library": "l", "out": "o", "plan": {"smoothing": 0.8}}
    assert flow.validate_parameters(given)["plan"].smoothing_s == smoothing_of(0.8)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_parameters_fit_the_flow_and_a_person_sees_what_each_one_means(name: str) -> None:
    flow = loaded(name)
    given = DEPLOYMENTS[name].get("parameters", {})
    assert flow.name == name
    if name != "shard":  # which is told all by whoever orders it
        flow.validate_parameters(given)
        assert set(flow.parameters.required) <= set(given)
    described = {key: schema.get("description", "") for key, schema in flow.parameters.properties.items()}
    assert set(given) <= set(described)
    assert [key for key, description in described.items() if not description] == []
    assert DEPLOYMENTS[name]["description"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_no_flow_has_hooks_of_crashed_or_cancelled_runs(name: str) -> None:
    """The worker does not look for any; see `service/worker.py`."""
    flow = loaded(name)
    assert not flow.on_crashed_hooks
    assert not flow.on_cancellation_hooks
