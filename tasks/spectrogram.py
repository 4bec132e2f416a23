"""A look at one remix: the ten seconds of its first minute that changed most, before and after."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from varemix.evaluation.spectrograms import remix_figure
from varemix.media.audio import AudioReader
from varemix.media.resampling import mono, resample
from varemix.signal.spectrogram import RATE_HZ

_SEARCHED_S, _SHOWN_S = 60, 10


def remix_picture(source: Path, remix: Path, title: str) -> bytes:
    """Return a JPEG picture of what a remix changed. Raises MediaError where one of both cannot be read."""
    before, after = _beginning(source), _beginning(remix)
    num_samples = min(len(before), len(after))
    before, after = before[:num_samples], after[:num_samples]
    first = _most_changed(np.abs(after - before), RATE_HZ * _SHOWN_S)
    part = slice(first, first + RATE_HZ * _SHOWN_S)
    return remix_figure(before[part], after[part], title=title, start_s=first / RATE_HZ)


def _beginning(path: Path) -> NDArray[np.float32]:
    """Return the first minute of a recording, mono [S] at 44.1 kHz."""
    with AudioReader(path) as reader:
        samples = reader.read(0, _SEARCHED_S * reader.info.rate_hz)
        return resample(mono(samples), reader.info.rate_hz, RATE_HZ).astype(np.float32)


def _most_changed(change: NDArray[np.float32], num_samples: int) -> int:
    """Return where the span of `num_samples` begins, at a whole second, in which most changed."""
    starts = range(0, max(1, len(change) - num_samples + 1), RATE_HZ)
    return max(starts, key=lambda first: float(change[first : first + num_samples].sum(dtype=np.float64)))
