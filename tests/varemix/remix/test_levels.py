import math

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfreqz

from varemix.errors import MediaError, UsageError
from varemix.remix.level_care import LevelCare
from varemix.remix.levels import LoudnessMeter, k_weighting, loudness_gain_db


def tone(level_db: float, duration_s: float = 3.0, *, rate_hz: int = 48_000, num_channels: int = 2) -> np.ndarray:
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.tile(10 ** (level_db / 20) * np.sin(2 * np.pi * 997 * times_s), (num_channels, 1))


def loudness(samples: np.ndarray, rate_hz: int = 48_000) -> float | None:
    meter = LoudnessMeter(rate_hz, len(samples))
    meter.add(samples)
    return meter.integrated_lufs


def noise(num_samples: int, num_channels: int = 2, seed: int = 0) -> np.ndarray:
    """Noise that gets louder and softer, so that both gates work."""
    shape = 10 ** (np.interp(np.arange(num_samples), np.linspace(0, num_samples, 9), [0, -1, -4, -1, 0, -2, -4, -3, 0]))
    return 0.2 * shape * np.random.default_rng(seed).standard_normal((num_channels, num_samples))


# EBU Tech 3341 (2016), table 1: the signals of cases 1 to 6 and what a meter shows of them, within 0.1 LU. Levels in
# dBFS and lengths in s of sines near 1 kHz in both front channels; case 6, in five channels, stands by itself below.
EBU_CASES = [
    pytest.param([(-23.0, 20)], -23.0, id="case 1"),
    pytest.param([(-33.0, 20)], -33.0, id="case 2"),
    pytest.param([(-36.0, 10), (-23.0, 60), (-36.0, 10)], -23.0, id="case 3"),
    pytest.param([(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)], -23.0, id="case 4"),
    pytest.param([(-26.0, 20), (-20.0, 20.1), (-26.0, 20)], -23.0, id="case 5"),
]


@pytest.mark.parametrize(("stretches", "expected_lufs"), EBU_CASES)
def test_the_signals_of_ebu_tech_3341_have_their_loudness(stretches, expected_lufs):
    meter = LoudnessMeter(48_000, 2)
    for level_db, duration_s in stretches:
        meter.add(tone(level_db, duration_s))
    assert meter.integrated_lufs == pytest.approx(expected_lufs, abs=0.1)


def test_the_surround_signal_of_ebu_tech_3341_has_its_loudness():
    levels_db = [-28.0, -28.0, -24.0, -100.0, -30.0, -30.0]  # case 6; the fourth is the bass channel
    samples = np.concatenate([tone(level, 5.0, num_channels=1) for level in levels_db])
    assert loudness(samples) == pytest.approx(-23.0, abs=0.1)
    samples[3] = 0.5  # does not count, whatever it holds
    assert loudness(samples) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_full_scale_in_one_channel_is_minus_three_at_every_rate(rate_hz):
    # BS.1770-4, annex 1: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LKFS
    assert loudness(tone(0.0, rate_hz=rate_hz, num_channels=1), rate_hz) == pytest.approx(-3.01, abs=0.01)


def test_the_weighting_at_48_khz_is_the_one_of_the_standard():
    # BS.1770-4, annex 1, tables 1 and 2
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=2e-4)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 192_000])
def test_the_weighting_at_other_rates_weighs_the_same(rate_hz):
    frequencies_hz = [40.0, 100.0, 500.0, 2_000.0, 5_000.0]
    at_48, at_rate = (
        20 * np.log10(np.abs(sosfreqz(k_weighting(rate), frequencies_hz, fs=rate)[1])) for rate in (48_000, rate_hz)
    )
    np.testing.assert_allclose(at_rate, at_48, atol=0.15)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("num_channels", [1, 2, 5])
def test_it_agrees_with_pyloudnorm(rate_hz, num_channels):
    # pyloudnorm 0.1.1; its coefficients 'DeMan' are those of the standard, and 10 s are whole steps in both
    samples = noise(10 * rate_hz, num_channels)
    expected_lufs = pyloudnorm.Meter(rate_hz, "DeMan").integrated_loudness(samples.T)
    room_lu = 0.3 if rate_hz == 8_000 else 0.02  # its high-pass is 0.26 dB too loud there
    assert loudness(samples, rate_hz) == pytest.approx(expected_lufs, abs=room_lu)


@given(cuts=st.lists(st.integers(0, 24_000), max_size=12), rate_hz=st.sampled_from([11_025, 16_000]))
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_how_blocks_are_cut(cuts, rate_hz):
    samples = noise(24_000)
    meter = LoudnessMeter(rate_hz, 2)
    for block in np.split(samples, sorted(cuts), axis=1):
        meter.add(block)
    assert meter.integrated_lufs == pytest.approx(loudness(samples, rate_hz), abs=1e-9)


def test_less_than_a_gating_block_has_no_loudness_and_silence_has_none_to_speak_of():
    assert loudness(tone(-20.0, 0.399)) is None
    assert loudness(tone(-20.0, 0.4)) is not None
    assert loudness(np.zeros((2, 48_000))) == -math.inf
    assert loudness(tone(-90.0)) == -math.inf


def test_silence_after_sound_stays_cheap_numbers():
    meter = LoudnessMeter(48_000, 1)
    meter.add(tone(0.0, 1.0, num_channels=1))
    for _ in range(10):
        meter.add(np.zeros((1, 48_000)))
    # seven blocks are full, three hold three, two and one quarter, and the others are gated
    assert meter.integrated_lufs == pytest.approx(-3.01 + 10 * math.log10(8.5 / 10), abs=0.01)
    assert not meter._state.any()


def test_a_rate_that_the_weighting_does_not_reach_is_refused():
    with pytest.raises(MediaError, match="2000 Hz"):
        LoudnessMeter(2_000, 1)


@pytest.mark.parametrize(
    ("wished", "original_lufs", "remix_lufs", "gain_db"),
    [
        ("unchanged", -20.0, -30.0, 0.0),
        ("match", -20.0, -23.5, 3.5),
        ("match", -20.0, -18.0, -2.0),
        (-14.0, -20.0, -18.0, 4.0),
        (-14.0, None, -18.0, 4.0),
        (-45.0, -3.0, -3.0, -42.0),
        ("match", -10.0, -69.0, 20.0),
        ("match", -math.inf, -18.0, 0.0),
        ("match", None, -18.0, 0.0),
        ("match", -20.0, -math.inf, 0.0),
        (-14.0, -20.0, None, 0.0),
    ],
)
def test_the_gain_brings_the_remix_where_it_is_wished(wished, original_lufs, remix_lufs, gain_db):
    assert loudness_gain_db(wished, original_lufs, remix_lufs) == pytest.approx(gain_db)


def test_the_gain_applied_gives_the_loudness_of_the_original():
    original, remix = tone(-20.0), 0.3 * tone(-20.0)
    gain_db = loudness_gain_db("match", loudness(original), loudness(remix))
    assert loudness(remix * 10 ** (gain_db / 20)) == pytest.approx(loudness(original), abs=1e-9)


@pytest.mark.parametrize(
    "wish",
    [
        {"loudness": "loud"},
        {"loudness": 3.0},
        {"loudness": math.nan},
        {"loudness": True},
        {"true_peak_db": 1.0},
        {"true_peak_db": math.nan},
    ],
)
def test_levels_that_cannot_be_are_refused(wish):
    with pytest.raises(UsageError, match="give"):
        LevelCare(**wish)


def test_care_says_whether_it_does_anything():
    assert LevelCare().is_none
    assert not LevelCare(loudness="match").is_none
    assert LevelCare(loudness=-16, true_peak_db=-1.0).as_dict() == {"loudness": -16, "true_peak_db": -1.0}
