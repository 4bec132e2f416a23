"""The Prefect server of one command: for its runs alone, where Prefect is told of no other.

Prefect would start the same one by itself, but would load all of a server into this process for it: seconds, and some
80 MB. It ends with this process, however that ends, and its runs are kept where all servers of this user find them.
"""

import atexit
import os
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from socket import create_server
from tempfile import TemporaryFile
from typing import IO

from varemix.errors import ServiceError
from varemix.media.programs import on_leash

_HOST = "127.0.0.1"
_WHAT = ("--factory", "prefect.server.api.server:create_app", "--log-level", "error", "--lifespan", "on")
_POLL_S, _GRACE_S = 0.1, 5
# As Prefect starts it: its own lifetime is that of a command, and it shows no pages.
_OWN = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def start_own_server() -> None:
    """Start a server for the runs of this process, and let Prefect know it, unless Prefect knows one already.

    Raises ServiceError, with its last words, where it does not answer in time.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        return
    port = _free_port()
    words = TemporaryFile()  # noqa: SIM115 - it is open as long as the server runs
    server = subprocess.Popen(
        on_leash([sys.executable, "-m", "uvicorn", *_WHAT, "--host", _HOST, "--port", str(port)]),
        env=os.environ | _OWN | settings.to_environment_variables(exclude_unset=True),
        stdin=subprocess.DEVNULL,
        stdout=words,
        stderr=words,
        start_new_session=True,  # Ctrl-C is for the run, which still tells the server how it ends
    )
    atexit.register(_stop, server)
    _wait(server, words, port, settings.server.ephemeral.startup_timeout_seconds)
    # Links would lead to a server that is gone when somebody follows them.
    os.environ |= {"PREFECT_API_URL": f"http://{_HOST}:{port}/api", "PREFECT_UI_URL": ""}
    refresh_global_settings_context()


def _free_port() -> int:
    with create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait(server: "subprocess.Popen[bytes]", words: IO[bytes], port: int, timeout_s: float) -> None:
    last = time.monotonic() + timeout_s
    while time.monotonic() < last:
        if server.poll() is not None:
            words.seek(0)
            last_words = words.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ServiceError(f"Prefect's server ended at once: {last_words}. Look at `varemix doctor`.")
        try:
            connection = HTTPConnection(_HOST, port, timeout=_GRACE_S)
            connection.request("GET", "/api/health")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        time.sleep(_POLL_S)
    raise ServiceError(f"Prefect's server did not answer within {timeout_s:g} s. Try again when the machine is calmer.")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
