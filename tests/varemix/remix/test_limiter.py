import math

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from varemix.errors import UsageError
from varemix.remix.limiter import Limiter, limited_blocks
from varemix.remix.true_peak import TruePeakMeter

RATE_HZ = 44_100
SECOND = np.arange(RATE_HZ)


def true_peak_db(samples: np.ndarray) -> float:
    meter = TruePeakMeter(len(samples))
    meter.add(samples)
    return meter.true_peak_db


def limited(samples: np.ndarray, limiter: Limiter, cuts: tuple[int, ...] = ()) -> np.ndarray:
    blocks = np.split(samples, sorted(cuts), axis=1)
    return np.concatenate(list(limited_blocks(blocks, limiter)), axis=1)


def hostile(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    signals = {
        "square": np.sign(np.sin(2 * np.pi * 441 * SECOND / RATE_HZ + 1e-9)),
        "odd square": np.sign(np.sin(2 * np.pi * 1_237.7 * SECOND / RATE_HZ)),
        "between samples": 1.3 * np.sin(2 * np.pi * SECOND / 4 + np.pi / 4),
        "full-scale noise": rng.uniform(-1, 1, RATE_HZ),
        "signs at random": rng.choice([-1.0, 1.0], RATE_HZ),
        "clicks": np.where(rng.random(RATE_HZ) < 0.0005, 4.0, 0.1) * rng.choice([-1.0, 1.0], RATE_HZ),
        "bursts": 6 * np.sin(2 * np.pi * 0.45 * SECOND) * (SECOND // 2_000 % 2),
        "first and last sample": np.where((SECOND == 0) | (SECOND == RATE_HZ - 1), 2.0, 0.0),
    }
    return np.stack([signals[kind], 0.5 * signals[kind][::-1]])


HOSTILE = [
    "square",
    "odd square",
    "between samples",
    "full-scale noise",
    "signs at random",
    "clicks",
    "bursts",
    "first and last sample",
]


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_true_peak_passes_the_ceiling(kind):
    samples = hostile(kind)
    assert true_peak_db(samples) > -1.0
    quiet = limited(samples, Limiter(RATE_HZ, 2, -1.0))
    assert quiet.shape == samples.shape
    assert true_peak_db(quiet) < -1.0 + 0.1
    assert true_peak_db(quiet) > -3.0


@pytest.mark.parametrize("kind", ["square", "between samples", "bursts", "clicks"])
def test_another_resampler_finds_no_peak_above_the_ceiling_either(kind):
    # python-soxr 1.1.0, VHQ
    quiet = limited(hostile(kind), Limiter(RATE_HZ, 2, -1.0))
    assert 20 * math.log10(np.abs(soxr.resample(quiet.T, 1, 4, quality="VHQ")).max()) < -1.0 + 0.1


def test_what_stays_under_the_ceiling_comes_out_bit_for_bit():
    samples = 0.4 * np.random.default_rng(1).uniform(-1, 1, (2, 60_000))
    assert true_peak_db(samples) < 0.0
    limiter = Limiter(RATE_HZ, 2, 0.0)
    np.testing.assert_array_equal(limited(samples, limiter), samples)
    assert limiter.num_changed == 0
    assert limiter.reduction_db == 0.0


def test_only_the_neighbourhood_of_a_peak_is_changed():
    samples = 0.3 * np.random.default_rng(2).uniform(-1, 1, (2, 3 * RATE_HZ))
    samples[0, RATE_HZ] = 1.5
    limiter = Limiter(RATE_HZ, 2, -1.0)
    quiet = limited(samples, limiter)
    changed = np.flatnonzero((quiet != samples).any(axis=0))
    assert changed[0] > RATE_HZ - 0.012 * RATE_HZ
    assert changed[-1] < RATE_HZ + 0.12 * RATE_HZ  # 4.6 dB at 60 dB/s, the hold and the ramps
    assert limiter.num_changed == np.count_nonzero(quiet != samples)
    assert limiter.reduction_db == pytest.approx(20 * math.log10(1.5) + 1.0, abs=0.3)


def test_all_channels_get_one_gain_and_it_turns_slowly():
    samples = np.stack([hostile("bursts")[0], np.full(RATE_HZ, 0.01), np.full(RATE_HZ, -0.02)])
    quiet = limited(samples, Limiter(RATE_HZ, 3, -1.0))
    gain = quiet[1] / 0.01
    np.testing.assert_allclose(quiet[2] / -0.02, gain, atol=1e-12)
    loud = np.abs(samples[0]) > 1e-3
    np.testing.assert_allclose(quiet[0, loud] / samples[0, loud], gain[loud], atol=1e-9)
    assert gain.min() < 0.2
    assert np.abs(np.diff(gain)).max() < 0.005  # 16 dB in 10 ms without a step
    assert np.abs(np.diff(gain, 2)).max() < 1e-4


def test_a_low_note_is_turned_down_not_bent():
    samples = 2 * np.sin(2 * np.pi * 55 * SECOND / RATE_HZ)[None]
    quiet = limited(samples, Limiter(RATE_HZ, 1, -1.0))
    middle = slice(RATE_HZ // 4, 3 * RATE_HZ // 4)
    np.testing.assert_allclose(quiet[0, middle] / 2, samples[0, middle] * (quiet.max() / 4), atol=2e-3)


@given(cuts=st.lists(st.integers(0, 50_000), max_size=6), num_samples=st.sampled_from([0, 1, 100, 16_384, 50_000]))
@settings(max_examples=15, deadline=None)
def test_it_does_not_matter_how_blocks_are_cut(cuts, num_samples):
    samples = np.random.default_rng(3).uniform(-1.2, 1.2, (1, num_samples))
    whole, pieces = Limiter(RATE_HZ, 1, -0.5), Limiter(RATE_HZ, 1, -0.5)
    expected = limited(samples, whole)
    assert expected.shape == samples.shape
    np.testing.assert_array_equal(limited(samples, pieces, tuple(cuts)), expected)
    assert whole.num_changed == pieces.num_changed


@pytest.mark.parametrize("rate_hz", [8_000, 192_000])
def test_it_serves_other_rates(rate_hz):
    samples = np.random.default_rng(4).uniform(-1, 1, (1, rate_hz // 2))
    assert true_peak_db(limited(samples, Limiter(rate_hz, 1, -2.0))) < -2.0 + 0.1


def test_float32_stays_float32():
    samples = np.random.default_rng(5).uniform(-1, 1, (2, 30_000)).astype(np.float32)
    quiet = limited(samples, Limiter(RATE_HZ, 2, -1.0))
    assert quiet.dtype == np.float32
    assert true_peak_db(quiet) < -0.9


@pytest.mark.parametrize("ceiling_db", [0.1, math.nan, -math.inf])
def test_a_ceiling_that_is_none_is_refused(ceiling_db):
    with pytest.raises(UsageError, match="such as -1"):
        Limiter(RATE_HZ, 2, ceiling_db)


def test_what_is_beyond_all_measure_is_no_fault_of_the_limiter() -> None:
    limiter = Limiter(44_100, 1, -1.0)
    loud = np.full((1, 40_000), 1e30, dtype=np.float32)
    assert np.isfinite(limited(loud, limiter)).all()
    assert limiter.reduction_db > 300
