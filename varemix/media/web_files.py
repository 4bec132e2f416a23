"""Single files from the web onto the disk: sounds and photos that lists name by their address.

Stays out: videos, which yt-dlp finds on pages (`download`), and what the files hold.
"""

import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from varemix.errors import DownloadInterruptedError
from varemix.media import patience
from varemix.media.download import DownloadOptions, carry_out
from varemix.media.fetching import PLAIN, Order
from varemix.media.plain_fetching import FETCHED


def fetch_file(address: str, target: Path, *, options: DownloadOptions) -> None:
    """Put what lies at an address of the web at `target`, whole; its folder is there.

    Of the options the limits, the rate and the proxy count; cookies and retries do not. Raises VideoUnavailableError
    when asking again will not help, DownloadInterruptedError when it may, and DownloadError for all else.
    """
    name = unquote(PurePosixPath(urlsplit(address).path).name) or "file"
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
        order = Order(
            video_id=name,
            what="File",
            address=address,
            folder=folder,
            ffmpeg="",
            format=PLAIN,
            socket_timeout_s=options.socket_timeout_s,
            time_limit_s=options.time_limit_s,
            max_bytes=options.max_bytes,
            max_duration_s=options.max_duration_s,
            fragment_retries=0,
            rate_limit_bytes_per_s=options.rate_limit_bytes_per_s,
            cookies=None,
            proxy=options.proxy,
        )
        patience.wait_for(address, f"File '{name}'")
        try:
            carry_out(order)
        except DownloadInterruptedError as error:
            patience.heed(address, error)
            raise
        (Path(folder) / FETCHED).replace(target)
