"""A WAV file for another program to read: 24 bits, of any length."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from varemix.errors import MediaError

_MOST_BYTES_OF_WAV = 4_000_000_000
_BYTES = 3


def write_wav(path: Path, blocks: Iterable[np.ndarray], rate_hz: int, *, num_samples: int = 0) -> None:
    """Write blocks [C, S_b]; past 4 GB, which `num_samples` tell of, as RF64. Raises MediaError where none come."""
    file: soundfile.SoundFile | None = None
    try:
        for block in blocks:
            if file is None:
                is_long = num_samples * len(block) * _BYTES > _MOST_BYTES_OF_WAV
                file = soundfile.SoundFile(
                    path, "w", rate_hz, len(block), "PCM_24", format="RF64" if is_long else "WAV"
                )
            file.write(np.clip(block, -1, 1).T)
    finally:
        if file is not None:
            file.close()
    if file is None:
        raise MediaError("The recording holds no samples.")
