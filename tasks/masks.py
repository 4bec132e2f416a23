"""Step: tracks and queries -> mask files, one a track."""

from functools import partial
from operator import itemgetter
from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from tasks.mask_file import write_heard
from tasks.progress import share_of
from tasks.queries import Query
from tasks.shards import Outcome, settle, shard_task
from tasks.stored_masks import covering, heard_row, stored_masks
from tasks.who_hears import OURS_ALONE, WhoHears


@shard_task("masks")
def make_masks(
    *,
    items: list[dict[str, Any]],
    shard: str,
    home: str,
    checkpoint_id: str,
    queries: list[Query],
    nothing_else: bool = False,
    audio_stream: int = 0,
    who: WhoHears = OURS_ALONE,
) -> list[Outcome]:
    """Hear a shard of rows of `tracks`; skip tracks whose masks for all queries stand.

    `who` says what others than our network hear. With `nothing_else` the queries share a track among themselves, so
    that other masks of theirs do not serve. `audio_stream` is the number, from 0 on, of the sound that is heard of
    several.
    """
    catalog = Catalog(Home.open(home))
    stored = stored_masks(catalog, checkpoint_id, [track["content_digest"] for track in items])
    names = [query.name for query in queries]
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream}

    def stands(track: dict[str, Any]) -> bool:
        return covering(catalog, stored, track, names, heard_by=who.heard_by, **asked) is not None

    def make(track: dict[str, Any]) -> dict[str, Any]:
        with share_of(track["track_path"], shard) as tell:
            write = partial(write_heard, tell=tell)
            row = heard_row(catalog, track, checkpoint_id, queries, who=who, write=write, **asked)
        stored.extend([row] if row["status"] == "ready" else [])
        return row

    return settle(
        catalog,
        "masks",
        items,
        name=itemgetter("track_path"),
        stands=stands,
        make=make,
    )
