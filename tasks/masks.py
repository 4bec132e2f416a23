"""Step: tracks and queries -> mask files, one a track."""

from operator import itemgetter
from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from tasks.queries import Query
from tasks.shards import Outcome, settle, shard_task
from tasks.stored_masks import covering, heard_row, stored_masks


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
) -> list[Outcome]:
    """Hear a shard of rows of `tracks`; skip tracks whose masks for all queries stand.

    With `nothing_else` the queries share a track among themselves, so that other masks of theirs do not serve.
    `audio_stream` is the number, from 0 on, of the sound that is heard of several.
    """
    catalog = Catalog(Home.open(home))
    stored = stored_masks(catalog, checkpoint_id, [track["content_digest"] for track in items])
    names = [query.name for query in queries]
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream}

    def stands(track: dict[str, Any]) -> bool:
        return covering(catalog, stored, track, names, **asked) is not None

    def make(track: dict[str, Any]) -> dict[str, Any]:
        row = heard_row(catalog, track, checkpoint_id, queries, **asked)
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
