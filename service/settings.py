"""Where the server listens, where its files lie, and the Prefect settings that server and workers are started with.

What a person has set in the environment is kept; all else has the values given here.
"""

import ctypes
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from catalog.files import Home
from varemix.errors import UsageError

CPU, GPU = "cpu", "gpu"
LEARNING = "learning"
"""The queue of what trains: one run at a time."""

LEARNING_POOL_VARIABLE = "VAREMIX_LEARNING_POOL"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - where to ask a server that listens so
_PORT = "4200"

RECOVERY = {"VAREMIX_ZOMBIE_AFTER_S": "540", "VAREMIX_STUCK_AFTER_S": "900"}
"""After how many seconds of silence a running flow, and one about to run, counts as crashed."""

_QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
_SERVER = {
    # Old runs, their logs and events go by themselves; the events of a week are enough for the automations.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 3600),
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
    # In memory, as they are by default, leases would end with the server, and with them the runs that hold them.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A busy disk makes SQLite wait for its lock; an event that is not written then is lost.
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    # The UI asks where it came from, so it also works through a tunnel or a proxy.
    "PREFECT_UI_API_URL": "/api",
}
_CLIENT = {
    # A run or a worker that finds no server must say so, not start one of its own.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    # Waits of 2, 4, 8 ... seconds: four minutes without the server break no run.
    "PREFECT_CLIENT_MAX_RETRIES": "7",
    # What the server answers while its database is away.
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}
# PyTorch's threads spin while they wait. Where another run wants the cores too, they are in each other's way.
_CALM = {"OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What server and workers of a home are started with.

    `api_url` is where the server is found, `is_own_server` whether it is this host's, `listen` the address and port on
    which it listens then.
    """

    home: Home
    api_url: str
    is_own_server: bool
    listen: tuple[str, int]
    environment: Mapping[str, str]

    @property
    def ui_url(self) -> str:
        """Where a person finds the server."""
        return self.api_url.removesuffix("/api")

    @property
    def folder(self) -> Path:
        """Where the files of the processes lie: their numbers and what they say.

        Hosts that have workers only may share the home with the server's: each has a folder of its own in it.
        """
        return self.shared_folder if self.is_own_server else self.shared_folder / socket.gethostname()

    @property
    def shared_folder(self) -> Path:
        """Where it is noted what the server was told last."""
        return self.home.root / "service"

    @property
    def learning_pool(self) -> str:
        """Which pool trains: what $VAREMIX_LEARNING_POOL says, else `gpu` where this host has one, else `cpu`."""
        return self.environment.get(LEARNING_POOL_VARIABLE) or pools()[-1]


def read_settings(home: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a home and an environment. Raises UsageError for an address or a port that cannot be."""
    place = Home.open(home)
    host = environment.get("PREFECT_SERVER_API_HOST") or "127.0.0.1"
    port = environment.get("PREFECT_SERVER_API_PORT") or _PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"PREFECT_SERVER_API_PORT is '{port}'; give a number from 1 to 65535, or unset it.")
    url = (environment.get("PREFECT_API_URL") or f"http://{_EVERYWHERE.get(host, host)}:{port}/api").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.endswith("/api"):
        raise UsageError(f"PREFECT_API_URL is '{url}'; give one like http://127.0.0.1:{_PORT}/api, or unset it.")
    is_own = not environment.get("PREFECT_API_URL") or parts.hostname in _LOOPBACK | {host}
    listen = (host, parts.port or int(port)) if is_own else (host, int(port))
    own = {
        "VAREMIX_HOME": place.address,
        "PREFECT_HOME": str(place.root / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_API_HOST": listen[0],
        "PREFECT_SERVER_API_PORT": str(listen[1]),
        # Prefect's workers make a folder of a fixed name there, which in /tmp would be the first user's alone.
        "TMPDIR": str(Path(tempfile.gettempdir()) / f"varemix-{getattr(os, 'getuid', lambda: 'me')()}"),
    }
    usual = _QUIET | _SERVER | _CLIENT | _CALM | RECOVERY
    chosen = {**usual, **own, **{k: v for k, v in environment.items() if v}}
    fixed = {name: own[name] for name in ("VAREMIX_HOME", "PREFECT_API_URL", "PREFECT_SERVER_API_PORT")}
    return Settings(home=place, api_url=url, is_own_server=is_own, listen=listen, environment=chosen | fixed)


def pools() -> list[str]:
    """Return the pools that this host has a worker for: `cpu`, and `gpu` where there is a GPU."""
    return [CPU, GPU] if _has_gpu() else [CPU]


def _has_gpu() -> bool:
    """Return whether NVIDIA's driver knows a GPU that this process may use; PyTorch would take seconds to tell."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
