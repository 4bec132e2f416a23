"""The files for a real host: units of systemd, a compose file, automations."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import RECOVERY
from service.setup import _essence, automations

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
PARTS = {"server", "setup", "worker"}


def compose() -> dict[str, Any]:
    """Return the compose file with its variables as a person may set them."""
    values = {"VAREMIX_LIBRARY": "/music", "VAREMIX_DB_PASSWORD": "password", "VAREMIX_LEARNING_POOL": "gpu"}
    text = (DEPLOY / "compose.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)[^}]*\}", lambda match: values[match[1]], text))
    return found


def needed(program: str) -> str:
    """Return a program's path; where it is missing the test is skipped, but where all tests shall run it fails."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is missing; install systemd with the system's package manager"
        pytest.fail(reason) if os.environ.get("VAREMIX_TEST_ALL") == "1" else pytest.skip(reason)
    return path


def test_the_compose_file_is_what_the_specification_allows() -> None:
    from compose_spec import PyCompose

    checked = PyCompose.from_json(json.dumps(compose()))
    checked.validate()
    assert checked.service_names() == ["database", "server", "setup", "worker-cpu", "worker-gpu"]
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_json(json.dumps(compose()).replace("healthcheck", "helthcheck"))


def test_containers_start_in_order_and_are_watched() -> None:
    services = compose()["services"]
    waits = {name: service.get("depends_on", {}) for name, service in services.items()}
    assert waits["server"] == {"database": {"condition": "service_healthy"}}
    assert waits["setup"] == {"server": {"condition": "service_healthy"}}
    assert waits["worker-cpu"] == waits["worker-gpu"] == {"setup": {"condition": "service_completed_successfully"}}
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"setup"}
    assert {name: service["command"][0] for name, service in services.items() if "command" in service} == {
        "server": "server",
        "setup": "setup",
        "worker-cpu": "worker",
        "worker-gpu": "worker",
    }


def test_containers_keep_what_matters_show_it_to_this_host_alone_and_only_read_the_library() -> None:
    found = compose()
    services = found["services"]
    used = {volume for service in services.values() for volume in service["volumes"]}
    assert used == {"database:/var/lib/postgresql/data", "home:/var/lib/varemix", "/music:/library:ro"}
    assert set(found["volumes"]) == {"database", "home"}
    assert [port for service in services.values() for port in service.get("ports", [])] == ["127.0.0.1:4200:4200"]


@pytest.mark.parametrize("variable", ["VAREMIX_DB_PASSWORD", "VAREMIX_LIBRARY"])
def test_what_nobody_can_guess_is_asked_for(variable: str) -> None:
    assert f"${{{variable}:?" in (DEPLOY / "compose.yaml").read_text()


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = needed("systemd-analyze")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/varemix/.venv/bin/python", "/bin/true"))
    ended = subprocess.run(
        [program, "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False, timeout=600
    )
    about_ours = [line for line in ended.stderr.splitlines() if "varemix" in line]
    assert (ended.returncode, about_ours) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_run_parts_that_there_are_as_a_user_of_their_own(unit: Path) -> None:
    text = unit.read_text()
    commands = re.findall(r"^ExecStart(?:Post)?=/opt/varemix/.venv/bin/python -m service (\w+)", text, re.MULTILINE)
    assert commands == [*{"varemix-server.service": ["server", "setup"]}.get(unit.name, ["worker"])]
    assert set(commands) <= PARTS
    assert "User=varemix" in text


def test_automations_are_what_prefect_takes_with_the_times_that_are_asked_for() -> None:
    from prefect.events.schemas.automations import AutomationCore

    usual = [AutomationCore.model_validate(each) for each in automations({})]
    hurried = [AutomationCore.model_validate(each) for each in automations({"VAREMIX_ZOMBIE_AFTER_S": "20"})]
    assert len({automation.name for automation in usual}) == len(usual) == 3
    within = [str(automation.trigger.within.total_seconds()).removesuffix(".0") for automation in usual]  # type: ignore[union-attr]
    assert within == [*RECOVERY.values(), "0"]
    assert hurried[0].trigger.within.total_seconds() == 20  # type: ignore[union-attr]
    assert hurried[1:] == usual[1:]


def test_an_automation_is_the_same_in_whatever_order_its_events_come() -> None:
    """Else `up` brings one to the files that nobody has changed, now and then."""
    from prefect.events.schemas.automations import AutomationCore

    essence = _essence(AutomationCore.model_validate(automations({})[1]))
    names = {f"prefect.flow-run.{name}" for name in ("Pending", "Submitting", "InfrastructurePending")}
    assert essence["trigger"]["after"] == names


def test_a_silent_run_has_missed_two_signs_of_life() -> None:
    from prefect.settings.models.flows import FlowsSettings

    frequency_s = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert int(RECOVERY["VAREMIX_ZOMBIE_AFTER_S"]) >= 3 * frequency_s
