"""How sources are changed before they are mixed: rooms, colour, highs; and the mix: a little noise, parts not heard.

The numbers are drawn for each example by its own generator; the changes are made for a batch at once, on the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from varemix.signal.grid import RATE_HZ, Grid
from varemix.training.recipe import Augmentation

_WAVES_PER_RANGE = (0.5, 1.0, 1.5, 2.5, 4.0)  # how often each part of a filter swings over the range
_STRENGTHS = np.array([1.0, 1.0, 0.7, 0.7, 0.3])
_LOWEST_HZ = 60.0
_LOW_PASS_HZ = (4_000.0, 17_000.0)
_DB_PER_OCTAVE_ABOVE = 120.0
_LEAST_GAIN_DB = -100.0
_ROOM_S = 0.5
_DECAY_S = (0.08, 0.9)
_DELAY_S = (0.0, 0.02)
_WET_DB = (-16.0, -3.0)
_DULLEST = 12.0  # how far a room swallows its highest frequencies, as a ratio of amplitudes
_DECAY_NEPERS = 6.9  # 60 dB
_NOISE_DB = (-100.0, -54.0)
_NOISE_S = 23.777  # 2,048 frames of the paper's
_WIDEST_HIDDEN = 0.12  # of the rows, or of the frames
_AXES = (0, 0, 1, 1)  # of what is hidden: two bands of rows, two spans of frames
_PLACES = 2**31


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is changed in B mixes of N sources, as numbers.

    `filters` [B, N, 11]: five strengths in dB, five phases, and the frequency in Hz from which on a source loses its
    highs. `rooms` [B, N, 5]: level of the echoes (0: no room), decay and delay in s, dullness, place in the noise that
    they are made of. `noise` [B, 2]: level, 1 is 0 dBFS, and place. `hidden` [B, 4, 2]: first and last of two bands and
    two spans that are not heard, in shares of rows and frames; all 0 where none is.
    """

    filters: Tensor
    rooms: Tensor
    noise: Tensor
    hidden: Tensor

    def to(self, device: torch.device) -> "Changes":
        """Return them on a device."""
        return Changes(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    @classmethod
    def stacked(cls, members: Sequence["Changes"]) -> "Changes":
        """Return the changes of several mixes, each without B, as those of a batch."""
        return cls(**{field.name: torch.stack([getattr(one, field.name) for one in members]) for field in fields(cls)})


def draw_changes(change: Augmentation, num_sources: int, draw: np.random.Generator) -> Changes:
    """Return the changes of one example of N sources, without the axis of the batch."""
    filters = np.concatenate(
        [
            draw.normal(size=(num_sources, 5)) * _STRENGTHS * change.equaliser_db,
            draw.uniform(0, 2 * np.pi, (num_sources, 5)),
            np.where(
                draw.random((num_sources, 1)) < change.low_pass_share,
                draw.uniform(*_LOW_PASS_HZ, (num_sources, 1)),
                np.inf,
            ),
        ],
        axis=1,
    )
    in_room = draw.random(num_sources) < change.room_share
    rooms = np.stack(
        [
            np.where(in_room, 10 ** (draw.uniform(*_WET_DB, num_sources) / 20), 0.0),
            draw.uniform(*_DECAY_S, num_sources),
            draw.uniform(*_DELAY_S, num_sources),
            draw.uniform(0, _DULLEST, num_sources),
            draw.integers(_PLACES, size=num_sources),
        ],
        axis=1,
    )
    level = 10 ** (draw.uniform(*_NOISE_DB) / 20) if draw.random() < change.noise_share else 0.0
    widths = draw.uniform(0, _WIDEST_HIDDEN, len(_AXES)) * (draw.random(len(_AXES)) < change.hidden_share)
    first = draw.uniform(0, 1, len(_AXES)) * (1 - widths)
    parts = {
        "filters": filters,
        "rooms": rooms,
        "noise": np.array([level, draw.integers(_PLACES)]),
        "hidden": np.stack([first, first + widths], axis=1),
    }
    return Changes(**{name: torch.from_numpy(part) for name, part in parts.items()})


class Studio:
    """Makes the changes on a device, of white noise that follows from a seed and is kept there."""

    def __init__(self, seed: int, grid: Grid, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        shape = grid.num_bins, grid.frames_in(_NOISE_S)
        spectrum = torch.randn(*shape, dtype=torch.complex64, generator=generator)
        self._spectrum = (spectrum * math.sqrt(grid.window_samples * 3 / 8)).to(device)
        self._noise = torch.randn(2**18, generator=generator).to(device)
        swings = np.pi * np.array(_WAVES_PER_RANGE)[:, None] * _pitch(grid)
        self._swings = torch.from_numpy(swings).to(device, torch.float32)
        self._bins_hz = torch.from_numpy(grid.bins_hz).to(device, torch.float32)

    def gains(self, filters: Tensor) -> Tensor:
        """Return the gain [A, F] of each bin, of A filters [A, 11]."""
        strengths, phases, cut_hz = (part.float() for part in filters.split([5, 5, 1], dim=-1))
        gains_db = (strengths[..., None] * torch.cos(self._swings + phases[..., None])).sum(dim=1)
        above = torch.log2((self._bins_hz / cut_hz).clamp_min(1))
        return 10 ** ((gains_db - _DB_PER_OCTAVE_ABOVE * above).clamp_min(_LEAST_GAIN_DB) / 20)

    def in_rooms(self, waves: Tensor, rooms: Tensor) -> Tensor:
        """Return waves [A, S] with the echoes of rooms [A, 5], where these have any."""
        echoing = rooms[:, 0] > 0
        if not echoing.any():
            return waves
        dry = waves[echoing]
        size = _fast_size(dry.shape[-1] + round(_ROOM_S * RATE_HZ))
        heard = waves.clone()
        wet = torch.fft.irfft(torch.fft.rfft(dry, size) * self._responses(rooms[echoing], size), size)
        heard[echoing] = dry + wet[:, : dry.shape[-1]]
        return heard

    def noise(self, noise: Tensor, num_frames: int) -> Tensor:
        """Return the spectra [B, F, T] of noise [B, 2]."""
        last = self._spectrum.shape[1] - num_frames + 1
        stretches = [
            level * self._spectrum[:, int(place) % last : int(place) % last + num_frames]
            for level, place in noise.tolist()
        ]
        return torch.stack(stretches)

    def _responses(self, rooms: Tensor, size: int) -> Tensor:
        """Return the transfer functions [A, size / 2 + 1] of the echoes alone."""
        wet, decay_s, delay_s, dullness = (part.float() for part in rooms[:, :4].split(1, dim=-1))
        num_samples = round(_ROOM_S * RATE_HZ)
        steps = torch.arange(num_samples, device=rooms.device)
        moments_s = steps / RATE_HZ
        places = rooms[:, 4:].long() % (len(self._noise) - num_samples)
        response = self._noise[places + steps] * torch.exp(-_DECAY_NEPERS * moments_s / decay_s)
        response = response * (moments_s >= delay_s)
        spectrum = torch.fft.rfft(response * (wet / response.square().sum(dim=-1, keepdim=True).sqrt()), size)
        ratios = torch.linspace(0, 1, spectrum.shape[-1], device=rooms.device)
        return spectrum * torch.rsqrt(1 + (ratios * dullness).square())


def with_hidden(heard: Tensor, hidden: Tensor) -> Tensor:
    """Return what is heard of the mixes, [B, L, T], parts [B, 4, 2] set to the mix's mean (Park et al. 2019)."""
    mean = heard.mean(dim=(1, 2), keepdim=True)
    for number, axis in enumerate(_AXES):
        size = heard.shape[1 + axis]
        first, last = (hidden[:, number, :, None] * size).long().unbind(dim=1)
        places = torch.arange(size, device=heard.device)
        is_hidden = (places >= first) & (places < last)
        heard = torch.where(is_hidden.unsqueeze(2 - axis), mean, heard)
    return heard


def _pitch(grid: Grid) -> np.ndarray:
    """Return where each bin [F] lies on a logarithmic axis of frequency, 0 to 1."""
    pitch: np.ndarray = np.log2(np.maximum(grid.bins_hz, _LOWEST_HZ) / _LOWEST_HZ) / np.log2(RATE_HZ / 2 / _LOWEST_HZ)
    return pitch


def _fast_size(least: int) -> int:
    """Return the next size that is quick to transform: a power of two, or three quarters or five eighths of one."""
    power = 1 << (least - 1).bit_length()
    return next(size for size in (power * 5 // 8, power * 3 // 4, power) if size >= least)
