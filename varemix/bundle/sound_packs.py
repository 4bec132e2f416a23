"""Recordings that travel in few files of sound, with silence between them.

It needs NumPy alone, so that each core of a host begins to decode at once.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from varemix.errors import TrainingError

GAP_SAMPLES = 4_800
"""Silence after each recording, so that none is heard in the next."""


def pack_of(recordings: Iterable[np.ndarray]) -> np.ndarray:
    """Return the samples [S] of recordings [S], each with its silence."""
    gap = np.zeros(GAP_SAMPLES, np.int16)
    return np.concatenate([part for samples in recordings for part in (samples, gap)])


def unpacked(job: tuple[Path, Sequence[int], int]) -> tuple[int, np.ndarray]:
    """Return the samples [S] of a file's recordings, of so many samples each, without the silence.

    A job is the file, these lengths, and a number that is handed through. Raises TrainingError for a file that was cut.
    """
    import soundfile

    path, lengths, number = job
    samples, _ = soundfile.read(path, dtype="int16")
    needed = sum(lengths) + GAP_SAMPLES * len(lengths)
    if len(samples) < needed:
        raise TrainingError(f"'{path.name}' holds {len(samples)} samples, {needed} were expected. Send it again.")
    parts, place = [], 0
    for length in lengths:
        parts.append(samples[place : place + length])
        place += length + GAP_SAMPLES
    return number, np.concatenate(parts)
