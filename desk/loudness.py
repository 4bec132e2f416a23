"""How loud a recording and a mix of it are, so that they can be compared at equal loudness; each is measured once."""

import math
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.ids import content_id
from catalog.masks import MaskReader
from desk.errors import not_yet
from desk.hearing import Hearing
from desk.recordings import Recording
from tasks.mask_file import grid_of
from tasks.remix_file import WatchedMasks
from tasks.wishes import Wanted

_MAX_KEPT = 1_000


class Loudness:
    """Measures mixes, one after the other, and keeps what it found."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._found: dict[str, dict[str, float | None]] = {}
        self._lock = Lock()

    def told(self, recording: Recording, wanted: Wanted) -> dict[str, float | None]:
        """Return the integrated loudness before and after in LUFS, None where there is none.

        Raises DeskError while the instruments are not heard to the end.
        """
        made_of = {"wishes": wanted.as_dict(), "heard_by": wanted.who.heard_by}
        own = content_id("loudness", content=recording.row["content_digest"], **made_of)
        with self._lock:
            if own not in self._found:
                found = self._measured(recording, wanted)
                if len(self._found) >= _MAX_KEPT:
                    self._found.clear()
                self._found[own] = found
            return self._found[own]

    def _measured(self, recording: Recording, wanted: Wanted) -> dict[str, float | None]:
        from varemix.remix.render import remix_loudness_lufs  # with PyTorch, which is loaded last
        from varemix.signal.grid import PAPER_GRID

        wishes = wanted.wishes
        if wishes.is_unity:
            return _finite(*remix_loudness_lufs(recording.path, (), (), PAPER_GRID))
        row = self._hearing.row(recording, set(wanted.names), who=wanted.who)
        if row is None:
            raise not_yet("The loudness")
        with MaskReader(Path(self._hearing.file_of(row))) as reader:
            masks = WatchedMasks(reader, wanted.names)
            settings = {"smoothing_s": wishes.smoothing_s, "mask_exponent": wishes.mask_exponent}
            grid = grid_of(reader.header)
            return _finite(*remix_loudness_lufs(recording.path, masks, wishes.gains, grid, **settings))


def _finite(before_lufs: float | None, after_lufs: float | None) -> dict[str, Any]:
    levels = {"before_lufs": before_lufs, "after_lufs": after_lufs}
    return {name: level if level is not None and math.isfinite(level) else None for name, level in levels.items()}
