"""Start and stop everything on this host: the server, what it must know, a worker for each pool."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from service.described import ROOT
from service.processes import Daemon
from service.settings import Settings, pools
from varemix.errors import ServiceError

_SERVER = "server"
_START_S = 300.0
_SERVER_GRACE_S = 20.0
WORKER_GRACE_S = 60.0
"""How long a worker may take to end: Prefect gives the shards of its runs half a minute."""


def up(settings: Settings, say: Callable[[str], None]) -> None:
    """Start what does not run, wait until it serves, and say what was done.

    Raises ServiceError with the last words of what does not start.
    """
    if settings.is_own_server:
        say(f"server: {_server_up(settings)}")
    else:
        if not is_healthy(settings):
            say(f"server: waiting for {settings.api_url}")
        wait_until_healthy(settings)
        say(f"server: {settings.api_url} answers")
    for line in _set_up(settings):
        say(line)
    for pool in pools():
        say(f"worker for pool {pool}: {_worker_up(settings, pool)}")
    say(f"Look at {settings.ui_url}")


def down(settings: Settings, say: Callable[[str], None], *, grace_s: float = WORKER_GRACE_S) -> None:
    """Stop the workers, then the server; say how each ended."""
    daemons = [Daemon(name=path.stem, folder=settings.folder) for path in sorted(settings.folder.glob("*.pid"))]
    if not daemons:
        say("nothing runs")
    for daemon in sorted(daemons, key=lambda daemon: daemon.name == _SERVER):
        is_server = daemon.name == _SERVER
        say(f"{daemon.name}: {daemon.stop(_SERVER_GRACE_S if is_server else grace_s)}")


def wait_until_healthy(settings: Settings, daemon: Daemon | None = None) -> None:
    """Wait for the server's answer; ServiceError where none comes, or where its process ends."""
    _wait(daemon, f"The server at {settings.api_url}", lambda: is_healthy(settings))


def is_healthy(settings: Settings) -> bool:
    """Return whether the server answers."""
    try:
        with urllib.request.urlopen(f"{settings.api_url}/health", timeout=5) as answer:  # noqa: S310 - checked: http
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def service_command(*arguments: str) -> list[str]:
    """Return the command of a part that runs in the foreground; see `service.__main__`."""
    return [sys.executable, "-m", "service", *arguments]


def _server_up(settings: Settings) -> str:
    daemon = Daemon(name=_SERVER, folder=settings.folder)
    runs = daemon.process() is not None
    if not runs:
        _check_port(settings)
        daemon.start(service_command(_SERVER), settings.environment, ROOT)
    wait_until_healthy(settings, daemon)
    return "runs already" if runs else "started"


def _worker_up(settings: Settings, pool: str) -> str:
    daemon = Daemon(name=f"worker-{pool}", folder=settings.folder)
    if daemon.process():
        return "runs already"
    said_before = daemon.log.stat().st_size if daemon.log.exists() else 0
    daemon.start(service_command("worker", pool), settings.environment, ROOT)
    _wait(daemon, f"The worker for pool {pool}", lambda: b"started!" in daemon.log.read_bytes()[said_before:])
    return "started"


def _set_up(settings: Settings) -> list[str]:
    """Run the set-up in a process that is born with the settings, which Prefect reads as it is loaded."""
    ended = subprocess.run(
        service_command("setup", settings.learning_pool),
        cwd=ROOT,
        env=dict(settings.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise ServiceError(f"The server could not be set up:\n{ended.stdout.strip()}")
    return ended.stdout.splitlines()


def _check_port(settings: Settings) -> None:
    host, port = settings.listen
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        raise ServiceError(
            f"The server cannot listen on {host}, port {port} ({os.strerror(error.errno or 0)}). Stop what listens "
            "there, or set PREFECT_SERVER_API_PORT to another port (and PREFECT_API_URL, where it is set)."
        ) from error


def _wait(daemon: Daemon | None, what: str, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not is_up():
        has_ended = daemon is not None and daemon.process() is None
        if has_ended or time.monotonic() > deadline:
            said = f" Its last words:\n{daemon.last_words()}\nAll of them: {daemon.log}" if daemon else ""
            how = "ended at once." if has_ended else f"did not answer within {_START_S:g} s."
            raise ServiceError(f"{what} {how}{said}")
        time.sleep(0.2)
