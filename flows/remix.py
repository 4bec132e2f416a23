"""Flow: library and wishes -> remixed library. Masks that are missing are made first."""

import time
from operator import itemgetter
from pathlib import Path
from typing import Any

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.masks import checked_library, heard_library, scanned
from flows.settings import named_after, workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.masks import check_rivals
from tasks.queries import known_instruments
from tasks.remix import remix_tracks, wanted_remix
from tasks.shards import run_shards
from varemix.errors import UsageError
from varemix.evaluation.tables import markdown
from varemix.remix.gains import is_unity
from varemix.signal.smoothing import DEFAULT_DECAY

_SHARD = 32
_SHOWN = 100


@flow(name="remix", flow_run_name=named_after("remix", "library"), task_runner=workers())
def remix(
    library: str,
    out: str,
    gains: list[str],
    decay: float = DEFAULT_DECAY,
    even_if_absent: bool = False,
    nothing_else: bool = False,
    checkpoint: str | None = None,
    home: str | None = None,
) -> Summary:
    """Make pictured or named instruments louder or softer in every recording of a library.

    A recording in which none of them plays is copied as it is.

    Args:
        library: the folder of recordings; it is only read.
        out: the folder for the remixes, which get the same subfolders and names.
        gains: wishes such as violin=-6, photo.jpg=mute, cello=solo.
        decay: smoothing of the masks along time, 0 to just under 1.
        even_if_absent: whether to apply every gain, also of instruments that do not seem to play.
        nothing_else: whether nothing but these instruments plays; they then share a recording among themselves. Give
            those that shall stay as they are a gain of 0.
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    target = checked_out(Path(library), Path(out))
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    wanted = wanted_remix(
        gains, decay, known_instruments(catalog, row), even_if_absent=even_if_absent, nothing_else=nothing_else
    )
    if is_unity(wanted.gains):
        tracks, lost = scanned(catalog, Path(library))
    else:
        tracks, lost = heard_library(
            catalog, Path(library), row["checkpoint_id"], list(wanted.queries), nothing_else=nothing_else
        )
    outcomes = run_shards(
        remix_tracks,
        tracks,
        [track["track_path"] for track in tracks],
        size=_SHARD,
        home=str(catalog.home.root),
        out=target,
        checkpoint_id=row["checkpoint_id"],
        wanted=wanted,
    )
    facts = {"checkpoint_id": row["checkpoint_id"], "gains": ", ".join(gains), "out": str(target)}
    return publish(
        Summary(
            stage="remix",
            outcomes=(*outcomes, *lost),
            seconds=time.monotonic() - started,
            facts=facts,
            report=remixes_table(catalog, tracks, target),
        )
    )


def checked_out(library: Path, out: Path) -> Path:
    """Return the folder for remixes; UsageError when it and the library are not apart from one another."""
    source, target = library.expanduser().resolve(), out.expanduser().resolve()
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise UsageError(
            f"The output folder '{target}' and the library '{source}' lie within one another; the library is never "
            "written to. Choose an output folder beside it."
        )
    return target


def check_remix(
    catalog: Catalog,
    library: Path,
    out: Path,
    gains: list[str],
    decay: float,
    checkpoint: str | None,
    *,
    nothing_else: bool = False,
) -> None:
    """Raise an error for what can be known to be wrong before anything starts."""
    checked_out(library, out)
    checked_library(catalog, library)
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    wanted_remix(gains, decay, known_instruments(catalog, row))


def remixes_table(catalog: Catalog, tracks: list[dict[str, Any]], out: Path) -> str:
    """Return the remixes that lie in the folder as a Markdown table."""
    paths = [str(out / track["track_path"]) for track in sorted(tracks, key=itemgetter("track_path"))[:_SHOWN]]
    made = catalog.read_rows("remixes", where={"out_path": paths})
    newest = {row["out_path"]: row for row in sorted(made, key=lambda row: row["updated_at"])}
    rows = [["remix", "status", "peak [dBFS]", "clipped samples", "seconds"]]
    for path in paths:
        if row := newest.get(path):
            peak, clipped, seconds = (row[name] for name in ("peak_db", "clipped_samples", "seconds"))
            rows.append(
                [
                    str(Path(path).relative_to(out)),
                    row["status"],
                    "" if peak is None else f"{peak:.1f}",
                    str(clipped or 0),
                    f"{seconds or 0:.1f}",
                ]
            )
    return markdown(rows)
