"""The eleven model output variables: what differs between reference and test, averaged over time and channels.

Stays out: what they mean for a listener (`odg`).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from varemix.evaluation.peaq.bands import INTERNAL_NOISE, NUM_BANDS
from varemix.evaluation.peaq.detection import detection
from varemix.evaluation.peaq.ear import Excitation, excitation, masking_threshold
from varemix.evaluation.peaq.frames import FRAMES_PER_SECOND
from varemix.evaluation.peaq.patterns import adapt, loudness_sone, modulation, noise_loudness
from varemix.evaluation.peaq.spectra import FrameSpectra

FloatArray = NDArray[np.float64]

DELAY_FRAMES = ceil(0.5 * FRAMES_PER_SECOND)
"""Frames at the start that the averages of modulation and noise loudness leave out (5.2)."""

WINDOW_FRAMES = 4
"""Frames of the sliding average of WinModDiff1: 100 ms."""

_LOUDNESS_DELAY_FRAMES = ceil(0.05 * FRAMES_PER_SECOND)
_LOUDNESS_START_SONE = 0.1
_LEAST_BANDWIDTH_BINS = 346
_DISTURBING_NMR_DB = 1.5
_DETECTION_MEMORY = 0.9


@dataclass(frozen=True, kw_only=True)
class ModelOutputVariables:
    """The variables in the order of the Recommendation (Annex 2, 6.2); the names there end in B.

    Bandwidths in bins of 23.4 Hz; the harmonic structure of the error (`ehs`) times 1000; the loudness of the noise in
    sone; `mfpd` the highest probability of detection, 0 to 1; `rel_dist_frames` the share of audibly disturbed frames.
    """

    bandwidth_ref_bins: float
    bandwidth_test_bins: float
    total_nmr_db: float
    win_mod_diff1: float
    adb: float
    ehs: float
    avg_mod_diff1: float
    avg_mod_diff2: float
    rms_noise_loud_sone: float
    mfpd: float
    rel_dist_frames: float


def model_output_variables(spectra: FrameSpectra) -> ModelOutputVariables:
    """Return the variables of a pair of signals, the mean over channels. Source: BS.1387-1, Annex 2, 4 and 5."""
    reference, test = excitation(spectra.reference_energy), excitation(spectra.test_energy)
    reference_modulation, mean_envelope = modulation(reference.unsmeared)
    test_modulation, _ = modulation(test.unsmeared)
    loudness = noise_loudness(*adapt(reference.smeared, test.smeared), reference_modulation, test_modulation)

    bandwidth_ref_bins, bandwidth_test_bins = _bandwidths_bins(spectra)
    total_nmr_db, rel_dist_frames = _noise_to_mask(spectra.noise_energy, reference)
    win_mod_diff1, avg_mod_diff1, avg_mod_diff2 = _modulation_differences(
        reference_modulation, test_modulation, mean_envelope
    )
    mfpd, adb = _detection(reference, test)
    return ModelOutputVariables(
        bandwidth_ref_bins=bandwidth_ref_bins,
        bandwidth_test_bins=bandwidth_test_bins,
        total_nmr_db=total_nmr_db,
        win_mod_diff1=win_mod_diff1,
        adb=adb,
        ehs=_mean_harmonic_structure(spectra),
        avg_mod_diff1=avg_mod_diff1,
        avg_mod_diff2=avg_mod_diff2,
        rms_noise_loud_sone=_rms_noise_loudness_sone(loudness, reference, test),
        mfpd=mfpd,
        rel_dist_frames=rel_dist_frames,
    )


def _bandwidths_bins(spectra: FrameSpectra) -> tuple[float, float]:
    """Return the mean bandwidths of the frames in which the reference reaches beyond 8.1 kHz, else 0 (4.4)."""
    counts = spectra.reference_bandwidth_bins > _LEAST_BANDWIDTH_BINS
    num_frames = np.maximum(counts.sum(axis=-1), 1)
    means = [
        float(((bins * counts).sum(axis=-1) / num_frames).mean())
        for bins in (spectra.reference_bandwidth_bins, spectra.test_bandwidth_bins)
    ]
    return means[0], means[1]


def _noise_to_mask(noise_energy: FloatArray, reference: Excitation) -> tuple[float, float]:
    """Return the total noise-to-mask ratio in decibels and the share of frames beyond 1.5 dB in a band (4.5, 4.6)."""
    ratio = noise_energy / masking_threshold(reference.smeared)
    total_db = 10 * np.log10(ratio.mean(axis=(0, 2)))
    is_disturbed = 10 * np.log10(ratio.max(axis=0)) >= _DISTURBING_NMR_DB
    return float(total_db.mean()), float(is_disturbed.mean())


def _modulation_differences(
    reference: FloatArray, test: FloatArray, mean_envelope: FloatArray
) -> tuple[float, float, float]:
    """Return WinModDiff1, AvgModDiff1 and AvgModDiff2 of modulations [Z, C, T] (4.2)."""
    started = slice(DELAY_FRAMES, None)
    even = _modulation_difference(reference, test, offset=1.0, weight_of_loss=1.0)[:, started]
    uneven = _modulation_difference(reference, test, offset=0.01, weight_of_loss=0.1)[:, started]
    floor = 100 * INTERNAL_NOISE[:, None, None] ** 0.3
    weights = (mean_envelope / (mean_envelope + floor)).sum(axis=0)[:, started]
    averages = [
        float(((weights * difference).sum(axis=-1) / weights.sum(axis=-1)).mean()) for difference in (even, uneven)
    ]
    return _windowed_average(even), averages[0], averages[1]


def _modulation_difference(
    reference: FloatArray, test: FloatArray, *, offset: float, weight_of_loss: float
) -> FloatArray:
    """Return the relative difference [C, T] of modulations, in percent; modulation lost counts by its weight."""
    weights = np.where(test > reference, 1.0, weight_of_loss)
    return np.asarray(100 / NUM_BANDS * (weights * np.abs(test - reference) / (offset + reference)).sum(axis=0))


def _windowed_average(values: FloatArray) -> float:
    """Return the average of values [C, T] in which the strongest 100 ms weigh most (5.2)."""
    roots = sliding_window_view(np.sqrt(values), WINDOW_FRAMES, axis=-1).mean(axis=-1)
    return float(np.sqrt((roots**4).mean(axis=-1)).mean())


def _rms_noise_loudness_sone(loudness: FloatArray, reference: Excitation, test: Excitation) -> float:
    """Return the root mean square of the noise loudness [C, T] from its start on, 0 if it never starts (4.3).

    It starts 50 ms after reference and test have both reached 0.1 sone in one channel, not before 0.5 s (5.2).
    """
    quieter = np.minimum(loudness_sone(reference.smeared), loudness_sone(test.smeared))
    loud_frames = np.flatnonzero((quieter > _LOUDNESS_START_SONE).any(axis=0))
    if not loud_frames.size:
        return 0.0
    start = max(DELAY_FRAMES, int(loud_frames[0]) + _LOUDNESS_DELAY_FRAMES)
    started = loudness[:, start:]
    return float(np.sqrt(np.square(started).mean(axis=-1)).mean()) if started.size else 0.0


def _detection(reference: Excitation, test: Excitation) -> tuple[float, float]:
    """Return the maximum filtered probability of detection and the average distorted block (4.7)."""
    from scipy.signal import lfilter  # as in `bands`

    probability, num_steps = detection(reference.smeared, test.smeared)
    filtered = lfilter([1 - _DETECTION_MEMORY], [1.0, -_DETECTION_MEMORY], probability)
    is_distorted = probability > 0.5
    total_steps = float(num_steps[is_distorted].sum())
    if not is_distorted.any():
        distortion = 0.0
    else:
        distortion = float(np.log10(total_steps / is_distorted.sum())) if total_steps > 0 else -0.5
    return float(filtered.max()), distortion


def _mean_harmonic_structure(spectra: FrameSpectra) -> float:
    """Return the mean harmonic structure of the error over the frames that are not silent, 0 if all are (4.8)."""
    values = spectra.harmonic_structure[:, spectra.has_energy]
    return float(values.mean()) if values.size else 0.0
