"""Flow: lists of videos, sounds and photos -> files on disk -> clips and pictures to learn from."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow

from catalog.files import Home
from catalog.photo_lists import SourcePhoto
from catalog.sound_lists import SourceSound, by_file
from catalog.sources import SourceVideo
from catalog.store import Catalog
from flows.ending import ended
from flows.forms import Limit, Sources, several
from flows.listed import MUSIC, check_against_catalog, read_lists
from flows.settings import NUM_WORKERS, named_after, workers
from flows.summary import Summary, publish
from tasks.download import download_videos
from tasks.photos import photo_id, prepare_photos
from tasks.preprocess import preprocess_videos
from tasks.shards import Outcome, run_shards
from tasks.sounds import prepare_sounds, sound_id
from tasks.unlisted import forget_unlisted
from varemix.media.cookies import copy_cookies
from varemix.media.download import DownloadOptions

_VIDEOS_A_SHARD, _FILES_A_SHARD, _PHOTOS_A_SHARD = 8, 16, 128
_OPTIONS = DownloadOptions(retries=0)  # the shard's task is tried again instead, where a person can see it


@flow(name="refresh", flow_run_name=named_after("refresh", "source"), task_runner=workers(2 * NUM_WORKERS))
def refresh(
    source: Sources = [MUSIC],  # noqa: B006 - a default of the form in the Prefect UI; it is only read
    url_template: str | None = None,
    limit: Limit | None = None,
    home: str | None = None,
    cookies: str | None = None,
) -> Summary:
    """Fetch what is new in lists of videos, sounds and photos, try again what failed, and prepare it for training.

    Args:
        source: lists: `music` for the published list of MUSIC, or paths of CSV files, of videos
            (video_id,instrument,split), sounds (file,label,kind,group,split) or photos (file).
        url_template: where videos lie instead of YouTube, with {video_id} in it.
        limit: take only so many from the top of each list.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        cookies: a file of cookies to download videos with, for its owner's eyes only; by default $VAREMIX_COOKIES.

    """
    started = time.monotonic()
    options = replace(_OPTIONS, cookies_file=Path(cookies) if cookies else None)
    place = Home.open(home)
    catalog = Catalog(place)
    listed = read_lists(several(source), url_template, limit)
    check_against_catalog(catalog, listed)
    outcomes = [
        *(outcome for name, videos in listed.videos.items() for outcome in _videos(catalog, name, videos, options)),
        *_sounds(place, listed.sounds, options.or_of_environment()),
        *_photos(place, listed.photos, options.or_of_environment()),
    ]
    facts: dict[str, Any] = {}
    if not limit:
        sound_ids, photo_ids = map(sound_id, listed.sounds), map(photo_id, listed.photos)
        num_gone = forget_unlisted(catalog, "sounds", listed.sound_lists, set(sound_ids))
        num_gone += forget_unlisted(catalog, "photos", listed.photo_lists, set(photo_ids))
        facts = {"no_longer_listed": num_gone} if num_gone else {}
    seconds = time.monotonic() - started
    return ended(publish(Summary(stage="refresh", outcomes=tuple(outcomes), seconds=seconds, facts=facts)))


def _videos(catalog: Catalog, source: str, videos: Sequence[SourceVideo], options: DownloadOptions) -> list[Outcome]:
    """Fetch the videos of a list and make clips of those that came; return every video's outcome."""
    root, ids = catalog.home.address, [video.video_id for video in videos]
    settings: Mapping[str, Any] = {"home": root, "source": source, "options": options}
    downloads = run_shards(download_videos, videos, ids, size=_VIDEOS_A_SHARD, **settings)
    ready = catalog.read_rows("videos", where={"video_id": ids, "status": "ready"})
    prepared = run_shards(preprocess_videos, ready, [row["video_id"] for row in ready], size=_VIDEOS_A_SHARD, home=root)
    return [*prepared, *(outcome for outcome in downloads if outcome.status in {"unavailable", "failed"})]


def _sounds(home: Home, sounds: Sequence[SourceSound], options: DownloadOptions) -> list[Outcome]:
    """Make the clips of sounds, file by file; return every clip's outcome."""
    files = by_file(sounds)
    names = [file.clips[0].file for file in files]
    return run_shards(prepare_sounds, files, names, size=_FILES_A_SHARD, home=home.address, options=options)


def _photos(home: Home, photos: Sequence[SourcePhoto], options: DownloadOptions) -> list[Outcome]:
    """Make the pictures of photos; return every photo's outcome."""
    names = [photo.file for photo in photos]
    return run_shards(prepare_photos, photos, names, size=_PHOTOS_A_SHARD, home=home.address, options=options)


def check_cookies(cookies: Path | None) -> None:
    """Raise UsageError for cookies, or other wishes for downloads of the environment, that cannot be used."""
    options = replace(_OPTIONS, cookies_file=cookies).or_of_environment()
    if options.cookies_file:
        with tempfile.TemporaryDirectory() as folder:
            copy_cookies(options.cookies_file, Path(folder) / "cookies.txt")
