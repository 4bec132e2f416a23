"""One file of the web as it is, fetched within the process that `fetching` guards and bounds. Stays out: yt-dlp."""

import base64
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.fetch_guard import Guard, RefusedError
from varemix.media.refusals import by_status

if TYPE_CHECKING:
    from varemix.media.fetching import Order

FETCHED = "file"
"""What the file is called in the order's folder."""

_BLOCK_BYTES = 1 << 16


def fetch_plain(order: "Order") -> None:
    """Fetch what lies at the order's address. Raises DownloadError, or the one of its kinds that says more.

    This process can reach nothing but the web afterwards.
    """
    proxies = {"http": order.proxy, "https": order.proxy} if order.proxy else urllib.request.getproxies()
    chosen = {} if order.proxy == "" else {name: str(value) for name, value in proxies.items()}
    guard = Guard(order.address, list(chosen.values()))
    guard.install()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(chosen))
    named = f"{order.what} '{order.video_id}'"
    try:
        with opener.open(_request(order.address), timeout=order.socket_timeout_s) as response:
            _write(response, Path(order.folder) / FETCHED, order, named)
    except RefusedError:
        raise VideoUnavailableError(f"{named} leads to {guard.refused}, which is not fetched.") from None
    except HTTPError as error:
        error.close()
        raise by_status(named, error.code, "Look at its address.", error.headers.get("Retry-After")) from None
    except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
        raise DownloadInterruptedError(f"{named}: the connection failed ({error}).") from None
    except (OSError, ValueError) as error:
        raise DownloadError(f"{named} could not be fetched: {error}. Look at its address, and at the disk.") from None


def _request(address: str) -> urllib.request.Request:
    """Return the request; a name and password of the address go to its host alone, wherever that leads on to."""
    parts = urlsplit(address)
    host = (parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, "")
    request = urllib.request.Request(urlunsplit((parts.scheme, *host)), headers={"User-Agent": "varemix"})  # noqa: S310 - lists hold addresses of the web only, and the guard refuses all others
    if parts.username is not None:
        told = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(told).decode()}")
    return request


def _write(response: Any, target: Path, order: "Order", named: str) -> None:
    """Write what comes, as slowly as is wished, and look whether all of it came."""
    promised, present, started = response.headers.get("Content-Length"), 0, time.monotonic()
    with target.open("wb") as file:
        while block := response.read(_BLOCK_BYTES):
            present += len(block)
            if present > order.max_bytes:
                raise VideoUnavailableError(f"{named} has more than {order.max_bytes} bytes. Leave it out.")
            file.write(block)
            if order.rate_limit_bytes_per_s:
                time.sleep(max(0.0, present / order.rate_limit_bytes_per_s - (time.monotonic() - started)))
    if promised is not None and promised.isdecimal() and present < int(promised):
        raise DownloadInterruptedError(f"{named}: {present} of {promised} bytes came, then the connection ended.")
