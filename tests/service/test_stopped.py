"""Cancelled runs stop all that they started; a stopped worker ends its runs; a restarted server breaks no run."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID

import psutil
import pytest
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from tests.crowding import crowding
from tests.service.hosts import SLOW_S, Host, processes_of, wait_until
from tests.service.stages import Stage, named
from varemix.media.programs import find_ffmpeg

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

CANCEL_S = 10.0  # on a machine that does nothing else
STOP_S = 60.0  # then a worker is killed, as `varemix down` does


class Dripping(BaseHTTPRequestHandler):
    """Answers with a video that never ends, a byte now and then."""

    def do_GET(self) -> None:
        """Drip until the client goes away."""
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", "100000000")
        self.end_headers()
        self.server.asked = True  # type: ignore[attr-defined]
        try:
            while True:
                self.wfile.write(b"\0")
                time.sleep(0.2)
        except OSError:
            self.server.left = True  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def dripping() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    server.asked = server.left = False  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def endless_ffmpeg(folder: Path) -> Path:
    """Return an ffmpeg that says its version, and else plays silence for ever."""
    path = folder / "endless-ffmpeg"
    endless = f'"{find_ffmpeg()}" -nostdin -loglevel error -re -f lavfi -i anullsrc -f null -'
    path.write_text(f'#!/bin/sh\ncase "$*" in\n*-version*) exec "{find_ffmpeg()}" -version;;\nesac\nexec {endless}\n')
    path.chmod(0o755)
    return path


def family(run_id: UUID) -> list[psutil.Process]:
    """Return a run's processes, and all that they started."""
    found: set[psutil.Process] = set()
    for member in processes_of(run_id):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            found |= {member, *member.children(recursive=True)}
    return list(found)


def runs(process: psutil.Process) -> bool:
    """Return whether a process still does anything; one that has ended may wait for its parent to notice."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def commands(processes: list[psutil.Process]) -> str:
    """Return what runs in the processes."""
    told = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            told.append(" ".join(process.cmdline()))
    return " | ".join(told)


def test_cancelled_runs_stop_their_ffmpeg_yt_dlp_and_torchrun_within_ten_seconds(
    host: Host, stages: list[Stage], tmp_path: Path
) -> None:
    refresh, train = named(stages, "refresh"), named(stages, "train")
    train.begin()
    with dripping() as server:
        address = f"http://127.0.0.1:{server.server_port}/{{video_id}}.mp4"
        homes = {"home": str(tmp_path / "a")}, {"home": str(tmp_path / "b")}
        asked = {
            "ffmpeg": ("refresh", refresh.parameters | homes[0], {"VAREMIX_FFMPEG": str(endless_ffmpeg(tmp_path))}),
            "yt-dlp": ("refresh", refresh.parameters | homes[1] | {"url_template": address}, {}),
            "torchrun": ("train", train.parameters | {"recipe": "endless", "processes": 2}, {}),
        }
        run_ids = {name: host.start(stage, values, **own) for name, (stage, values, own) in asked.items()}
        wait_until(lambda: "anullsrc" in commands(family(run_ids["ffmpeg"])), SLOW_S, host.logs)
        wait_until(lambda: bool(server.asked), SLOW_S, host.logs)  # type: ignore[attr-defined]
        wait_until(lambda: commands(family(run_ids["torchrun"])).count("varemix.training") >= 3, SLOW_S, host.logs)
        ffmpeg = [each for each in family(run_ids["ffmpeg"]) if "anullsrc" in commands([each])]
        training = [each for each in family(run_ids["torchrun"]) if "varemix.training" in commands([each])]
        has_stopped: dict[str, Callable[[], bool]] = {
            "ffmpeg": lambda: not any(map(runs, ffmpeg)),
            "yt-dlp": lambda: bool(server.left),  # type: ignore[attr-defined]
            "torchrun": lambda: not any(map(runs, training)),
        }
        longest_s = CANCEL_S * crowding()
        began = time.monotonic()
        for run_id in run_ids.values():
            host.cancel(run_id)
        stopped_s: dict[str, float] = {}
        while len(stopped_s) < len(run_ids) and time.monotonic() - began < SLOW_S:
            for name in has_stopped.keys() - stopped_s.keys():
                if has_stopped[name]():
                    stopped_s[name] = time.monotonic() - began
            time.sleep(0.05)
    assert stopped_s.keys() == run_ids.keys(), stopped_s
    assert max(stopped_s.values()) < max(longest_s, CANCEL_S * crowding()), stopped_s
    for run_id in run_ids.values():
        assert host.wait_for(run_id, "Cancelled", "Crashed", "Completed").state_name == "Cancelled"
        assert family(run_id) == []


def test_a_stopped_worker_ends_its_run_with_nothing_half_made_and_the_run_starts_again_with_it(
    host: Host, stages: list[Stage], tmp_path: Path
) -> None:
    stage = named(stages, "masks")
    stage.begin()
    middle = stage.middle(tmp_path)
    run_id = host.start("masks", stage.parameters, **middle.environment)
    wait_until(middle.is_reached, SLOW_S, host.logs)
    worker = host.daemon("worker-cpu")
    with ThreadPoolExecutor(1) as aside:
        stopping = aside.submit(worker.stop, STOP_S)
        wait_until(lambda: "Received SIGTERM" in worker.last_words(30) or stopping.done(), SLOW_S, host.logs)
        middle.leave()
        stopping.result()  # a worker that has no runs any more may still wait; then it is killed
    wait_until(lambda: not processes_of(run_id), SLOW_S, host.logs)
    assert stage.unlike() == []
    host.up()
    assert host.wait_for(run_id, "Completed", "Failed").state_name == "Completed"
    assert stage.is_as_undisturbed()


def test_a_run_goes_on_when_the_server_is_restarted(host: Host, stages: list[Stage], tmp_path: Path) -> None:
    host.up()  # whatever the test before left
    stage = named(stages, "masks")
    stage.begin()
    middle = stage.middle(tmp_path)
    run_id = host.start("masks", stage.parameters, **middle.environment)
    with host.prefect() as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="place", limit=1))
        answer = client.increment_concurrency_slots_with_lease(["place"], 1, "concurrency", lease_duration=300)
    wait_until(middle.is_reached, SLOW_S, host.logs)
    with host.without_automations():
        assert host.daemon("server").stop(SLOW_S) == "stopped"
        middle.leave()
        host.up()
        run = host.wait_for(run_id, "Completed", "Failed", "Crashed")
    assert (run.state_name, run.run_count) == ("Completed", 1)
    assert stage.is_as_undisturbed()
    with host.prefect() as client:  # who has a place under a limit, as runs have, still has it
        client.renew_concurrency_lease(answer.json()["lease_id"], 60)
