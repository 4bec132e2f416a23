"""A web server on loopback that serves a folder, with troubles on demand."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Server(ThreadingHTTPServer):
    """Serves the files of a folder; `troubles` are the statuses that the next requests for a file get instead."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.troubles: dict[str, list[int]] = {}
        self.asked: Counter[str] = Counter()
        self.cookies: dict[str, str] = {}

    @property
    def template(self) -> str:
        """Where a video lies, as `--url-template` says it."""
        return f"http://127.0.0.1:{self.server_port}/{{video_id}}.mp4"

    def url(self, video_id: str) -> str:
        """Return where a video lies."""
        return self.template.replace("{video_id}", video_id)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client goes away."""


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        if not self._is_in_trouble():
            super().do_HEAD()

    def do_GET(self) -> None:
        if not self._is_in_trouble():
            super().do_GET()

    def _is_in_trouble(self) -> bool:
        name = self.path.partition("?")[0].removeprefix("/").removesuffix(".mp4")
        self.server.asked[name] += 1
        self.server.cookies[name] = self.headers.get("Cookie", "")
        statuses = self.server.troubles.get(name)
        if not statuses:
            return False
        self.send_error(statuses.pop(0))
        return True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder while the block runs."""
    with Server(folder) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
