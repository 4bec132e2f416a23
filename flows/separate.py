"""Flow: library and pictures -> stems. Masks that are missing are made first."""

import time
from pathlib import Path
from typing import Any

from prefect import flow

from catalog.files import Home, remove_leftovers
from catalog.store import Catalog
from flows.ending import ended
from flows.masks import heard_library, told_of
from flows.output import checked_out
from flows.settings import named_after, workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.queries import asked_once, check_known, known_instruments, looked_at
from tasks.separate import separate_tracks
from tasks.shards import run_shards
from tasks.stored_masks import check_rivals

_SHARD = 32


@flow(name="separate", flow_run_name=named_after("separate", "library"), task_runner=workers())
def separate(
    library: str,
    out: str,
    targets: list[str],
    nothing_else: bool = False,
    checkpoint: str | None = None,
    home: str | None = None,
    even_if_unknown: bool = False,
    audio_stream: int = 1,
) -> Summary:
    """Cut a stem of each instrument out of every recording of a library.

    Args:
        library: the folder of recordings; it is only read.
        out: the folder for the stems.
        targets: names of instruments, or paths of their pictures.
        nothing_else: whether nothing but these instruments plays; they then share a recording among themselves.
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        even_if_unknown: whether pictures are used too that show none of the instruments that the checkpoint knows.
        audio_stream: which of several audio streams of a video is heard, from 1 on.

    """
    started = time.monotonic()
    target = checked_out(Path(library), Path(out))
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    known = known_instruments(catalog, row)
    queries = looked_at(asked_once(targets, known), lambda: separator_of(catalog, row))
    check_known(queries, even_if_unknown=even_if_unknown)
    remove_leftovers(target)
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream - 1}
    tracks, lost = heard_library(catalog, Path(library), row["checkpoint_id"], queries, out=target, **asked)
    outcomes = run_shards(
        separate_tracks,
        tracks,
        [track["track_path"] for track in tracks],
        size=_SHARD,
        home=catalog.home.address,
        out=target,
        checkpoint_id=row["checkpoint_id"],
        queries=queries,
        **asked,
    )
    facts = {"checkpoint_id": row["checkpoint_id"], "instruments": ", ".join(targets), "out": str(target)}
    facts |= told_of(catalog, Path(library), out=target)
    summary = Summary(stage="separate", outcomes=(*outcomes, *lost), seconds=time.monotonic() - started, facts=facts)
    return ended(publish(summary))
