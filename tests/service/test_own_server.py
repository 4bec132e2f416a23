"""The server that a command brings along: in its own process, gone with it, and whole however the command ends."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

_PROGRAM = """
import signal, sys, time
import psutil
import tasks
from prefect import flow, get_run_logger, task
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for
from service.own_server import own_server

@task
def step(ending):
    get_run_logger().info("a line of %s", ending)
    settings = get_current_settings()
    print(settings.api.url, url_for("flow-run", obj_id="x"), len(psutil.Process().children()), flush=True)
    if ending == "fails":
        raise ValueError("planted")
    if ending != "ends":
        time.sleep(600)

@flow
def small(ending):
    step(ending)

signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in what a shell began in the background
with own_server():
    small.with_options(flow_run_name=sys.argv[1])(sys.argv[1])
"""
# How a command ends: what it is sent in its middle, what its parent sees, what its run becomes, and whether what it
# logged is found. Prefect lets SIGTERM end the process once the run's state is told.
ENDINGS = {
    "ends": (None, 0, "COMPLETED", True),
    "fails": (None, 1, "FAILED", True),
    "interrupted": (signal.SIGINT, -signal.SIGINT, "CRASHED", True),
    "terminated": (signal.SIGTERM, -signal.SIGTERM, "CRASHED", False),
    "killed": (signal.SIGKILL, -signal.SIGKILL, "RUNNING", False),
}


@pytest.fixture(scope="module")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own server") / "prefect"


def started(prefect_home: Path, ending: str, **settings: str) -> "subprocess.Popen[str]":
    """Start a process that brings a server along and does a run of that name."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    own = {"PREFECT_HOME": str(prefect_home), "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"}
    own["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "1200"  # the first one makes all tables
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, ending], env=others | own | settings, text=True, **pipes)


def asked(prefect_home: Path, question: str, *names: str) -> list[str]:
    """Return what the database holds that a later server reads."""
    with sqlite3.connect(prefect_home / "prefect.db") as database:
        return [answer for (answer,) in database.execute(question, names)]


def states(prefect_home: Path, ending: str) -> list[str]:
    return asked(prefect_home, "SELECT state_type FROM flow_run WHERE name = ? ORDER BY start_time", ending)


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:
            return answer.status == 200
    except (URLError, ConnectionError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_command_ends_its_run_is_told_and_its_server_is_gone(prefect_home: Path, ending: str) -> None:
    sent, code, state, is_logged = ENDINGS[ending]
    with started(prefect_home, ending) as command:
        assert command.stdout
        line = command.stdout.readline()
        if not line:
            pytest.fail(command.communicate()[1])
        url, link, num_processes = line.split()
        assert (link, num_processes) == ("None", "0")
        if sent:
            assert answers(url)
            command.send_signal(sent)
        _, said = command.communicate()
    assert command.returncode == code, said
    assert "Fatal Python error" not in said
    assert ending != "ends" or said == ""
    assert states(prefect_home, ending) == [state]
    if is_logged:
        assert f"a line of {ending}" in asked(prefect_home, "SELECT message FROM log")
        steps = "SELECT task_run.state_type FROM task_run JOIN flow_run ON flow_run.id = flow_run_id"
        assert asked(prefect_home, f"{steps} WHERE flow_run.name = ?", ending) == [state]
    assert not answers(url)


@pytest.mark.slow
def test_what_only_a_lasting_server_needs_is_left_to_one(prefect_home: Path) -> None:
    if not prefect_home.exists():
        with started(prefect_home, "ends") as command:
            command.communicate()
    assert asked(prefect_home, "SELECT name FROM block_type") == []
    assert not (prefect_home / "memo_store.toml").exists()  # which would tell that server that they are there


@pytest.mark.slow
def test_two_commands_at_once_share_what_is_kept(prefect_home: Path) -> None:
    before = len(states(prefect_home, "ends")) if prefect_home.exists() else 0
    commands = [started(prefect_home, "ends") for _ in range(2)]
    said = [command.communicate() for command in commands]
    assert [command.returncode for command in commands] == [0, 0], said
    assert len({out.split()[0] for out, _ in said}) == 2
    assert states(prefect_home, "ends")[before:] == ["COMPLETED", "COMPLETED"]


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_text("no database, and longer than the header of one would be: " * 10)
    with started(tmp_path, "ends") as command:
        _, said = command.communicate()
    assert command.returncode == 1
    assert "Prefect's server ended at once: " in said
    assert "file is not a database" in said.rpartition("ServiceError")[2]


def test_where_prefect_is_told_of_a_server_none_is_started(tmp_path: Path) -> None:
    program = "import threading; from service.own_server import own_server\n"
    program += "with own_server(): print('prefect-server' in [thread.name for thread in threading.enumerate()])"
    environment = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
