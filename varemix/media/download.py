"""Videos from the network onto the disk, through yt-dlp.

A video lies at its place whole and checked, or not at all. Stays out: which videos are wanted, and what
becomes of those that are gone (`tasks`, `catalog`).
"""

import logging
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from varemix.errors import (
    DownloadError,
    DownloadInterruptedError,
    MediaError,
    ProgramError,
    UsageError,
    VideoUnavailableError,
)
from varemix.media import fetching, patience
from varemix.media.containers import MATROSKA, MP4, container_of
from varemix.media.cookies import COOKIES_VARIABLE, copy_cookies
from varemix.media.fetching import Order, check_verdict
from varemix.media.programs import find_ffmpeg, run_program
from varemix.media.video import probe_video
from varemix.media.wholeness import check_whole

PROXY_VARIABLE = "VAREMIX_PROXY"
RATE_VARIABLE = "VAREMIX_RATE_LIMIT"
_log = logging.getLogger(__name__)
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_MAX_WAIT_S = 60.0
_START_S = 60.0  # for a process to begin and to end; within, it watches the time itself


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """How to download; none of it changes which video it is.

    `retries` counts the further attempts after an interruption; the first waits `first_wait_s`, each later
    one twice as long. `time_limit_s` holds for one attempt, `max_bytes` for a file, `max_duration_s` for what it plays.
    `cookies_file` is only read (`cookies`); `proxy` is an address, "" for none even if the environment names one.
    `format` is yt-dlp's selection: by default MP4 of at most 360 lines with sound, else the nearest to it.
    """

    socket_timeout_s: float = 30.0
    time_limit_s: float = 3600.0
    retries: int = 3
    first_wait_s: float = 2.0
    rate_limit_bytes_per_s: float | None = None
    cookies_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    max_bytes: int = 2 * 2**30
    max_duration_s: float = 4 * 3600.0
    format: str = (
        "b[ext=mp4][height<=?360]/bv*[ext=mp4][height<=?360]+ba[ext=m4a]/b[height<=?360]/bv*[height<=?360]+ba/w/wv*+ba"
    )

    def or_of_environment(self) -> "DownloadOptions":
        """Return these options, what they leave open filled in from VAREMIX_COOKIES, VAREMIX_PROXY, VAREMIX_RATE_LIMIT.

        Raises UsageError for a rate that is no number of bytes a second.
        """
        cookies, rate = os.environ.get(COOKIES_VARIABLE), os.environ.get(RATE_VARIABLE)
        if rate and not (rate.isdecimal() and int(rate)):
            raise UsageError(
                f"{RATE_VARIABLE} is '{rate}'; give a whole number of bytes a second above 0, or unset it."
            )
        return replace(
            self,
            cookies_file=self.cookies_file or (Path(cookies).expanduser() if cookies else None),
            proxy=os.environ.get(PROXY_VARIABLE) if self.proxy is None else self.proxy,
            rate_limit_bytes_per_s=self.rate_limit_bytes_per_s or (float(rate) if rate else None),
        )


def download_video(video_id: str, url: str | None, target: Path, *, options: DownloadOptions) -> None:
    """Fetch a video from `url` (None: YouTube's page of `video_id`) and put it, whole and checked, at `target`.

    Only http and https are spoken, and a public address leads nowhere inside (`fetch_guard`). Work is done in a folder
    of its own beside `target`. A server that asks to wait is waited for (`patience`). Raises VideoUnavailableError when
    asking again will not help, DownloadInterruptedError when it may, UsageError for cookies that cannot be used, and
    DownloadError for all else.
    """
    address = _address(video_id, url)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
        for attempt in range(options.retries + 1):
            try:
                # A file cut off in an earlier attempt still lies in the folder and is continued.
                patience.wait_for(address, f"Video '{video_id}'")
                _attempt(video_id, address, Path(folder), options)
                break
            except DownloadInterruptedError as error:
                patience.heed(address, error)
                was_not_asked = error.ask_again_at is not None and not error.is_limit
                if attempt == options.retries or was_not_asked:
                    raise
                _log.info("%s Trying again.", error)
                if not error.is_limit:
                    time.sleep(min(options.first_wait_s * 2**attempt, _MAX_WAIT_S))
        os.replace(_checked_result(video_id, Path(folder), options), target)  # noqa: PTH105 - as pathlib's, and says atomic


def _address(video_id: str, url: str | None) -> str:
    if url is None:
        if not _YOUTUBE_ID.fullmatch(video_id):
            raise VideoUnavailableError(
                f"Video '{video_id}' has no address, and its id is none of YouTube's (11 letters, "
                "digits, - or _). Give it an address, or correct the id."
            )
        return f"https://www.youtube.com/watch?v={video_id}"
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise VideoUnavailableError(
            f"Video '{video_id}' has an address of the kind '{scheme}'; http or https is expected. Correct it."
        )
    return url


def _attempt(video_id: str, address: str, folder: Path, options: DownloadOptions) -> None:
    """Fetch in a process of its own, which ends with this one; see `fetching`."""
    cookies = None
    if options.cookies_file is not None:  # read anew each time: it may be renewed while a run goes on
        cookies = folder / "cookies.txt"
        copy_cookies(options.cookies_file, cookies)
    order = Order(
        video_id=video_id,
        address=address,
        folder=str(folder),
        ffmpeg=str(find_ffmpeg()),
        format=options.format,
        socket_timeout_s=options.socket_timeout_s,
        time_limit_s=options.time_limit_s,
        max_bytes=options.max_bytes,
        max_duration_s=options.max_duration_s,
        fragment_retries=options.retries,
        rate_limit_bytes_per_s=options.rate_limit_bytes_per_s,
        cookies=None if cookies is None else str(cookies),
        proxy=options.proxy,
    )
    carry_out(order)


def carry_out(order: Order) -> None:
    """Fetch what is ordered in a process of its own. Raises DownloadError, or the one of its kinds that says more."""
    command = [sys.executable, "-I", "-m", fetching.__name__]
    try:
        verdict = run_program(command, timeout_s=order.time_limit_s + _START_S, input=order.as_json())
    except ProgramError as error:
        raise DownloadError(f"{order.what} '{order.video_id}' could not be fetched: {error}") from error
    check_verdict(verdict)


def _checked_result(video_id: str, folder: Path, options: DownloadOptions) -> Path:
    """Return the one finished file, known to be a whole video that is not too long."""
    files = [path for path in folder.iterdir() if path.name.startswith("video.") and path.suffix != ".part"]
    if len(files) != 1 or files[0].stat().st_size == 0:
        raise DownloadError(f"Video '{video_id}' came empty. Look at its address.")
    if container_of(files[0]) not in (MP4, MATROSKA):
        raise VideoUnavailableError(f"Video '{video_id}' is not a video but some other file. Look at its address.")
    try:
        check_whole(files[0])
        duration_s = probe_video(files[0]).duration_s
    except MediaError as error:
        raise DownloadError(f"Video '{video_id}' came damaged: {error}") from error
    if duration_s > options.max_duration_s:
        raise VideoUnavailableError(
            f"Video '{video_id}' lasts {duration_s:g} s, and {options.max_duration_s:g} s are allowed. Leave it out."
        )
    return files[0]
