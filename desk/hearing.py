"""Hearing while somebody waits: one job a recording, who hears it, and what is asked of it, shared by all who ask.

The masks end in the catalog as the batch would store them. The instruments that the checkpoint knows are heard all at
once, since the network hears a recording once whatever the number of pictures: a further one is there at once then.
Who hears what is said with all that is asked: masks of others than those do not serve.
"""

import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.errors import CatalogError
from catalog.masks import MaskReader
from catalog.store import Catalog
from desk.errors import DeskError
from desk.growing import GrowingMasks, HearingError, joined
from desk.recordings import SEGMENT_S, Recording
from tasks.heard_anywhere import write_heard_anywhere
from tasks.mask_file import grid_of, write_heard
from tasks.presence import presence_of
from tasks.queries import Query
from tasks.stored_masks import covering, heard_row, stored_masks
from tasks.who_hears import WhoHears
from varemix.errors import VaremixError
from varemix.media.programs import end_programs_of
from varemix.signal.grid import RATE_HZ, Grid

if TYPE_CHECKING:
    from varemix.model.any_order import AnyOrder

MARGIN_FRAMES = 48
"""Frames around those that are cut that have a part in how they sound: by smoothing, windows and resampling."""

_MAX_JOBS = 64
_CLOSING_S = 0.2
_ANY_ORDER_S = 3600.0


def first_frame_for(sample: int, rate_hz: int, grid: Grid) -> int:
    """Return the first frame of masks that are needed to cut a recording from a sample at its own rate on."""
    from varemix.remix.stems import frame_before  # with PyTorch: playing the original does without

    margin = MARGIN_FRAMES * grid.hop_samples * rate_hz // RATE_HZ
    return frame_before(max(0, sample - margin), rate_hz, grid)


@dataclass(kw_only=True)
class _Job:
    recording: Recording
    who: WhoHears
    queries: list[Query]
    growing: GrowingMasks
    started: float | None = None
    thread_id: int | None = None  # that hears it
    told_share: float | None = None  # how far others say that they are, before there are masks
    place_s: float = 0.0  # where somebody listens
    reason: str = ""
    done: Future[None] = field(default_factory=Future)

    @property
    def names(self) -> set[str]:
        return {query.name for query in self.queries}

    @property
    def is_running(self) -> bool:
        return not self.done.done()

    def is_of(self, recording: Recording, who: WhoHears | None = None) -> bool:
        """Return whether it hears what a recording holds, by those or, where nobody is named, by whomever."""
        is_same = self.recording.row["content_digest"] == recording.row["content_digest"]
        return is_same and (who is None or self.who.heard_by == who.heard_by)

    def take_told(self, share: float) -> None:
        """Take note of how far others are, from any thread; the time that masks take counts from then on."""
        self.told_share, self.started = share, time.monotonic()

    def seconds_left(self) -> float | None:
        share = self.growing.share_heard
        if self.started is None or not share:
            return None
        return (time.monotonic() - self.started) * (1 - share) / share

    def state(self) -> dict[str, Any]:
        """Return what the page is told of all that it hears."""
        heard, num_frames = self.growing.share_heard, max(1, self.growing.num_frames)
        state = _state("failed", reason=self.reason) if self.reason else _state("hearing", progress=heard)
        if self.is_running and (left := self.seconds_left()) is not None:
            state["seconds_left"] = round(left, 1)
        elif self.is_running and self.told_share is not None:
            state["separators"] = {"names": sorted({*self.who.named.values()}), "share": round(self.told_share, 3)}
        state["heard"] = [[round(edge / num_frames, 4) for edge in stretch] for stretch in self.growing.stretches]
        return state


@dataclass(frozen=True)
class Masks:
    """The masks of a recording by name, to be gone through as often as they are needed; `heard_by` see `WhoHears`."""

    source: Path | GrowingMasks
    names: Sequence[str]
    heard_by: str | None = None

    @property
    def are_whole(self) -> bool:
        """Whether nobody would wait for them."""
        return not isinstance(self.source, GrowingMasks) or self.source.share_heard == 1

    @property
    def grid(self) -> Grid:
        """The grid that they lie on."""
        if isinstance(self.source, GrowingMasks):
            return self.source.grid
        with MaskReader(self.source) as reader:
            return grid_of(reader.header)

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """What is there without waiting: the first frame of each stretch and the one after its last."""
        if self.are_whole or not isinstance(self.source, GrowingMasks):
            return [(-math.inf, math.inf)]
        if not self.source.num_frames:
            return []
        ends = (-math.inf, 0), (self.source.num_frames, math.inf)  # nothing is missing there
        return joined([ends[0], *self.source.stretches, ends[1]])

    def wait(self) -> None:
        """Wait until more of them are there, or a while."""
        if isinstance(self.source, GrowingMasks):
            self.source.wait()

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.from_frame(0)

    def from_frame(self, first_frame: int) -> Iterator[np.ndarray]:
        """Yield the masks [N, R, T_b] from a frame on."""
        if isinstance(self.source, GrowingMasks):
            yield from self.source.blocks(self.names, first_frame)
            return
        num_left = first_frame
        with MaskReader(self.source) as reader:
            for block in reader.blocks(self.names):
                if num_left < block.shape[-1]:
                    yield block[..., num_left:]
                num_left = max(0, num_left - block.shape[-1])


class Hearing:
    """Hears recordings, one after the other, and knows what has been heard; the checkpoint knows `instruments`.

    Those that others hear too, who may take minutes, wait for one another, and nobody waits for them.
    """

    def __init__(self, catalog: Catalog, checkpoint_id: str, instruments: Sequence[str], folder: Path) -> None:
        self._catalog = catalog
        self._checkpoint_id = checkpoint_id
        self._instruments = tuple(instruments)
        self._folder = folder
        self._ours, self._others = (ThreadPoolExecutor(1, thread_name_prefix="hearing") for _ in range(2))
        self._jobs: list[_Job] = []
        self._stored: dict[tuple[str, str | None], list[dict[str, Any]]] = {}  # by content, and who heard it
        self._lock = Lock()
        self._is_closing = False

    def ask(
        self, recording: Recording, queries: Sequence[Query], *, who: WhoHears, place_s: float = 0.0
    ) -> Future[None]:
        """Have these heard in a recording, first from `place_s` on; the future ends when they are.

        Those stored or being heard are not heard again.
        """
        names = {query.name for query in queries}
        if self.row(recording, names, who=who) or self.row(recording, names, who=who, is_anew=True):
            done: Future[None] = Future()
            done.set_result(None)
            return done
        with self._lock:
            for job in self._of(recording, who):
                if names <= job.names and not job.reason:
                    return job.done
            if sum(job.is_running for job in self._jobs) >= _MAX_JOBS:
                raise DeskError(503, "The desk has too much to analyse already. Wait a while.", {"Retry-After": "10"})
            self._jobs = [job for job in self._jobs if job.is_running or not job.is_of(recording, who)]
            wanted = {query.name: query for query in [*map(_named, self.instruments(who)), *queries]}
            job = _Job(
                recording=recording,
                who=who,
                queries=list(wanted.values()),
                growing=GrowingMasks([*wanted], self._folder),
                place_s=place_s,
            )
            self._jobs.append(job)
            (self._others if who.others else self._ours).submit(self._hear, job)
            return job.done

    def listen_at(self, recording: Recording, place_s: float) -> None:
        """Say where somebody listens: what is heard of a recording goes on from there."""
        with self._lock:
            for job in self._jobs:
                if job.is_of(recording):
                    job.place_s = place_s

    def instruments(self, who: WhoHears) -> tuple[str, ...]:
        """Return the instruments that the checkpoint knows, and those that only others hear."""
        return tuple(dict.fromkeys([*self._instruments, *who.instruments]))

    def masks(self, recording: Recording, names: Sequence[str], *, who: WhoHears) -> Masks | None:
        """Return the masks of these names, also those that are being heard; None where nobody asked for them.

        Raises DeskError where they could not be heard.
        """
        if row := self.row(recording, set(names), who=who):
            return Masks(self.file_of(row), names, who.heard_by)
        with self._lock:
            jobs = [job for job in self._of(recording, who) if set(names) <= job.names]
        if jobs and jobs[-1].reason:
            raise DeskError(422, jobs[-1].reason)
        return Masks(jobs[-1].growing, names, who.heard_by) if jobs else None

    def row(
        self, recording: Recording, names: set[str], *, who: WhoHears, is_anew: bool = False
    ) -> dict[str, Any] | None:
        """Return the row of stored masks of all these, None where there is none."""
        rows = [row for row in self._standing(recording, who, is_anew=is_anew) if names <= set(row["queries"])]
        there = (row for row in rows if self._catalog.home.holds(row["path"]))
        return next(there, None)

    def file_of(self, row: Mapping[str, Any]) -> Path:
        """Return the file of stored masks, brought here if it lies in a bucket. Raises HomeError where it is gone."""
        return self._catalog.home.fetched(row["path"], row["digest"])

    def _standing(self, recording: Recording, who: WhoHears, *, is_anew: bool = False) -> list[dict[str, Any]]:
        """Return the rows of stored masks that serve, as they were when they were looked at last."""
        own = recording.row["content_digest"], who.heard_by
        if is_anew or own not in self._stored:
            rows = stored_masks(self._catalog, self._checkpoint_id, own[:1])
            standing = [row for row in rows if covering(self._catalog, [row], recording.row, [], heard_by=own[1])]
            self._stored[own] = standing
        return self._stored[own]

    def stored_by_content(self, digests: Iterable[str | None], who: WhoHears) -> dict[str, list[str]]:
        """Return by the digests of contents which targets have stored masks."""
        stored: dict[str, list[str]] = {}
        for row in stored_masks(self._catalog, self._checkpoint_id, [digest for digest in digests if digest]):
            if row["heard_by"] != who.heard_by:
                continue
            names = stored.setdefault(row["content_digest"], [])
            names += [name for name in row["queries"] if name not in names]
        return stored

    def states(self, recording: Recording, who: WhoHears) -> dict[str, dict[str, Any]]:
        """Return by target what the page is told: all known instruments, and pictures that were asked for."""
        states = {name: _state("none") for name in self.instruments(who)}
        with self._lock:
            jobs = self._of(recording, who)
        for job in jobs:
            states |= dict.fromkeys(job.names, job.state())
        for row in self._standing(recording, who):
            presence = presence_of(row)
            for name, share_db in presence.shares_db.items():
                plays = presence.plays(name)
                state = _state("stored" if plays else "absent_seeming", progress=1.0)
                state |= {"presence_db": round(share_db, 1), "does_seem_to_play": plays}
                states[name] = state | {"heard": [[0, 1]]}
        return states

    def close(self) -> None:
        """Stop; what is being heard is given up, and programs that hear are ended."""
        self._is_closing = True
        for pool in (self._ours, self._others):
            pool.shutdown(wait=False, cancel_futures=True)
        for job in list(self._jobs):
            while job.thread_id is not None and wait([job.done], _CLOSING_S).not_done:
                end_programs_of(job.thread_id)
        for pool in (self._ours, self._others):
            pool.shutdown(wait=True)
        for job in self._jobs:
            job.growing.close("The desk was closed.")

    def _of(self, recording: Recording, who: WhoHears) -> list[_Job]:
        return [job for job in self._jobs if job.is_of(recording, who)]

    def _hear(self, job: _Job) -> None:
        job.started, job.thread_id = time.monotonic(), get_ident()
        try:
            self._check_open()
            row = heard_row(
                self._catalog,
                dict(job.recording.row),
                self._checkpoint_id,
                job.queries,
                who=job.who,
                write=self._write(job),
            )
            if row["status"] == "ready":
                self._catalog.merge("masks", [row])
            job.reason = row.get("reason") or ""
            self._standing(job.recording, job.who, is_anew=True)
        except (HearingError, VaremixError, CatalogError, OSError) as error:
            job.reason = str(error)
        except Exception as error:  # noqa: BLE001 - a job that breaks must not leave its listeners waiting
            job.reason = f"{type(error).__name__}: {error}"
        job.growing.close(job.reason)
        with self._lock:
            self._jobs = [other for other in self._jobs if other is not job or job.reason]
        job.done.set_result(None)

    def _check_open(self) -> None:
        if self._is_closing:
            raise HearingError("The desk was closed.")

    def _write(self, job: _Job) -> Any:
        """Return what hears a job: from where somebody listens on, unless the recording is too long for that."""

        def heed(header: Any, masks: np.ndarray, first_frame: int | None = None) -> None:
            self._check_open()
            job.growing.add(header, masks, first_frame)

        def choose(missing: Collection[int], order: "AnyOrder") -> int:
            played = int(job.place_s // SEGMENT_S) * job.recording.segment_samples
            wanted = order.window_at(first_frame_for(played, job.recording.rate_hz, order.grid))
            return min(missing, key=lambda window: (window < wanted, window))

        if job.recording.row["duration_s"] > _ANY_ORDER_S:
            return partial(write_heard, watch=heed, tell=job.take_told)
        stored = partial(job.growing.blocks, job.growing.names)
        return partial(write_heard_anywhere, choose=choose, heed=heed, stored=stored, tell=job.take_told)


def _named(name: str) -> Query:
    return Query(name=name)


def _state(state: str, *, progress: float = 0.0, reason: str = "") -> dict[str, Any]:
    return {
        "state": state,
        "progress": round(progress, 3),
        "seconds_left": None,
        "separators": None,
        "presence_db": None,
        "does_seem_to_play": None,
        "heard": [],
        "reason": reason,
    }
