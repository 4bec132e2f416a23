"""What is changed in the spectra of sources before they are mixed: colour, room, highs, and a little noise.

The numbers are drawn for each example by its own generator; the changes are made for a batch at once, on the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from varemix.signal.spectrogram import HOP_SAMPLES, NUM_BINS, RATE_HZ, WINDOW_SAMPLES
from varemix.training.recipe import Augmentation

_WAVES_PER_RANGE = np.array([0.5, 1.0, 1.5, 2.5, 4.0])  # how often each part of a filter swings over the range
_STRENGTHS = np.array([1.0, 1.0, 0.7, 0.7, 0.3])
_LOWEST_HZ = 60.0
_LOW_PASS_HZ = (4_000.0, 14_000.0)
_DB_PER_OCTAVE_ABOVE = 120.0
_NUM_ECHOES = 8  # frames: a room of 93 ms and what it repeats
_DECAY_S = (0.15, 0.9)
_WET_DB = (-14.0, -4.0)
_NOISE_DB = (-100.0, -54.0)
_NOISE_FRAMES = 2048
_WIDEST_HIDDEN = 0.12  # of the rows, or of the frames

_BIN_HZ = np.arange(NUM_BINS) * RATE_HZ / WINDOW_SAMPLES
_PITCH = np.log2(np.maximum(_BIN_HZ, _LOWEST_HZ) / _LOWEST_HZ) / np.log2(RATE_HZ / 2 / _LOWEST_HZ)  # 0..1


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of one example: gains [N, F]; echoes [F, J] of some sources; noise as a level and a first frame.

    `hidden` are bands and spans of the mix that are not heard: axis (0 rows, 1 frames), first and last as shares of it.
    """

    gains: np.ndarray
    echoes: dict[int, np.ndarray]
    noise: tuple[float, int]
    hidden: tuple[tuple[int, float, float], ...]


def draw_changes(change: Augmentation, num_sources: int, draw: np.random.Generator) -> Changes:
    """Return the changes of one example of N sources."""
    gains_db = np.stack([_draw_equaliser_db(change, draw) for _ in range(num_sources)])
    echoes = {place: _draw_echoes(draw) for place in range(num_sources) if draw.random() < change.room_share}
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

    def __init__(self, seed: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        spectrum = torch.randn(NUM_BINS, _NOISE_FRAMES, dtype=torch.complex64, generator=generator)
        self._spectrum = (spectrum * math.sqrt(WINDOW_SAMPLES * 3 / 8)).to(device)

    def of(self, changes: Sequence[Changes], num_frames: int) -> Tensor:
        """Return each example's noise; RMS 1 is 0 dBFS."""
        stretches = []
        for level, place in (change.noise for change in changes):
            first = place % (_NOISE_FRAMES - num_frames + 1)
            stretches.append(level * self._spectrum[:, first : first + num_frames])
        return torch.stack(stretches)


def _draw_equaliser_db(change: Augmentation, draw: np.random.Generator) -> np.ndarray:
    weights = draw.normal(size=len(_STRENGTHS)) * _STRENGTHS * change.equaliser_db
    phases = draw.uniform(0, 2 * np.pi, size=len(_STRENGTHS))
    gains_db = weights @ np.cos(np.pi * _WAVES_PER_RANGE[:, None] * _PITCH + phases[:, None])
    if draw.random() < change.low_pass_share:
        above = np.log2(np.maximum(_BIN_HZ / draw.uniform(*_LOW_PASS_HZ), 1))
        gains_db = np.maximum(gains_db - _DB_PER_OCTAVE_ABOVE * above, -100)
    result: np.ndarray = gains_db
    return result


def _draw_hidden(axis: int, draw: np.random.Generator) -> tuple[int, float, float]:
    width = draw.uniform(0, _WIDEST_HIDDEN)
    first = draw.uniform(0, 1 - width)
    return axis, first, first + width


def _draw_echoes(draw: np.random.Generator) -> np.ndarray:
    """Return the echoes [F, J] of a room: J frames that die away, with a random phase in every bin."""
    per_frame = 10 ** (-3 * HOP_SAMPLES / RATE_HZ / draw.uniform(*_DECAY_S))
    wet = 10 ** (draw.uniform(*_WET_DB) / 20)
    levels = wet * math.sqrt(1 - per_frame**2) * per_frame ** np.arange(_NUM_ECHOES)
    phases = draw.uniform(0, 2 * np.pi, size=(NUM_BINS, _NUM_ECHOES))
    return (levels * np.exp(1j * phases)).astype(np.complex64)


def _echoing(spectrum: Tensor, echoes: Tensor) -> Tensor:
    heard = spectrum.clone()
    for delay in range(1, _NUM_ECHOES + 1):
        heard[:, delay:].addcmul_(spectrum[:, :-delay], echoes[:, delay - 1, None])
    return heard
