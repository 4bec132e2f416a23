"""The stages of PEAQ one by one: frames, bands, ear, patterns, detection, harmonics; planted answers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from varemix.evaluation.peaq.bands import CENTRES_HZ, INTERNAL_NOISE, NUM_BANDS, SHARES
from varemix.evaluation.peaq.detection import detection
from varemix.evaluation.peaq.ear import excitation, masking_threshold
from varemix.evaluation.peaq.frames import framed_blocks, num_frames, sounding_part
from varemix.evaluation.peaq.harmonics import harmonic_structure
from varemix.evaluation.peaq.patterns import adapt, loudness_sone, modulation
from varemix.evaluation.peaq.spectra import frame_spectra, magnitudes

FloatArray = NDArray[np.float64]


def _tone(frequency_hz: float, level_db_spl: float) -> FloatArray:
    time_s = np.arange(24000) / 48000
    return 10 ** ((level_db_spl - 92) / 20) * np.sin(2 * np.pi * frequency_hz * time_s)[None]


def _patterns(num_frames: int, seed: int = 1) -> FloatArray:
    """Energies [Z, 1, T] between 0 and 80 dB."""
    return 10 ** np.random.default_rng(seed).uniform(0, 8, (NUM_BANDS, 1, num_frames))


# Frames


def test_the_sounding_part_is_made_of_whole_hops_around_the_first_and_last_loud_sample() -> None:
    signal = np.zeros((2, 100_000))
    signal[1, [30_000, 60_000]] = 201 / 32768
    part = sounding_part(signal)
    assert part is not None
    assert (part.start % 1024, (part.stop - part.start) % 1024) == (0, 0)
    assert part.start <= 30_000 - 4 < part.start + 2048
    assert part.start + 1024 + 2048 > 30_000  # one hop earlier the first frame would be all outside
    assert part.stop - 2048 <= 60_000 + 4 < part.stop


def test_sound_is_heard_in_any_channel_and_silence_has_no_part() -> None:
    signal = np.zeros((2, 10_000))
    signal[1] = 41 / 32768
    assert sounding_part(signal) == slice(0, 10_000)
    assert sounding_part(signal * 39 / 41) is None
    assert sounding_part(signal[:, :4]) is None


@pytest.mark.parametrize("num_samples", [1, 2047, 2048, 2049, 3072, 3073, 70_000])
@pytest.mark.parametrize("frames_per_block", [1, 7, 64])
def test_frames_reach_the_end_once_and_fill_up_with_zeros(num_samples: int, frames_per_block: int) -> None:
    signal = np.arange(1.0, num_samples + 1)[None]
    frames = np.concatenate(list(framed_blocks(signal, frames_per_block)), axis=1)
    assert frames.shape == (1, num_frames(num_samples), 2048)
    rebuilt = np.concatenate([frames[0, 0], *frames[0, 1:, 1024:]])
    np.testing.assert_array_equal(rebuilt[:num_samples], signal[0])
    assert not rebuilt[num_samples:].any()
    assert rebuilt.size - num_samples < max(1024, 2049 - num_samples)


# Spectra and bands


def test_a_full_scale_tone_has_the_published_calibration() -> None:
    # Kabal 2003, 2.4: the highest line of a sine of 1019.5 Hz is 0.84971762641205 of that of one on a bin
    on_a_bin = magnitudes(_tone(1007.8125, 92)[:, None, :2048]).max()
    assert on_a_bin * 0.84971762641205 == pytest.approx(10 ** (92 / 20), rel=1e-4)


def test_the_bands_are_those_of_the_recommendation() -> None:
    assert NUM_BANDS == 109
    # first and last rows of its table of critical bands
    np.testing.assert_allclose(CENTRES_HZ[[0, 1, -1]], [91.708, 115.216, 17690.045], rtol=0, atol=2e-3)


def test_every_spectral_bin_between_80_and_18000_hz_is_shared_out_wholly() -> None:
    shares = SHARES.sum(axis=1)
    np.testing.assert_allclose(shares[4:768], 1)  # 94 to 17977 Hz
    assert not shares[:3].any()
    assert not shares[770:].any()


def test_a_test_tone_without_an_error_leaves_no_noise_and_one_with_half_the_level_a_quarter() -> None:
    tone = _tone(1000, 70)
    same, half = frame_spectra(tone, tone), frame_spectra(tone, tone / 2)
    assert same.noise_energy.max() == 1e-12
    band = int(same.reference_energy[:, 0, 5].argmax())
    assert half.noise_energy[band, 0, 5] == pytest.approx(same.reference_energy[band, 0, 5] / 4)


def test_bandwidths_end_where_the_spectra_end() -> None:
    noise = np.random.default_rng(1).standard_normal((2, 1, 48000))
    spectra = np.fft.rfft(noise) * (np.fft.rfftfreq(48000, 1 / 48000) < np.array([16000, 11000])[:, None, None])
    reference, test = np.fft.irfft(spectra) + 1e-4 * np.random.default_rng(2).standard_normal((2, 1, 48000))
    found = frame_spectra(reference, test)
    for bins, end_hz in [(found.reference_bandwidth_bins, 16000), (found.test_bandwidth_bins, 11000)]:
        whole_frames = bins[:, :-1]  # the last frame is filled up with zeros and clicks
        np.testing.assert_allclose(whole_frames, end_hz / (48000 / 2048), atol=20)  # the window blurs edges


# Ear


def test_spreading_equals_the_sum_over_all_pairs_of_bands() -> None:
    pitch = _patterns(1)[:, 0, 0]

    def spread(energies: FloatArray) -> FloatArray:
        total = np.zeros(NUM_BANDS)
        for source in range(NUM_BANDS):
            distance_bark = 0.25 * (np.arange(NUM_BANDS) - source)
            upper_db = -24 - 230 / CENTRES_HZ[source] + 2 * np.log10(energies[source])
            slope = 10 ** (np.where(distance_bark < 0, 27.0, upper_db) * distance_bark / 10)
            total += (energies[source] * slope / slope.sum()) ** 0.4
        return total**2.5

    expected = spread(pitch) / spread(np.ones(NUM_BANDS))
    found = excitation((pitch - INTERNAL_NOISE)[:, None, None]).unsmeared[:, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_zero_decibels_in_all_bands_stay_zero_decibels() -> None:
    flat = (1 - INTERNAL_NOISE)[:, None, None]
    np.testing.assert_allclose(excitation(flat).unsmeared, 1)


def test_a_louder_tone_reaches_further_up_but_not_further_down() -> None:
    energy = np.full((NUM_BANDS, 1, 2), 1e-12)
    energy[50, 0] = 1e10, 1e12
    level_db = 10 * np.log10(excitation(energy).unsmeared[:, 0])
    relative_db = level_db - level_db[50]
    assert np.all(relative_db[54:60, 1] > relative_db[54:60, 0] + 2)
    np.testing.assert_allclose(np.diff(relative_db[46:50], axis=0), 27 / 4, atol=0.1)


def test_excitation_rises_at_once_and_fades_slower_in_low_bands() -> None:
    energy = np.full((NUM_BANDS, 1, 100), 1e-12)
    energy[..., 20:60] = 1e6
    heard = excitation(energy)
    np.testing.assert_allclose(heard.smeared[..., 20:60], heard.unsmeared[..., 20:60])
    kept_after_43_ms = heard.smeared[:, 0, 61] / heard.smeared[:, 0, 59]
    assert np.all(np.diff(kept_after_43_ms) < 0)
    # time constants of 30 ms near 100 Hz and of 8 ms far above
    np.testing.assert_allclose(kept_after_43_ms[[1, -1]], np.exp([-42.67 / 27.1, -42.67 / 8.12]), rtol=0.03)


def test_what_is_masked_lies_3_db_below_up_to_12_bark_and_a_quarter_decibel_more_per_bark_above() -> None:
    offset_db = -10 * np.log10(masking_threshold(np.ones((NUM_BANDS, 1, 1)))[:, 0, 0])
    np.testing.assert_allclose(offset_db[:49], 3)
    assert offset_db[108] == pytest.approx(3 + 15 / 4)


# Patterns


def test_a_constant_gain_is_forgiven_by_adaptation() -> None:
    pattern = _patterns(50)
    for gain in (0.25, 4.0):
        reference, test = adapt(pattern, gain * pattern)
        np.testing.assert_allclose(test, reference)


def test_a_constant_filter_is_forgiven_the_more_the_longer_it_lasts() -> None:
    reference = 1e6 * np.ones((NUM_BANDS, 1, 200))
    test = reference * np.linspace(1, 0.5, NUM_BANDS)[:, None, None]
    adapted_reference, adapted_test = adapt(reference, test)
    distance = np.abs(np.log(adapted_test / adapted_reference))[:, 0]
    assert distance[:, -1].max() < 0.05
    assert distance[:, -1].max() < distance[:, 1].max()


def test_a_pattern_that_stands_still_has_no_modulation_and_a_trembling_one_has() -> None:
    steady = 1e5 * np.ones((NUM_BANDS, 1, 200))
    trembling = steady * (1 + 0.5 * np.sin(np.arange(200)))
    modulation_steady, mean_steady = modulation(steady)
    modulation_trembling, _ = modulation(trembling)
    np.testing.assert_allclose(modulation_steady[..., -1], 0, atol=1e-6)
    np.testing.assert_allclose(mean_steady[..., -1], 1e5**0.3)
    assert modulation_trembling[..., 100:].min() > 0.1


def test_a_low_tone_of_20_db_is_not_heard_but_one_of_4_khz_is() -> None:
    low, high, louder = (
        loudness_sone(excitation(frame_spectra(tone, tone).reference_energy).smeared)[0, 10]
        for tone in (_tone(100, 20), _tone(4000, 20), _tone(4000, 30))
    )
    assert low < 0.001
    assert louder > high > 0.1


# Detection


def test_differences_below_a_decibel_of_either_sign_are_no_steps() -> None:
    pattern = _patterns(30) + 100
    for gain_db in (0.9, -0.9):
        probability, num_steps = detection(pattern, pattern * 10 ** (gain_db / 10))
        assert not num_steps.any()
        assert np.all(probability > 0.5)  # but they are detected, over all the bands
    assert np.all(detection(pattern, pattern * 10**0.11)[1] > 0)


def test_equal_patterns_are_never_told_apart_and_very_different_ones_always() -> None:
    pattern = _patterns(30)
    np.testing.assert_array_equal(detection(pattern, pattern), np.zeros((2, 30)))
    np.testing.assert_allclose(detection(pattern, 1000 * pattern)[0], 1)


def test_the_better_ear_decides_in_every_band() -> None:
    reference = np.tile(_patterns(30), (1, 2, 1))
    bands = np.arange(NUM_BANDS)[:, None]
    left, right, both = (reference.copy() for _ in range(3))
    left[:, 0] *= np.where(bands < 50, 1.1, 1.0)
    right[:, 1] *= np.where(bands < 50, 1.1, 1.0)
    both *= np.where(bands < 50, 1.1, 1.0)[:, None]
    expected = detection(reference, both)
    np.testing.assert_array_equal(detection(reference, left), expected)
    np.testing.assert_array_equal(detection(reference, right), expected)


def test_a_difference_in_one_band_is_detected_the_likelier_the_larger_it_is() -> None:
    gains_db = np.linspace(-3, 3, 61)
    reference = 1e6 * np.ones((NUM_BANDS, 1, 61))
    test = reference.copy()
    test[40, 0] *= 10 ** (gains_db / 10)
    probability, _ = detection(reference, test)
    assert np.all(np.diff(probability[:31]) <= 0)
    assert np.all(np.diff(probability[30:]) >= 0)
    assert probability[30] == 0


# Harmonics


def _spectra_with_error(error_log: FloatArray) -> tuple[FloatArray, FloatArray]:
    reference = np.exp(np.random.default_rng(1).standard_normal((1, 1, 1025)))
    return reference, reference * np.exp(error_log)


def test_an_error_that_repeats_over_frequency_has_structure_and_a_random_one_hardly() -> None:
    bins = np.arange(1025)
    harmonic = harmonic_structure(*_spectra_with_error(np.cos(2 * np.pi * bins / 16)))
    random = harmonic_structure(*_spectra_with_error(np.random.default_rng(2).standard_normal(1025)))
    assert harmonic[0, 0] > 50 * random[0, 0]
    assert harmonic[0, 0] > 100


@pytest.mark.parametrize("error_log", [0.0, -0.7])
def test_no_error_and_a_constant_gain_have_no_structure(error_log: float) -> None:
    error = np.full(1025, error_log)
    np.testing.assert_allclose(harmonic_structure(*_spectra_with_error(error)), 0, atol=1e-9)
