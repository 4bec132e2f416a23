"""Tiny sounds and their list, whose right answers are known."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from tests.varemix.media.sounds import run_ffmpeg

RATE_HZ = 48_000
CODERS: Mapping[str, tuple[str, ...]] = {
    ".opus": ("-c:a", "libopus", "-b:a", "96k"),
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "192k"),
    ".flac": ("-c:a", "flac"),
    ".wav": ("-c:a", "pcm_s16le"),
}
"""The formats that lists of sounds name, by suffix."""

COLUMNS = ("file", "label", "kind", "group", "split", "piece", "pitch", "start", "length", "licence")


def tone(seconds: float, hz: float = 441.0, peak: float = 0.5, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return a sine [S]."""
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def write_sound(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """Write samples [S] in the format that the file's suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        soundfile.write(path, samples, rate_hz, subtype="PCM_16")
        return path
    plain = path.with_suffix(".plain.wav")
    soundfile.write(plain, samples, rate_hz, subtype="PCM_16")
    run_ffmpeg("-i", str(plain), *CODERS[path.suffix], f"file:{path}")
    plain.unlink()
    return path


def write_list(path: Path, *rows: Mapping[str, object]) -> Path:
    """Write a list of sounds; what a row does not say is a phrase that Ann plays on the flute, to learn from."""
    usual = {"label": "flute", "kind": "phrase", "group": "ann", "split": "train"}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([usual | dict(row) for row in rows])
    return path
