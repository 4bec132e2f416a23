"""Spectrogram and masks of a recording, drawn. They need PyTorch, which the desk loads last.

Both share one picture, whatever grids they lie on: log-frequency rows, the highest first, and at most so many columns.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import torch
from PIL import Image

from desk.hearing import Masks
from desk.recordings import Recording
from varemix.media.audio import AudioInfo, AudioReader
from varemix.remix.heard import heard_blocks, num_heard_samples
from varemix.signal.frequency_grid import power_on_rows, to_bins, to_log_rows
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.spectrogram import num_touched_cells, spectrum_of_cells
from varemix.signal.streams import side_by_side

NUM_ROWS = 256
MAX_COLUMNS = 2000
_FLOOR_DB = -75.0
_BLOCK_FRAMES = 1024
_LEAST_COLUMN_SAMPLES = 512
_OF_GROUPS = 4  # axes of masks [N, G, R, T]
_SHOWN_GRID = PAPER_GRID  # short windows show when a note begins


def spectrogram(recording: Recording) -> bytes:
    """Return the spectrogram of a recording as a greyscale PNG."""
    cells = _cell_blocks(heard_blocks(recording.path), _SHOWN_GRID)
    powers = (spectrum_of_cells(stretch, _SHOWN_GRID).abs().square().mean(dim=0) for stretch in cells)
    level_db = 10 * np.log10(np.maximum(_pooled(powers, _SHOWN_GRID, _num_samples(recording)), 1e-20))
    return _png((level_db - level_db.max()) / -_FLOOR_DB + 1)


def rows_hz() -> list[float]:
    """Return the frequency of each row of the pictures, the highest first."""
    bins = torch.from_numpy(_SHOWN_GRID.bins_hz)[:, None]
    return [round(float(frequency), 1) for frequency in to_log_rows(bins, NUM_ROWS)[:, 0].flip(0)]


def mask(recording: Recording, masks: Masks) -> bytes:
    """Return what one mask takes as a greyscale PNG."""
    grid = masks.grid
    bins = (to_bins(torch.from_numpy(_of_all(block[0])), grid) for block in masks)
    return _png(_pooled(bins, grid, _num_samples(recording)))


def _of_all(mask: np.ndarray) -> np.ndarray:
    """Return one mask [R, T] of a recording, of several groups of channels [G, R, T] the largest at each place."""
    return mask if mask.ndim == 2 else mask.max(axis=0)


def with_power(recording: Recording, masks: Masks) -> Iterator[list[np.ndarray]]:
    """Return the masks of a recording [N, R, T_b] block by block, each with the mix's power [R, T_b] behind it.

    Of several groups of channels, or of each channel, they are [N, G, R, T_b], with the power [G, R, T_b] of each.
    """
    grid, blocks = masks.grid, iter(masks)
    first = next(blocks)
    is_of_channels = first.ndim == _OF_GROUPS and first.shape[1] != len(_info(recording).groups)
    cells = _cell_blocks(heard_blocks(recording.path, apart=is_of_channels), grid)
    powers = (power_on_rows(spectrum_of_cells(stretch, grid).abs().square(), grid).numpy() for stretch in cells)
    return side_by_side(chain([first], blocks), (each if len(each) > 1 else each[0] for each in powers))


def _num_samples(recording: Recording) -> int:
    return num_heard_samples(_info(recording))


def _info(recording: Recording) -> AudioInfo:
    with AudioReader(recording.path) as reader:
        return reader.info


def _pooled(blocks: Iterable[torch.Tensor], grid: Grid, num_samples: int) -> np.ndarray:
    """Return the mean of values [F, T_b] that come in blocks over each cell of the picture [rows, columns].

    Columns are evenly spaced in time, whatever the grid; one between two frames shows the frame before.
    """
    num_columns = min(MAX_COLUMNS, 1 + num_samples // _LEAST_COLUMN_SAMPLES)
    total, counts = np.zeros((NUM_ROWS, num_columns)), np.zeros(num_columns)
    first, num_frames = 0, grid.num_frames(num_samples)
    for block in blocks:
        rows = to_log_rows(block.float(), NUM_ROWS).numpy()[:, : num_frames - first]
        columns = (first + np.arange(rows.shape[1])) * grid.hop_samples * num_columns // (num_samples + 1)
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        if len(starts):
            total[:, columns[starts]] += np.add.reduceat(rows, starts, axis=1)
            counts += np.bincount(columns, minlength=num_columns)
        first += rows.shape[1]
    shown = np.maximum.accumulate(np.where(counts > 0, np.arange(num_columns), 0))
    return (total / np.maximum(counts, 1))[:, shown]


def _cell_blocks(blocks: Iterable[np.ndarray], grid: Grid) -> Iterable[torch.Tensor]:
    """Yield stretches of a signal [G, S_b] that so many of its frames touch, zeros beyond the ends."""
    hop = grid.hop_samples
    held: np.ndarray = np.zeros((1, grid.reach_hops * hop), dtype=np.float32)
    size = num_touched_cells(_BLOCK_FRAMES, grid) * hop
    for block in blocks:
        held = np.broadcast_to(held, (len(block), held.shape[-1]))  # the silence before
        held = np.concatenate([held, block.astype(np.float32, copy=False)], axis=-1)
        while held.shape[-1] >= size:
            yield torch.from_numpy(held[:, :size])
            held = held[:, _BLOCK_FRAMES * hop :]
    num_left = grid.num_frames(held.shape[-1] - grid.reach_hops * hop)
    missing = num_touched_cells(num_left, grid) * hop - held.shape[-1]
    yield torch.from_numpy(np.pad(held, ((0, 0), (0, missing))))


def _png(values: np.ndarray) -> bytes:
    """Return values 0..1 [rows, columns], the lowest row first, as a greyscale PNG, the highest row first."""
    levels = np.rint(values[::-1].clip(0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", compress_level=3)
    return file.getvalue()
