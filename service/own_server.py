"""The Prefect server of one command: for its runs alone, where Prefect is told of no other.

Prefect would start one in a process of its own, which loads all that this process has loaded already. Here it answers
in a thread, on loopback; it ends with the command, however that ends, and its runs are kept where all servers of this
user find them.
"""

import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server
from typing import TYPE_CHECKING, Any

from varemix.errors import ServiceError

if TYPE_CHECKING:
    from uvicorn import Server

_HOST = "127.0.0.1"
_POLL_S, _GRACE_S = 0.05, 5
_HAND_OVER_S = 60
_NUM_WORDS = 20
_ERROR = re.compile(r"^[\w.]+: .+", re.MULTILINE)  # as a traceback ends
# The run's own pages are those of a server that stays; what only a lasting server needs costs each run seconds.
_OWN = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "0",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "0",  # else it would note down that they are registered
}
_LOGS = ("alembic", "docket", "fakeredis", "prefect.server", "uvicorn")


@contextmanager
def own_server() -> Iterator[None]:
    """Have a server for the runs of this process, and let Prefect know it, unless Prefect knows one already.

    At the end it has taken in all that the runs told it. Raises ServiceError, with its last words, where it does not
    answer in time.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        yield
        return
    os.environ |= _OWN
    refresh_global_settings_context()
    server = _Thread()
    try:
        server.start()
        server.wait(settings.server.ephemeral.startup_timeout_seconds)
        # Links would lead to a server that is gone when somebody follows them.
        os.environ |= {"PREFECT_API_URL": f"http://{_HOST}:{server.port}/api", "PREFECT_UI_URL": ""}
        refresh_global_settings_context()
        try:
            yield
        finally:
            _hand_over()
    finally:
        server.stop()


class _Thread(threading.Thread):
    """A server and its thread, which the interpreter waits for: it never ends in the middle of an answer."""

    def __init__(self) -> None:
        super().__init__(name="prefect-server")
        self._socket = create_server((_HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self._words = _Words()
        self._server = _server(self._words)

    def run(self) -> None:
        """Answer until it is to stop; Ctrl-C and SIGTERM are for the run, which still tells the server how it ends."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def wait(self, timeout_s: float) -> None:
        """Wait until it answers; ServiceError where it does not."""
        last = time.monotonic() + timeout_s
        while not self._server.started:
            if not self.is_alive():
                raise ServiceError(f"Prefect's server ended at once: {self._words.last()}. Look at `varemix doctor`.")
            if time.monotonic() > last:
                raise ServiceError(
                    f"Prefect's server did not answer within {timeout_s:g} s. Try again when the machine is calmer."
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Let it finish what it answers, and end."""
        self._server.should_exit = True
        if self.ident is not None:
            self.join()


class _Words(logging.Handler):
    """The last words of a server, which are nobody's while it works."""

    def __init__(self) -> None:
        super().__init__()
        self._words: deque[str] = deque(maxlen=_NUM_WORDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        self._words.append(record.getMessage())

    def last(self) -> str:
        """Return the last error that was told, else the last line."""
        words = "\n".join(self._words)
        errors = _ERROR.findall(words)
        return errors[-1] if errors else words.strip().rpartition("\n")[2]


def _server(words: _Words) -> "Server":
    """Return Prefect's server, not yet started; what it logs goes to `words`, not to the terminal."""
    import uvicorn
    from prefect.server.api.server import create_app

    app: Any = create_app(ephemeral=True)
    for name in _LOGS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [words], False
    return uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=_GRACE_S)
    )


def _hand_over() -> None:
    """Let Prefect's threads tell the server the last that they know of the runs."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=_HAND_OVER_S)
