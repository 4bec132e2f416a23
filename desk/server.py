"""Opening the desk: it answers at once, and loads what it works with meanwhile."""

import logging
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import uvicorn

from catalog.files import Home, remove_leftovers, temporary_folder
from desk.app import create_app
from desk.batch import Batch
from desk.guards import is_loopback
from desk.loading import Loading, Opened
from varemix.errors import UsageError

DEFAULT_PORT = 8765
_MAX_CONNECTIONS = 256
_GRACE_S = 2


def serve(
    home: Home,
    *,
    say: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    checkpoint: str | None = None,
    library: Path | None = None,
    recording: Path | None = None,
    separator: Mapping[str, str] | None = None,
    batch: Batch | None = None,
    does_open: bool = False,
) -> None:
    """Serve the desk until it is interrupted; its address is said when it answers.

    Port 0 is any free one. Where others than this machine can reach it, the address holds a token. Raises UsageError
    for an address that cannot be listened on, and what loading raises.
    """
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    listener = _listener(host, port)
    loading = Loading()
    failed: list[BaseException] = []
    with ExitStack() as stack:
        work = home.root / "work"
        remove_leftovers(work)
        folder = stack.enter_context(temporary_folder(work))
        config = uvicorn.Config(
            create_app(loading, host=host, token=token, is_over=lambda: server.should_exit),
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
        )
        server = uvicorn.Server(config)

        def load() -> None:
            try:
                opened = Opened(
                    home=home,
                    checkpoint=checkpoint,
                    library=library,
                    recording=recording,
                    separator=separator or {},
                    batch=batch,
                )
                loading.load(opened, folder)
            except BaseException as error:
                failed.append(error)
                server.should_exit = True
                raise

        address = _address(host, listener.getsockname()[1], token)
        say(f"The remix desk is at {address}  (end it with Ctrl-C)")
        loader = threading.Thread(target=_quietly(load), name="loading", daemon=True)
        loader.start()
        if does_open:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):  # raised again when the server has ended by a signal
            server.run(sockets=[listener])
        loader.join()
        if not loading.studio.exception():
            loading.studio.result().close()
        if failed:
            raise failed[0]


def _quietly(load: Callable[[], None]) -> Callable[[], None]:
    """Return what loads without a traceback: the error is raised where the server ends."""

    def run() -> None:
        try:
            load()
        except Exception:  # it is kept in the future
            logging.getLogger(__name__).debug("Loading failed", exc_info=True)

    return run


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens; UsageError where that cannot be."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The desk cannot listen on {host}, port {port}: {reason}. Give another --port, 0 for any free one, "
            "or another --host."
        ) from error
    listener.listen(_MAX_CONNECTIONS)
    listener.setblocking(False)
    return listener


def _address(host: str, port: int, token: str | None) -> str:
    """Return what to open in a browser."""
    everywhere = ("0.0.0.0", "::", "")  # noqa: S104 - what a person asked for
    shown = socket.gethostname() if host in everywhere else f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
