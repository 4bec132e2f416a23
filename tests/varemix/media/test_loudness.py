import numpy as np
import pytest

from varemix.errors import MediaError
from varemix.media.loudness import integrated_loudness_lufs, silent_fraction


def sine(level_db: float, num_channels: int = 2, duration_s: float = 3.0, rate_hz: int = 48_000) -> np.ndarray:
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.tile(10 ** (level_db / 20) * np.sin(2 * np.pi * 1_000 * times_s), (num_channels, 1))


@pytest.mark.parametrize(("level_db", "num_channels", "expected_lufs"), [(-23.0, 2, -23.0), (0.0, 1, -3.01)])
def test_the_reference_tones_have_the_loudness_of_the_standard(
    level_db: float, num_channels: int, expected_lufs: float
) -> None:
    # EBU Tech 3341, case 1 (-23 dBFS, stereo); ITU-R BS.1770-4, annex 1 (0 dBFS, one channel); 0.1 LU of room
    loudness_lufs = integrated_loudness_lufs(sine(level_db, num_channels), 48_000)
    assert loudness_lufs == pytest.approx(expected_lufs, abs=0.1)


def test_halving_the_amplitude_lowers_the_loudness_by_six_units() -> None:
    loud, soft = (integrated_loudness_lufs(sine(level, rate_hz=44_100), 44_100) for level in (-10.0, -16.0))
    assert loud is not None
    assert soft is not None
    assert loud - soft == pytest.approx(6.0, abs=1e-6)


def test_less_than_one_gating_block_has_no_loudness() -> None:
    assert integrated_loudness_lufs(sine(-20.0, duration_s=0.399), 48_000) is None
    assert integrated_loudness_lufs(sine(-20.0, duration_s=0.4), 48_000) is not None
    assert integrated_loudness_lufs(np.zeros((1, 0)), 48_000) is None


@pytest.mark.parametrize("samples", [np.zeros((2, 48_000)), sine(-90.0)], ids=["zeros", "under the gate"])
def test_silence_is_minus_infinity_without_a_warning(samples: np.ndarray) -> None:
    assert integrated_loudness_lufs(samples, 48_000) == -np.inf


def test_the_bass_channel_of_5_1_does_not_count() -> None:
    samples = sine(-20.0, num_channels=6)
    without_bass = samples.copy()
    without_bass[3] = 0.0
    assert integrated_loudness_lufs(samples, 48_000) == integrated_loudness_lufs(without_bass, 48_000)
    without_left = samples.copy()
    without_left[0] = 0.0
    assert integrated_loudness_lufs(samples, 48_000) != integrated_loudness_lufs(without_left, 48_000)


def test_seven_channels_are_refused() -> None:
    with pytest.raises(MediaError, match="7 channels"):
        integrated_loudness_lufs(np.zeros((7, 48_000)), 48_000)


def test_measuring_leaves_the_samples_as_they_are() -> None:
    samples = sine(-20.0)
    before = samples.copy()
    integrated_loudness_lufs(samples, 48_000)
    silent_fraction(samples, 48_000)
    np.testing.assert_array_equal(samples, before)


def test_the_silent_share_is_the_planted_one() -> None:
    samples = np.concatenate([sine(-20.0, duration_s=3.0), np.zeros((2, 48_000))], axis=1)
    assert silent_fraction(samples, 48_000) == pytest.approx(0.25)


def test_the_threshold_is_one_of_rms() -> None:
    samples = np.full((1, 48_000), 10 ** (-59.9 / 20))
    assert silent_fraction(samples, 48_000) == 0.0
    assert silent_fraction(samples, 48_000, threshold_db=-59.8) == 1.0


def test_a_shorter_last_window_is_measured_as_it_is() -> None:
    samples = np.zeros((1, 2_400 + 24))
    samples[0, 2_400:] = 0.1
    assert silent_fraction(samples, 48_000) == 0.5


def test_no_samples_are_silent() -> None:
    assert silent_fraction(np.zeros((2, 0)), 48_000) == 1.0
