"""A Prefect server on Postgres, and workers that share nothing with each other but it: as on machines of their own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
_POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_PATIENCE_S = 600
_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}


def postgres_programs() -> Path:
    """Return the folder with the programs of Postgres; without them the test is skipped, or fails if all shall run."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else _POSTGRES_FOLDERS
    if folders:
        return folders[0]
    how = "Postgres is not installed; on Debian: apt-get install postgresql"
    if os.environ.get("VAREMIX_TEST_ALL") == "1":
        pytest.fail(how)
    pytest.skip(how)


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Start an empty database on loopback; give its URL."""
    # Postgres does not run as root, and must be able to reach its folder.
    own: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="varemix-postgres-") as name:
        folder, port = Path(name, "data"), free_port()
        Path(name).chmod(0o777)
        common = {**own, "cwd": name, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        make = [str(programs / "initdb"), "-D", str(folder), "-U", "prefect", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, **common)
        serve = [str(programs / "postgres"), "-D", str(folder), "-p", str(port), "-k", name, "-c", "fsync=off"]
        with stopping(subprocess.Popen(serve, stderr=subprocess.DEVNULL, **common), signal.SIGINT):
            _wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"


@dataclass(frozen=True)
class Machines:
    """A server, and where logs go; processes that are started end with the block that made this."""

    variables: Mapping[str, str]
    folder: Path
    stack: ExitStack

    def run(self, *command: str, **variables: str) -> int:
        """Run a Python program with arguments to its end; return its exit code."""
        return self.start("program", self.folder, command, **variables).wait()

    def start(self, name: str, cwd: Path, command: Sequence[str], **variables: str) -> subprocess.Popen[bytes]:
        """Start a Python program in a folder and a group of its own."""
        cwd.mkdir(exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=cwd,
                env={**os.environ, **self.variables, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.stack.enter_context(stopping(process))

    def start_worker(self, name: str, pool: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker that does one run at a time, in a folder of its own, with a home of Prefect of its own."""
        command = ["-m", "prefect", "worker", "start", "--pool", pool, "--name", name, "--limit", "1"]
        own = {"PREFECT_HOME": str(self.folder / name / "prefect")}
        return self.start(name, self.folder / name, command, **own, **variables)


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """Start Postgres and a server on it."""
    with postgres(postgres_programs()) as database, ExitStack() as stack:
        port = free_port()
        variables = {
            **_QUIET,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        }
        made = Machines(variables, folder, stack)
        made.start("server", folder / "server", ["-m", "prefect", "server", "start", "--port", str(port)])
        _wait_for(lambda: urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2).close())
        yield made


@contextmanager
def stopping(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> Iterator[subprocess.Popen[bytes]]:
    """End the process with the block, and after a while with force."""
    try:
        yield process
    finally:
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(attempt: object) -> None:
    assert callable(attempt)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            attempt()
        except (OSError, URLError):
            if time.monotonic() > until:
                raise
            time.sleep(0.3)
        else:
            return
