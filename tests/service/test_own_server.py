"""The server that a command brings along: light for the command, gone with it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

_PROGRAM = """
import json, sys
import tasks
from service.own_server import start_own_server
start_own_server()
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for
with get_client(sync_client=True) as client:
    runs = client.read_flow_runs()
told = {"url": get_current_settings().api.url, "link": url_for("flow-run", obj_id="x"), "runs": len(runs)}
print(json.dumps(told | {"has_server": "prefect.server.api.server" in sys.modules}), flush=True)
sys.stdin.readline()
"""


def started(folder: Path, **settings: str) -> "subprocess.Popen[str]":
    """Start a process that brings a server along, and ends when it is told to."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        env=others | {"PREFECT_HOME": str(folder / "prefect"), **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:
            return answer.status == 200
    except (URLError, ConnectionError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["by itself", "killed"])
def test_it_serves_the_command_and_is_gone_with_it(tmp_path: Path, ending: str) -> None:
    with started(tmp_path) as command:
        assert command.stdin
        assert command.stdout
        told = json.loads(command.stdout.readline())
        assert (told["runs"], told["link"], told["has_server"]) == (0, None, False)
        assert answers(told["url"])
        [server] = psutil.Process(command.pid).children()
        if ending == "killed":
            command.send_signal(signal.SIGKILL)
        else:
            command.stdin.write("\n")
    deadline = time.monotonic() + 300
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(told["url"])


def test_where_prefect_is_told_of_a_server_none_is_started(tmp_path: Path) -> None:
    program = "import psutil; from service.own_server import start_own_server\n"
    program += "start_own_server(); print(len(psutil.Process().children()))"
    environment = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "0"
