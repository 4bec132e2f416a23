"""Step: masks and wishes -> remixed files, in the same folders, under the same names."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from catalog.files import Home, cut_note, replacing
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.presence import presence_of
from tasks.remix_file import Remixed, called, write_remix, write_unchanged, writing_to
from tasks.shards import Outcome, settle, shard_task
from tasks.stored_masks import check_as_seen, covering, stored_masks, version_of
from tasks.wishes import Job, Wanted
from varemix.errors import MediaError

STEP_VERSION = 6


@shard_task("remix")
def remix_tracks(*, items: list[Job], shard: str, home: str, checkpoint_id: str) -> list[Outcome]:
    """Render a shard of jobs from stored masks; skip remixes that stand."""
    catalog = Catalog(Home.open(home))
    stored = stored_masks(catalog, checkpoint_id, [job.track["content_digest"] for job in items])
    heard = [_masks_for(catalog, job, stored) for job in items]
    plans = [_plan(job, checkpoint_id, masks) for job, masks in zip(items, heard, strict=True)]
    made_of = {plan["remix_id"]: (job, masks) for plan, job, masks in zip(plans, items, heard, strict=True)}
    standing = standing_remixes(catalog, {"out_path": [plan["out_path"] for plan in plans]})
    ids = {row["remix_id"] for row in standing}
    taken = _taken(catalog, standing, {job.track["library"] for job in items})

    def make(plan: dict[str, Any]) -> dict[str, Any]:
        job, masks = made_of[plan["remix_id"]]
        return _remixed(catalog, job, plan, masks, taken)

    return settle(
        catalog,
        "remixes",
        plans,
        name=lambda plan: str(made_of[plan["remix_id"]][0].track["track_path"]),
        stands=lambda plan: plan["remix_id"] in ids,
        make=make,
    )


def remix_id_of(job: Job, checkpoint_id: str, masks: dict[str, Any] | None) -> str:
    """Return the id of the remix that this version of the step makes, which follows from all that decides it.

    `masks` is the row of those that serve, None where they are still to be made: what other versions of their step made
    gives another remix. Where nothing is to be heard, no version of theirs decides.
    """
    is_unity, groups, heard_by = job.wanted.wishes.is_unity, job.track.get("channel_groups"), job.wanted.who.heard_by
    versions = [STEP_VERSION, None if is_unity else version_of(masks)]
    heard = {} if is_unity else {"channel_groups": groups, "heard_by": heard_by}
    apart = {name: value for name, value in heard.items() if value}
    return content_id("remix", version=versions, wishes=job.wanted.as_dict(), **apart, **_decided(job, checkpoint_id))


def _decided(job: Job, checkpoint_id: str) -> dict[str, str | None]:
    """Return what decides a remix beside its wishes; where nothing is to be heard, no checkpoint does."""
    return {
        "content_digest": job.track["content_digest"],
        "checkpoint_id": None if job.wanted.wishes.is_unity else checkpoint_id,
        "out_path": str(job.out_path),
    }


def _plan(job: Job, checkpoint_id: str, masks: dict[str, Any] | None) -> dict[str, Any]:
    """Return what is known of a remix before it is made."""
    return _decided(job, checkpoint_id) | {
        "remix_id": remix_id_of(job, checkpoint_id, masks),
        "track_id": job.track["track_id"],
        "wishes_json": json.dumps(job.wanted.as_dict(), sort_keys=True),
        "rule": job.wanted.wishes.rule,
    }


def standing_remixes(catalog: Catalog, where: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of `remixes` whose files are there as they were written; each file is read once."""
    rows = [row for row in catalog.read_rows("remixes", where=where) if row["status"] != "failed"]
    paths = {row["out_path"] for row in rows}
    digests = {path: file_digest(Path(path)) for path in paths if Path(path).is_file()}
    return [row for row in rows if row["digest"] and digests.get(row["out_path"]) == row["digest"]]


def _taken(catalog: Catalog, standing: Sequence[dict[str, Any]], own: set[str]) -> dict[str, str]:
    """Return the outputs at which the remix of a track of another library lies that is still there, and that track."""
    ids = list({row["track_id"] for row in standing})
    tracks = catalog.read_rows("tracks", where={"track_id": ids, "status": "ready"}) if ids else []
    others = {t["track_id"]: Path(t["library"], t["track_path"]) for t in tracks if t["library"] not in own}
    sources = {row["out_path"]: others.get(row["track_id"]) for row in standing}
    return {out_path: str(source) for out_path, source in sources.items() if source and source.exists()}


def _remixed(
    catalog: Catalog, job: Job, plan: dict[str, Any], masks: dict[str, Any] | None, taken: Mapping[str, str]
) -> dict[str, Any]:
    """Return the row of a remix after writing it, or the row that says why there is none."""
    started = time.monotonic()
    source, target = Path(job.track["library"], job.track["track_path"]), job.out_path
    try:
        check_as_seen(source, job.track)
        if job.fault:
            raise MediaError(job.fault)
        if str(target) in taken:
            raise MediaError(
                f"'{target}' is the remix of '{taken[str(target)]}', which would be lost. Choose another folder."
            )
        if masks is None and not job.wanted.wishes.is_unity:
            raise MediaError("has no masks for these instruments; run `varemix masks` for them")
        with writing_to(target, job.track["library"]), replacing(target) as temporary, called(temporary, target):
            made = _written(catalog, source, temporary, masks, job.wanted)
            if note := cut_note(target.name, of=source.name):
                made = replace(made, reason="; ".join(filter(None, [made.reason, note])))
            check_as_seen(source, job.track)
    except (MediaError, CatalogError) as error:
        return plan | {"status": "failed", "reason": str(error)}
    return plan | _facts(made, masks) | {"digest": file_digest(target), "seconds": time.monotonic() - started}


def _masks_for(catalog: Catalog, job: Job, stored: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the row of the masks that a job is made of, None where it needs none or they lack."""
    wanted = job.wanted
    if wanted.wishes.is_unity:
        return None
    asked: dict[str, Any] = {"nothing_else": wanted.wishes.nothing_else, "audio_stream": wanted.wishes.audio_stream}
    return covering(catalog, stored, job.track, wanted.names, heard_by=wanted.who.heard_by, **asked)


def _written(catalog: Catalog, source: Path, target: Path, masks: dict[str, Any] | None, wanted: Wanted) -> Remixed:
    if masks is None:
        return write_unchanged(source, target, wanted.wishes)
    heard = catalog.home.fetched(masks["path"], masks["digest"])
    return write_remix(source, target, heard, presence_of(masks), wanted)


def _facts(made: Remixed, masks: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a row says of a remix that was written."""
    facts = {
        "mask_id": masks["mask_id"] if masks else None,
        "status": "remixed" if made.is_changed else "unchanged",
        "reason": made.reason or None,
    }
    if made.rendered is None:
        return facts
    return facts | {
        "clipped_samples": made.rendered.num_clipped,
        "peak_db": made.rendered.peak_db,
        "before_lufs": made.rendered.before_lufs,
        "after_lufs": made.rendered.after_lufs,
        "gain_db": made.rendered.gain_db,
        "limited_samples": made.rendered.num_limited,
        "reduction_db": made.rendered.reduction_db,
    }
