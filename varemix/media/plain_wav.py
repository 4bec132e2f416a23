"""A WAV file for another program to read: 24 bits, of any length."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from varemix.errors import MediaError

_MOST_BYTES_OF_WAV = 4_000_000_000
_BYTES = 3


def write_wav(path: Path, blocks: Iterable[np.ndarray], rate_hz: int, *, num_samples: int = 0) -> None:
    """Write blocks [C, S_b]; past 4 GB, which `num_samples` tell of, as RF64.

    Raises MediaError where none come, or where they find no room.
    """
    file: soundfile.SoundFile | None = None
    try:
        for block in blocks:
            if file is None:
                is_long = num_samples * len(block) * _BYTES > _MOST_BYTES_OF_WAV
                file = soundfile.SoundFile(
                    path, "w", rate_hz, len(block), "PCM_24", format="RF64" if is_long else "WAV"
                )
            file.write(np.clip(block, -1, 1).T)
    except soundfile.LibsndfileError as error:  # which keeps the system's reason to itself
        free_mb = shutil.disk_usage(path.parent).free // 1_000_000
        raise MediaError(
            f"'{path.name}' cannot be written for another program: {error.error_string} There are {free_mb} MB free in "
            "the folder for temporary files. Make room there, or name another by TMPDIR, and run again."
        ) from error
    finally:
        if file is not None:
            file.close()
    if file is None:
        raise MediaError("The recording holds no samples.")
