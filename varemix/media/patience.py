"""Servers that ask to be left alone for a while (HTTP 429, 503 with Retry-After): no host is asked before it may be.

What a host said holds for this process, whichever of its threads asks. Stays out: asking, and trying again.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from varemix.errors import DownloadInterruptedError

MOST_WAIT_S = 600.0
"""So long is waited for a host at most; who asks for more is asked again in a later run."""

_UNSAID_WAIT_S = 10.0  # where a limit was met and nothing said; twice as long each time
_MOST_TOLD_S = 30 * 24 * 3600.0

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_free_at: dict[str, datetime] = {}
_num_met: Counter[str] = Counter()


def asked_wait_s(retry_after: str | None, now: datetime | None = None) -> float | None:
    """Return for how long a server asks to wait, from what Retry-After says: seconds, or a date; None if neither."""
    text = (retry_after or "").strip()
    if text.isdecimal():
        return min(float(text), _MOST_TOLD_S)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(0.0, (aware - (now or datetime.now(UTC))).total_seconds()), _MOST_TOLD_S)


def heed(address: str, error: DownloadInterruptedError) -> None:
    """Remember what a host asked for in an error, so that nobody asks it before; and tell it in the error."""
    if not error.is_limit:
        return
    host = _host(address)
    with _lock:
        _num_met[host] += 1
        wait_s = error.wait_s if error.wait_s is not None else _UNSAID_WAIT_S * 2 ** min(_num_met[host] - 1, 10)
        free_at = datetime.now(UTC) + timedelta(seconds=wait_s)
        _free_at[host] = max(free_at, _free_at.get(host, free_at))
        error.ask_again_at = _free_at[host]


def wait_for(address: str, what: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until the host of an address may be asked.

    Raises DownloadInterruptedError, at once and without asking, where that is later than MOST_WAIT_S from now.
    """
    host = _host(address)
    with _lock:
        free_at = _free_at.get(host)
    left_s = (free_at - datetime.now(UTC)).total_seconds() if free_at else 0.0
    if left_s <= 0 or free_at is None:
        return
    if left_s > MOST_WAIT_S:
        error = DownloadInterruptedError(
            f"{what}: {host} asks to be left alone until {free_at:%Y-%m-%d %H:%M} UTC; it was not asked. Try later."
        )
        error.ask_again_at = free_at
        raise error
    _log.warning("%s asks to wait: %s goes on in %.0f s.", host, what, left_s)
    sleep(left_s)


def forget() -> None:
    """Forget what hosts asked for."""
    with _lock:
        _free_at.clear()
        _num_met.clear()


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2].lower()
