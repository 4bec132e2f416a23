"""The masks of a library's tracks, and their rows: which of them serve, and how those that lack are made."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.mask_file import Watch, write_heard
from tasks.queries import Query
from tasks.tracks import is_as_seen
from varemix.errors import MediaError
from varemix.model.header import read_settings

STEP_VERSION = 3
_EARLIER_VERSIONS = (2,)  # whose masks serve on; those of 2 lie on the linear bins
_MANY = 200  # from so many files on, one look at all of them is quicker than one at each
_ANYTHING, _NOTHING = "anything", "nothing"  # what may play besides the queries


def masks_stand(
    catalog: Catalog,
    tracks: Sequence[dict[str, Any]],
    checkpoint_id: str,
    needed: Sequence[Sequence[str]],
    *,
    nothing_else: bool = False,
    audio_stream: int = 0,
) -> list[bool]:
    """Return for each row of `tracks` whether its masks stand for the queries that are `needed` of it."""
    digests = [track["content_digest"] for track in tracks]
    if len(digests) > _MANY:
        catalog = Catalog(catalog.home.surveyed("masks"))
    by_content: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in stored_masks(catalog, checkpoint_id, digests):
        by_content[row["content_digest"]].append(row)
    return [
        covering(
            catalog,
            by_content[track["content_digest"]],
            track,
            names,
            nothing_else=nothing_else,
            audio_stream=audio_stream,
        )
        is not None
        for track, names in zip(tracks, needed, strict=True)
    ]


def check_rivals(catalog: Catalog, row: dict[str, Any]) -> None:
    """Raise UsageError unless instruments compete in the checkpoint of a row of `checkpoints`."""
    read_settings(catalog.home.fetched(row["path"], row["digest"])).check_rivals()


def stored_masks(catalog: Catalog, checkpoint_id: str, digests: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of masks that serve of a checkpoint and contents with these digests, the newest step's first."""
    where = {"checkpoint_id": checkpoint_id, "content_digest": list(digests), "status": "ready"}
    serving = [(version, row) for row in catalog.read_rows("masks", where=where) if (version := serving_version(row))]
    return [row for _, row in sorted(serving, key=itemgetter(0), reverse=True)]


def mask_id_of(
    digest: str,
    checkpoint_id: str,
    names: Sequence[str],
    *,
    nothing_else: bool = False,
    channel_groups: str | None = None,
    audio_stream: int = 0,
    version: int | None = None,
) -> str:
    """Return the id of the masks that a version of the step, by default this one, makes of a content for queries.

    Several groups of channels, and another audio stream than the first, make it another one.
    """
    kind, made_by = "masks of nothing else" if nothing_else else "masks", version or STEP_VERSION
    apart = {"channel_groups": channel_groups} if channel_groups else {}
    other = {"audio_stream": audio_stream + 1} if audio_stream else {}
    made_of = {"content": digest, "checkpoint": checkpoint_id, "queries": list(names)}
    return content_id(kind, version=made_by, **made_of, **apart, **other)


def covering(
    catalog: Catalog,
    rows: Sequence[dict[str, Any]],
    track: Mapping[str, Any],
    names: Sequence[str],
    *,
    nothing_else: bool = False,
    audio_stream: int = 0,
) -> dict[str, Any] | None:
    """Return a row whose file is as it was written and has masks of a track for all those queries, or None.

    With `nothing_else` each mask depends on all others, so that the row must be of just those queries.
    """
    for row in rows:
        is_of_track = is_of(row, track, audio_stream)
        if (
            is_of_track
            and serves(row, set(names), nothing_else=nothing_else)
            and catalog.home.holds(row["path"], row["digest"], row["num_bytes"])
        ):
            return row
    return None


def is_of(row: Mapping[str, Any], track: Mapping[str, Any], audio_stream: int) -> bool:
    """Return whether the masks of a row are of what a track holds, of that audio stream and all groups of its channels.

    What a row of `tracks` says of channels is of the first audio stream.
    """
    if row["content_digest"] != track["content_digest"] or _stream_of(row) != audio_stream:
        return False
    return bool(audio_stream) or row.get("channel_groups") == track.get("channel_groups")


def serving_version(row: dict[str, Any]) -> int | None:
    """Return the version of the step that made the masks of a row; None where its masks serve no more."""
    made = row["content_digest"], row["checkpoint_id"], row["queries"]
    of: dict[str, Any] = {"channel_groups": row.get("channel_groups"), "audio_stream": _stream_of(row)}
    is_shared = row["besides"] == _NOTHING
    versions = (STEP_VERSION, *_EARLIER_VERSIONS)
    own = (v for v in versions if row["mask_id"] == mask_id_of(*made, nothing_else=is_shared, version=v, **of))
    return next(own, None)


def _stream_of(row: Mapping[str, Any]) -> int:
    """Return the number, from 0 on, of the audio stream that was heard."""
    return int(row.get("audio_stream") or 1) - 1


def version_of(masks: dict[str, Any] | None) -> int | None:
    """Return the version of the step that made stored masks; where there are none yet, the one that would make them."""
    return serving_version(masks) if masks else STEP_VERSION


def serves(row: dict[str, Any], names: set[str], *, nothing_else: bool) -> bool:
    """Return whether the masks of a row are of all those queries; with `nothing_else` of just those."""
    if nothing_else != (row["besides"] == _NOTHING):
        return False
    return names == set(row["queries"]) if nothing_else else names <= set(row["queries"])


def heard_row(
    catalog: Catalog,
    track: dict[str, Any],
    checkpoint_id: str,
    queries: list[Query],
    *,
    nothing_else: bool = False,
    audio_stream: int = 0,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Return the row of a track's masks after writing them, or the row that says why there are none.

    `watch` is as for `write_heard`.
    """
    started = time.monotonic()
    names = [query.name for query in queries]
    digest = track["content_digest"]
    groups = None if audio_stream else track.get("channel_groups")
    of: dict[str, Any] = {"nothing_else": nothing_else, "channel_groups": groups, "audio_stream": audio_stream}
    row = {
        "mask_id": mask_id_of(digest, checkpoint_id, names, **of),
        "track_id": track["track_id"],
        "content_digest": digest,
        "checkpoint_id": checkpoint_id,
        "queries": names,
        "besides": _NOTHING if nothing_else else _ANYTHING,
        "channel_groups": groups,
        "audio_stream": audio_stream + 1 if audio_stream else None,
    }
    try:
        written = _written(catalog, track, row, queries, watch)
    except (MediaError, CatalogError) as error:
        return row | {"status": "failed", "reason": str(error)}
    return row | written | {"status": "ready", "seconds": time.monotonic() - started}


def _written(
    catalog: Catalog, track: dict[str, Any], row: dict[str, Any], queries: list[Query], watch: Watch | None
) -> dict[str, Any]:
    """Write the mask file and return what it is. Raises MediaError when the track cannot be read to its end."""
    source = Path(track["library"], track["track_path"])
    separator = separator_of(catalog, checkpoint_row(catalog, row["checkpoint_id"]))
    check_as_seen(source, track)
    path = catalog.home.masks(row["mask_id"])
    header, presence = write_heard(
        path,
        source,
        separator,
        queries,
        nothing_else=row["besides"] == _NOTHING,
        audio_stream=_stream_of(row),
        content_digest=row["content_digest"],
        checkpoint_id=row["checkpoint_id"],
        watch=watch,
    )
    check_as_seen(source, track)
    catalog.home.keep(path)
    return {
        "settings_json": json.dumps({"masks": separator.settings.masks, "bits": header.bits}),
        "presences_db": [presence.shares_db[query.name] for query in queries],
        "group_presences_db": [each for query in queries for each in presence.group_shares_db.get(query.name, ())],
        "presence_threshold_db": presence.threshold_db,
        "path": catalog.home.relative(path),
        "bits": header.bits,
        "num_frames": header.num_frames,
        "num_bytes": path.stat().st_size,
        "digest": file_digest(path),
    }


def check_as_seen(source: Path, track: dict[str, Any]) -> None:
    """Raise MediaError when a track is no longer the one that was scanned."""
    if not is_as_seen(source, track):
        raise MediaError(f"'{source.name}' changed or vanished since it was looked at. Run again.")
