"""Flow: a list of videos -> videos on disk -> clips to learn from."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from prefect import flow

from catalog.files import Home
from catalog.sources import SourceVideo, music_list, read_list, with_url_template
from catalog.store import Catalog
from flows.ending import ended
from flows.forms import Limit
from flows.settings import NUM_WORKERS, named_after, workers
from flows.summary import Summary, publish
from tasks.download import download_videos
from tasks.preprocess import preprocess_videos
from tasks.shards import run_shards
from varemix.errors import UsageError
from varemix.media.cookies import copy_cookies
from varemix.media.download import DownloadOptions
from varemix.redaction import has_secret

_SHARD = 8
_OPTIONS = DownloadOptions(retries=0)  # the shard's task is tried again instead, where a person can see it


@flow(name="refresh", flow_run_name=named_after("refresh", "source"), task_runner=workers(2 * NUM_WORKERS))
def refresh(
    source: str = "music",
    url_template: str | None = None,
    limit: Limit | None = None,
    home: str | None = None,
    cookies: str | None = None,
) -> Summary:
    """Fetch what is new in a list of videos, try again what failed, and prepare it for training.

    Args:
        source: `music` for the published list of MUSIC, or the path of a CSV (video_id,instrument,split[,url]).
        url_template: where videos lie instead of YouTube, with {video_id} in it.
        limit: take only so many videos from the top of the list.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        cookies: a file of cookies to download with, for its owner's eyes only; by default $VAREMIX_COOKIES.

    """
    started = time.monotonic()
    options = replace(_OPTIONS, cookies_file=Path(cookies) if cookies else None)
    place = Home.open(home)
    videos = listed_videos(source, url_template, limit)
    ids = [video.video_id for video in videos]
    root = place.address
    downloads = run_shards(
        download_videos, videos, ids, size=_SHARD, home=root, source=Path(source).name, options=options
    )
    ready = Catalog(place).read_rows("videos", where={"video_id": ids, "status": "ready"})
    prepared = run_shards(preprocess_videos, ready, [row["video_id"] for row in ready], size=_SHARD, home=root)
    lost = [outcome for outcome in downloads if outcome.status in {"unavailable", "failed"}]
    outcomes = (*prepared, *lost)
    return ended(publish(Summary(stage="refresh", outcomes=outcomes, seconds=time.monotonic() - started)))


def listed_videos(source: str, url_template: str | None, limit: int | None) -> list[SourceVideo]:
    """Return the videos of a list, their addresses filled in.

    Raises UsageError for a template with a password or token in it: it would be kept, and shown, with the run.
    """
    if url_template and has_secret(url_template.replace("{video_id}", "")):
        raise UsageError(
            "The URL template holds a password, a token or another value, which would be kept and shown with the run. "
            "Write whole addresses into a list that only you can read, or give --cookies."
        )
    videos = music_list() if source == "music" else read_list(Path(source))
    videos = videos[:limit] if limit else videos
    return with_url_template(videos, url_template) if url_template else videos


def check_cookies(cookies: Path | None) -> None:
    """Raise UsageError for cookies, or other wishes for downloads of the environment, that cannot be used."""
    options = replace(_OPTIONS, cookies_file=cookies).or_of_environment()
    if options.cookies_file:
        with tempfile.TemporaryDirectory() as folder:
            copy_cookies(options.cookies_file, Path(folder) / "cookies.txt")
