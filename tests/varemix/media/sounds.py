"""Planted sound for tests of coded files: noise whose place in time is beyond doubt."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from varemix.media.programs import find_ffmpeg, run_program

NUM_SAMPLES = 20_001  # no whole number of anyone's frames
MakeVideo = Callable[..., Path]


def noise(rate_hz: int = 44_100, num_channels: int = 2, num_samples: int = NUM_SAMPLES) -> np.ndarray:
    """Return noise [C, S] below 8 kHz, on steps of 16 bits, each channel another."""
    rng = np.random.default_rng(11)
    spectrum = np.fft.rfft(rng.standard_normal((num_channels, num_samples)))
    spectrum[:, round(8_000 / rate_hz * num_samples) :] = 0
    samples = np.fft.irfft(spectrum, num_samples)
    return np.rint(samples / np.abs(samples).max() * 0.5 * 2**15) / 2**15


def planted_wav(folder: Path, rate_hz: int = 44_100, num_channels: int = 2) -> Path:
    """Write the noise as a WAV file of 16 bits."""
    path = folder / f"planted-{rate_hz}-{num_channels}.wav"
    if not path.exists():
        soundfile.write(path, noise(rate_hz, num_channels).T, rate_hz, subtype="PCM_16")
    return path


def encoded(folder: Path, name: str, *args: str, rate_hz: int = 44_100, num_channels: int = 2) -> Path:
    """Return the noise encoded by ffmpeg with the arguments given."""
    wav = planted_wav(folder, rate_hz, num_channels)
    run_ffmpeg("-i", str(wav), *args, f"file:{folder / name}")
    return folder / name


def run_ffmpeg(*args: str) -> None:
    """Run ffmpeg quietly."""
    run_program([find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y", *args], timeout_s=600)


def lag_samples(before: np.ndarray, after: np.ndarray) -> int:
    """Return by how many samples the first channel of `after` comes later than that of `before`, within 3000."""
    reach = 3_000
    piece = before[0, 6_000:12_000]
    scores = np.correlate(after[0, 6_000 - reach : 12_000 + reach], piece, "valid")
    return int(np.argmax(scores)) - reach


def snr_db(before: np.ndarray, after: np.ndarray) -> float:
    """Return how far the difference lies below `before`, both [C, S]; the longer one is cut."""
    length = min(before.shape[1], after.shape[1])
    difference = before[:, :length] - after[:, :length]
    power = float(np.square(difference).sum())
    return float(10 * np.log10(np.square(before[:, :length]).sum() / power)) if power else np.inf
