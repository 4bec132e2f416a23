"""The command, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from catalog.store import Catalog
from tests.desk.sounds import write_noise
from tests.tasks.planted import visible_files, write_tones

COMMAND = [sys.executable, "-c", "from flows.cli import main; main()", "desk", "--no-open"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "VAREMIX_HOME"}


def test_it_answers_before_it_has_loaded_and_leaves_nothing_when_it_is_ended(
    catalog: Catalog, champion: str, library: Path
) -> None:
    song = write_tones(library / "song.wav", seconds=2)
    command = [*COMMAND, str(song), "--port", "0", "--home", str(catalog.home.root)]
    desk = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert desk.stdout
    address = next(word for word in desk.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
    with httpx.Client(base_url=address, timeout=600) as client:
        assert client.get("/api/health").json()["state"] in ("loading", "ready")
        assert len(client.get("/api/instruments").json()) == 3
        assert len(client.get("/api/recordings").json()) == 1  # which waits for the workroom
        own = client.get("/api/health").json()["opened"]
        assert client.post(f"/api/recordings/{own}/hear", json={"targets": ["tuba"]}).status_code == 202
        with client.stream("GET", f"/api/recordings/{own}/events") as events:
            heard = (json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: "))
            assert next(told for told in heard if {state["state"] for state in told["targets"]} == {"stored"})
            assert visible_files(library) == ["song.wav"]
            desk.send_signal(signal.SIGINT)
            assert desk.wait() in (0, 130, -signal.SIGINT)
    said = desk.communicate()[1]
    assert "Traceback" not in said
    assert list((catalog.home.root / "work").iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_though_something_is_still_to_be_analysed(
    catalog: Catalog, champion: str, library: Path, how: signal.Signals
) -> None:
    song = write_noise(library / "song.wav", num_channels=1, seconds=800)
    command = [*COMMAND, str(song), "--port", "0", "--home", str(catalog.home.root)]
    desk = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert desk.stdout
    address = next(word for word in desk.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
    with httpx.Client(base_url=address, timeout=600) as client:
        client.get("/api/recordings")
        own = client.get("/api/health").json()["opened"]
        client.post(f"/api/recordings/{own}/hear", json={"targets": ["tuba"]})
        while not client.get(f"/api/recordings/{own}").json()["targets"][0]["progress"]:
            time.sleep(0.01)
    desk.send_signal(how)
    said = desk.communicate()[1]
    assert desk.returncode == 0
    assert "Traceback" not in said
    assert catalog.read_rows("masks", where={"status": "ready"}) == []
    assert list((catalog.home.root / "work").iterdir()) == []


def test_what_cannot_be_is_said_in_one_line(catalog: Catalog, tmp_path: Path) -> None:
    home = ["--home", str(catalog.home.root), "--port", "0"]
    wrong = {
        "There is no folder": ["--library", str(tmp_path / "nowhere")],
        "There is no recording": [str(tmp_path / "nowhere.wav")],
        "cannot listen": ["--host", "192.0.2.1"],
    }
    for said, options in wrong.items():
        done = subprocess.run(
            [*COMMAND, *home, *options], capture_output=True, text=True, env=environment(), check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert said in done.stderr
