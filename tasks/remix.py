"""Step: masks and wishes -> remixed files, in the same folders, under the same names."""

from __future__ import annotations

import errno
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import CatalogError
from catalog.files import Home, replacing
from catalog.ids import content_id, file_digest
from catalog.masks import MaskReader
from catalog.store import Catalog
from tasks import masks as masks_step
from tasks.masks import check_as_seen, covering, stored_masks
from tasks.presence import absent, measured, presence_of
from tasks.queries import Query, asked
from tasks.shards import Outcome, settle, shard_task
from varemix.errors import MediaError, UsageError
from varemix.remix.gains import GainWish, audible, is_unity, parse_gains
from varemix.signal.presence import Presence

if TYPE_CHECKING:
    from varemix.remix.render import Rendered

STEP_VERSION = 3
# What concerns one output: something else lies there, it is not ours, or no file there can be called so.
_IN_THE_WAY = {
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
    *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP),
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a remix shall be: a gain for each query, and how far masks are smoothed.

    An instrument that does not play is left alone, unless `even_if_absent`. With `nothing_else` the queries share a
    recording among themselves; those whose gain is 0 dB take their part of it and stay.
    """

    queries: tuple[Query, ...]
    gains: tuple[GainWish, ...]
    decay: float
    even_if_absent: bool = False
    nothing_else: bool = False

    @property
    def names(self) -> list[str]:
        """The queries' names in mask files, in order."""
        return [query.name for query in self.queries]

    def as_dict(self) -> dict[str, Any]:
        """Return the wishes as plain values that decide the result."""
        values = {query.name: gain.value for query, gain in zip(self.queries, self.gains, strict=True)}
        wishes = {"gains": values, "smoothing_decay": self.decay, "even_if_absent": self.even_if_absent}
        return wishes | {"nothing_else": True} if self.nothing_else else wishes

    def heard(self) -> list[tuple[Query, GainWish]]:
        """Return the wishes that change anything where all instruments play."""
        counting = audible(self.gains)
        return [pair for pair in zip(self.queries, self.gains, strict=True) if pair[1] in counting]


@dataclass(frozen=True, kw_only=True)
class Remixed:
    """What became of a recording: what was written, None where it was copied; what was absent, and why that is said."""

    rendered: Rendered | None
    absent: tuple[Query, ...]
    reason: str


def wanted_remix(
    gains: Sequence[str],
    decay: float,
    instruments: Sequence[str],
    *,
    even_if_absent: bool = False,
    nothing_else: bool = False,
) -> Wanted:
    """Return the wishes, checked; UsageError or MediaError for what cannot be."""
    if not 0 <= decay < 1:
        raise UsageError(f"Smoothing decay {decay} is outside [0, 1); give a number such as 0.5.")
    wishes = parse_gains(gains)
    queries = tuple(asked(wish.target, instruments) for wish in wishes)
    if len({query.name for query in queries}) < len(queries):
        raise UsageError(f"One instrument has two gains in {', '.join(gains)}; give each one.")
    return Wanted(
        queries=queries, gains=tuple(wishes), decay=decay, even_if_absent=even_if_absent, nothing_else=nothing_else
    )


@shard_task("remix")
def remix_tracks(
    *, items: list[dict[str, Any]], shard: str, home: str, out: Path, checkpoint_id: str, wanted: Wanted
) -> list[Outcome]:
    """Render a shard of rows of `tracks` from stored masks; skip remixes that stand."""
    catalog = Catalog(Home.open(home))
    stored = stored_masks(catalog, checkpoint_id, [track["content_digest"] for track in items])
    tracks = {track["track_id"]: track for track in items}
    plans = [_plan(track, out, checkpoint_id, wanted) for track in items]
    known = catalog.read_rows("remixes", where={"remix_id": [plan["remix_id"] for plan in plans]})
    standing = {row["remix_id"] for row in known if stands(row)}

    def make(plan: dict[str, Any]) -> dict[str, Any]:
        track = tracks[plan["track_id"]]
        masks = covering(catalog, stored, plan["content_digest"], wanted.names, nothing_else=wanted.nothing_else)
        return _remixed(catalog, track, plan, masks, wanted)

    return settle(
        catalog,
        "remixes",
        plans,
        name=lambda plan: str(tracks[plan["track_id"]]["track_path"]),
        stands=lambda plan: plan["remix_id"] in standing,
        make=make,
    )


def _plan(track: dict[str, Any], out: Path, checkpoint_id: str, wanted: Wanted) -> dict[str, Any]:
    """Return what is known of a remix before it is made; its id follows from all that decides the result."""
    facts = {
        "content_digest": track["content_digest"],
        "checkpoint_id": checkpoint_id,
        "out_path": str(out / track["track_path"]),
    }
    remix_id = content_id("remix", version=[STEP_VERSION, masks_step.STEP_VERSION], wishes=wanted.as_dict(), **facts)
    wishes_json = json.dumps(wanted.as_dict(), sort_keys=True)
    return facts | {"remix_id": remix_id, "track_id": track["track_id"], "wishes_json": wishes_json}


def stands(row: dict[str, Any]) -> bool:
    """Return whether the file of a row of `remixes` is there as it was written."""
    path = Path(row["out_path"])
    return row["status"] != "failed" and path.is_file() and file_digest(path) == row["digest"]


@contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Turn what lies in the way of one output into a MediaError; a full disk stays what it is, and stops the shard."""
    try:
        yield
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        reason = f"'{place}' cannot be written: {error.strerror}. Look at what lies there, or choose another folder."
        raise MediaError(reason) from error


def _remixed(
    catalog: Catalog, track: dict[str, Any], plan: dict[str, Any], masks: dict[str, Any] | None, wanted: Wanted
) -> dict[str, Any]:
    """Return the row of a remix after writing it, or the row that says why there is none."""
    started = time.monotonic()
    source, target = Path(track["library"], track["track_path"]), Path(plan["out_path"])
    try:
        check_as_seen(source, track)
        with writing_to(target):
            if is_unity(wanted.gains):
                facts = _copied(source, target, track)
            elif masks is None:
                raise MediaError("has no masks for these instruments; run `varemix masks` for them")
            else:
                facts = _rendered(catalog, track, target, masks, wanted)
    except (MediaError, CatalogError) as error:
        return plan | {"status": "failed", "reason": str(error)}
    return plan | facts | {"digest": file_digest(target), "seconds": time.monotonic() - started}


def _copied(source: Path, target: Path, track: dict[str, Any]) -> dict[str, Any]:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
        check_as_seen(source, track)
    return {"status": "untouched", "reason": "all gains are 0 dB"}


def _rendered(
    catalog: Catalog, track: dict[str, Any], target: Path, masks: dict[str, Any], wanted: Wanted
) -> dict[str, Any]:
    source, path = Path(track["library"], track["track_path"]), catalog.home.absolute(masks["path"])
    with replacing(target) as temporary:
        remixed = write_remix(source, temporary, path, presence_of(masks), wanted)
        check_as_seen(source, track)
    facts = {"mask_id": masks["mask_id"], "reason": remixed.reason or None}
    if remixed.rendered is None:
        return facts | {"status": "untouched"}
    return facts | {
        "status": "remixed",
        "clipped_samples": remixed.rendered.num_clipped,
        "peak_db": remixed.rendered.peak_db,
    }


def write_remix(
    source: Path, target: Path, masks: Path, presence: Presence, wanted: Wanted, *, format_name: str | None = None
) -> Remixed:
    """Write the remix of `source` from its mask file to `target`: of those that play; a copy where none of them does.

    `format_name` is one of OUTPUT_FORMATS, by default the recording's own. Raises MediaError when the recording cannot
    be read, and MaskFileError when the masks cannot.
    """
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_remix

    heard = wanted.heard()
    missing = [] if wanted.even_if_absent else absent(presence, [query for query, _ in heard])
    reasons = [f"does not play: {measured(presence, missing)}"] if missing else []
    playing = [(query.name, gain) for query, gain in heard if query not in missing]
    if not playing:
        write_unchanged(source, target, format_name)
        return Remixed(rendered=None, absent=tuple(missing), reason="; ".join(reasons))
    names, gains = zip(*playing, strict=True)
    with MaskReader(masks) as reader:
        rendered = render_remix(
            source, target, reader.blocks(names), gains, decay=wanted.decay, format_name=format_name
        )
    told = ", ".join(f"{name}={gain.value}" for name, gain in playing)
    reasons += copy_tags(source, target, provenance=f"remixed by varemix {version('varemix')}: {told}")
    return Remixed(rendered=rendered, absent=tuple(missing), reason="; ".join(reasons))


def write_unchanged(source: Path, target: Path, format_name: str | None = None) -> None:
    """Copy a recording byte for byte, or write it in another format, its tags too."""
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_unchanged

    if format_name is None:
        shutil.copyfile(source, target)
        return
    render_unchanged(source, target, format_name)
    provenance = f"written by varemix {version('varemix')}, the sound as it was"
    copy_tags(source, target, provenance=provenance, is_changed=False)
