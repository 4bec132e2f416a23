"""What a remix of a library would do, and about how long it would take, before anything is done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from catalog.store import Catalog
from flows.masks import checked_library, told_of
from flows.output import checked_out
from flows.remix import checked_plan, in_short
from tasks.checkpoints import checkpoint_row
from tasks.remix import remix_id_of
from tasks.stored_masks import is_of, serves, stored_masks
from tasks.tracks import seen_or_probed
from tasks.wishes import Job, jobs_of
from varemix.media.audio import OUTPUT_FORMATS, PCM_BITS
from varemix.remix.plan import RemixPlan
from varemix.wording import facts_in_words, markdown

# Times real time, where nothing was heard or written in this home yet: as measured on two cores without a GPU.
_USUAL_SPEEDS = {"masks": 60.0, "remixes": 100.0}
# What a run takes beside hearing and writing: to start, with its server, and for each recording, which is looked at,
# recorded and shown. Guesses, by what a few runs took under load.
_START_S, _EACH_S = 12.0, 0.2
_PACKED_SHARE = 0.6  # of FLAC and ALAC beside plain samples
_LOSSY_BYTES_PER_S = 24_000


def preview(catalog: Catalog, library: Path, out: Path, plan: RemixPlan, checkpoint: str | None) -> dict[str, Any]:
    """Return what a remix of a library would do: by rule, in all, and what cannot be read or remixed so.

    Nothing is written, but for the shipped checkpoint where it serves and is not in the catalog yet. Files that are new
    are looked at, but not heard.
    """
    target = checked_out(library, out)
    root, files = checked_library(catalog, library, out=target)
    row = checkpoint_row(catalog, checkpoint)
    tracks = seen_or_probed(catalog, root, files)
    readable = [track for track in tracks if track["status"] == "ready"]
    every = jobs_of(readable, plan, checked_plan(catalog, row, plan), target)
    jobs = [job for job in every if not job.fault]
    frame = pd.DataFrame(_rows(catalog, jobs, row["checkpoint_id"]))
    by_rule = {rule: _summed(part) for rule, part in frame.groupby("rule", sort=False)} if jobs else {}
    total = _summed(frame) if jobs else {}
    return {
        "library": str(root),
        "out": str(target),
        "checkpoint_id": row["checkpoint_id"],
        **{name: text for name, text in in_short(plan).items() if name == "gains"},
        "by_rule": by_rule,
        "total": total | ({"about_minutes_of_work": _minutes(catalog, frame)} if jobs else {}),
        **told_of(catalog, library, out=target),
        "unreadable": {track["track_path"]: track["reason"] for track in tracks if track["status"] != "ready"}
        | {job.track["track_path"]: job.fault for job in every if job.fault},
    }


def page(found: Mapping[str, Any]) -> str:
    """Return a preview as Markdown."""
    told = ("library", "out", "checkpoint_id", "gains", "not served", "folders not opened")
    facts = {name: found[name] for name in told if name in found} | dict(found["total"])
    parts = ["# What would be done", markdown([["what", "how much"], *map(list, facts_in_words(facts))])]
    if len(found["by_rule"]) > 1:
        names = list(next(iter(found["by_rule"].values())))
        rows = [
            [rule or "(no rule)", *(str(counts[name]) for name in names)] for rule, counts in found["by_rule"].items()
        ]
        parts.append(markdown([["rule", *(name.replace("_", " ") for name in names)], *rows]))
    if found["unreadable"]:
        rows = [list(item) for item in found["unreadable"].items()]
        parts.append("## What cannot be read, or remixed so\n\n" + markdown([["recording", "reason"], *rows]))
    return "\n\n".join(parts)


def _rows(catalog: Catalog, jobs: Sequence[Job], checkpoint_id: str) -> list[dict[str, Any]]:
    """Return what is to be done for each job."""
    digests = [job.track["content_digest"] for job in jobs if job.track["content_digest"]]
    masks: dict[str, list[dict[str, Any]]] = {}
    for found in stored_masks(catalog, checkpoint_id, digests):
        masks.setdefault(found["content_digest"], []).append(found)
    made = catalog.read_rows("remixes", where={"out_path": [str(job.out_path) for job in jobs]})
    standing = {row["remix_id"] for row in made if row["status"] != "failed"}
    rows = []
    for job in jobs:
        wanted, stored = job.wanted, masks.get(job.track["content_digest"], [])
        is_shared, stream, heard_by = wanted.wishes.nothing_else, wanted.wishes.audio_stream, wanted.who.heard_by
        own = (row for row in stored if is_of(row, job.track, stream))
        serving = (r for r in own if serves(r, set(wanted.names), nothing_else=is_shared, heard_by=heard_by))
        heard = next(serving, None)
        is_done = remix_id_of(job, checkpoint_id, heard) in standing and job.out_path.is_file()
        is_heard = wanted.wishes.is_unity or heard is not None
        rows.append(
            {
                "rule": wanted.wishes.rule,
                "duration_s": job.track["duration_s"],
                "num_bytes": 0 if is_done else _bytes(job),
                "is_done": is_done,
                "is_copied": not is_done and wanted.wishes.is_untouched,
                "is_written": not is_done and not wanted.wishes.is_untouched,
                "is_to_hear": not is_done and not is_heard,
            }
        )
    return rows


def _summed(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "recordings": len(frame),
        "minutes_of_sound": round(float(frame["duration_s"].sum()) / 60, 1),
        "already_done": int(frame["is_done"].sum()),
        "to_copy": int(frame["is_copied"].sum()),
        "to_write": int(frame["is_written"].sum()),
        "to_hear_before": int(frame["is_to_hear"].sum()),
        "about_megabytes_to_write": round(float(frame["num_bytes"].sum()) / 1e6, 1),
    }


def _minutes(catalog: Catalog, frame: pd.DataFrame) -> float:
    """Return about how many minutes it takes, by how fast it was done before; none where all is done."""
    num_left = int((~frame["is_done"]).sum())
    if not num_left:
        return 0.0
    heard_s = frame[frame["is_to_hear"]]["duration_s"].sum() / _speed(catalog, "masks")
    written_s = frame[frame["is_written"]]["duration_s"].sum() / _speed(catalog, "remixes")
    return round(float(_START_S + num_left * _EACH_S + heard_s + written_s) / 60, 1)


def _speed(catalog: Catalog, table: str) -> float:
    """Return how many times faster than real time a step was so far, on one worker."""
    made = catalog.read(table, columns=["track_id", "seconds", "status"]).dropna(subset="seconds")
    made = made[made["status"].isin(["ready", "remixed"])]
    timed = made.merge(catalog.read("tracks", columns=["track_id", "duration_s"]), on="track_id")
    return float(timed["duration_s"].sum() / timed["seconds"].sum()) if len(timed) else _USUAL_SPEEDS[table]


def _bytes(job: Job) -> float:
    """Return about how large a remix becomes."""
    track, wishes = job.track, job.wanted.wishes
    if wishes.format is None or wishes.is_untouched:
        return float(track["num_bytes"])
    samples = track["num_samples"] * track["num_channels"] * PCM_BITS.get(track["subtype"], 32) / 8
    shares = {"pcm": 1.0, "flac": _PACKED_SHARE, "alac": _PACKED_SHARE}
    share = shares.get(OUTPUT_FORMATS[wishes.format].codec)
    return float(track["duration_s"] * _LOSSY_BYTES_PER_S if share is None else samples * share)
