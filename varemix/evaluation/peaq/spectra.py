"""Frames of a pair of signals become spectra, and spectra what PEAQ needs of them, a block of frames at a time.

Belongs here: the scale of loudness, the outer and middle ear, the grouping into critical bands, the bandwidth.
Stays out: the inner ear (`ear`), whatever needs the frames before (`patterns`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from varemix.evaluation.peaq.bands import BIN_HZ, NUM_BINS, SHARES
from varemix.evaluation.peaq.frames import (
    FRAME_SAMPLES,
    HOP_SAMPLES,
    RATE_HZ,
    SIXTEEN_BIT_SCALE,
    framed_blocks,
)
from varemix.evaluation.peaq.harmonics import harmonic_structure

FloatArray = NDArray[np.float64]

_FRAMES_PER_BLOCK = 64
_WINDOW = np.hanning(FRAME_SAMPLES)  # the Recommendation's gain of sqrt(8/3) falls out in the calibration
_FULL_SCALE_DB_SPL = 92.0
_CALIBRATION_HZ = 1019.5
_LEAST_ENERGY = 1e-12
_LEAST_HALF_FRAME_ENERGY = 8000 / SIXTEEN_BIT_SCALE**2


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameSpectra:
    """What is read from the spectra of each frame.

    Energies in bands [Z, C, T] of reference, test and of the difference between their magnitudes, as the middle ear
    passes them on; bandwidths in bins and the harmonic structure of the error [C, T]; `has_energy` [T]: not silent.
    """

    reference_energy: FloatArray
    test_energy: FloatArray
    noise_energy: FloatArray
    reference_bandwidth_bins: FloatArray
    test_bandwidth_bins: FloatArray
    harmonic_structure: FloatArray
    has_energy: NDArray[np.bool_]


def frame_spectra(reference: FloatArray, test: FloatArray) -> FrameSpectra:
    """Return what is read from the spectra of two signals [C, S] of 48 kHz."""
    blocks = list(_blocks(reference, test))
    joined = {name: np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in vars(blocks[0])}
    return FrameSpectra(**joined)


def _blocks(reference: FloatArray, test: FloatArray) -> Iterator[FrameSpectra]:
    reference_blocks = framed_blocks(reference, _FRAMES_PER_BLOCK)
    test_blocks = framed_blocks(test, _FRAMES_PER_BLOCK)
    for reference_frames, test_frames in zip(reference_blocks, test_blocks, strict=True):
        reference_magnitudes, test_magnitudes = magnitudes(reference_frames), magnitudes(test_frames)
        reference_bandwidth_bins, test_bandwidth_bins = _bandwidths_bins(reference_magnitudes, test_magnitudes)
        reference_heard, test_heard = reference_magnitudes * _EAR_GAINS, test_magnitudes * _EAR_GAINS
        yield FrameSpectra(
            reference_energy=_energy_in_bands(reference_heard),
            test_energy=_energy_in_bands(test_heard),
            noise_energy=_energy_in_bands(reference_heard - test_heard),
            reference_bandwidth_bins=reference_bandwidth_bins,
            test_bandwidth_bins=test_bandwidth_bins,
            harmonic_structure=harmonic_structure(reference_heard, test_heard),
            has_energy=_has_energy(reference_frames) | _has_energy(test_frames),
        )


def magnitudes(frames: FloatArray) -> FloatArray:
    """Return the magnitudes of the spectra [C, T, F] of frames [C, T, 2048], 0 dB being 0 dB SPL.

    Full scale (1.0) is played at 92 dB SPL. Source: BS.1387-1, Annex 2, 2.1.3.
    """
    return np.abs(rfft(frames * (_WINDOW * _sound_pressure_gain())))


@cache
def _sound_pressure_gain() -> float:
    """Return the gain that makes the highest line of a full-scale sine of 1019.5 Hz, over 10 frames, 92 dB."""
    sine = np.sin(2 * np.pi * _CALIBRATION_HZ / RATE_HZ * np.arange(FRAME_SAMPLES + 9 * HOP_SAMPLES))
    (frames,) = framed_blocks(sine[None], 10)
    return float(10 ** (_FULL_SCALE_DB_SPL / 20) / np.abs(rfft(frames * _WINDOW)).max())


def _ear_gains() -> FloatArray:
    """Return the gain [F] of outer and middle ear; none passes a constant pressure (2.1.4)."""
    frequency_khz = np.arange(1, NUM_BINS) * BIN_HZ / 1000
    gains_db = (
        -0.6 * 3.64 * frequency_khz**-0.8 + 6.5 * np.exp(-0.6 * (frequency_khz - 3.3) ** 2) - 1e-3 * frequency_khz**3.6
    )
    return np.append(0.0, 10 ** (gains_db / 20))


_EAR_GAINS = _ear_gains()


def _energy_in_bands(heard: FloatArray) -> FloatArray:
    """Return the energies [Z, C, T] of spectra [C, T, F] in the critical bands, at least 1e-12 (2.1.5)."""
    energies = np.square(heard) @ SHARES
    return np.maximum(np.moveaxis(energies, -1, 0), _LEAST_ENERGY)


def _has_energy(frames: FloatArray) -> NDArray[np.bool_]:
    """Say which frames [C, T, 2048] have, in any channel, an energy of 8000 (of 32768²) in their newer half (4.8)."""
    return (np.square(frames[..., HOP_SAMPLES:]).sum(axis=-1) >= _LEAST_HALF_FRAME_ENERGY).any(axis=0)


_FLOOR_BINS = slice(921, 1024)
_REFERENCE_OVER_FLOOR_DB = 10.0
_TEST_OVER_FLOOR_DB = 5.0


def _bandwidths_bins(reference: FloatArray, test: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bandwidths [C, T] of reference and test magnitudes [C, T, F], in bins.

    What the test holds above 21.6 kHz is the floor. The reference reaches as far as a bin 10 dB above it, the test as
    far, below that, as a bin 5 dB above it. Bins without any energy are never above the floor.

    Source: BS.1387-1, Annex 2, 4.4.
    """
    floor = test[..., _FLOOR_BINS].max(axis=-1, keepdims=True)
    bins = np.arange(1, _FLOOR_BINS.start + 1)
    is_reference = _is_above(reference[..., : bins.size], floor, _REFERENCE_OVER_FLOOR_DB)
    reference_bins = (bins * is_reference).max(axis=-1)
    is_test = _is_above(test[..., : bins.size], floor, _TEST_OVER_FLOOR_DB) & (bins <= reference_bins[..., None])
    return reference_bins.astype(np.float64), (bins * is_test).max(axis=-1).astype(np.float64)


def _is_above(spectrum: FloatArray, floor: FloatArray, distance_db: float) -> NDArray[np.bool_]:
    return (spectrum >= 10 ** (distance_db / 20) * floor) & (spectrum > 0)
