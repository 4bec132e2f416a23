"""What the page plays: the recording and what falls to each instrument, cut into segments of a few seconds.

They are cuts of one long rendering, or sound as if they were, so that they join without a seam; what is waited for is
cut first, from where the playhead stands on. They are FLAC files in a temporary folder, which goes when
the desk is closed. Of all that is rendered at once, the share of one instrument depends on who else is on the desk, and
on how unsure masks are read.
"""

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from catalog.errors import CatalogError
from catalog.ids import content_id
from desk.growing import HearingError
from desk.hearing import MARGIN_FRAMES, Hearing, Masks, first_frame_for
from desk.recordings import FULL_SCALE, Recording
from tasks.who_hears import OURS_ALONE, WhoHears
from varemix.errors import MediaError, VaremixError
from varemix.media.audio import AudioInfo, AudioReader, AudioWriter
from varemix.media.layouts import played
from varemix.remix.mask_exponent import PLAIN
from varemix.signal.grid import RATE_HZ

_MAX_RENDERINGS = 12  # at once, most of which wait for what is being heard
_RETRY_S = 10.0
_WAITED_S = 1.0  # whoever waits for a segment asks more often
_IDLE_S = 60.0  # a rendering that nobody listens to for so long is given up
_MAX_CACHE_BYTES = 4 * 2**30


@dataclass(frozen=True, kw_only=True)
class Company:
    """Who is on the desk together, by the names of their masks, who separates them, and how unsure masks are read.

    Nobody is the original.

    Those that are `moved` have a gain, which below a mask exponent of 1 decides what falls to each; see `claims`.
    """

    names: tuple[str, ...] = ()
    mask_exponent: float = PLAIN
    moved: frozenset[str] = frozenset()
    who: WhoHears = OURS_ALONE

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        mask_exponent: float = PLAIN,
        moved: Sequence[str] = (),
        who: WhoHears = OURS_ALONE,
    ) -> "Company":
        """Return the same for the same company, in whatever order."""
        counting = frozenset(moved if mask_exponent < PLAIN else ())
        return cls(names=tuple(sorted(set(names))), mask_exponent=mask_exponent, moved=counting, who=who)

    def content_id(self, recording: Recording) -> str:
        """Return what tells its segments of a recording from others."""
        read: dict[str, Any] = {"heard_by": self.who.heard_by} if self.who.others else {}
        if self.mask_exponent != PLAIN:
            read |= {"exponent": self.mask_exponent, "moved": sorted(self.moved)}
        return content_id("segments", content=recording.row["content_digest"], names=list(self.names), **read)


class Rendering:
    """The segments of one recording for those who are on the desk, of the original where nobody is."""

    def __init__(self, recording: Recording, company: Company, masks: Masks | None, folder: Path) -> None:
        self.recording = recording
        self.company = company
        self.names = company.names
        self.num_bytes = 0
        self.reason = ""
        self.is_over = False
        self.over_at = 0.0
        self.asked_at = time.monotonic()
        self.folder = folder
        self._masks = masks
        self._ready: set[int] = set()
        self._asked: dict[int, float] = {}

    @property
    def is_to_be_tried_again(self) -> bool:
        """Whether it was given up, or failed a while ago."""
        if not self.is_over or len(self._ready) == self.recording.num_segments:
            return False
        return not self.reason or time.monotonic() - self.over_at > _RETRY_S

    def has(self, number: int) -> bool:
        """Return whether a segment can be had; of the original, one that cannot yet is made next."""
        if number in self._ready:
            return True
        self._asked[number] = time.monotonic()
        return False

    def place(self, name: str, number: int) -> Path:
        """Return the file of a segment."""
        where = self.names.index(name) if self.names else 0
        return self.folder / f"{where}-{number}.flac"

    def run(self, writers: ThreadPoolExecutor) -> None:
        """Render all segments: shares one after the other, of the original first those that are waited for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._masks is None:
            self._run_original(writers)
        else:
            self._run_shares(self._masks, writers)

    def _run_original(self, writers: ThreadPoolExecutor) -> None:
        length = self.recording.segment_samples
        whole = range(self.recording.num_segments)  # those before what is damaged
        number = 0
        damage: MediaError | None = None
        with AudioReader(self.recording.path) as reader:
            while (missing := self._next(whole, number)) is not None and not self._is_idle:
                number = missing
                try:
                    samples = reader.read(number * length, length)
                except MediaError as error:
                    damage, whole, number = error, whole[:number], 0
                else:
                    self._write(number, played(samples, reader.info.channel_layout)[None], writers)
        if damage:
            raise damage

    def _next(self, whole: Sequence[int], number: int) -> int | None:
        """Return the first segment that is waited for, or else the next missing one from `number` on, round the end."""
        now = time.monotonic()
        waited = sorted(asked for asked, when in [*self._asked.items()] if now - when < _WAITED_S and asked in whole)
        onwards = sorted(whole, key=lambda one: (one < number, one))
        return next((one for one in [*waited, *onwards] if one not in self._ready), None)

    @property
    def _is_idle(self) -> bool:
        return time.monotonic() - self.asked_at > _IDLE_S

    def _run_shares(self, masks: Masks, writers: ThreadPoolExecutor) -> None:
        """Cut shares: first those that are waited for, of what is heard."""
        number = 0
        while len(self._ready) < self.recording.num_segments and not self._is_idle:
            waited = self._next(self._missing(masks), number)
            if waited is None:
                masks.wait()
            else:
                number = self._cut_from(waited, masks, writers)

    def _cut_from(self, number: int, masks: Masks, writers: ThreadPoolExecutor) -> int:
        """Cut one segment after the other until another one is waited for, or the next is there or is not heard yet.

        Returns the next one.
        """
        from varemix.remix.stems import share_blocks  # with PyTorch: playing the original does without

        exponent = self.company.mask_exponent
        moved = [self.names.index(name) for name in sorted(self.company.moved)]
        length, rate_hz, grid = self.recording.segment_samples, self.recording.rate_hz, masks.grid
        first_frame = first_frame_for(number * length, rate_hz, grid)
        skipped = number * length - first_frame * grid.hop_samples * rate_hz // RATE_HZ
        held: list[np.ndarray] = []
        num_held = -skipped
        heard = masks.from_frame(first_frame)
        for _, block in share_blocks(
            self.recording.path, heard, grid, mask_exponent=exponent, moved=moved, first_frame=first_frame
        ):
            held.append(block[..., max(0, min(-num_held, block.shape[-1])) :])
            num_held += block.shape[-1]
            while num_held >= length or (num_held > 0 and number * length + num_held == self.recording.num_samples):
                signals = np.concatenate(held, axis=-1)
                self._write(number, signals[..., :length], writers)
                held, num_held = [signals[..., length:]], num_held - min(length, num_held)
                number += 1
                missing = self._missing(masks)
                if self._is_idle or number not in missing or self._next(missing, number) != number:
                    return number
        return number

    def _missing(self, masks: Masks) -> list[int]:
        """Return the segments that are not cut, and can be: whose masks are there, and those around them."""
        grid = masks.grid  # which waits for the first of them
        heard, length, rate_hz = masks.stretches, self.recording.segment_samples, self.recording.rate_hz
        length_frames = length * RATE_HZ / rate_hz / grid.hop_samples
        return [
            number
            for number in range(self.recording.num_segments)
            if number not in self._ready
            and any(
                first <= first_frame_for(number * length, rate_hz, grid)
                and (number + 1) * length_frames + MARGIN_FRAMES <= end
                for first, end in heard
            )
        ]

    def _write(self, number: int, signals: np.ndarray, writers: ThreadPoolExecutor) -> None:
        """Write a segment [N, C, S_b] of each name, or of the original [1, C, S_b]."""
        places = [self.folder / f"{where}-{number}.flac" for where in range(len(signals))]
        rates = [self.recording.rate_hz] * len(places)
        self.num_bytes += sum(writers.map(_write_segment, places, signals, rates))
        self._ready.add(number)
        self._asked.pop(number, None)


class Segments:
    """All renderings, each made once for all who ask, the longest unheard removed when they take too much room."""

    def __init__(self, hearing: Hearing, folder: Path) -> None:
        self._hearing = hearing
        self._folder = folder
        self._renderings: dict[str, Rendering] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(_MAX_RENDERINGS, thread_name_prefix="rendering")
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="segment")

    def rendering(self, recording: Recording, company: Company) -> Rendering | None:
        """Return the rendering for a company, begun if need be; None where some were not asked to be heard.

        Of nobody it is of the original. Raises DeskError where they could not be heard.
        """
        wanted, own = company.names, company.content_id(recording)
        with self._lock:
            known = self._renderings.get(own)
        if known and not known.is_to_be_tried_again:
            known.asked_at = time.monotonic()
            return known
        masks = self._hearing.masks(recording, wanted, who=company.who) if wanted else None
        if wanted and masks is None:
            return None
        with self._lock:
            begun = self._renderings.get(own)
            if begun is not None and begun is not known:  # somebody else came first
                return begun
            self._renderings[own] = new = Rendering(recording, company, masks, self._folder / own)
            self._make_room()
        self._pool.submit(self._run, new)
        return new

    def close(self) -> None:
        """Give up what is being rendered."""
        with self._lock:
            for rendering in self._renderings.values():
                rendering.asked_at = -_IDLE_S
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._writers.shutdown(wait=True)

    def _run(self, rendering: Rendering) -> None:
        try:
            rendering.run(self._writers)
        except (VaremixError, CatalogError, HearingError, OSError) as error:
            rendering.reason = str(error)
        except Exception as error:  # noqa: BLE001 - a rendering that breaks must not leave its listeners waiting
            rendering.reason = f"{type(error).__name__}: {error}"
        rendering.over_at = time.monotonic()
        rendering.is_over = True

    def _make_room(self) -> None:
        """Remove the renderings that were not asked for the longest, while all take too much room."""
        over = sorted((r for r in self._renderings.items() if r[1].is_over), key=lambda item: item[1].asked_at)
        num_bytes = sum(rendering.num_bytes for rendering in self._renderings.values())
        for own, rendering in over:
            if num_bytes <= _MAX_CACHE_BYTES:
                return
            num_bytes -= rendering.num_bytes
            del self._renderings[own]
            shutil.rmtree(rendering.folder, ignore_errors=True)


def _write_segment(path: Path, samples: np.ndarray, rate_hz: int) -> int:
    """Write samples [C, S] and return how many bytes they take."""
    info = AudioInfo(
        container="FLAC",
        subtype="PCM_24",
        rate_hz=rate_hz,
        num_channels=samples.shape[0],
        num_samples=samples.shape[1],
    )
    with AudioWriter(path, info) as writer:
        writer.write(samples / FULL_SCALE)
    return path.stat().st_size
