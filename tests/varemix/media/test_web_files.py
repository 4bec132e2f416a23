"""Plain files from a server on loopback: whole or not at all, bounded, and only from the web."""

import base64
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.download import DownloadOptions
from varemix.media.web_files import fetch_file

OPTIONS = DownloadOptions(socket_timeout_s=60, proxy="", time_limit_s=600)
CONTENT = bytes(range(256)) * 400


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    keys: list[str]

    def url(self, path: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server_port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("Authorization", ""))
        name = self.path.strip("/").partition("?")[0]
        if name.isdecimal():
            self.send_error(int(name))
        elif name == "inside":
            self._begin({"Location": "file:///etc/passwd", "Content-Length": "0"}, 302)
        else:
            self._begin({"Content-Length": str(len(CONTENT))})
            self.wfile.write(CONTENT[:1000] if name == "cut.wav" else CONTENT)

    def _begin(self, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.keys = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_comes_as_it_is_and_only_its_host_is_told_the_password(server: Server, tmp_path: Path) -> None:
    fetch_file(server.url("a.wav?b=c", "me:p%40ss@"), tmp_path / "a.wav", options=OPTIONS)
    assert (tmp_path / "a.wav").read_bytes() == CONTENT
    assert base64.b64decode(server.keys[-1].removeprefix("Basic ")) == b"me:p@ss"
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("404", VideoUnavailableError, "File '404' is not there"),
        ("403", DownloadError, "was refused"),
        ("503", DownloadInterruptedError, "the server is in trouble"),
        ("cut.wav", DownloadInterruptedError, "1000 of 102400 bytes came"),
        ("inside", DownloadError, "inside"),
    ],
)
def test_what_does_not_come_whole_leaves_nothing(
    server: Server, tmp_path: Path, path: str, kind: type[DownloadError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        fetch_file(server.url(path, "me:planted@"), tmp_path / "a.wav", options=OPTIONS)
    assert "planted" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(VideoUnavailableError, match="more than 5000 bytes"):
        fetch_file(server.url("a.wav"), tmp_path / "a.wav", options=replace(OPTIONS, max_bytes=5000))


def test_no_server_at_all_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(DownloadInterruptedError, match="the connection failed"):
        fetch_file("http://127.0.0.1:9/a.wav", tmp_path / "a.wav", options=OPTIONS)
