"""The conditions of the paper's Table I, scored on one pair: what the masks were made from decides the row.

`mix` leaves the mix as it is, so that its NSDR is 0 by definition; `ideal_binary` is the ceiling of binary masks,
`ideal_ratio` that of soft ones, `random_binary` the floor. The others are masks that pictures asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from varemix.evaluation.bss import bss_eval
from varemix.signal.masks import ideal_binary, ideal_ratio, random_binary
from varemix.signal.spectrogram import filter_samples, stft

MIX = "mix"
PICTURED = ("video", "image", "wrong_image", "blank_image")
CONDITIONS = ("ideal_binary", "ideal_ratio", "random_binary", MIX, *PICTURED)


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well one source of a pair was recovered under one condition, in dB; NaN where a signal is silent."""

    condition: str
    source: int
    sdr_db: float
    nsdr_db: float
    sir_db: float
    sar_db: float


def known_masks(sources: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """Return the masks [N, F, T] that need no network, from the true sources [N, S]."""
    magnitudes = stft(torch.from_numpy(sources)).abs()
    mix_magnitude = stft(torch.from_numpy(sources.sum(axis=0))).abs()
    return {
        "ideal_binary": ideal_binary(magnitudes, mix_magnitude).numpy(),
        "ideal_ratio": ideal_ratio(magnitudes).numpy(),
        "random_binary": random_binary(tuple(magnitudes.shape), seed=seed).numpy(),
    }


def score_conditions(sources: np.ndarray, masks: Mapping[str, np.ndarray]) -> list[Score]:
    """Return the scores of each condition's masks [N, F, T] on sources [N, S], and of the mix itself."""
    mix = torch.from_numpy(sources.sum(axis=0))
    estimates = [mix.expand(len(sources), -1).numpy()]
    estimates += [filter_samples(mix, torch.from_numpy(mask)).numpy() for mask in masks.values()]
    scores = bss_eval(sources, np.stack(estimates))
    return [
        Score(
            condition=condition,
            source=source,
            sdr_db=float(scores.sdr_db[place, source]),
            nsdr_db=float(scores.sdr_db[place, source] - scores.sdr_db[0, source]),
            sir_db=float(scores.sir_db[place, source]),
            sar_db=float(scores.sar_db[place, source]),
        )
        for place, condition in enumerate([MIX, *masks])
        for source in range(len(sources))
    ]
