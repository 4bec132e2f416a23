"""A Postgres server in a temporary folder, as an ordinary user."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ports import free_port

_FOLDERS = ("/usr/lib/postgresql", "/usr/local/pgsql")


class Postgres:
    """A database cluster on loopback; `start` and `stop` are pg_ctl's."""

    def __init__(self, folder: Path) -> None:
        """Make the cluster, without starting it."""
        self._programs = _programs()
        self._folder = folder
        self.port = free_port()
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "--auth", "trust", "--username", "varemix", "--no-sync", "-D", f"{folder}/data")

    @property
    def url(self) -> str:
        """The address of its database, as Prefect takes it."""
        return f"postgresql+asyncpg://varemix@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and wait until it serves."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-l", f"{self._folder}/log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, and close every connection."""
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "fast", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=600)


def _programs() -> Path:
    """Return the folder of Postgres' programs; without it the test is skipped, but where all shall run it fails."""
    found = [path.parent for folder in _FOLDERS for path in sorted(Path(folder).glob("**/bin/initdb"))]
    on_path = shutil.which("initdb")
    if not found and not on_path:
        reason = "Postgres is missing; install postgresql with the system's package manager"
        pytest.fail(reason) if os.environ.get("VAREMIX_TEST_ALL") == "1" else pytest.skip(reason)
    return found[-1] if found else Path(on_path or "").parent
