"""The signals that the golden numbers were measured on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

DATA = Path(__file__).parent / "data"

FloatArray = NDArray[np.float64]


@pytest.fixture(scope="session")
def string() -> FloatArray:
    """Return a synthetic bowed string [1, S] of 6 s at 48 kHz."""
    return _read("string")


@pytest.fixture(scope="session")
def band() -> FloatArray:
    """Return a synthetic band [2, S] of 6 s at 48 kHz."""
    return _read("band")


@pytest.fixture(scope="session")
def pairs(string: FloatArray, band: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return references and tests [C, S] by the names that they have in golden.csv; see the README beside it."""
    lowpass = butter(8, 7000, fs=48000, output="sos")
    return {
        "string_separated": (string, _read("string_separated")),
        "string_half_gain": (string, _sixteen_bits(string / 2)),
        "string_lowpass_7khz": (string, _sixteen_bits(sosfiltfilt(lowpass, string))),
        "band_clipped": (band, _sixteen_bits(np.clip(band, -0.3, 0.3))),
    }


def _read(name: str) -> FloatArray:
    samples, rate_hz = soundfile.read(DATA / f"{name}.flac", always_2d=True)
    assert rate_hz == 48000
    return np.ascontiguousarray(samples.T)


def _sixteen_bits(samples: FloatArray) -> FloatArray:
    return np.round(samples * 32768) / 32768
