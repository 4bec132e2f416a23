"""Pictures of a recording for the page, each drawn once: its waveform; its spectrogram and masks by `spectra`."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np

from catalog.files import write_atomically
from catalog.ids import content_id
from desk.hearing import Masks
from desk.recordings import PLAYED_CHANNELS, Recording
from varemix.media.audio import AudioReader

_NUM_PEAKS = 2000
_BLOCK_SAMPLES = 1 << 17


class Views:
    """Draws each picture once; they lie in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def waveform(self, recording: Recording) -> bytes:
        """Return the peaks of a recording as JSON: lowest and highest sample of each of some 2000 stretches."""
        return self._drawn("waveform", recording, [], lambda: _waveform(recording))

    def rows_hz(self) -> list[float]:
        """Return the frequency of each row of spectrogram and masks, the highest first."""
        from desk import spectra

        return spectra.rows_hz()

    def spectrogram(self, recording: Recording) -> bytes:
        """Return the spectrogram as a greyscale PNG."""
        from desk import spectra

        return self._drawn("spectrogram", recording, [], lambda: spectra.spectrogram(recording))

    def mask(self, recording: Recording, masks: Masks) -> bytes:
        """Return what one mask takes as a greyscale PNG."""
        from desk import spectra

        heard = {"heard_by": masks.heard_by} if masks.heard_by else {}
        return self._drawn("mask", recording, list(masks.names), lambda: spectra.mask(recording, masks), **heard)

    def _drawn(
        self, what: str, recording: Recording, names: list[str], draw: Callable[[], bytes], **facts: str
    ) -> bytes:
        own = content_id(what, content=recording.row["content_digest"], names=names, **facts)
        with self._lock:
            lock = self._locks.setdefault(own, Lock())
        place = self._folder / own
        with lock:
            if not place.exists():
                write_atomically(place, draw())
            return place.read_bytes()


def _waveform(recording: Recording) -> bytes:
    step = max(1, -(-recording.num_samples // _NUM_PEAKS))
    lows, highs = [], []
    with AudioReader(recording.path) as reader:
        for block in reader.blocks(step * max(1, _BLOCK_SAMPLES // step)):
            starts = np.arange(0, block.shape[1], step)
            front = block[:PLAYED_CHANNELS]
            lows.append(np.minimum.reduceat(front.min(axis=0), starts))
            highs.append(np.maximum.reduceat(front.max(axis=0), starts))
    pairs = np.stack([np.concatenate(lows), np.concatenate(highs)], axis=1).clip(-1, 1)
    return json.dumps({"peaks": np.round(pairs, 3).tolist()}, separators=(",", ":")).encode()
