"""Step: masks and wishes -> remixed files, in the same folders, under the same names."""

from __future__ import annotations

import errno
import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import CatalogError
from catalog.files import Home, cut_note, replacing
from catalog.ids import content_id, file_digest
from catalog.masks import MaskReader
from catalog.store import Catalog
from tasks.masks import check_as_seen, covering, grid_of, stored_masks, version_of
from tasks.presence import absent, measured, presence_of
from tasks.queries import Query, doubts_told
from tasks.shards import Outcome, settle, shard_task
from tasks.wishes import Job, Wanted
from varemix.errors import MediaError
from varemix.media.audio import has_format, probe_audio
from varemix.signal.grid import PAPER_GRID
from varemix.signal.presence import Presence

if TYPE_CHECKING:
    import numpy as np

    from varemix.remix.plan import TrackWishes
    from varemix.remix.render import Rendered

STEP_VERSION = 6
_WRITER = f"varemix {version('varemix')}"
# What concerns one output: something else lies there, it is not ours, or no file there can be called so.
_IN_THE_WAY = {
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
    *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP),
}


@dataclass(frozen=True, kw_only=True)
class Remixed:
    """What became of a recording: what was written, None where it was copied; what was absent, and the reasons.

    `is_changed` says whether it sounds otherwise than before.
    """

    rendered: Rendered | None
    absent: tuple[Query, ...] = ()
    reason: str = ""
    is_changed: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what became of it, for programs."""
        facts: dict[str, Any] = {"status": "remixed" if self.is_changed else "untouched"}
        if rendered := self.rendered:
            facts |= {"num_clipped": rendered.num_clipped, "peak_db": round(rendered.peak_db, 1)}
            facts |= _rounded(before_lufs=rendered.before_lufs, after_lufs=rendered.after_lufs)
            facts |= {"level_change_db": round(rendered.gain_db, 2)} if rendered.gain_db else {}
            limited = {"num_limited": rendered.num_limited, "reduction_db": round(rendered.reduction_db, 1)}
            facts |= limited if rendered.num_limited else {}
        facts |= {"absent": [query.title for query in self.absent]} if self.absent else {}
        return facts | ({"reason": self.reason} if self.reason else {})

    def in_words(self) -> str:
        """Return what became of it, for people."""
        said = ["remixed" if self.is_changed else "untouched"]
        if rendered := self.rendered:
            said.append(f"highest peak {rendered.peak_db:.1f} dBFS")
            if rendered.before_lufs is not None and rendered.after_lufs is not None:
                said.append(f"loudness {rendered.before_lufs:.1f} to {rendered.after_lufs:.1f} LUFS")
            if rendered.gain_db:
                said.append(f"the whole {rendered.gain_db:+.1f} dB for its loudness")
            if rendered.num_limited:
                said.append(f"the limiter turned down by up to {rendered.reduction_db:.1f} dB")
            if rendered.num_clipped:
                said.append(f"{rendered.num_clipped} samples are clipped; --true-peak -1 keeps it from that")
        return "; ".join([*said, *([self.reason] if self.reason else [])])


def _rounded(**levels: float | None) -> dict[str, float]:
    return {name: round(value, 1) for name, value in levels.items() if value is not None and math.isfinite(value)}


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
    versions = [STEP_VERSION, None if job.wanted.wishes.is_unity else version_of(masks)]
    return content_id("remix", version=versions, wishes=job.wanted.as_dict(), **_decided(job, checkpoint_id))


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


@contextmanager
def writing_to(place: Path, library: str | None = None) -> Iterator[None]:
    """Turn what lies in the way of one output into a MediaError; a full disk stays what it is, and stops the shard.

    A folder that is a link into the library lies in the way: the library is never written to.
    """
    try:
        folder = place if place.is_dir() else place.parent
        if library is not None and folder.resolve().is_relative_to(Path(library).resolve()):
            raise MediaError(f"'{place}' lies in the library '{library}', by a link. Choose another folder.")
        yield
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        reason = f"'{place}' cannot be written: {error.strerror}. Look at what lies there, or choose another folder."
        raise MediaError(reason) from error


@contextmanager
def called(temporary: Path, place: Path) -> Iterator[None]:
    """Let a MediaError speak of the place of an output, where it names the temporary file that shall become it."""
    try:
        yield
    except MediaError as error:
        raise MediaError(str(error).replace(temporary.name, place.name)) from error


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
    is_shared = wanted.wishes.nothing_else
    return covering(catalog, stored, job.track["content_digest"], wanted.names, nothing_else=is_shared)


def _written(catalog: Catalog, source: Path, target: Path, masks: dict[str, Any] | None, wanted: Wanted) -> Remixed:
    if masks is None:
        return write_unchanged(source, target, wanted.wishes)
    heard = catalog.home.fetched(masks["path"], masks["digest"])
    return write_remix(source, target, heard, presence_of(masks), wanted)


def _facts(made: Remixed, masks: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a row says of a remix that was written."""
    facts = {
        "mask_id": masks["mask_id"] if masks else None,
        "status": "remixed" if made.is_changed else "untouched",
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


@dataclass(frozen=True)
class _Masks:
    """The masks of a file, to be gone through as often as they are needed."""

    reader: MaskReader
    names: Sequence[str]

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.reader.blocks(self.names)


def write_remix(source: Path, target: Path, masks: Path, presence: Presence, wanted: Wanted) -> Remixed:
    """Write the remix of `source` from its mask file to `target`: of those that play, as it was where none does.

    Raises MediaError when the recording cannot be read, and MaskFileError when the masks cannot.
    """
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_remix

    heard, wishes = wanted.heard(), wanted.wishes
    missing = () if wishes.even_if_absent else tuple(absent(presence, [query for query, _ in heard]))
    reasons = doubts_told(query for query, _ in heard)
    reasons += [f"does not play: {measured(presence, missing)}"] if missing else []
    playing = [(query.name, gain) for query, gain in heard if query not in missing]
    sharing = wanted.sharing(presence)
    if not playing:
        made = write_unchanged(source, target, wishes, because="; ".join(reasons))
        return replace(made, absent=missing)
    names, gains = zip(*sharing, strict=True)
    with MaskReader(masks) as reader:
        rendered = render_remix(
            source,
            target,
            _Masks(reader, names),
            gains,
            grid_of(reader.header),
            smoothing_s=wishes.smoothing_s,
            dry_wet=wishes.dry_wet,
            care=wishes.care,
            format_name=wishes.format,
        )
    told = ", ".join(f"{name}={gain.value}" for name, gain in playing)
    reasons += [rendered.note] if rendered.note else []
    reasons += copy_tags(source, target, provenance=f"remixed by {_WRITER}: {told}")
    return Remixed(rendered=rendered, absent=missing, reason="; ".join(reasons), is_changed=True)


def write_unchanged(source: Path, target: Path, wishes: TrackWishes, *, because: str = "") -> Remixed:
    """Copy a recording byte for byte; where another level or format is wished, write it so, its tags too.

    `because` says why it is not remixed, where the wishes do not say it.
    """
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_remix

    skipped = f"left as it is by the rule '{wishes.rule}'" if wishes.is_skipped else "all gains are 0 dB"
    reason = because or skipped
    is_other_format = wishes.format is not None and not has_format(probe_audio(source), wishes.format)
    if not wishes.is_untouched:
        rendered = render_remix(source, target, (), (), PAPER_GRID, care=wishes.care, format_name=wishes.format)
        is_changed = rendered.has_other_level
        if is_changed or is_other_format:
            what = "its level changed" if is_changed else "the sound as it was"
            provenance = f"written by {_WRITER}, {what}"
            notes = [rendered.note] if rendered.note else []
            notes += copy_tags(source, target, provenance=provenance, is_changed=is_changed)
            return Remixed(rendered=rendered, reason="; ".join([reason, *notes]), is_changed=is_changed)
    shutil.copyfile(source, target)
    return Remixed(rendered=None, reason=reason)
