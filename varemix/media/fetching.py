"""Fetch one video, or one plain file, in a process of its own: an order on stdin, a verdict on stdout.

`python -I -m varemix.media.fetching` is started by `varemix.media.download` and `web_files`. What a stranger's server
sends is read here, by yt-dlp or as it is (`plain_fetching`), where it can do the least: connections are guarded
(`fetch_guard`), memory, files and time are limited by the kernel and a clock, and no address, cookie or proxy stands in
an argument that others could see.
"""

import contextlib
import json
import os
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.fetch_guard import Guard, RefusedError
from varemix.media.plain_fetching import fetch_plain
from varemix.media.refusals import causes, classified

PLAIN = "plain"
_MEMORY_BYTES = 2 * 2**30
_KINDS = {kind.__name__: kind for kind in (DownloadError, DownloadInterruptedError, VideoUnavailableError)}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to fetch into which folder, and the limits; see `download.DownloadOptions`. With the format PLAIN it is a
    file as it lies there.
    """

    video_id: str
    address: str
    folder: str
    ffmpeg: str
    format: str
    socket_timeout_s: float
    time_limit_s: float
    max_bytes: int
    max_duration_s: float
    fragment_retries: int
    rate_limit_bytes_per_s: float | None
    cookies: str | None
    proxy: str | None
    what: str = "Video"

    def as_json(self) -> bytes:
        """Return the order as it is read from stdin."""
        return json.dumps(asdict(self)).encode()


def check_verdict(text: bytes) -> None:
    """Raise the error that a verdict tells, if it tells one."""
    verdict = json.loads(text)
    if verdict["error"] is not None:
        asked = {"is_limit": True, "wait_s": verdict["wait_s"]} if verdict.get("is_limit") else {}
        raise _KINDS[verdict["error"]](verdict["message"], **asked)


def main() -> None:
    """Carry out the order on stdin, and tell on stdout what became of it."""
    order = Order(**json.load(sys.stdin.buffer))
    told, sys.stdout = sys.stdout, sys.stderr  # nothing else may write into the verdict
    _limit(order, lambda error: _tell(told, error))
    try:
        fetch_plain(order) if order.format == PLAIN else fetch(order)
    except DownloadError as error:
        _tell(told, error)
    except MemoryError:
        _tell(told, VideoUnavailableError(f"{order.what} '{order.video_id}' swells beyond all bounds."))
    else:
        _tell(told, None)


def fetch(order: Order) -> None:
    """Fetch the video into its folder as `video.*`. Raises DownloadError, or the one of its kinds that says more.

    This process can reach nothing but the web afterwards.
    """
    import yt_dlp
    from yt_dlp.globals import plugin_dirs

    plugin_dirs.value = []  # no code from elsewhere
    proxies = [order.proxy] if order.proxy else list(urllib.request.getproxies().values())
    guard = Guard(order.address, [] if order.proxy == "" else proxies)
    guard.install()
    try:
        with yt_dlp.YoutubeDL(_settings(order)) as downloader:
            downloader.download([order.address])
    except (yt_dlp.utils.YoutubeDLError, RefusedError) as error:
        if guard.refused:
            raise VideoUnavailableError(
                f"Video '{order.video_id}' leads to {guard.refused}, which is not fetched. Look at its address."
            ) from None
        raise classified(order.video_id, error) from None
    except OSError as error:
        raise DownloadError(f"Video '{order.video_id}' cannot be stored: {error}. Look at the disk.") from None
    except ValueError as error:  # an address that none of the libraries can take apart
        if any(isinstance(cause, DownloadError) for cause in causes(error)):
            raise
        raise VideoUnavailableError(
            f"Video '{order.video_id}' has an address that cannot be used: {error}. Correct it."
        ) from None


def _settings(order: Order) -> dict[str, Any]:
    """Return yt-dlp's settings; all names are ours, and nothing is read or written outside the folder."""
    settings: dict[str, Any] = {
        "outtmpl": {"default": "video.%(ext)s"},
        "paths": {"home": order.folder},
        "format": order.format,
        "merge_output_format": "mp4/mkv",
        "noplaylist": True,
        "playlist_items": "1",
        "quiet": True,
        "noprogress": True,
        "logger": _Silence(),
        "progress_hooks": [_size_watch(order)],
        "match_filter": _duration_watch(order),
        "socket_timeout": order.socket_timeout_s,
        "retries": 0,  # `download_video` repeats, so that its count is the true one
        "extractor_retries": 0,
        "fragment_retries": order.fragment_retries,
        "skip_unavailable_fragments": False,
        "external_downloader": {"default": "native"},
        "continuedl": True,
        "updatetime": False,
        "cachedir": False,
        "enable_file_urls": False,
        "ffmpeg_location": order.ffmpeg,
        "ratelimit": order.rate_limit_bytes_per_s,
        "cookiefile": order.cookies,
    }
    return settings if order.proxy is None else settings | {"proxy": order.proxy}


class _Silence:
    """Takes yt-dlp's messages: what failed is told by our errors, once."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


def _size_watch(order: Order) -> Callable[[dict[str, Any]], None]:
    def check(progress: dict[str, Any]) -> None:
        num_bytes = max(progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0)
        if num_bytes > order.max_bytes:
            raise DownloadError(
                f"Video '{order.video_id}' has more than {order.max_bytes} bytes. Raise the limit, or leave it."
            )

    return check


def _duration_watch(order: Order) -> Callable[..., None]:
    def check(info: dict[str, Any], *, incomplete: bool = False) -> None:
        if (info.get("duration") or 0) > order.max_duration_s:
            raise VideoUnavailableError(
                f"Video '{order.video_id}' lasts {info['duration']:g} s, and {order.max_duration_s:g} s are allowed. "
                "Leave it out."
            )
        if info.get("is_live"):
            raise VideoUnavailableError(f"Video '{order.video_id}' is a live broadcast without an end. Leave it out.")

    return check


def _limit(order: Order, tell: Callable[[DownloadError], None]) -> None:
    """Bound memory, the size of files, and the time that all takes, whatever the other side does."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on every system
        import resource

        for what, most in (
            (resource.RLIMIT_DATA, _MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, 2 * order.max_bytes + 2**20),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))

    def end() -> None:
        tell(DownloadInterruptedError(f"{order.what} '{order.video_id}' took longer than {order.time_limit_s:g} s."))
        os._exit(0)

    clock = threading.Timer(order.time_limit_s, end)
    clock.daemon = True
    clock.start()


def _tell(out: Any, error: DownloadError | None) -> None:
    kind = next((name for name in _KINDS if error is not None and name == type(error).__name__), None)
    asked = {"is_limit": getattr(error, "is_limit", False), "wait_s": getattr(error, "wait_s", None)}
    out.write(json.dumps({"error": kind, "message": str(error), **asked}))
    out.flush()


if __name__ == "__main__":
    main()
