"""Step: masks -> stems, one file for each instrument of a track."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from catalog.files import Home, replacing
from catalog.ids import content_id, file_digest
from catalog.masks import MaskReader
from catalog.store import Catalog
from tasks.mask_file import grid_of
from tasks.presence import presence_of
from tasks.queries import Query
from tasks.remix import standing_remixes
from tasks.remix_file import writing_to
from tasks.shards import Outcome, each_alone, outcome_of, shard_task
from tasks.stems import stem_name, told_of_stem
from tasks.stored_masks import check_as_seen, covering, stored_masks, version_of
from tasks.who_hears import OURS_ALONE, WhoHears
from varemix.errors import MediaError
from varemix.media.formats import stem_format

STEP_VERSION = 4


@shard_task("separate")
def separate_tracks(
    *,
    items: list[dict[str, Any]],
    shard: str,
    home: str,
    out: Path,
    checkpoint_id: str,
    queries: list[Query],
    nothing_else: bool = False,
    audio_stream: int = 0,
    who: WhoHears = OURS_ALONE,
) -> list[Outcome]:
    """Cut the stems of a shard of rows of `tracks` out with stored masks; skip tracks whose stems stand.

    An instrument that does not seem to play gets its stem too, and its outcome says so. With `nothing_else` the queries
    share a track among themselves, so that a stem depends on all of them.
    """
    catalog = Catalog(Home.open(home))
    names = [query.name for query in queries]
    stored = stored_masks(catalog, checkpoint_id, [track["content_digest"] for track in items])
    sharing: dict[str, Any] = {"nothing_else_than": sorted(names)} if nothing_else else {}
    sharing |= {"audio_stream": audio_stream + 1} if audio_stream else {}
    sharing |= {"heard_by": who.heard_by} if who.heard_by else {}
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream, "heard_by": who.heard_by}
    heard = [covering(catalog, stored, track, names, **asked) for track in items]
    plans = [
        [_plan(track, out, checkpoint_id, name, sharing, version_of(masks)) for name in names]
        for track, masks in zip(items, heard, strict=True)
    ]
    wanted_ids = [plan["remix_id"] for stems in plans for plan in stems]
    known = {row["remix_id"] for row in standing_remixes(catalog, {"remix_id": wanted_ids})}
    rows: list[dict[str, Any]] = []

    def made(track: dict[str, Any], stems: list[dict[str, Any]], masks: dict[str, Any] | None) -> Outcome:
        own = _separated(catalog, track, stems, masks, queries, audio_stream)
        rows.extend(own)
        reasons = dict.fromkeys(row["reason"] for row in own if row["reason"])
        return outcome_of(track["track_path"], own[0] | {"reason": "; ".join(reasons)})

    return each_alone(
        list(zip(items, plans, heard, strict=True)),
        name=lambda job: str(job[0]["track_path"]),
        stands=lambda job: all(plan["remix_id"] in known for plan in job[1]),
        make=lambda job: made(*job),
        keep=lambda: catalog.merge("remixes", rows),
    )


def _plan(
    track: dict[str, Any],
    out: Path,
    checkpoint_id: str,
    name: str,
    sharing: dict[str, Any],
    masks_version: int | None,
) -> dict[str, Any]:
    """Return what is known of a stem before it is made; `sharing` says who shares and hears which of its sounds."""
    path = Path(track["track_path"])
    facts = {
        "content_digest": track["content_digest"],
        "checkpoint_id": checkpoint_id,
        "out_path": str(
            out / path.parent / stem_name(path, name, stem_format(track["container"], track.get("written_as")))
        ),
    }
    groups = track.get("channel_groups")
    apart = {"channel_groups": groups} if groups else {}
    remix_id = content_id("stem", version=[STEP_VERSION, masks_version], query=name, **apart, **sharing, **facts)
    wishes_json = json.dumps({"stem": name} | sharing)
    return facts | {"remix_id": remix_id, "track_id": track["track_id"], "wishes_json": wishes_json}


def _separated(
    catalog: Catalog,
    track: dict[str, Any],
    stems: list[dict[str, Any]],
    masks: dict[str, Any] | None,
    queries: list[Query],
    audio_stream: int,
) -> list[dict[str, Any]]:
    """Return the rows of a track's stems after writing them, or the rows that say why there are none."""
    from varemix.remix.stems import render_stems

    started = time.monotonic()
    source = Path(track["library"], track["track_path"])
    targets = [Path(stem["out_path"]) for stem in stems]
    try:
        if masks is None:
            raise MediaError("has no masks for these instruments; run `varemix masks` for them")
        check_as_seen(source, track)
        with writing_to(targets[0].parent, track["library"]), ExitStack() as stack:
            reader = stack.enter_context(MaskReader(catalog.home.fetched(masks["path"], masks["digest"])))
            temporaries = [stack.enter_context(replacing(target)) for target in targets]
            blocks = reader.blocks([query.name for query in queries])
            rendered = render_stems(source, temporaries, blocks, grid_of(reader.header), audio_stream=audio_stream)
            check_as_seen(source, track)
    except (MediaError, CatalogError) as error:
        return [stem | {"status": "failed", "reason": str(error)} for stem in stems]
    seconds = (time.monotonic() - started) / len(stems)
    presence = presence_of(masks)
    return [
        stem
        | {
            "mask_id": masks["mask_id"],
            "digest": file_digest(target),
            "status": "remixed",
            "reason": "; ".join(filter(None, [told_of_stem(presence, query, source, target), written.note])) or None,
            "clipped_samples": written.num_clipped,
            "peak_db": written.peak_db,
            "seconds": seconds,
        }
        for query, stem, target, written in zip(queries, stems, targets, rendered, strict=True)
    ]
