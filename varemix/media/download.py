"""Videos from the network onto the disk, through yt-dlp.

A video lies at its place whole and checked, or not at all. Stays out: which videos are wanted, and what
becomes of those that are gone (`tasks`, `catalog`).
"""

import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from varemix.errors import DownloadError, DownloadInterruptedError, MediaError, VideoUnavailableError
from varemix.media.containers import MATROSKA, MP4, container_of
from varemix.media.programs import find_ffmpeg
from varemix.media.wholeness import check_whole

_log = logging.getLogger(__name__)
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_MAX_WAIT_S = 60.0
_GONE = {404: "is not there", 410: "was removed", 401: "needs a login", 451: "is blocked for legal reasons"}
_SERVER_IN_TROUBLE = {408, 425, 429, 500, 502, 503, 504}
_REFUSAL = ("not a bot", "Sign in to confirm you", "This content isn't available, try again later")
_EMPTY = ("Did not get any data blocks", "downloaded file is empty")
_NO_FORMAT = ("Requested format is not available", "No video formats found", "Only images are available")
_GONE_WORDS = {
    "confirm your age": "is restricted by age",
    "age-restricted": "is restricted by age",
    "inappropriate for some users": "is restricted by age",
    "private video": "is private",
    "video is private": "is private",
    "terminated": "is gone with its account",
    "copyright": "was removed for copyright",
    "removed": "was removed",
    "in your country": "is not shown in this country",
    "geo restrict": "is not shown in this country",
    "members-only": "is for members only",
    "unavailable": "is unavailable",
    "not available": "is unavailable",
    "no longer available": "is unavailable",
    "does not exist": "is not there",
    "incomplete youtube id": "is not there",
    "unsupported url": "is not a video but some other page",
}


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """How to download; none of it changes which video it is.

    `retries` counts the further attempts after an interruption; the first waits `first_wait_s`, each later
    one twice as long. `time_limit_s` holds for one attempt. `format` is yt-dlp's selection: by default MP4 of
    at most 360 lines with sound, else the nearest to it.
    """

    socket_timeout_s: float = 30.0
    time_limit_s: float = 3600.0
    retries: int = 3
    first_wait_s: float = 2.0
    rate_limit_bytes_per_s: float | None = None
    cookies_file: Path | None = None
    proxy: str | None = None
    max_bytes: int = 2 * 2**30
    format: str = (
        "b[ext=mp4][height<=?360]/bv*[ext=mp4][height<=?360]+ba[ext=m4a]/b[height<=?360]/bv*[height<=?360]+ba/w/wv*+ba"
    )
    quiet: bool = True


class _Log:
    """Take all of yt-dlp's messages at one level: what failed is told by our errors, once."""

    def __init__(self, level: int) -> None:
        self._level = level

    def debug(self, message: str) -> None:
        _log.log(self._level, "%s", message)

    info = warning = error = debug


def download_video(video_id: str, url: str | None, target: Path, *, options: DownloadOptions) -> None:
    """Fetch a video from `url` (None: YouTube's page of `video_id`) and put it, whole and checked, at
    `target`.

    Work is done in a folder of its own beside `target`. Raises VideoUnavailableError when asking again will
    not help, DownloadInterruptedError when it may, and DownloadError for all else.
    """
    address = _address(video_id, url)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
        for attempt in range(options.retries + 1):
            try:
                # A file cut off in an earlier attempt still lies in the folder and is continued.
                _attempt(video_id, address, Path(folder), options)
                break
            except DownloadInterruptedError as error:
                if attempt == options.retries:
                    raise
                _log.info("%s Trying again.", error)
                time.sleep(min(options.first_wait_s * 2**attempt, _MAX_WAIT_S))
        os.replace(_checked_result(video_id, Path(folder)), target)  # noqa: PTH105 - as pathlib's, and says atomic


def _address(video_id: str, url: str | None) -> str:
    if url is None:
        if not _YOUTUBE_ID.fullmatch(video_id):
            raise VideoUnavailableError(
                f"Video '{video_id}' has no address, and its id is none of YouTube's (11 letters, "
                "digits, - or _). Give it an address, or correct the id."
            )
        return f"https://www.youtube.com/watch?v={video_id}"
    if urlsplit(url).scheme not in ("http", "https"):
        raise VideoUnavailableError(
            f"Video '{video_id}' has the address '{url}'; http or https is expected. Correct it."
        )
    return url


def _attempt(video_id: str, address: str, folder: Path, options: DownloadOptions) -> None:
    import yt_dlp
    from yt_dlp.globals import plugin_dirs

    plugin_dirs.value = []  # no code from elsewhere
    try:
        with yt_dlp.YoutubeDL(_settings(folder, options, _watch(video_id, options))) as downloader:
            downloader.download([address])
    except yt_dlp.utils.YoutubeDLError as error:
        raise _classified(video_id, error) from error
    except OSError as error:
        raise DownloadError(f"Video '{video_id}' cannot be stored: {error}. Look at the disk.") from error


def _settings(folder: Path, options: DownloadOptions, watch: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Return yt-dlp's settings; all names are ours, and nothing is read or written outside `folder`."""
    settings: dict[str, Any] = {
        "outtmpl": {"default": "video.%(ext)s"},
        "paths": {"home": str(folder)},
        "format": options.format,
        "merge_output_format": "mp4/mkv",
        "noplaylist": True,
        "playlist_items": "1",
        "quiet": options.quiet,
        "noprogress": True,
        "logger": _Log(logging.DEBUG if options.quiet else logging.INFO),
        "progress_hooks": [watch],
        "socket_timeout": options.socket_timeout_s,
        "retries": 0,  # `download_video` repeats, so that its count is the true one
        "extractor_retries": 0,
        "fragment_retries": options.retries,
        "skip_unavailable_fragments": False,
        "continuedl": True,
        "updatetime": False,
        "cachedir": False,
        "enable_file_urls": False,
        "ffmpeg_location": str(find_ffmpeg()),
        "ratelimit": options.rate_limit_bytes_per_s,
        "cookiefile": None if options.cookies_file is None else str(options.cookies_file),
    }
    return settings if options.proxy is None else settings | {"proxy": options.proxy}


def _watch(video_id: str, options: DownloadOptions) -> Callable[[dict[str, Any]], None]:
    """Return a hook that ends a download which gets too large or takes too long."""
    deadline = time.monotonic() + options.time_limit_s

    def check(progress: dict[str, Any]) -> None:
        num_bytes = max(progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0)
        if num_bytes > options.max_bytes:
            raise DownloadError(
                f"Video '{video_id}' has more than {options.max_bytes} bytes. Raise the limit, or leave it."
            )
        if time.monotonic() > deadline:
            raise DownloadInterruptedError(f"Video '{video_id}' took longer than {options.time_limit_s:g} s.")

    return check


def _checked_result(video_id: str, folder: Path) -> Path:
    """Return the one finished file, known to be a whole video."""
    files = [path for path in folder.iterdir() if path.name.startswith("video.") and path.suffix != ".part"]
    if len(files) != 1 or files[0].stat().st_size == 0:
        raise DownloadError(f"Video '{video_id}' came empty. Look at its address.")
    if container_of(files[0]) not in (MP4, MATROSKA):
        raise VideoUnavailableError(f"Video '{video_id}' is not a video but some other file. Look at its address.")
    try:
        check_whole(files[0])
    except MediaError as error:
        raise DownloadError(f"Video '{video_id}' came damaged: {error}") from error
    return files[0]


def _classified(video_id: str, error: Exception) -> DownloadError:
    """Return our error for one of yt-dlp's: by its causes, else by a site's words."""
    from yt_dlp.networking.exceptions import (
        HTTPError,
        TransportError,
    )
    from yt_dlp.utils import ContentTooShortError, UnsupportedError

    said = _plain(str(error))
    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return _by_status(video_id, cause.status)
        if isinstance(cause, TransportError | ContentTooShortError | TimeoutError | ConnectionError):
            return DownloadInterruptedError(f"Video '{video_id}': the connection failed ({_plain(str(cause))}).")
        if isinstance(cause, UnsupportedError):
            return VideoUnavailableError(f"Video '{video_id}' is some page, not a video. Look at its address.")
    return _by_words(video_id, said)


def _by_words(video_id: str, said: str) -> DownloadError:
    if "Got error: " in said:  # the downloader gives up, and forgets the cause
        reason = said.split("Got error: ")[1]
        return DownloadInterruptedError(f"Video '{video_id}': the connection failed ({reason}).")
    if any(words in said for words in _EMPTY):
        return DownloadError(f"Video '{video_id}' came empty. Look at its address.")
    if any(words in said for words in _NO_FORMAT):  # the fault lies here, not with the video
        return DownloadError(
            f"Video '{video_id}' gave no sound and picture to fetch: {said} Update yt-dlp, and for YouTube install "
            "yt-dlp-ejs and deno."
        )
    if any(words in said for words in _REFUSAL) and "your age" not in said:
        return DownloadError(f"Video '{video_id}' was refused: {said} Give a cookies file, or wait.")
    for words, meaning in _GONE_WORDS.items():
        if words in said.lower():
            return VideoUnavailableError(f"Video '{video_id}' {meaning}: {said}")
    return DownloadError(f"Video '{video_id}' could not be fetched: {said}")


def _by_status(video_id: str, status: int) -> DownloadError:
    if status in _GONE:
        return VideoUnavailableError(f"Video '{video_id}' {_GONE[status]} (HTTP {status}).")
    if status in _SERVER_IN_TROUBLE:
        return DownloadInterruptedError(f"Video '{video_id}': the server is in trouble (HTTP {status}).")
    return DownloadError(f"Video '{video_id}' was refused (HTTP {status}). Look at its address, or give cookies.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, in the several ways in which yt-dlp keeps that."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [(getattr(current, "exc_info", None) or (None, None))[1], getattr(current, "cause", None)]
        waiting += [current.__cause__, current.__context__]


def _plain(message: str) -> str:
    """Return a message of yt-dlp without colours and without its advice on reporting bugs."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ")
    return text.split("; please report this issue")[0].split("\n")[0].strip()
