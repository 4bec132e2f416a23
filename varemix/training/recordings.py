"""Recordings of clips as they lie on disk, mapped into memory: a stretch costs no more than its own samples."""

import wave
from pathlib import Path

import numpy as np

from varemix.errors import MediaError
from varemix.media.clips import Clip

_FULL_SCALE = 32_768


class Recordings:
    """Mono 16-bit WAV files, as preparation writes them, opened when first asked for."""

    def __init__(self) -> None:
        self._mapped: dict[Path, np.ndarray] = {}

    def stretch(self, clip: Clip, first_sample: int, num_samples: int) -> np.ndarray:
        """Return samples [S] in float32; a clip that is too short is repeated. Raises MediaError for other files."""
        if clip.wav_path not in self._mapped:
            self._mapped[clip.wav_path] = _mapped(clip.wav_path)
        samples = self._mapped[clip.wav_path][first_sample : first_sample + num_samples]
        return np.resize(samples, num_samples).astype(np.float32) / _FULL_SCALE


def _mapped(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file, wave.open(file) as header:
            layout = (header.getnchannels(), header.getsampwidth())
            first_byte, num_samples = file.tell(), header.getnframes()
        if layout != (1, 2) or num_samples == 0:
            raise MediaError(f"'{path}' is no mono WAV file with 16 bits and sound in it. Refresh the catalog.")
        return np.memmap(path, dtype="<i2", mode="r", offset=first_byte, shape=(num_samples,))
    except (OSError, EOFError, ValueError, wave.Error) as error:  # a file that was cut short is a ValueError
        raise MediaError(f"'{path}' cannot be read ({error}). Refresh the catalog.") from error
