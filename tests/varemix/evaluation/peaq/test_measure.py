"""What must hold of PEAQ whatever the numbers are, and what it refuses."""

from dataclasses import asdict, astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from varemix.errors import EvaluationError
from varemix.evaluation.peaq import PeaqResult, peaq
from varemix.media.resampling import resample

FloatArray = NDArray[np.float64]

RATE_HZ = 48000


def _noise(*shape: int, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape)


def _values(result: PeaqResult) -> FloatArray:
    return np.array([result.odg, result.di, *astuple(result.movs)])


@pytest.mark.parametrize("name", ["string", "band"])
def test_equal_signals_differ_in_nothing_and_get_the_highest_grade(name: str, request: pytest.FixtureRequest) -> None:
    signal = request.getfixturevalue(name)
    result = peaq(signal, signal, RATE_HZ)
    assert result.odg == pytest.approx(0.21, abs=0.01)
    assert result.movs.bandwidth_ref_bins >= result.movs.bandwidth_test_bins > 346
    assert result.movs.total_nmr_db < -100
    differences = asdict(result.movs)
    for other in ("bandwidth_ref_bins", "bandwidth_test_bins", "total_nmr_db"):
        del differences[other]
    assert set(differences.values()) == {0.0}


def test_one_channel_is_graded_like_two_equal_ones(string: FloatArray) -> None:
    noisy = string + 0.001 * _noise(*string.shape)
    twice = peaq(np.tile(string, (2, 1)), np.tile(noisy, (2, 1)), RATE_HZ)
    np.testing.assert_allclose(_values(twice), _values(peaq(string, noisy, RATE_HZ)), rtol=1e-9)


def test_exchanging_the_channels_changes_nothing(band: FloatArray) -> None:
    noisy = band + np.array([[0.001], [0.003]]) * _noise(*band.shape)
    swapped = peaq(band[::-1], noisy[::-1], RATE_HZ)
    np.testing.assert_allclose(_values(swapped), _values(peaq(band, noisy, RATE_HZ)), rtol=1e-9)


def test_an_error_in_one_channel_is_graded_between_none_and_one_in_both(band: FloatArray) -> None:
    left, both = (band + 0.003 * share * _noise(*band.shape) for share in (np.array([[1.0], [0.0]]), 1.0))
    none_odg, left_odg, both_odg = (peaq(band, test, RATE_HZ).odg for test in (band, left, both))
    assert none_odg > left_odg > both_odg


def test_more_noise_is_never_graded_better(string: FloatArray) -> None:
    noise = string.std() * _noise(*string.shape)
    grades = [peaq(string, string + 10 ** (-snr_db / 20) * noise, RATE_HZ).odg for snr_db in (80, 60, 50, 40, 30, 20)]
    assert np.all(np.diff(grades) < 0)
    assert grades[0] > 0
    assert grades[-1] < -3.5


def test_nothing_is_aligned_so_that_a_delay_of_10_ms_is_a_strong_distortion(string: FloatArray) -> None:
    reference, late = np.pad(string, ((0, 0), (0, 480))), np.pad(string, ((0, 0), (480, 0)))
    assert peaq(reference, late, RATE_HZ).odg == pytest.approx(-2.5, abs=0.05)


def test_a_lower_level_is_heard(string: FloatArray) -> None:
    assert peaq(string, string * 10 ** (-6 / 20), RATE_HZ).odg == pytest.approx(-1.07, abs=0.05)


def test_more_or_less_silence_around_a_recording_changes_nothing(band: FloatArray) -> None:
    clipped = np.clip(band, -0.3, 0.3)
    little, much = (
        peaq(np.pad(band, around), np.pad(clipped, around), RATE_HZ)
        for around in (((0, 0), (2048, 2048)), ((0, 0), (40960, 40960)))
    )
    np.testing.assert_array_equal(_values(little), _values(much))


def test_at_another_rate_only_the_bandwidths_and_the_harmonics_of_the_error_differ(band: FloatArray) -> None:
    clipped = np.clip(band, -0.3, 0.3)
    at_48_khz = asdict(peaq(band, clipped, RATE_HZ).movs)
    at_44_khz = asdict(peaq(resample(band, RATE_HZ, 44100), resample(clipped, RATE_HZ, 44100), 44100).movs)
    for name in set(at_48_khz) - {"bandwidth_ref_bins", "bandwidth_test_bins", "ehs"}:
        assert at_44_khz[name] == pytest.approx(at_48_khz[name], rel=1e-3), name
    assert at_44_khz["ehs"] == pytest.approx(at_48_khz["ehs"], rel=0.1)
    assert at_44_khz["bandwidth_ref_bins"] > at_48_khz["bandwidth_ref_bins"]


def test_a_copy_that_went_through_11_khz_is_narrower_and_graded_worse(string: FloatArray) -> None:
    narrow = resample(resample(string, RATE_HZ, 11025), 11025, RATE_HZ)
    result = peaq(string, narrow, RATE_HZ)
    assert result.odg < -1
    assert result.movs.bandwidth_test_bins < 5600 / (RATE_HZ / 2048)


def test_differences_below_16_bits_are_none(string: FloatArray) -> None:
    almost = string + 0.4 / 32768 * np.sign(_noise(*string.shape))
    assert peaq(string, almost, RATE_HZ) == peaq(string, string, RATE_HZ)


def test_samples_beyond_full_scale_are_not_clipped(string: FloatArray) -> None:
    loud = 4 * string
    assert peaq(loud, loud, RATE_HZ).odg == pytest.approx(0.21, abs=0.01)
    assert peaq(loud, np.clip(loud, -1, 1), RATE_HZ).odg < -1


def test_a_silent_reference_or_test_has_no_grade(string: FloatArray) -> None:
    silence = np.full_like(string, 1e-4)
    for reference, test in [(silence, string), (string, silence), (silence, silence)]:
        assert np.isnan(_values(peaq(reference, test, RATE_HZ))).all()


def test_a_silent_channel_out_of_two_is_allowed(string: FloatArray) -> None:
    reference = np.concatenate([string, np.zeros_like(string)])
    test = reference.copy()
    test[0] += 0.003 * _noise(string.shape[-1])
    result, unchanged = peaq(reference, test, RATE_HZ), peaq(reference, reference, RATE_HZ)
    assert result.odg < unchanged.odg
    # averages of a channel with the noise and one without any
    alone = peaq(string, test[:1], RATE_HZ).movs
    assert result.movs.win_mod_diff1 == pytest.approx(alone.win_mod_diff1 / 2)
    assert result.movs.rms_noise_loud_sone == pytest.approx(alone.rms_noise_loud_sone / 2)
    assert result.movs.adb == pytest.approx(alone.adb)
    assert result.movs.mfpd == pytest.approx(alone.mfpd)


def test_a_test_with_a_gap_of_digital_silence_gets_a_finite_grade(band: FloatArray) -> None:
    gap = band.copy()
    gap[:, 100_000:120_000] = 0
    assert np.isfinite(_values(peaq(band, gap, RATE_HZ))).all()
    assert np.isfinite(_values(peaq(gap, band, RATE_HZ))).all()


@pytest.mark.parametrize("shape", [(48000,), (0, 48000), (3, 48000), (1, 2, 48000), ()])
def test_references_of_another_shape_than_one_or_two_channels_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EvaluationError, match="reference has shape"):
        peaq(np.ones(shape), np.ones(shape), RATE_HZ)


@pytest.mark.parametrize("shape", [(2, 47999), (1, 48000), (48000,)])
def test_tests_of_another_shape_than_the_reference_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EvaluationError, match="test has shape"):
        peaq(np.ones((2, 48000)), np.ones(shape), RATE_HZ)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_finite_numbers_are_refused(value: float) -> None:
    signal = 0.1 * _noise(1, 48000)
    broken = signal.copy()
    broken[0, 7] = value
    with pytest.raises(EvaluationError, match="reference holds 1 of 48000 values"):
        peaq(broken, signal, RATE_HZ)
    with pytest.raises(EvaluationError, match="test holds 1 of 48000 values"):
        peaq(signal, broken, RATE_HZ)


def test_samples_that_were_not_scaled_to_full_scale_are_refused(string: FloatArray) -> None:
    with pytest.raises(EvaluationError, match=r"full scale is 1\.0"):
        peaq(string * 32768, string * 32768, RATE_HZ)


@pytest.mark.parametrize("rate_hz", [0, -48000, 44.1, float("nan")])
def test_rates_that_cannot_be_are_refused(rate_hz: float) -> None:
    signal = 0.1 * _noise(1, 48000)
    with pytest.raises(EvaluationError, match="rate is"):
        peaq(signal, signal, rate_hz)  # type: ignore[arg-type]


def test_references_that_sound_too_shortly_are_refused_however_long_they_are() -> None:
    signal = np.zeros((1, 96000))
    signal[:, 40000:66000] = 0.1 * _noise(1, 26000)
    with pytest.raises(EvaluationError, match=r"at least 0\.6 s"):
        peaq(signal, signal, RATE_HZ)
    with pytest.raises(EvaluationError, match=r"at least 0\.6 s"):
        peaq(signal[:, 40000:41000], signal[:, 40000:41000], RATE_HZ)


def test_the_shortest_reference_that_is_allowed_gets_a_finite_grade() -> None:
    signal = 0.1 * _noise(1, 28700)
    assert np.isfinite(_values(peaq(signal, signal + 0.01 * _noise(1, 28700, seed=2), RATE_HZ))).all()
