import math

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from varemix.remix.true_peak import REACH_SAMPLES, Interpolator, TruePeakMeter


def true_peak_db(*blocks: np.ndarray) -> float:
    meter = TruePeakMeter(len(blocks[0]))
    for block in blocks:
        meter.add(block)
    return meter.true_peak_db


def tone(frequency: float, phase: float, num_samples: int = 4_000) -> np.ndarray:
    """A full-scale sine of a frequency in parts of the rate, faded in and out so that nothing else is to be found."""
    fade = np.hanning(num_samples)
    return (fade * np.sin(2 * np.pi * frequency * (np.arange(num_samples) - num_samples / 2) + phase))[None]


@pytest.mark.parametrize("phase_degrees", [0, 45, 60, 67.5, 90])
@pytest.mark.parametrize("frequency", [1 / 4, 1 / 6, 1 / 8])
def test_what_lies_between_samples_is_found(frequency, phase_degrees):
    # EBU Tech 3341, cases 15 to 19: sines at a quarter, sixth and eighth of the rate whose samples miss their peaks
    # by up to 3 dB; a meter shows them within +0.2 and -0.4 dB
    samples = tone(frequency, math.radians(phase_degrees))
    assert true_peak_db(samples) == pytest.approx(0.0, abs=0.1)


def test_samples_that_miss_the_peak_by_three_db_are_an_example():
    samples = tone(1 / 4, math.radians(45))
    assert 20 * math.log10(np.abs(samples).max()) == pytest.approx(-3.01, abs=0.01)


def test_a_planted_peak_is_found_wherever_it_lies():
    rng = np.random.default_rng(0)
    quiet = 0.05 * rng.standard_normal((2, 20_000))
    for place in (0, 1, 700, 16_383, 16_384, 19_998):
        samples = quiet.copy()
        samples[1, place : place + 2] = [0.8, 0.8]
        expected = np.abs(soxr.resample(np.pad(samples, ((0, 0), (99, 99))).T, 1, 4, quality="VHQ")).max()
        assert true_peak_db(samples) == pytest.approx(20 * math.log10(expected), abs=0.1)


@pytest.mark.parametrize("kind", ["music-like", "white"])
def test_it_agrees_with_another_resampler(kind):
    # python-soxr 1.1.0, VHQ; white noise holds much just where filters of resamplers differ
    rng = np.random.default_rng(1)
    samples = rng.uniform(-1, 1, (2, 30_000))
    if kind == "music-like":
        samples = np.cumsum(samples, axis=1)
        samples /= np.abs(samples).max()
    expected_db = 20 * math.log10(np.abs(soxr.resample(samples.T, 1, 4, quality="VHQ")).max())
    assert true_peak_db(samples) == pytest.approx(expected_db, abs=0.4 if kind == "white" else 0.05)


@given(cuts=st.lists(st.integers(0, 5_000), max_size=8), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_how_blocks_are_cut(cuts, seed):
    samples = np.random.default_rng(seed).standard_normal((2, 5_000))
    blocks = np.split(samples, sorted(cuts), axis=1)
    assert true_peak_db(*blocks) == pytest.approx(true_peak_db(samples), abs=1e-5)


def test_the_true_peak_is_never_under_the_sample_peak():
    samples = np.zeros((1, 500))
    samples[0, 250] = 0.7
    assert true_peak_db(samples) == pytest.approx(20 * math.log10(0.7), abs=1e-6)


def test_silence_has_no_peak():
    assert true_peak_db(np.zeros((2, 1_000))) == -math.inf
    assert true_peak_db(np.zeros((2, 0))) == -math.inf


def test_asking_changes_nothing():
    samples = tone(1 / 4, 0.7)
    meter = TruePeakMeter(1)
    meter.add(samples[:, :2_000])
    first = meter.true_peak_db
    assert meter.true_peak_db == first
    meter.add(samples[:, 2_000:])
    assert meter.true_peak_db == true_peak_db(samples)


def test_what_stays_under_the_floor_is_passed_over_and_nothing_else():
    rng = np.random.default_rng(2)
    samples = rng.standard_normal((2, 8_000)) * np.repeat(rng.uniform(0, 1, 80), 100) ** 3
    interpolator = Interpolator()
    exact = interpolator.peaks(samples, floor=0.0)
    quick = interpolator.peaks(samples, floor=1.0)
    heights = np.abs(samples[:, REACH_SAMPLES:-REACH_SAMPLES]).max(axis=0)
    # A matrix product of other columns may be rounded otherwise, in the last bits of single precision.
    np.testing.assert_allclose(quick[exact > 1.0], exact[exact > 1.0], rtol=1e-6)
    assert np.all(quick <= exact * (1 + 1e-6))
    assert np.all(quick >= heights)
    assert np.any(quick < exact)
