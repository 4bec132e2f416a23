"""Pictures of a recording for the page: its waveform, its spectrogram, and what masks take.

Spectrogram and masks share one grid: log-frequency rows, the highest first, and at most so many columns.
"""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image

from catalog.ids import content_id
from desk.hearing import Masks
from desk.recordings import PLAYED_CHANNELS, Recording
from varemix.media.audio import AudioReader
from varemix.remix.render import heard_blocks, num_heard_frames
from varemix.signal.frequency_grid import to_log_rows
from varemix.signal.spectrogram import HOP_SAMPLES, spectrum_of_cells

NUM_ROWS = 256
MAX_COLUMNS = 2000
_NUM_PEAKS = 2000
_FLOOR_DB = -75.0
_BLOCK_SAMPLES = 1 << 17
_BLOCK_FRAMES = 1024


class Views:
    """Draws each picture once; they lie in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def waveform(self, recording: Recording) -> bytes:
        """Return the peaks of a recording as JSON: lowest and highest sample of each of some 2000 stretches."""
        return self._drawn("waveform", recording, [], lambda: _waveform(recording))

    def spectrogram(self, recording: Recording) -> bytes:
        """Return the spectrogram as a greyscale PNG."""
        return self._drawn("spectrogram", recording, [], lambda: _spectrogram(recording))

    def mask(self, recording: Recording, masks: Masks) -> bytes:
        """Return what one mask takes as a greyscale PNG."""
        return self._drawn("mask", recording, list(masks.names), lambda: _mask(recording, masks))

    def _drawn(self, what: str, recording: Recording, names: list[str], draw: Callable[[], bytes]) -> bytes:
        own = content_id(what, content=recording.row["content_digest"], names=names)
        with self._lock:
            lock = self._locks.setdefault(own, Lock())
        place = self._folder / own
        with lock:
            if not place.exists():
                place.write_bytes(draw())
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


def _spectrogram(recording: Recording) -> bytes:
    powers = (spectrum_of_cells(cells).abs().square() for cells in _cell_blocks(heard_blocks(recording.path)))
    pooled = _pooled(powers, _num_frames(recording))
    level_db = 10 * np.log10(np.maximum(pooled, 1e-20))
    return _png((level_db - level_db.max()) / -_FLOOR_DB + 1)


def _mask(recording: Recording, masks: Masks) -> bytes:
    return _png(_pooled((torch.from_numpy(block[0]) for block in masks), _num_frames(recording)))


def _num_frames(recording: Recording) -> int:
    with AudioReader(recording.path) as reader:
        return num_heard_frames(reader.info)


def _pooled(blocks: Iterable[torch.Tensor], num_frames: int) -> np.ndarray:
    """Return the mean of values [F, T_b] that come in blocks over each cell of the grid [rows, columns]."""
    step = -(-num_frames // MAX_COLUMNS)
    num_columns = -(-num_frames // step)
    total = np.zeros((NUM_ROWS, num_columns))
    first = 0
    for block in blocks:
        rows = to_log_rows(block.float(), NUM_ROWS).numpy()[:, : num_frames - first]
        columns = (first + np.arange(rows.shape[1])) // step
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        if len(starts):
            total[:, columns[starts]] += np.add.reduceat(rows, starts, axis=1)
        first += rows.shape[1]
    counts = np.minimum(step, num_frames - step * np.arange(num_columns))
    return total / counts


def _cell_blocks(blocks: Iterable[np.ndarray]) -> Iterable[torch.Tensor]:
    """Yield stretches of cells of a signal [S_b] that its frames touch, zeros beyond the ends."""
    held = np.zeros(HOP_SAMPLES, dtype=np.float32)
    size = (_BLOCK_FRAMES + 1) * HOP_SAMPLES
    for block in blocks:
        held = np.concatenate([held, block.astype(np.float32, copy=False)])
        while len(held) >= size:
            yield torch.from_numpy(held[:size])
            held = held[_BLOCK_FRAMES * HOP_SAMPLES :]
    whole = -(-len(held) // HOP_SAMPLES) * HOP_SAMPLES + HOP_SAMPLES
    yield torch.from_numpy(np.pad(held, (0, whole - len(held))))


def _png(values: np.ndarray) -> bytes:
    """Return values 0..1 [rows, columns], the lowest row first, as a greyscale PNG, the highest row first."""
    levels = np.rint(values[::-1].clip(0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", compress_level=3)
    return file.getvalue()
