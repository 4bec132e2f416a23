"""How deep a mute will be in a recording, told beside each instrument: measured from its masks, once they are whole."""

from dataclasses import asdict
from threading import Lock
from typing import Any

from desk.hearing import Masks
from desk.recordings import Recording
from varemix.remix.mute_depth import DepthMeter, DepthTable, MuteDepth
from varemix.weights import MUTE_DEPTH


class Depths:
    """Measures each instrument of a recording once, and keeps what it found."""

    def __init__(self) -> None:
        self._table = DepthTable(MUTE_DEPTH)
        self._found: dict[tuple[str, str | None, str], list[MuteDepth]] = {}
        self._lock = Lock()

    def told(self, recording: Recording, masks: Masks) -> dict[str, list[dict[str, float]]]:
        """Return by name what a mute does at each exponent: to the instrument and to the rest, in dB."""
        own = recording.row["content_digest"], masks.heard_by
        with self._lock:
            missing = [name for name in masks.names if (*own, name) not in self._found]
            if missing:
                measured = _measured(recording, Masks(masks.source, missing)).certain_db()
                for place, name in enumerate(missing):
                    self._found[*own, name] = self._table.expected(measured[:, place])
        return {name: [_rounded(depth) for depth in self._found[*own, name]] for name in masks.names}


def _measured(recording: Recording, masks: Masks) -> DepthMeter:
    from desk import spectra  # with PyTorch, which is loaded last

    meter = DepthMeter(len(masks.names))
    for block, power in spectra.with_power(recording, masks):
        meter.add(block, power)
    return meter


def _rounded(depth: MuteDepth) -> dict[str, Any]:
    return {name: round(value, 2) for name, value in asdict(depth).items()}
