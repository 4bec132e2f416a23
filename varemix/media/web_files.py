"""Single files from the web onto the disk: sounds and photos that lists name by their address.

Stays out: videos, which yt-dlp finds on pages (`download`), and what the files hold.
"""

import sys
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from varemix.errors import DownloadError, ProgramError
from varemix.media import fetching
from varemix.media.download import DownloadOptions
from varemix.media.fetching import PLAIN, Order, check_verdict
from varemix.media.plain_fetching import FETCHED
from varemix.media.programs import run_program

_START_S = 60.0  # for a process to begin and to end; within, it watches the time itself


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
        command = [sys.executable, "-I", "-m", fetching.__name__]
        try:
            verdict = run_program(command, timeout_s=options.time_limit_s + _START_S, input=order.as_json())
        except ProgramError as error:
            raise DownloadError(f"File '{name}' could not be fetched: {error}") from error
        check_verdict(verdict)
        (Path(folder) / FETCHED).replace(target)
