"""What is wished of a library, made ready: a plan's words become queries, and each track gets what it shall become."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from catalog.files import fitting_name
from tasks.queries import Query, asked, check_known, looked_at
from tasks.who_hears import OURS_ALONE, WhoHears, who_hears
from varemix.errors import UsageError
from varemix.media.formats import OUTPUT_FORMATS
from varemix.remix.plan import RemixPlan, TrackWishes
from varemix.remix.wishes import GainWish, audible

if TYPE_CHECKING:
    from varemix.model.separator import Separator
    from varemix.signal.presence import Presence

_MAX_ROUNDS = 5  # tracks whose own names differ in case only never come apart


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What shall become of one recording: its wishes, the query for the target of each of their gains, who hears it."""

    wishes: TrackWishes
    queries: tuple[Query, ...]
    who: WhoHears = OURS_ALONE

    @property
    def names(self) -> list[str]:
        """The queries' names in mask files, in order."""
        return [query.name for query in self.queries]

    def as_dict(self) -> dict[str, Any]:
        """Return the wishes as plain values that decide the result."""
        wished = self.wishes.as_dict()
        if "gains" in wished:
            values = (gain.value for gain in self.wishes.gains)
            wished["gains"] = dict(zip(self.names, values, strict=True))
        return wished

    def heard(self) -> list[tuple[Query, GainWish]]:
        """Return the wishes that change anything where all instruments play."""
        counting = () if self.wishes.is_unity else audible(self.wishes.gains)
        return [pair for pair in zip(self.queries, self.wishes.gains, strict=True) if pair[1] in counting]

    def sharing(self, presence: Presence) -> list[tuple[str, GainWish]]:
        """Return the queries' names and wishes that share the bins of a recording: all, but for what does not play."""
        named = zip(self.names, self.wishes.gains, strict=True)
        return [(name, wish) for name, wish in named if self.wishes.even_if_absent or presence.plays(name)]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of `tracks`, what shall become of it, and the file that the remix shall be."""

    track: dict[str, Any]
    wanted: Wanted
    out_path: Path

    @property
    def fault(self) -> str:
        """What cannot be wished of the track, an empty text where all can be."""
        return self.wanted.wishes.fault(self.track["duration_s"])


def plan_queries(plan: RemixPlan, instruments: Sequence[str]) -> dict[str, Query]:
    """Return the query of each target of a plan; UsageError or MediaError for what cannot be."""
    others = dict.fromkeys(name for wishes in plan.variants() for name in who_hears(wishes.separator).instruments)
    known = list(dict.fromkeys([*instruments, *others]))
    queries = {target: asked(target, known) for target in plan.targets()}
    for wishes in plan.variants():
        wanted = wanted_of(wishes, queries)
        _check_heard(wanted, instruments)
    return queries


def _check_heard(wanted: Wanted, instruments: Sequence[str]) -> None:
    """Raise UsageError for an instrument that only another separator knows, and that is wished without it."""
    for query in wanted.queries:
        if query.picture is None and query.name not in (*instruments, *wanted.who.instruments):
            raise UsageError(
                f"The model does not know '{query.name}', and no separator is named for it"
                f"{f' by the rule {wanted.wishes.rule}' if wanted.wishes.rule else ''}. Name one, or take it out."
            )


def looked_at_plan(
    plan: RemixPlan, queries: Mapping[str, Query], separator: Callable[[], Separator]
) -> dict[str, Query]:
    """Return the queries of a plan's targets after a look at the pictures; see `tasks.queries.looked_at`.

    Raises UsageError for one that shows no instrument that is known, and is not wished even if unknown.
    """
    found = dict(zip(queries, looked_at(list(queries.values()), separator), strict=True))
    for wishes in plan.variants():
        check_known((found[wish.target] for wish in wishes.gains), even_if_unknown=wishes.even_if_unknown)
    return found


def wanted_of(wishes: TrackWishes, queries: Mapping[str, Query]) -> Wanted:
    """Return the wishes with their queries; UsageError where two of them are for one instrument."""
    own = tuple(queries[wish.target] for wish in wishes.gains)
    wanted = Wanted(wishes=wishes, queries=own, who=who_hears(wishes.separator) if own else OURS_ALONE)
    if len(set(wanted.names)) < len(wanted.names):
        named = ", ".join(wish.text for wish in wishes.gains)
        raise UsageError(f"One instrument has two gains in {named}; give each one.")
    return wanted


def writable(wishes: TrackWishes, written_as: str | None) -> TrackWishes:
    """Return wishes that can be written of a recording whose own format cannot: in that which it is `written_as`."""
    is_kept = written_as is None or wishes.format is not None or wishes.is_untouched
    return wishes if is_kept else replace(wishes, format=written_as)


def jobs_of(tracks: Sequence[dict[str, Any]], plan: RemixPlan, queries: Mapping[str, Query], out: Path) -> list[Job]:
    """Return what shall become of each row of `tracks`, in folders and under names like its own below `out`.

    Where another format would give two tracks one name, both keep their old suffix before the new one.
    """
    all_wishes = [
        writable(plan.for_track(t["track_path"], json.loads(t["tags_json"]), t["duration_s"]), t.get("written_as"))
        for t in tracks
    ]
    paths = _apart([track["track_path"] for track in tracks], [wishes.format for wishes in all_wishes])
    wanted = {wishes: wanted_of(wishes, queries) for wishes in all_wishes}
    return [
        Job(track=track, wanted=wanted[wishes], out_path=out / path)
        for track, wishes, path in zip(tracks, all_wishes, paths, strict=True)
    ]


def _apart(track_paths: Sequence[str], formats: Sequence[str | None]) -> list[str]:
    """Return the paths of remixes below their folder; those that would be alike get the new suffix after the old."""
    num_kept: Counter[int] = Counter()
    for _ in range(_MAX_ROUNDS):
        named = enumerate(zip(track_paths, formats, strict=True))
        paths = [_named(path, format_name, num_kept[i]) for i, (path, format_name) in named]
        times = Counter(map(_alike, paths))
        clashing = [i for i, path in enumerate(paths) if times[_alike(path)] > 1 and path != track_paths[i]]
        if not clashing:
            break
        num_kept.update(clashing)
    return paths


def _named(track_path: str, format_name: str | None, num_kept: int) -> str:
    """Return the path of a remix below its folder: the new suffix in the old one's place, or so many times after it."""
    if format_name is None:
        return track_path
    path, suffix = PurePosixPath(track_path), OUTPUT_FORMATS[format_name].suffix
    if path.suffix.lower() == suffix:
        return track_path
    return str(path.with_name(fitting_name(path.name if num_kept else path.stem, suffix * max(1, num_kept))))


def _alike(path: str) -> str:
    """Return the same for paths that some file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
