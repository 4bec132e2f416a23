"""The parts in the foreground, for `varemix up`, for systemd and for containers: `python -m service PART`.

python -m service server          the server
python -m service setup [POOL]    pools, deployments, automations; what trains goes to that pool
python -m service worker POOL     a worker for a pool
"""

import os
import sys
from pathlib import Path

from service.beginning import note_beginning
from service.host import wait_until_healthy
from service.settings import Settings, read_settings
from varemix.errors import VaremixError


def main(arguments: list[str]) -> None:
    """Become the part that is named, or do it."""
    settings = read_settings()
    match arguments:
        case ["server"]:
            host, port = settings.listen
            note_beginning(settings.shared_folder)
            _become(settings, "service.sqlite", "server", "start", "--host", host, "--port", str(port))
        case ["worker", pool, *options]:
            _become(settings, "service.worker", "worker", "start", "--pool", pool, "--type", "process", *options)
        case ["setup", *pool]:
            _set_up(settings, *pool)
        case _:
            sys.exit(__doc__)


def _become(settings: Settings, module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    Path(settings.environment["TMPDIR"]).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.execve(sys.executable, command, dict(settings.environment))  # noqa: S606 - our own words, no shell


def _set_up(settings: Settings, learning_pool: str | None = None) -> None:
    wait_until_healthy(settings)
    os.environ.update(settings.environment)  # before Prefect is loaded
    from service.setup import set_up

    folder = settings.shared_folder
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.writelines(f"{line}\n" for line in set_up(learning_pool or settings.learning_pool, folder))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except VaremixError as error:
        sys.exit(str(error))
