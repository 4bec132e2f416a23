"""Step: videos of a list -> video files, and a row for each, whatever became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.csv_lists import UNSTATED
from catalog.files import Home
from catalog.ids import file_digest
from catalog.sources import SourceVideo
from catalog.store import Catalog
from tasks.shards import Outcome, is_last_try, outcome_of, shard_task
from varemix.errors import DownloadError, DownloadInterruptedError, VideoUnavailableError
from varemix.media.download import DownloadOptions, download_video
from varemix.media.patience import MOST_WAIT_S
from varemix.redaction import redacted

_ASKED_AGAIN_AFTER = timedelta(days=1)


@shard_task("download")
def download_videos(
    *, items: list[SourceVideo], shard: str, home: str, source: str, options: DownloadOptions
) -> list[Outcome]:
    """Fetch the videos of a shard that are not there yet; a row ends `ready`, `unavailable` or `failed`.

    What `options` leave open, the environment says. Raises DownloadInterruptedError, to be tried again, while something
    was interrupted and tries are left.
    """
    options = options.or_of_environment()
    catalog = Catalog(Home.open(home))
    rows_known = catalog.read_rows("videos", where={"video_id": [video.video_id for video in items]})
    known = {row["video_id"]: row for row in rows_known}
    wanted = [video for video in items if not _is_settled(catalog, video, known.get(video.video_id))]
    attempts = [_attempt(catalog, video, source, options) for video in wanted]
    rows = [row for row, _ in attempts]
    catalog.merge("videos", rows)
    interrupted = [row["video_id"] for row, may_come_yet in attempts if may_come_yet]
    if interrupted and not is_last_try():
        raise DownloadInterruptedError(f"{len(interrupted)} downloads were interrupted, the first is {interrupted[0]}.")
    gone = [row for row in rows_known if row["status"] in {"unavailable", "failed"}]  # told each time, asked for once
    told = {row["video_id"]: outcome_of(row["video_id"], row) for row in [*gone, *rows]}
    return [told.get(video.video_id) or Outcome(item=video.video_id, status="skipped") for video in items]


def _is_settled(catalog: Catalog, video: SourceVideo, row: dict[str, Any] | None) -> bool:
    """Return whether asking again is of no use: the file stands, or the video was gone from its address today."""
    told = row and (row["instrument"], row["split"], row["licence"] or UNSTATED)
    if row is None or told != (video.instrument, video.split, video.licence):
        return False  # not seen yet, or the list was corrected
    if row["status"] == "ready":
        return catalog.home.holds(row["path"])
    if row["ask_again_at"] is not None and row["ask_again_at"] > datetime.now(UTC) + timedelta(seconds=MOST_WAIT_S):
        return row["status"] == "failed" and row["url"] == _told_url(video)
    was_asked_today = datetime.now(UTC) - row["updated_at"] < _ASKED_AGAIN_AFTER
    return bool(row["status"] == "unavailable" and row["url"] == _told_url(video) and was_asked_today)


def _told_url(video: SourceVideo) -> str | None:
    """Return the address of a video as a row tells it: without passwords and tokens."""
    return redacted(video.url) if video.url else None


def _attempt(
    catalog: Catalog, video: SourceVideo, source: str, options: DownloadOptions
) -> tuple[dict[str, Any], bool]:
    """Return the row of a video after trying to fetch it, and whether another try may help.

    A whole file that an earlier run left without a row is taken as it is, and made young: housekeeping may be about to
    take it for forgotten.
    """
    path = catalog.home.video(video.video_id)
    row: dict[str, Any] = {
        "video_id": video.video_id,
        "instrument": video.instrument,
        "split": video.split,
        "url": _told_url(video),
        "source": source,
        "licence": video.licence,
    }
    try:
        if path.exists():
            path.touch()
        else:
            download_video(video.video_id, video.url, path, options=options)
    except VideoUnavailableError as error:
        return row | {"status": "unavailable", "reason": str(error)}, False
    except DownloadInterruptedError as error:
        again_at = error.ask_again_at
        told = f" It may be asked again from {again_at:%Y-%m-%d %H:%M} UTC on." if error.is_limit and again_at else ""
        return row | {"status": "failed", "reason": f"{error}{told}", "ask_again_at": again_at}, True
    except DownloadError as error:
        return row | {"status": "failed", "reason": str(error)}, False
    catalog.home.keep(path)
    facts = {"path": catalog.home.relative(path), "num_bytes": path.stat().st_size, "digest": file_digest(path)}
    return row | facts | {"status": "ready"}, False
