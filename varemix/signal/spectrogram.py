"""The one short-time Fourier transform of varemix, and filtering with it.

Conventions: 44.1 kHz; periodic Hann window of 1022 samples, hop of 512, frames centred on multiples of the hop,
zeros beyond the ends: 512 linear bins. A window is shorter than two hops, so a frame touches just two hop-long
cells of the signal, and the inverse of a run of frames needs its two neighbours only. That makes filtering
blockwise exact: the blocks of a long signal give what the whole signal gives.

Source: Yang, Wei, Lerch 2020, section III; inverse by least squares (Griffin and Lim 1984).
"""

from collections.abc import Callable
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


def filter_block(samples: Tensor, gains: Tensor, heed: Callable[[Tensor, Tensor], None] | None = None) -> Tensor:
    """Filter a stretch of a signal with a gain for every bin and frame, the phase kept.

    `samples` is [..., (T + 1) * 512], `gains` real and [..., F, T]: one frame for each pair of neighbouring cells.
    Returns [..., (T - 1) * 512]: all of the stretch but its first and last cell, which only lend context. `heed` is
    shown the spectra [..., T, F] and the gains [..., T, F], for what is to be measured of them.
    """
    frames_first = gains.transpose(-1, -2).contiguous()  # as the spectrum lies in memory
    spectra = _spectra(samples)
    if heed is not None:
        heed(spectra, frames_first)
    return _synthesise(spectra * frames_first)


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
    return _spectra(cells).transpose(-1, -2)


def _spectra(cells: Tensor) -> Tensor:
    """Return the spectrum [..., T, F] of T + 1 cells [..., (T + 1) * 512], a frame after the other."""
    frames = cells.unfold(-1, 2 * HOP_SAMPLES, HOP_SAMPLES)[..., 1:-1]
    return torch.fft.rfft(frames * _window(cells.device, cells.dtype))


def _synthesise(spectra: Tensor) -> Tensor:
    """Return the T - 1 cells [..., (T - 1) * 512] that T frames [..., T, F] determine."""
    frames = torch.fft.irfft(spectra, n=WINDOW_SAMPLES)
    falling, rising = _least_squares_window(frames.device, frames.dtype)
    cells = functional.pad(frames[..., :-1, HOP_SAMPLES - 1 :] * falling, (0, 1))
    cells[..., 1:] += frames[..., 1:, : HOP_SAMPLES - 1] * rising
    return cells.flatten(-2)


@lru_cache(maxsize=8)
def _least_squares_window(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return how much of a frame's later half goes into a cell, and how much of the next frame's first half."""
    padded = functional.pad(_window(device, torch.float64), (1, 1))
    later, earlier = padded[HOP_SAMPLES:], padded[:HOP_SAMPLES]
    power = later**2 + earlier**2
    return (later / power)[:-1].to(dtype), (earlier / power)[1:].to(dtype)


@lru_cache(maxsize=8)
def _window(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.hann_window(WINDOW_SAMPLES, periodic=True, dtype=torch.float64).to(device=device, dtype=dtype)
