"""One recording remixed: masks and wishes -> its file. It needs no catalog, and serves single files and libraries."""

from __future__ import annotations

import errno
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.masks import MaskReader
from tasks.mask_file import grid_of
from tasks.presence import absent, measured
from tasks.queries import Query, doubts_told
from tasks.wishes import Wanted
from varemix.errors import MediaError
from varemix.media.audio import has_format, probe_audio
from varemix.signal.grid import PAPER_GRID
from varemix.signal.presence import Presence

if TYPE_CHECKING:
    import numpy as np

    from varemix.remix.plan import TrackWishes
    from varemix.remix.rendered import Rendered

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
        facts: dict[str, Any] = {"status": "remixed" if self.is_changed else "unchanged"}
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
        said = ["remixed" if self.is_changed else "unchanged"]
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


@dataclass(frozen=True)
class WatchedMasks:
    """The masks of a file, to be gone through as often as they are needed; `watch` is told which share was.

    Of several groups of channels, those of an instrument are 0 where it does not play by `presence`; all count without.
    """

    reader: MaskReader
    names: Sequence[str]
    watch: Callable[[float], None] | None = None
    presence: Presence | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        num_used, plays = 0, self._plays()
        for block in self.reader.blocks(self.names):
            yield block if plays is None else block * plays
            num_used += block.shape[-1]
            if self.watch:
                self.watch(num_used / self.reader.header.num_frames)

    def _plays(self) -> np.ndarray | None:
        """Return in which group each plays, [N, G, 1, 1]; None where each plays in all."""
        import numpy as np

        if self.presence is None or not self.reader.header.groups:
            return None
        plays = np.array([self.presence.groups_played(name) for name in self.names], dtype=np.float32)
        return None if plays.all() else plays[..., None, None]


def write_remix(
    source: Path,
    target: Path,
    masks: Path,
    presence: Presence,
    wanted: Wanted,
    *,
    watch: Callable[[float], None] | None = None,
) -> Remixed:
    """Write the remix of `source` from its mask file to `target`: of those that play, as it was where none does.

    `watch` is told the share of the masks that was used, which says how far it is.

    Raises MediaError when the recording cannot be read, and MaskFileError when the masks cannot.
    """
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_remix

    heard, wishes = wanted.heard(), wanted.wishes
    missing = () if wishes.even_if_absent else tuple(absent(presence, [query for query, _ in heard]))
    reasons = doubts_told(query for query, _ in heard)
    reasons += [f"not detected: {measured(presence, missing)}"] if missing else []
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
            WatchedMasks(reader, names, watch, None if wishes.even_if_absent else presence),
            gains,
            grid_of(reader.header),
            smoothing_s=wishes.smoothing_s,
            mask_exponent=wishes.mask_exponent,
            dry_wet=wishes.dry_wet,
            care=wishes.care,
            format_name=wishes.format,
            audio_stream=wishes.audio_stream,
            tuning=wishes.tuning,
        )
    told = ", ".join([*(f"{name}={gain.value}" for name, gain in playing), *_tuned(wishes)])
    reasons += _tuned(wishes)
    reasons += [rendered.note] if rendered.note else []
    reasons += copy_tags(source, target, provenance=f"remixed by {_WRITER}: {told}", **_kept(wishes))
    return Remixed(rendered=rendered, absent=missing, reason="; ".join(reasons), is_changed=True)


def write_unchanged(source: Path, target: Path, wishes: TrackWishes, *, because: str = "") -> Remixed:
    """Copy a recording byte for byte; where another level or format is wished, write it so, its tags too.

    `because` says why it is not remixed, where the wishes do not say it.
    """
    from varemix.media.tags import copy_tags
    from varemix.remix.render import render_remix

    skipped = f"left as it is by the rule '{wishes.rule}'" if wishes.is_skipped else "all gains are 0 dB"
    reason = "; ".join([because or skipped, *([] if wishes.is_skipped else _tuned(wishes))])
    is_other_format = wishes.format is not None and not has_format(
        probe_audio(source, audio_stream=wishes.audio_stream), wishes.format
    )
    if not wishes.is_untouched:
        rendered = render_remix(
            source,
            target,
            (),
            (),
            PAPER_GRID,
            care=wishes.care,
            format_name=wishes.format,
            audio_stream=wishes.audio_stream,
            tuning=wishes.tuning,
        )
        is_changed = rendered.has_other_level or not wishes.tuning.is_none
        if is_changed or is_other_format:
            what = ", ".join(_tuned(wishes)) or ("its level changed" if is_changed else "the sound as it was")
            provenance = f"written by {_WRITER}, {what}"
            notes = [rendered.note] if rendered.note else []
            notes += copy_tags(source, target, provenance=provenance, is_changed=is_changed, **_kept(wishes))
            return Remixed(rendered=rendered, reason="; ".join([reason, *notes]), is_changed=is_changed)
    shutil.copyfile(source, target)
    return Remixed(rendered=None, reason=reason)


def _kept(wishes: TrackWishes) -> dict[str, bool]:
    """Return whether times in the recording and its pitch stay true."""
    return {"keeps_time": wishes.tuning.tempo == 1, "keeps_pitch": wishes.tuning.transpose_semitones == 0}


def _tuned(wishes: TrackWishes) -> list[str]:
    """Return what became of tempo and pitch, for people; nothing where they are the recording's."""
    return [f"at {wishes.tuning.text}"] if wishes.tuning.text else []
