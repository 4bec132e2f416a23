"""What yt-dlp and the sites say when a video does not come, in our words: gone, interrupted, or something else."""

import re
from collections.abc import Iterator
from typing import Any

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.patience import asked_wait_s

GONE = {404: "is not there", 410: "was removed", 401: "needs a login", 451: "is blocked for legal reasons"}
TOO_MANY, UNAVAILABLE = 429, 503
SERVER_IN_TROUBLE = {408, 425, 429, 500, 502, 503, 504}
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


def classified(video_id: str, error: Exception) -> DownloadError:
    """Return our error for one of yt-dlp's: by its causes, else by a site's words."""
    from yt_dlp.networking.exceptions import (
        HTTPError,
        TransportError,
    )
    from yt_dlp.utils import ContentTooShortError, UnsupportedError

    said = _plain(str(error))
    for cause in causes(error):
        if isinstance(cause, HTTPError):
            return by_status(
                f"Video '{video_id}'", cause.status, "Look at its address, or give cookies.", _retry_after(cause)
            )
        if isinstance(cause, TransportError | ContentTooShortError | TimeoutError | ConnectionError):
            return DownloadInterruptedError(f"Video '{video_id}': the connection failed ({_plain(str(cause))}).")
        if isinstance(cause, UnsupportedError):
            return VideoUnavailableError(f"Video '{video_id}' is some page, not a video. Look at its address.")
    return _by_words(video_id, said)


def _retry_after(error: Any) -> str | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return headers.get("Retry-After") if headers is not None else None


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


def by_status(named: str, status: int, remedy: str, retry_after: str | None = None) -> DownloadError:
    """Return what the status of an answer means for what is `named`; `remedy` is what to do where it was refused.

    `retry_after` is what the server says of when to ask again.
    """
    wait_s = asked_wait_s(retry_after)
    if status == TOO_MANY or (status == UNAVAILABLE and wait_s is not None):
        asked = f"asks to wait {wait_s:.0f} s" if wait_s is not None else "was asked too often"
        return DownloadInterruptedError(f"{named}: the server {asked} (HTTP {status}).", is_limit=True, wait_s=wait_s)
    if status in GONE:
        return VideoUnavailableError(f"{named} {GONE[status]} (HTTP {status}).")
    if status in SERVER_IN_TROUBLE:
        return DownloadInterruptedError(f"{named}: the server is in trouble (HTTP {status}).")
    return DownloadError(f"{named} was refused (HTTP {status}). {remedy}")


def causes(error: BaseException | None) -> Iterator[BaseException]:
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
