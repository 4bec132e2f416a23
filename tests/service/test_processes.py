import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from service.processes import Daemon

SLEEPS = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
IS_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
HAS_CHILD = "import subprocess as s; print(s.Popen(['sleep', '600']).pid, flush=True)"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(name="server", folder=tmp_path)


def started(daemon: Daemon, *first: str) -> psutil.Process:
    """Start what sleeps, and wait until it has said so."""
    daemon.start([sys.executable, "-c", "; ".join([*first, SLEEPS[2]])], os.environ, Path.cwd())
    while "here" not in daemon.log.read_text():
        time.sleep(0.01)
    process = daemon.process()
    assert process
    return process


def test_a_process_outlives_who_started_it_and_is_found_by_another(tmp_path: Path) -> None:
    start = (
        "import os, sys; from pathlib import Path; from service.processes import Daemon;"
        f"Daemon(name='server', folder=Path({str(tmp_path)!r})).start(['sleep', '600'], os.environ, Path.cwd())"
    )
    subprocess.run([sys.executable, "-c", start], check=True, timeout=600)
    process = Daemon(name="server", folder=tmp_path).process()
    assert process
    assert os.getsid(process.pid) == process.pid
    assert Daemon(name="server", folder=tmp_path).stop(300) == "stopped"
    assert not process.is_running()


def test_stopping_says_how_it_ended_and_can_be_repeated(daemon: Daemon) -> None:
    started(daemon)
    assert daemon.stop(300) == "stopped"
    assert daemon.process() is None
    assert daemon.stop(300) == "did not run"


def test_a_process_that_does_not_listen_is_killed_with_all_it_started(daemon: Daemon) -> None:
    started(daemon, IS_DEAF, HAS_CHILD)
    child = psutil.Process(int(daemon.log.read_text().split()[0]))
    assert daemon.stop(0.2) == "killed, as it had not ended after 0.2 s"
    child.wait(300)
    assert daemon.process() is None


def test_what_a_process_leaves_behind_in_its_session_goes_too(daemon: Daemon) -> None:
    started(daemon, HAS_CHILD)
    child = psutil.Process(int(daemon.log.read_text().split()[0]))
    assert daemon.stop(300) == "stopped"
    child.wait(300)


def test_the_number_of_a_process_that_is_gone_is_nobody_elses(daemon: Daemon) -> None:
    process = started(daemon)
    own = json.loads((daemon.folder / "server.pid").read_text())
    assert daemon.stop(300) == "stopped"
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as another:
        (daemon.folder / "server.pid").write_text(json.dumps(own | {"pid": another.pid, "began": own["began"] - 60}))
        assert daemon.process() is None
        assert daemon.stop(300) == "did not run"
        assert another.poll() is None
        another.kill()
    assert not process.is_running()


@pytest.mark.parametrize("text", ["", "words", "[]", '{"pid": "x", "began": 0}', '{"pid": 1}'])
def test_a_damaged_note_counts_as_none(daemon: Daemon, text: str) -> None:
    (daemon.folder / "server.pid").write_text(text)
    assert daemon.process() is None


def test_the_log_keeps_what_was_said_before(daemon: Daemon) -> None:
    for word in ("one", "two"):
        daemon.start([sys.executable, "-c", f"print('{word}')"], os.environ, Path.cwd())
        while word not in daemon.last_words():
            time.sleep(0.01)
    assert daemon.last_words(1) == "two"
    assert "one\ntwo" in daemon.last_words()
