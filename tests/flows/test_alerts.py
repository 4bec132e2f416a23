"""Alerts reach people: from a night that failed, through a real server, to a webhook and a mail server."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.events.schemas.automations import AutomationCore

from catalog.store import Catalog
from flows.alerts import TEMPLATES, alert_to, automations_of
from tasks.alerts import NIGHT_FAILED, QUALITY_DROPPED
from tests.flows.receivers import mail_server, webhook
from tests.ports import free_port
from tests.tasks.planted import register_checkpoint
from tests.tasks.test_promote import on_pairs, score
from varemix.errors import UsageError

ROOT = Path(__file__).parents[2]
A_BLOCK = "0b1f2a3c-4d5e-6f70-8192-a3b4c5d6e7f8"


@pytest.mark.parametrize("kind", ["webhook", "mail"])
def test_the_templates_are_automations_for_nights_quality_and_crashes(kind: str) -> None:
    [written] = automations_of(kind, A_BLOCK)
    automation = AutomationCore.model_validate(written)
    assert automation.enabled
    assert set(written["trigger"]["expect"]) == {NIGHT_FAILED, QUALITY_DROPPED, "prefect.flow-run.Crashed"}
    assert A_BLOCK in str(automation.actions)
    assert "prefect automation create --from-file" in (TEMPLATES / f"{kind}.yaml").read_text()


@pytest.mark.parametrize("address", ["ftp://example.org", "you@example.org", ""])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(UsageError, match="begins the address; expected https:, http:, mailtos: or mailto:"):
        alert_to(address)


A_BAD_NIGHT = """
import sys
from flows.champion import promote
from flows.ending import NothingDoneError
from flows.nightly import nightly
from varemix.remix.plan import plan_of

home = sys.argv[1]
promote("new", home=home)
try:
    nightly("no library", "out", plan_of(["tuba=mute"]), source="no list.csv", recipe="tiny", home=home)
except NothingDoneError as error:
    print([stage.stage for stage in error.result])
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start a real Prefect server; return the environment of those that use it."""
    port = free_port()
    own = {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    own |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | own
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: is_healthy(own["PREFECT_API_URL"]), 600)
        yield environment
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def is_healthy(api_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"it did not come about within {seconds} s"
        time.sleep(0.2)


def run(environment: dict[str, str], *arguments: object) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_bad_night_and_a_drop_in_quality_reach_a_webhook_and_a_mail_box(
    server: dict[str, str], catalog: Catalog, checkpoint_file: Path
) -> None:
    register_checkpoint(catalog, checkpoint_file, "new")
    score(catalog, "small", on_pairs(2, 2, 2, 2, 2))
    score(catalog, "new", on_pairs(1, 1, 1, 1, 1))
    with webhook() as (address, bodies), mail_server() as (mail_address, messages):
        alerts = "from flows.cli import main; main()"
        for target in (address, address, mail_address):  # the second time replaces the first
            assert "from now on" in run(server, "-c", alerts, "alerts", target)
        assert "['refresh', 'train'," in run(server, "-c", A_BAD_NIGHT, catalog.home.root)
        wait_until(lambda: len(bodies) >= 2 and len(messages) >= 2, 600)
    told = {body["event"]: body for body in map(json.loads, bodies)}
    assert len(bodies) == len(messages) == 2
    night, quality = told["varemix.night.failed"], told["varemix.quality.dropped"]
    assert night["about"] == "nightly no library"
    assert "no list.csv" in night["message"]
    assert "/runs/flow-run/" in night["page"]
    assert quality["about"] == "new"
    assert "If that was not meant: varemix rollback." in quality["message"]
    subjects = {str(message["Subject"]) for message in messages}
    assert subjects == {"varemix.night.failed: nightly no library", "varemix.quality.dropped: new"}
