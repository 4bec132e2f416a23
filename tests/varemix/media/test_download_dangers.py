"""Servers that mean harm: what they send is bounded in size, time and kind, and leads nowhere but to the web."""

import gzip
import http.server
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.download import DownloadOptions, download_video
from varemix.media.fetching import Order, check_verdict
from varemix.media.programs import find_ffmpeg

OPTIONS = DownloadOptions(socket_timeout_s=60, retries=0, first_wait_s=0.01, proxy="", time_limit_s=600)
PIECE = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    "<BaseURL>{}</BaseURL>"
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" width="64" height="64">'
    '<SegmentList duration="1"><SegmentURL media="piece.mp4"/></SegmentList></Representation></AdaptationSet></Period>'
    "</MPD>"
)
HLS_KIND, DASH_KIND = "application/x-mpegurl", "application/dash+xml"


class Server(http.server.ThreadingHTTPServer):
    """A server on loopback that answers as its `answers` say: a redirect, a text, or a habit."""

    daemon_threads = True

    def __init__(self, host: str, video: bytes) -> None:
        super().__init__((host, 0), Handler)
        self.video = video
        self.answers: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    def url(self, path: str, userinfo: str = "") -> str:
        return f"http://{userinfo}{self.server_address[0]!s}:{self.server_port}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client goes away."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.removeprefix("/").partition("?")[0]
        self.server.asked.append(name)
        kind, content = self.server.answers.get(name, ("video/mp4", ""))
        if kind == "redirect":
            self._begin(302, {"Location": content, "Content-Length": "0"})
        elif kind == "status":
            self.send_error(int(content))
        elif content:
            self._begin(200, {"Content-Type": kind, "Content-Length": str(len(content.encode()))})
            self.wfile.write(content.encode())
        else:
            getattr(self, f"_{name}", self._nothing)()

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def _nothing(self) -> None:
        self.send_error(404)

    def _whole(self) -> None:
        self._begin(200, {"Content-Type": "video/mp4", "Content-Length": str(len(self.server.video))})
        self.wfile.write(self.server.video)

    def _promises_less(self) -> None:
        self._begin(200, {"Content-Type": "video/mp4", "Content-Length": str(len(self.server.video) // 2)})
        self.wfile.write(self.server.video)

    def _promises_more(self) -> None:
        self._begin(200, {"Content-Type": "video/mp4", "Content-Length": str(len(self.server.video) * 3)})
        self.wfile.write(self.server.video)

    def _drips(self) -> None:
        self._begin(200, {"Content-Type": "video/mp4", "Content-Length": "1000000"})
        while not self.server.over.wait(0.3):
            self.wfile.write(b"\0")

    def _never_ends(self) -> None:
        self._begin(200, {"Content-Type": "video/mp4"})
        while not self.server.over.is_set():
            self.wfile.write(bytes(1 << 20))

    def _page_never_ends(self) -> None:
        self._begin(200, {"Content-Type": "text/html"})
        self.wfile.write(b"<!doctype html><html><body>")
        while not self.server.over.is_set():
            self.wfile.write(b"<p>more</p>" * 100_000)

    def _bomb(self) -> None:
        self._begin(200, {"Content-Type": "text/html", "Content-Encoding": "gzip"})
        member = gzip.compress(b"<!doctype html><html><body>" + bytes(64 * 2**20), 9)
        while not self.server.over.is_set():
            self.wfile.write(member)


# yt-dlp leaves the connections of failed requests to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


def serving(host: str, video: Path) -> Iterator[Server]:
    with Server(host, video.read_bytes()) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def server(video: Path) -> Iterator[Server]:
    yield from serving("127.0.0.1", video)


@pytest.fixture
def inside(video: Path) -> Iterator[Server]:
    yield from serving("127.0.0.2", video)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Give a place for the video; whatever happens, nothing may lie there afterwards."""
    folder = tmp_path / "videos"
    yield folder / "a.mp4"
    assert list(folder.iterdir()) == []


def test_a_length_below_the_truth_does_not_pass_for_a_video(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="came damaged"):
        download_video("a", server.url("promises_less"), target, options=OPTIONS)


def test_a_length_above_the_truth_is_an_interruption(server: Server, target: Path) -> None:
    with pytest.raises(DownloadInterruptedError, match="connection failed"):
        download_video("a", server.url("promises_more"), target, options=OPTIONS)


def test_a_server_that_drips_is_left_when_the_time_is_over(server: Server, target: Path) -> None:
    started = time.monotonic()
    with pytest.raises(DownloadInterruptedError, match="longer than 3 s"):
        download_video("a", server.url("drips"), target, options=replace(OPTIONS, time_limit_s=3))
    assert time.monotonic() - started < 60  # the socket's own time-out never comes


def test_a_body_without_end_is_left_at_the_limit(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="more than 3000000 bytes"):
        download_video("a", server.url("never_ends"), target, options=replace(OPTIONS, max_bytes=3_000_000))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["page_never_ends", "bomb"])
def test_a_page_that_swells_in_memory_fails_by_itself(server: Server, target: Path, name: str) -> None:
    with pytest.raises(DownloadError, match=r"swells|longer than"):
        download_video("a", server.url(name), target, options=replace(OPTIONS, time_limit_s=12))


def test_redirects_in_circles_end(server: Server, target: Path) -> None:
    server.answers = {"a": ("redirect", "/b"), "b": ("redirect", "/a")}
    with pytest.raises(DownloadError):
        download_video("a", server.url("a"), target, options=OPTIONS)
    assert len(server.asked) < 100


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/a.mp4", "data:video/mp4;base64,AAAA"])
def test_redirects_to_other_kinds_of_addresses_are_refused(server: Server, target: Path, place: str) -> None:
    server.answers = {"a": ("redirect", place)}
    with pytest.raises(DownloadError):
        download_video("a", server.url("a"), target, options=OPTIONS)


@pytest.fixture
def secret(tmp_path: Path, video: Path) -> Path:
    """Return a file of this machine that a server would like to have; a whole video, so that only rules refuse it."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video.read_bytes())
    return secret


@pytest.mark.parametrize("scheme", ["file://", "file:", "concat:", "subfile,,start,0,end,0,,:", "ftp://127.0.0.1/"])
def test_streams_that_name_other_than_the_web_are_refused(
    server: Server, target: Path, secret: Path, scheme: str
) -> None:
    server.answers = {"list.m3u8": (HLS_KIND, PIECE.format(f"{scheme}{secret}"))}
    with pytest.raises(DownloadError):
        download_video("a", server.url("list.m3u8"), target, options=OPTIONS)


def test_streams_that_only_an_outside_program_could_fetch_are_refused(
    server: Server, target: Path, secret: Path
) -> None:
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="key"\n'
    server.answers = {"list.m3u8": (HLS_KIND, PIECE.format(f"{key}file://{secret}"))}
    with pytest.raises(DownloadError, match="a program that would fetch by itself"):
        download_video("a", server.url("list.m3u8"), target, options=OPTIONS)


def test_a_manifest_of_dash_that_names_files_is_refused(server: Server, target: Path, secret: Path) -> None:
    server.answers = {"list.mpd": (DASH_KIND, DASH.format(f"file://{secret.parent}/"))}
    with pytest.raises(DownloadError):
        download_video("a", server.url("list.mpd"), target, options=OPTIONS)


def test_a_video_that_plays_too_long_is_not_kept(server: Server, target: Path) -> None:
    with pytest.raises(VideoUnavailableError, match=r"lasts 1(\.\d+)? s, and 0\.5 s are allowed"):
        download_video("a", server.url("whole"), target, options=replace(OPTIONS, max_duration_s=0.5))


def fetched_from_outside(url: str, folder: Path) -> None:
    """Fetch as if 127.0.0.1 were of the web, and 127.0.0.2 of this machine's network."""
    order = Order(
        video_id="a",
        address=url,
        folder=str(folder),
        ffmpeg=str(find_ffmpeg()),
        format="b",
        socket_timeout_s=60,
        time_limit_s=600,
        max_bytes=10**9,
        max_duration_s=1e4,
        fragment_retries=0,
        rate_limit_bytes_per_s=None,
        cookies=None,
        proxy="",
    )
    program = (
        "from varemix.media import fetch_guard, fetching; fetch_guard.is_inside = lambda ip: ip != '127.0.0.1'; "
        "fetching.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], input=order.as_json(), capture_output=True, check=True)
    check_verdict(done.stdout)


def test_what_begins_in_the_web_is_not_led_inside(server: Server, inside: Server, tmp_path: Path) -> None:
    server.answers = {
        "a": ("redirect", inside.url("whole")),
        "list.m3u8": (HLS_KIND, PIECE.format(inside.url("piece.ts"))),
    }
    for path in ("a", "list.m3u8"):
        with pytest.raises(VideoUnavailableError, match="an address inside this machine's network"):
            fetched_from_outside(server.url(path), tmp_path)
    assert inside.asked == []
    fetched_from_outside(inside.url("whole"), tmp_path)  # who names such an address means it
    assert inside.asked


SECRETS = ("hunter2-planted", "tok-planted")


@pytest.mark.parametrize(
    "answer", [("status", "404"), ("status", "500"), ("redirect", "file:///x?token=tok-planted"), ("text/html", "<p>")]
)
def test_what_an_address_holds_of_secrets_is_told_nowhere(
    server: Server, target: Path, answer: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers = {"a.mp4": answer}
    url = server.url("a.mp4?token=tok-planted", userinfo="me:hunter2-planted@")
    with pytest.raises(DownloadError) as caught:
        download_video("a", url, target, options=replace(OPTIONS, retries=1))
    told = json.dumps([str(caught.value), repr(caught.value.__cause__), caplog.text])
    assert not any(secret in told for secret in SECRETS)
    assert server.asked  # it was truly asked, password and all
