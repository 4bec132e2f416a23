"""Flow: library and wishes -> remixed library. Masks that are missing are made first."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow

from catalog.files import Home, remove_leftovers
from catalog.store import Catalog
from flows.ending import ended
from flows.masks import checked_library, contents, heard_tracks, scanned, told_of
from flows.origins import show_origins
from flows.output import checked_out
from flows.pictures import show_picture
from flows.remix_table import tracks_table
from flows.settings import named_after, workers
from flows.summary import Summary, publish
from tasks.beside import bring_along
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.queries import Query, known_instruments
from tasks.remix import remix_tracks
from tasks.remix_pictures import picture_remix
from tasks.shards import Outcome, run_shards
from tasks.stored_masks import check_rivals
from tasks.who_hears import WhoHears
from tasks.wishes import Job, jobs_of, looked_at_plan, plan_queries
from varemix.remix.plan import RemixPlan

_SHARD = 32
_SHOWN = 100
_PICTURED = 3


@flow(name="remix", flow_run_name=named_after("remix", "library"), task_runner=workers())
def remix(
    library: str,
    out: str,
    plan: RemixPlan,
    checkpoint: str | None = None,
    home: str | None = None,
    beside: bool = False,
) -> Summary:
    """Make pictured or named instruments louder or softer in every recording of a library.

    A recording in which none of them plays is left as it is.

    Args:
        library: the folder of recordings; it is only read.
        out: the folder for the remixes, which get the same subfolders and names.
        plan: what shall become of the recordings, of all alike or by rules.
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        beside: whether covers, cue sheets, lyrics, booklets and playlists go along, these with the names of remixes.

    """
    started = time.monotonic()
    target = checked_out(Path(library), Path(out))
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    queries = checked_plan(catalog, row, plan)
    remove_leftovers(target)
    tracks, unreadable = scanned(catalog, Path(library), out=target)
    jobs = jobs_of(tracks, plan, queries, target)
    unheard = _unheard(catalog, jobs, row["checkpoint_id"])
    silent = {outcome.item for outcome in unheard}
    jobs = [job for job in jobs if job.track["track_path"] not in silent]
    outcomes = run_shards(
        remix_tracks,
        jobs,
        [job.track["track_path"] for job in jobs],
        size=_SHARD,
        home=catalog.home.address,
        checkpoint_id=row["checkpoint_id"],
    )
    _show_changes(jobs, outcomes)
    brought = _bring_along(catalog, Path(library), target, jobs) if beside else []
    out_paths = [job.out_path for job in jobs]
    show_origins(catalog, row, out_paths, target)
    summary = Summary(
        stage="remix",
        outcomes=(*outcomes, *unheard, *unreadable, *(each for each in brought if each.status == "failed")),
        seconds=time.monotonic() - started,
        facts={
            "checkpoint_id": row["checkpoint_id"],
            **in_short(plan),
            "out": str(target),
            **({"brought_along": sum(each.status != "failed" for each in brought)} if beside else {}),
            **told_of(catalog, Path(library), out=target),
        },
        report=remixes_table(catalog, out_paths, target),
    )
    return ended(publish(summary))


def _bring_along(catalog: Catalog, library: Path, out: Path, jobs: Sequence[Job]) -> list[Outcome]:
    """Bring what lies beside the recordings along to their remixes."""
    remixes = {Path(job.track["track_path"]): job.out_path.relative_to(out) for job in jobs}
    files = contents(catalog, library, out=out).beside
    return bring_along(library.expanduser().resolve(), files, out, remixes)


def _show_changes(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Show in the Prefect UI what became of a few of the recordings that were remixed now at their own tempo."""
    done = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome.status == "done"]
    made = [job for job in done if job.wanted.wishes.tuning.tempo == 1]  # one picture has one time axis
    for job in made[:_PICTURED]:
        source = Path(job.track["library"], job.track["track_path"])
        title = f"{job.out_path.name}: {', '.join(wish.text for wish in job.wanted.wishes.gains)}"
        stream = job.wanted.wishes.audio_stream
        if picture := picture_remix(source=source, remix=job.out_path, title=title, audio_stream=stream):
            show_picture(f"remix of {job.track['track_path']}", picture, title)


def _unheard(catalog: Catalog, jobs: Sequence[Job], checkpoint_id: str) -> list[Outcome]:
    """Make the masks that are missing; return why some cannot be made.

    A recording is heard once for all that any rule asks of who hears it; where nothing else plays, for just what is
    asked of it.
    """
    anything: dict[WhoHears, dict[Query, None]] = defaultdict(dict)
    for job in jobs:
        if not job.wanted.wishes.nothing_else:
            anything[job.wanted.who] |= dict.fromkeys(job.wanted.queries)
    groups: dict[tuple[bool, int, WhoHears, tuple[Query, ...]], list[Job]] = defaultdict(list)
    for job in jobs:
        wishes, who = job.wanted.wishes, job.wanted.who
        if not wishes.is_unity and not job.fault:
            queries = job.wanted.queries if wishes.nothing_else else tuple(anything[who])
            groups[wishes.nothing_else, wishes.audio_stream, who, queries].append(job)
    outcomes: list[Outcome] = []
    for (is_shared, audio_stream, who, queries), group in groups.items():
        tracks = [job.track for job in group]
        needed = {job.track["track_id"]: job.wanted.names for job in group}
        asked: dict[str, Any] = {"nothing_else": is_shared, "audio_stream": audio_stream, "who": who}
        outcomes += heard_tracks(catalog, tracks, checkpoint_id, list(queries), needed=needed, **asked)
    return [outcome for outcome in outcomes if outcome.status == "failed"]


def checked_plan(catalog: Catalog, row: dict[str, Any], plan: RemixPlan) -> dict[str, Query]:
    """Return the query of each target of a plan; an error where the checkpoint of a row cannot serve it."""
    if any(wishes.nothing_else for wishes in plan.variants()):
        check_rivals(catalog, row)
    queries = plan_queries(plan, known_instruments(catalog, row))
    return looked_at_plan(plan, queries, lambda: separator_of(catalog, row))


def in_short(plan: RemixPlan) -> dict[str, str]:
    """Return what a plan wishes, as facts for people."""
    gains = ", ".join(wish.text for wish in plan.variants()[0].gains)
    rules = ", ".join(rule.name for rule in plan.rules)
    heard_by = ", ".join(f"{instrument}={name}" for instrument, name in plan.variants()[0].separator)
    return {name: text for name, text in {"gains": gains, "rules": rules, "separator": heard_by}.items() if text}


def check_remix(catalog: Catalog, library: Path, out: Path, plan: RemixPlan, checkpoint: str | None) -> None:
    """Raise an error for what can be known to be wrong before anything starts."""
    checked_library(catalog, library, out=checked_out(library, out))
    checked_plan(catalog, checkpoint_row(catalog, checkpoint), plan)


def remixes_table(catalog: Catalog, out_paths: Sequence[Path], out: Path) -> str:
    """Return the remixes that lie in the folder as a Markdown table."""
    paths = sorted(map(str, out_paths))[:_SHOWN]
    made = catalog.read_rows("remixes", where={"out_path": paths})
    newest = {row["out_path"]: row for row in sorted(made, key=lambda row: row["updated_at"])}
    return tracks_table([newest[path] for path in paths if path in newest], out)
