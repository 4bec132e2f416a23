"""What is changed in the spectra of sources before they are mixed: colour, room, highs, and a little noise.

The numbers are drawn for each example by its own generator; the changes are made for a batch at once, on the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from varemix.signal.grid import RATE_HZ, Grid
from varemix.training.recipe import Augmentation

_WAVES_PER_RANGE = np.array([0.5, 1.0, 1.5, 2.5, 4.0])  # how often each part of a filter swings over the range
_STRENGTHS = np.array([1.0, 1.0, 0.7, 0.7, 0.3])
_LOWEST_HZ = 60.0
_LOW_PASS_HZ = (4_000.0, 14_000.0)
_DB_PER_OCTAVE_ABOVE = 120.0
_ECHOES_S = 0.093  # a room and what it repeats
_DECAY_S = (0.15, 0.9)
_WET_DB = (-14.0, -4.0)
_NOISE_DB = (-100.0, -54.0)
_NOISE_S = 23.777  # 2,048 frames of the paper's
_WIDEST_HIDDEN = 0.12  # of the rows, or of the frames


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of one example: gains [N, F]; echoes [F, J] of some sources; noise as a level and a first frame.

    `hidden` are bands and spans of the mix that are not heard: axis (0 rows, 1 frames), first and last as shares of it.
    """

    gains: np.ndarray
    echoes: dict[int, np.ndarray]
    noise: tuple[float, int]
    hidden: tuple[tuple[int, float, float], ...]


def draw_changes(change: Augmentation, grid: Grid, num_sources: int, draw: np.random.Generator) -> Changes:
    """Return the changes of one example of N sources, for spectra of a grid."""
    gains_db = np.stack([_draw_equaliser_db(change, grid, draw) for _ in range(num_sources)])
    echoes = {place: _draw_echoes(grid, draw) for place in range(num_sources) if draw.random() < change.room_share}
    has_noise = draw.random() < change.noise_share
    level = 10 ** (draw.uniform(*_NOISE_DB) / 20) if has_noise else 0.0
    is_hidden = draw.random() < change.hidden_share
    return Changes(
        gains=(10 ** (gains_db / 20)).astype(np.float32),
        echoes=echoes,
        noise=(level, int(draw.integers(2**31))),
        hidden=tuple(_draw_hidden(axis, draw) for axis in (0, 0, 1, 1)) if is_hidden else (),
    )


def changed(spectra: Tensor, changes: Sequence[Changes]) -> Tensor:
    """Return spectra [B, N, F, T] coloured and echoing; may work in place."""
    gains = torch.from_numpy(np.stack([change.gains for change in changes])).to(spectra.device)
    spectra = spectra * gains[..., None]
    for example, change in enumerate(changes):
        for source, echoes in change.echoes.items():
            spectra[example, source] = _echoing(spectra[example, source], torch.from_numpy(echoes).to(spectra.device))
    return spectra


def with_hidden(heard: Tensor, changes: Sequence[Changes]) -> Tensor:
    """Return what is heard of the mixes, [B, L, T], some bands and spans set to the mix's mean (Park et al. 2019)."""
    for example, change in enumerate(changes):
        mean = heard[example].mean()
        for axis, first, last in change.hidden:
            size = heard.shape[1 + axis]
            heard[example].narrow(axis, int(first * size), int(last * size) - int(first * size)).fill_(mean)
    return heard


class Noise:
    """White noise, the same for a seed, of which each mix gets another stretch: spectra [B, F, T]."""

    def __init__(self, seed: int, grid: Grid, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        shape = grid.num_bins, grid.frames_in(_NOISE_S)
        spectrum = torch.randn(*shape, dtype=torch.complex64, generator=generator)
        self._spectrum = (spectrum * math.sqrt(grid.window_samples * 3 / 8)).to(device)

    def of(self, changes: Sequence[Changes], num_frames: int) -> Tensor:
        """Return each example's noise; RMS 1 is 0 dBFS."""
        stretches = []
        for level, place in (change.noise for change in changes):
            first = place % (self._spectrum.shape[1] - num_frames + 1)
            stretches.append(level * self._spectrum[:, first : first + num_frames])
        return torch.stack(stretches)


def _draw_equaliser_db(change: Augmentation, grid: Grid, draw: np.random.Generator) -> np.ndarray:
    weights = draw.normal(size=len(_STRENGTHS)) * _STRENGTHS * change.equaliser_db
    phases = draw.uniform(0, 2 * np.pi, size=len(_STRENGTHS))
    gains_db = weights @ np.cos(np.pi * _WAVES_PER_RANGE[:, None] * _pitch(grid) + phases[:, None])
    if draw.random() < change.low_pass_share:
        above = np.log2(np.maximum(grid.bins_hz / draw.uniform(*_LOW_PASS_HZ), 1))
        gains_db = np.maximum(gains_db - _DB_PER_OCTAVE_ABOVE * above, -100)
    result: np.ndarray = gains_db
    return result


@lru_cache(maxsize=4)
def _pitch(grid: Grid) -> np.ndarray:
    """Return where each bin [F] lies on a logarithmic axis of frequency, 0 to 1."""
    pitch: np.ndarray = np.log2(np.maximum(grid.bins_hz, _LOWEST_HZ) / _LOWEST_HZ) / np.log2(RATE_HZ / 2 / _LOWEST_HZ)
    return pitch


def _draw_hidden(axis: int, draw: np.random.Generator) -> tuple[int, float, float]:
    width = draw.uniform(0, _WIDEST_HIDDEN)
    first = draw.uniform(0, 1 - width)
    return axis, first, first + width


def _draw_echoes(grid: Grid, draw: np.random.Generator) -> np.ndarray:
    """Return the echoes [F, J] of a room: J frames that die away, with a random phase in every bin."""
    per_frame = 10 ** (-3 * grid.hop_s / draw.uniform(*_DECAY_S))
    wet = 10 ** (draw.uniform(*_WET_DB) / 20)
    num_echoes = grid.frames_in(_ECHOES_S)
    levels = wet * math.sqrt(1 - per_frame**2) * per_frame ** np.arange(num_echoes)
    phases = draw.uniform(0, 2 * np.pi, size=(grid.num_bins, num_echoes))
    return (levels * np.exp(1j * phases)).astype(np.complex64)


def _echoing(spectrum: Tensor, echoes: Tensor) -> Tensor:
    heard = spectrum.clone()
    for delay in range(1, echoes.shape[1] + 1):
        heard[:, delay:].addcmul_(spectrum[:, :-delay], echoes[:, delay - 1, None])
    return heard
