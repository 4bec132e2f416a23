"""Log-spectral distance: how far two sounds lie apart, level by level of their spectra.

Unlike SDR it sees gains and forgives phases; unlike PEAQ it knows nothing of hearing.
Source: Gray and Markel: Distance measures for speech processing, IEEE TASSP 24(5), 1976; Rabiner and Juang:
Fundamentals of Speech Recognition, 1993, chapter 4.
"""

import numpy as np
import torch

from varemix.errors import EvaluationError
from varemix.signal.grid import PAPER_GRID
from varemix.signal.spectrogram import stft

FLOOR_DB = -80.0
"""Levels below this, relative to the reference's largest bin, count as this: nobody hears them."""


def log_spectral_distance_db(reference: np.ndarray, test: np.ndarray) -> float:
    """Return the distance of a test [S] from a reference [S] in dB; 0 for equal signals, NaN for a silent reference.

    In each frame the root mean square, over bins, of the difference of levels; of these the mean over frames. Both
    signals are held at the floor, which is the reference's: the distance is symmetric where the largest bins of both
    are equally strong. Raises EvaluationError when the signals are not of one length.
    """
    if reference.ndim != 1 or reference.shape != test.shape:
        raise EvaluationError(
            f"The reference has shape {list(reference.shape)}, the test {list(test.shape)}; [S] was expected of both. "
            "Mix them to mono and cut them to one length."
        )
    wanted, found = (stft(torch.from_numpy(samples), PAPER_GRID).abs() for samples in (reference, test))
    largest = float(wanted.max())
    if largest == 0:
        return float("nan")
    floor = largest * 10 ** (FLOOR_DB / 20)
    difference_db = 20 * (found.clamp_min(floor).log10() - wanted.clamp_min(floor).log10())
    return float(difference_db.square().mean(dim=-2).sqrt().mean())
