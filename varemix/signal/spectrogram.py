"""The one short-time Fourier transform of varemix, and filtering with it.

Conventions: 44.1 kHz; periodic Hann window of 1022 samples, hop of 512, frames centred on multiples of the hop,
zeros beyond the ends: 512 linear bins. A window is shorter than two hops, so a frame touches just two hop-long
cells of the signal, and the inverse of a run of frames needs its two neighbours only. That makes filtering
blockwise exact: the blocks of a long signal give what the whole signal gives.

Source: Yang, Wei, Lerch 2020, section III; inverse by least squares (Griffin and Lim 1984).
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

RATE_HZ = 44_100
WINDOW_SAMPLES = 1022
HOP_SAMPLES = 512
NUM_BINS = 512


def num_frames(num_samples: int) -> int:
    """Return how many frames the spectrum of a signal has: one more than the whole hops in it."""
    return 1 + num_samples // HOP_SAMPLES


def num_covering_frames(num_samples: int) -> int:
    """Return how many frames it takes for every sample to lie between two frame centres, so that it can be remade."""
    return 1 + -(-num_samples // HOP_SAMPLES)


def stft(samples: Tensor) -> Tensor:
    """Return the complex spectrum [..., F, T] of real samples [..., S], with T = `num_frames(S)`."""
    frames = num_frames(samples.shape[-1])
    right = frames * HOP_SAMPLES - samples.shape[-1]
    return spectrum_of_cells(functional.pad(samples, (HOP_SAMPLES, right)))


def filter_block(samples: Tensor, gains: Tensor) -> Tensor:
    """Filter a stretch of a signal with a gain for every bin and frame, the phase kept.

    `samples` is [..., (T + 1) * 512], `gains` real and [..., F, T]: one frame for each pair of neighbouring cells.
    Returns [..., (T - 1) * 512]: all of the stretch but its first and last cell, which only lend context.
    """
    return _synthesise(spectrum_of_cells(samples) * gains)


def filter_samples(samples: Tensor, gains: Tensor) -> Tensor:
    """Filter a whole signal [..., S] with gains [..., F, T], T = `num_frames(S)`; the phase is kept.

    The last frame's gains also serve the one frame more that remakes the signal's very end.
    """
    num_samples = samples.shape[-1]
    gains = hold_last(gains, num_covering_frames(num_samples))
    right = (gains.shape[-1] + 1) * HOP_SAMPLES - HOP_SAMPLES - num_samples
    return filter_block(functional.pad(samples, (HOP_SAMPLES, right)), gains)[..., :num_samples]


def hold_last(gains: Tensor, frames: int) -> Tensor:
    """Return gains [..., F, T] cut to `frames`, or lengthened to it by repeating the last frame."""
    missing = frames - gains.shape[-1]
    if missing <= 0:
        return gains[..., :frames]
    return torch.cat([gains, gains[..., -1:].expand(*gains.shape[:-1], missing)], dim=-1)


def spectrum_of_cells(cells: Tensor) -> Tensor:
    """Return the spectrum [..., F, T] of T + 1 cells [..., (T + 1) * 512]."""
    frames = cells.unfold(-1, 2 * HOP_SAMPLES, HOP_SAMPLES)[..., 1:-1]
    window = _window(cells.device, cells.dtype)
    return torch.fft.rfft(frames * window).transpose(-1, -2)


def _synthesise(spectrum: Tensor) -> Tensor:
    """Return the T - 1 cells [..., (T - 1) * 512] that T frames [..., F, T] determine."""
    frames = torch.fft.irfft(spectrum.transpose(-1, -2), n=WINDOW_SAMPLES)
    window = _window(frames.device, frames.dtype)
    padded = functional.pad(window, (1, 1))
    falling, rising = padded[HOP_SAMPLES:], padded[:HOP_SAMPLES]
    halves = functional.pad(frames * window, (1, 1))
    cells = halves[..., :-1, HOP_SAMPLES:] + halves[..., 1:, :HOP_SAMPLES]
    return (cells / (falling**2 + rising**2)).flatten(-2)


@lru_cache(maxsize=8)
def _window(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.hann_window(WINDOW_SAMPLES, periodic=True, dtype=torch.float64).to(device=device, dtype=dtype)
