"""How much a wished gain really changes the instrument that was meant, how much the rest, and what one hears of it.

A remix (equation 1) is one linear filter that varies in time, 1 + s M, made from the mask. So the same filter is
applied to the true instrument alone and to everything else alone, and what becomes of their levels is compared with
the wish. A perfect mask changes the target by what was wished and the rest by nothing. The whole remix is held against
the true one, in which the instrument alone was changed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from varemix.errors import EvaluationError
from varemix.evaluation.delta_snr import delta_snr_db
from varemix.evaluation.grading import grade
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import decay_of
from varemix.signal.spectrogram import filter_samples

WISHED_DB = (-math.inf, -12.0, -6.0, -3.0, 3.0, 6.0, 12.0)
SILENCE_DB = -80.0


@dataclass(frozen=True, kw_only=True)
class AchievedGain:
    """What a wish for one source did, as changes of RMS level in dB.

    `wished_db` is -inf for mute; `target_db` is the change of the source itself, `rest_db` that of all others together.
    Changes below -80 dB count as -80; NaN where there was silence before. `delta_snr_db` says how much nearer to the
    true remix the remix is than the mix is, `odg` is PEAQ's grade of it, NaN where there is none or was none asked for.
    """

    source: int
    wished_db: float
    target_db: float
    rest_db: float
    delta_snr_db: float
    odg: float


def achieved_gains(
    sources: np.ndarray, masks: Masks, *, smoothing_s: float, with_odg: bool = False
) -> list[AchievedGain]:
    """Return what each wish for each source does, the other sources being left as they are.

    `sources` are [N, S] at 44.1 kHz; the masks are smoothed by ZLBM with a time constant of `smoothing_s`. Grades take
    nearly all of the time, if they are asked for. Raises EvaluationError when there is not one mask for each source.
    """
    if len(sources) != len(masks):
        raise EvaluationError(f"{len(masks)} masks were given for {len(sources)} sources; give one for each.")
    smooth = zlbm(masks.values, decay_of(smoothing_s, masks.grid))
    return [
        gain
        for source in range(len(sources))
        for gain in _gains_of(source, sources, smooth[source], masks.grid, with_odg=with_odg)
    ]


def _gains_of(
    source: int, sources: np.ndarray, mask: np.ndarray, grid: Grid, *, with_odg: bool
) -> Iterator[AchievedGain]:
    """Yield what each wish for one source does, of sources [N, S] and its mask [R, T] on a grid."""
    parts = np.stack([sources[source], np.delete(sources, source, axis=0).sum(axis=0)])
    claimed = filter_samples(torch.from_numpy(parts), torch.from_numpy(mask), grid.applied).numpy()
    mix = parts.sum(axis=0)
    for wished_db in WISHED_DB:
        factor = 10 ** (wished_db / 20) - 1
        changed = parts + factor * claimed
        target_db, rest_db = _changes_db(parts, changed)
        remixed, wished = changed.sum(axis=0), mix + factor * parts[0]
        yield AchievedGain(
            source=source,
            wished_db=wished_db,
            target_db=target_db,
            rest_db=rest_db,
            delta_snr_db=delta_snr_db(wished, mix, remixed),
            odg=grade(wished, remixed) if with_odg else math.nan,
        )


def _changes_db(before: np.ndarray, after: np.ndarray) -> list[float]:
    """Return by how much the RMS of signals [..., S] changed, in dB [...]."""
    energies_before, energies_after = (np.square(signal, dtype=np.float64).sum(axis=-1) for signal in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        changes_db = 10 * np.log10(energies_after / energies_before)
    return np.maximum(changes_db, SILENCE_DB).tolist()
