import gc
import http.server
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media import download, patience
from varemix.media.download import DownloadOptions, download_video
from varemix.media.programs import find_ffmpeg, run_program
from varemix.media.refusals import classified
from varemix.media.video import probe_video

KINDS = {".mp4": "video/mp4", ".ts": "video/mp2t", ".m3u8": "application/x-mpegurl"}
OPTIONS = DownloadOptions(socket_timeout_s=60, retries=2, first_wait_s=0.01, proxy="")


class Server(http.server.ThreadingHTTPServer):
    """A web server on loopback with one video and many troubles; counts what it was asked."""

    daemon_threads = True

    def __init__(self, video: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.video = video
        self.asked: Counter[str] = Counter()
        self.released = threading.Event()
        self.files = {
            "empty.mp4": b"",
            "fake.mp4": b"<html>a login page that calls itself a video</html>" * 20,
            "short.mp4": video[: len(video) // 2],
        }

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client goes away."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        name = self.path.removeprefix("/")
        if name in self.server.files:
            self._send(self.server.files[name], KINDS[Path(name).suffix])
        elif name.isdigit() or name.endswith(".ts"):
            self.send_error(int(name) if name.isdigit() else 404)
        elif name == "twice500.mp4" and self.server.asked[self.path] <= 2:
            self.send_error(500)
        elif name == "hang.mp4":
            self.server.released.wait(300)
        elif name == "moved.mp4":
            self.send_response(302)
            self.send_header("Location", "/whole.mp4")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name == "page":
            self._send(b"<!doctype html><html><title>Words</title><body>No video here.</body></html>", "text/html")
        elif name == "cut.mp4":
            self._send(self.server.video, "video/mp4", num_sent=len(self.server.video) // 2)
        elif name == "cutonce.mp4":
            first = "Range" not in self.headers
            self._send(self.server.video, "video/mp4", num_sent=len(self.server.video) // 2 if first else None)
        elif name == "slow.mp4":
            self._send(self.server.video, "video/mp4", wait_s=0.2)
        else:
            self._send(self.server.video, "video/mp4")

    def _send(self, content: bytes, kind: str, *, num_sent: int | None = None, wait_s: float = 0.0) -> None:
        start = 0
        wanted = self.headers.get("Range", "bytes=0-")
        if wanted != "bytes=0-" and wanted.endswith("-"):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            for place in range(start, len(content) if num_sent is None else num_sent, 4_096):
                end = min(place + 4_096, len(content) if num_sent is None else num_sent)
                self.wfile.write(content[place:end])
                time.sleep(wait_s)


# yt-dlp leaves the connections of failed requests to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_connections() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def server(video: Path) -> Iterator[Server]:
    with Server(video.read_bytes()) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Give a place for the video; whatever happens, nothing else may lie beside it afterwards."""
    folder = tmp_path / "videos"
    yield folder / "a.mp4"
    assert [path.name for path in folder.iterdir()] in ([], ["a.mp4"])


@pytest.mark.parametrize("video_id", ["-rf", "--exec=touch x", "../up", "abc", "%(title)s", "-_aaaaaaaaa"])
def test_a_direct_link_arrives_whole_whatever_the_id(server: Server, target: Path, video_id: str) -> None:
    download_video(video_id, server.url("whole.mp4"), target, options=OPTIONS)
    assert target.read_bytes() == server.video


@pytest.mark.parametrize("path", ["moved.mp4", "plain", "twice500.mp4", "cutonce.mp4"])
def test_a_detour_or_a_passing_trouble_still_gives_the_video(server: Server, target: Path, path: str) -> None:
    download_video("a", server.url(path), target, options=OPTIONS)
    assert target.read_bytes() == server.video


@pytest.fixture(scope="module")
def stream_folder(video: Path) -> Path:
    """Return a folder with the video as an HLS stream: a list and its pieces."""
    folder = video.parent / "hls"
    folder.mkdir()
    pieces = ("-c:v", "libx264", "-g", "5", "-c:a", "aac", "-f", "hls", "-hls_time", "0.2", str(folder / "list.m3u8"))
    run_program([find_ffmpeg(), "-loglevel", "error", "-i", video, *pieces], timeout_s=600)
    return folder


def test_a_stream_in_pieces_becomes_one_file(server: Server, stream_folder: Path, target: Path) -> None:
    server.files = {path.name: path.read_bytes() for path in stream_folder.iterdir()}
    assert len(server.files) > 3
    download_video("a", server.url("list.m3u8"), target, options=OPTIONS)
    info = probe_video(target)
    assert (info.has_sound, info.has_picture) == (True, True)
    assert info.duration_s == pytest.approx(1.0, abs=0.2)


def test_a_stream_with_a_missing_piece_is_not_kept(server: Server, stream_folder: Path, target: Path) -> None:
    server.files = {path.name: path.read_bytes() for path in stream_folder.iterdir() if path.name != "list1.ts"}
    with pytest.raises(DownloadError):
        download_video("a", server.url("list.m3u8"), target, options=replace(OPTIONS, retries=0))
    assert not target.exists()


def test_an_older_file_is_replaced_only_by_a_whole_one(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(DownloadError):
        download_video("a", server.url("cut.mp4"), target, options=OPTIONS)
    assert target.read_bytes() == b"old"
    download_video("a", server.url("whole.mp4"), target, options=OPTIONS)
    assert target.read_bytes() == server.video


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("404", "is not there"),
        ("410", "was removed"),
        ("451", "is blocked"),
        ("page", "is some page, not a video"),
        ("fake.mp4", "is not a video"),
    ],
)
def test_what_is_gone_is_asked_for_only_once(server: Server, target: Path, path: str, words: str) -> None:
    with pytest.raises(VideoUnavailableError, match=f"Video 'a' {words}"):
        download_video("a", server.url(path), target, options=OPTIONS)
    assert server.asked[f"/{path}"] <= 2  # once to look, once to fetch


@pytest.mark.parametrize(("path", "words"), [("500", "HTTP 500"), ("429", "HTTP 429"), ("cut.mp4", "connection")])
def test_a_trouble_that_stays_is_an_interruption(
    server: Server, target: Path, path: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_UNSAID_WAIT_S", 0.01)
    with pytest.raises(DownloadInterruptedError, match=words):
        download_video("a", server.url(path), target, options=OPTIONS)
    assert server.asked[f"/{path}"] >= 3


def test_a_server_that_hangs_is_an_interruption(server: Server, target: Path) -> None:
    started = time.monotonic()
    options = replace(OPTIONS, socket_timeout_s=1, retries=0)
    with pytest.raises(DownloadInterruptedError, match="connection failed"):
        download_video("a", server.url("hang.mp4"), target, options=options)
    assert time.monotonic() - started < 200


def test_a_server_that_trickles_is_an_interruption(server: Server, target: Path) -> None:
    options = replace(OPTIONS, time_limit_s=0.5, retries=0)
    with pytest.raises(DownloadInterruptedError, match=r"longer than 0\.5 s"):
        download_video("a", server.url("slow.mp4"), target, options=options)


def test_a_server_that_is_not_there_is_an_interruption(server: Server, target: Path) -> None:
    url = server.url("whole.mp4").replace(str(server.server_port), "9")
    with pytest.raises(DownloadInterruptedError, match="connection failed"):
        download_video("a", url, target, options=replace(OPTIONS, retries=0))


@pytest.mark.parametrize(
    ("path", "words"), [("403", "HTTP 403"), ("empty.mp4", "came empty"), ("short.mp4", "came damaged")]
)
def test_other_failures_are_neither_gone_nor_interrupted(server: Server, target: Path, path: str, words: str) -> None:
    with pytest.raises(DownloadError, match=words) as caught:
        download_video("a", server.url(path), target, options=OPTIONS)
    assert type(caught.value) is DownloadError


def test_a_video_past_the_limit_is_not_kept(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="more than 1000 bytes"):
        download_video("a", server.url("whole.mp4"), target, options=replace(OPTIONS, max_bytes=1_000))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp4", "/etc/passwd", "-o/tmp/x", "ytsearch:a"]
)
def test_addresses_of_other_kinds_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(VideoUnavailableError, match="http or https is expected"):
        download_video("a", url, tmp_path / "a.mp4", options=OPTIONS)


@pytest.mark.parametrize("video_id", ["", "short", "-xxxxxxxxxx&list=1", "../../../x", "https://a.b"])
def test_without_an_address_the_id_must_be_one_of_youtube(tmp_path: Path, video_id: str) -> None:
    with pytest.raises(VideoUnavailableError, match="none of YouTube's"):
        download_video(video_id, None, tmp_path / "a.mp4", options=OPTIONS)


def test_without_an_address_the_page_of_youtube_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def attempt(video_id: str, address: str, folder: Path, options: DownloadOptions) -> None:
        asked.append(address)
        raise VideoUnavailableError(video_id)

    monkeypatch.setattr(download, "_attempt", attempt)
    with pytest.raises(VideoUnavailableError):
        download_video("-abcdefghi_", None, tmp_path / "a.mp4", options=OPTIONS)
    assert asked == ["https://www.youtube.com/watch?v=-abcdefghi_"]


# Messages worded as YouTube and yt-dlp word them; the first that are permanent, then those that are not.
GONE = VideoUnavailableError
UNAVAILABLE = [
    ("[youtube] x: Video unavailable", GONE, "is unavailable"),
    ("[youtube] x: Video unavailable. This video is private", GONE, "is private"),
    ("[youtube] x: Private video. Sign in if you've been granted access to this video", GONE, "is private"),
    ("[youtube] x: This video has been removed by the uploader", GONE, "was removed"),
    ("[youtube] x: Video unavailable. This video is no longer available because the YouTube account associated with "
     "this video has been terminated.", GONE, "is gone with its account"),
    ("[youtube] x: Video unavailable. This video contains content from Someone, who has blocked it on copyright "
     "grounds", GONE, "was removed for copyright"),
    ("[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users.", GONE,
     "is restricted by age"),
    ("[youtube] x: The uploader has not made this video available in your country", GONE,
     "is not shown in this country"),
    ("[youtube] x: Join this channel to get access to members-only content like this video", GONE,
     "is for members only"),
    ("[youtube] x: Sign in to confirm you\u2019re not a bot. Use --cookies", DownloadError, "was refused"),
    ("[youtube] x: Requested format is not available. Use --list-formats", DownloadError, "gave no sound and picture"),
    ("[youtube] x: No video formats found!", DownloadError, "gave no sound and picture"),
    ("[generic] private/a: Unable to extract data", DownloadError, "could not be fetched"),
    ("[youtube] x: Something new", DownloadError, "could not be fetched: .*Something new"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "meaning"), UNAVAILABLE)
def test_what_a_site_says_is_told_in_plain_words(said: str, kind: type[DownloadError], meaning: str) -> None:
    import yt_dlp

    error = classified(
        "-bcdefghijk", yt_dlp.utils.DownloadError(f"ERROR: {said}; please report this issue on https://example.org")
    )
    assert re.match(f"Video '-bcdefghijk' {meaning}", str(error))
    assert type(error) is kind
    assert "please report" not in str(error)


def test_a_wish_for_less_speed_is_kept(server: Server, target: Path) -> None:
    started = time.monotonic()
    rate = len(server.video)
    options = replace(OPTIONS, rate_limit_bytes_per_s=rate)
    download_video("a", server.url("whole.mp4"), target, options=options)
    assert time.monotonic() - started > 0.5
