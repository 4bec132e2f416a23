"""Scores of one mixture under each condition of `condition_names`, and the masks that need no network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from varemix.evaluation.bss import BssScores, References
from varemix.evaluation.condition_names import MIX, OTHERS_MUTED, SEPARATE_AND_ADD
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks, ideal_binary, ideal_ratio, random_binary
from varemix.signal.spectrogram import filter_samples, stft

_SILENCE_DB = -120.0
_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well one source of a mixture was recovered under one condition, in dB; NaN where a signal is silent.

    `level_db` is the RMS of the estimate relative to that of the mix, -120 for silence.
    """

    condition: str
    source: int
    sdr_db: float
    nsdr_db: float
    sir_db: float
    sar_db: float
    level_db: float


def known_masks(sources: np.ndarray, grid: Grid, *, seed: int) -> dict[str, Masks]:
    """Return the masks that need no network, from the true sources [N, S], on the linear bins of a grid."""
    magnitudes = stft(torch.from_numpy(sources), grid).abs()
    mix_magnitude = stft(torch.from_numpy(sources.sum(axis=0)), grid).abs()
    known = {
        "ideal_binary": ideal_binary(magnitudes, mix_magnitude),
        "ideal_ratio": ideal_ratio(magnitudes),
        "random_binary": random_binary(tuple(magnitudes.shape), seed=seed),
    }
    return {name: Masks(values=values.numpy(), grid=grid.on_bins()) for name, values in known.items()}


def others_down(masks: Masks) -> dict[str, Masks]:
    """Return, as masks, the gains by which each source is heard alone, in the two ways there are."""
    others = masks.values.sum(axis=0) - masks.values
    return {SEPARATE_AND_ADD: masks, OTHERS_MUTED: Masks(values=np.maximum(1 - others, 0), grid=masks.grid)}


def score_conditions(sources: np.ndarray, masks: Mapping[str, Masks]) -> list[Score]:
    """Return the scores of each condition's N masks on sources [N, S], and of the mix itself."""
    mix = sources.sum(axis=0)
    references = References(sources)
    unchanged = np.broadcast_to(mix, (1, *sources.shape))
    before = references.score(unchanged)
    scores = _scores([MIX], before, before, _levels_db(unchanged, mix))
    for conditions in _batches(list(masks)):
        estimates = np.stack([_cut_out(mix, masks[name]) for name in conditions])
        scores += _scores(conditions, references.score(estimates), before, _levels_db(estimates, mix))
    return scores


def _cut_out(mix: np.ndarray, masks: Masks) -> np.ndarray:
    return filter_samples(torch.from_numpy(mix), torch.from_numpy(masks.values), masks.grid.applied).numpy()


def _batches(conditions: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield as many conditions as are scored at once: many, as that is faster, but memory holds their estimates."""
    for first in range(0, len(conditions), _BATCH):
        yield conditions[first : first + _BATCH]


def _scores(conditions: Sequence[str], found: BssScores, mix: BssScores, levels_db: np.ndarray) -> list[Score]:
    return [
        Score(
            condition=condition,
            source=source,
            sdr_db=float(found.sdr_db[place, source]),
            nsdr_db=float(found.sdr_db[place, source] - mix.sdr_db[0, source]),
            sir_db=float(found.sir_db[place, source]),
            sar_db=float(found.sar_db[place, source]),
            level_db=float(levels_db[place, source]),
        )
        for place, condition in enumerate(conditions)
        for source in range(found.sdr_db.shape[1])
    ]


def _levels_db(estimates: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """Return the RMS of estimates [M, N, S] relative to that of the mix [S], in dB [M, N]."""
    power = np.mean(np.square(estimates, dtype=np.float64), axis=-1)
    mix_power = np.mean(np.square(mix, dtype=np.float64))
    if mix_power == 0:
        return np.full(power.shape, _SILENCE_DB)
    return 10 * np.log10(np.maximum(power / mix_power, 10 ** (_SILENCE_DB / 10)))
