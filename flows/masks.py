"""Flow: library and pictures -> masks, kept for every remix to come."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.ending import ended
from flows.output import check_home
from flows.settings import named_after, workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.library import scan_tracks
from tasks.library_files import Contents, contents_of, library_files
from tasks.masks import make_masks
from tasks.queries import Query, asked_once, check_known, known_instruments, looked_at
from tasks.shards import Outcome, run_shards
from tasks.stored_masks import check_rivals, masks_stand
from tasks.tracks import mark_gone

_SCAN_SHARD, _MASK_SHARD = 64, 8


@flow(name="masks", flow_run_name=named_after("masks", "library"), task_runner=workers())
def masks(
    library: str,
    instruments: list[str] | None = None,
    images: list[str] | None = None,
    nothing_else: bool = False,
    checkpoint: str | None = None,
    home: str | None = None,
    even_if_unknown: bool = False,
    audio_stream: int = 1,
) -> Summary:
    """Hear every recording of a library and keep the masks of the instruments asked for.

    Args:
        library: the folder of recordings; it is only read.
        instruments: names of instruments; by default, without images, all that the checkpoint knows.
        images: paths of pictures of instruments.
        nothing_else: whether nothing but these instruments plays; they then share a recording among themselves.
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        even_if_unknown: whether pictures are used too that show none of the instruments that the checkpoint knows.
        audio_stream: which of several audio streams of a video is heard, from 1 on.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    known = known_instruments(catalog, row)
    wanted = [*(instruments or []), *(images or [])] or list(known)
    queries = looked_at(asked_once(wanted, known), lambda: separator_of(catalog, row))
    check_known(queries, even_if_unknown=even_if_unknown)
    tracks, lost = scanned(catalog, Path(library))
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream - 1}
    heard = heard_tracks(catalog, tracks, row["checkpoint_id"], queries, **asked)
    facts = {"checkpoint_id": row["checkpoint_id"], "instruments": ", ".join(wanted)}
    facts |= told_of(catalog, Path(library))
    summary = Summary(stage="masks", outcomes=(*heard, *lost), seconds=time.monotonic() - started, facts=facts)
    return ended(publish(summary))


def checked_library(catalog: Catalog, library: Path, *, out: Path | None = None) -> tuple[Path, list[Path]]:
    """Return the folder of a library and its recordings; an error when it is not there, holds none, or holds the home.

    What links lead to in the home, or in the folder `out` that is written to, is not of the library.
    """
    root = library.expanduser().resolve()
    files = library_files(root, apart_from=_written_to(catalog, out))
    check_home(catalog.home.root, root)
    return root, files


def told_of(catalog: Catalog, library: Path, *, out: Path | None = None) -> dict[str, str]:
    """Return what is to be told of a library's files that are not served, as facts for people."""
    return contents(catalog, library, out=out).facts()


def contents(catalog: Catalog, library: Path, *, out: Path | None = None) -> Contents:
    """Return what lies in a library, but for what links lead to in the home and in the folder `out`."""
    return contents_of(library.expanduser().resolve(), apart_from=_written_to(catalog, out))


def _written_to(catalog: Catalog, out: Path | None) -> list[Path]:
    return [catalog.home.root, *([out] if out else [])]


def scanned(catalog: Catalog, library: Path, *, out: Path | None = None) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Look through a library; return the rows of its readable tracks, and why the others are not."""
    root, files = checked_library(catalog, library, out=out)
    names = [str(path.relative_to(root)) for path in files]
    looked_at = run_shards(scan_tracks, files, names, size=_SCAN_SHARD, home=catalog.home.address, library=root)
    mark_gone(catalog, root, files)
    tracks = catalog.read_rows("tracks", where={"library": str(root), "status": "ready"})
    return tracks, [outcome for outcome in looked_at if outcome.status == "failed"]


def heard_tracks(
    catalog: Catalog,
    tracks: Sequence[dict[str, Any]],
    checkpoint_id: str,
    queries: list[Query],
    *,
    needed: Mapping[str, list[str]] | None = None,
    nothing_else: bool = False,
    audio_stream: int = 0,
) -> list[Outcome]:
    """Make the masks that are missing; return every track's outcome, in order.

    By track id, `needed` names those that must not be missing: all of the queries where it is None.
    """
    names = [query.name for query in queries]
    asked_of = [needed[track["track_id"]] if needed else names for track in tracks]
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream}
    standing = masks_stand(catalog, tracks, checkpoint_id, asked_of, **asked)
    missing = [track for track, stands in zip(tracks, standing, strict=True) if not stands]
    heard = run_shards(
        make_masks,
        missing,
        [track["track_path"] for track in missing],
        size=_MASK_SHARD,
        home=catalog.home.address,
        checkpoint_id=checkpoint_id,
        queries=queries,
        **asked,
    )
    made = {outcome.item: outcome for outcome in heard}
    paths = [track["track_path"] for track in tracks]
    return [made.get(path) or Outcome(item=path, status="skipped") for path in paths]


def heard_library(
    catalog: Catalog,
    library: Path,
    checkpoint_id: str,
    queries: list[Query],
    *,
    nothing_else: bool = False,
    audio_stream: int = 0,
    out: Path | None = None,
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Look through a library and make the masks that are missing.

    Returns the rows of the tracks that have masks for all queries, and why the others have none.
    """
    tracks, lost = scanned(catalog, library, out=out)
    asked: dict[str, Any] = {"nothing_else": nothing_else, "audio_stream": audio_stream}
    heard = heard_tracks(catalog, tracks, checkpoint_id, queries, **asked)
    unheard = [outcome for outcome in heard if outcome.status == "failed"]
    silent = {outcome.item for outcome in unheard}
    return [track for track in tracks if track["track_path"] not in silent], [*unheard, *lost]
