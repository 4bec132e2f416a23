"""How near a remix of two sources comes to mixing them anew, at eleven balances: the paper's Figure 4.

The mix is s_1 + s_2. Weights w and 1 - w ask for 2w s_1 + 2(1 - w) s_2, so that equal weights ask for the mix itself.
Two ways to it are compared, each with the masks as they are and smoothed along time:

* `remix`, equation (1), with s_1 = 2w - 1 and s_2 = 1 - 2w. As one is the other's negative, the bracket 1 + s_1 M_1 +
  s_2 M_2 is never below 0, and the remix is the mix plus (2w - 1) times the difference of the stems. At equal weights
  that is the mix, bit for bit.
* `separate_and_add`, the sum of the stems: 2w M_1 X + 2(1 - w) M_2 X.

SDR does not see gains and is infinite at 5:5, where it is limited; LSD, ODG and delta-SNR see both. PEAQ was made for
coding artifacts: its grades of remixes are an indication only.
Source: Yang, Wei, Lerch 2020, section IV.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from varemix.errors import EvaluationError
from varemix.evaluation.bss import bss_eval
from varemix.evaluation.condition_names import SEPARATE_AND_ADD
from varemix.evaluation.delta_snr import delta_snr_db
from varemix.evaluation.grading import grade
from varemix.evaluation.log_spectral import log_spectral_distance_db
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import decay_of
from varemix.signal.spectrogram import filter_samples

REMIX = "remix"
WEIGHT_TENTHS = tuple(range(11))
MOST_SDR_DB = 100.0


@dataclass(frozen=True, kw_only=True)
class RemixScore:
    """How near one rendering comes to the true sources at one balance.

    `weight_tenths` is the first source's weight, 0 to 10; the second has the rest. `method` is `remix` or
    `separate_and_add`; `smoothing_s` is the time constant with which the masks were smoothed, 0 not at all. `odg` is
    PEAQ's grade, `sdr_db` that of BSS Eval with the one reference, `nsdr_db` how much it is above that of the mix as it
    stands, `lsd_db` the log-spectral distance, `delta_snr_db` how much nearer to the true balance it is than the mix
    is, sample by sample, NaN at 5:5. SDRs are limited to 100 dB either way before the difference is taken. NaN where a
    signal is silent.
    """

    weight_tenths: int
    method: str
    smoothing_s: float
    odg: float
    sdr_db: float
    nsdr_db: float
    lsd_db: float
    delta_snr_db: float


def remix_scores(sources: np.ndarray, masks: Masks, *, smoothing_s: float, with_odg: bool = True) -> list[RemixScore]:
    """Return the scores of both methods at each balance, the masks as they are and smoothed by ZLBM.

    `sources` are [2, S] at 44.1 kHz, with two masks; `smoothing_s` is the time constant, and 0 gives the scores of the
    masks as they are once. Without `with_odg`, which takes nearly all of the time, grades are NaN; so they are where
    PEAQ has none, as of a reference that sounds for less than 0.6 s. Raises EvaluationError for other than two sources,
    and as `bss_eval` does.
    """
    if len(sources) != 2 or len(masks) != 2:
        raise EvaluationError(
            f"{len(sources)} sources and {len(masks)} masks were given; balances are scored of two. Pass a pair."
        )
    mix = sources.sum(axis=0)
    stems = {smoothed: _stems(mix, masks, smoothed) for smoothed in dict.fromkeys((0.0, smoothing_s))}
    return [score for tenths in WEIGHT_TENTHS for score in _scores_at(tenths, sources, stems, with_odg=with_odg)]


def mixed_anew(stems: np.ndarray, weight_tenths: int) -> np.ndarray:
    """Return the sum [S] of two stems [2, S], the first at twice its weight and the second at twice the rest."""
    first, second = stems
    total: np.ndarray = weight_tenths / 5 * first + (10 - weight_tenths) / 5 * second
    return total


def remixed(mix: np.ndarray, stems: np.ndarray, weight_tenths: int) -> np.ndarray:
    """Return the mix [S] at another balance by equation (1), given what the masks cut out of it: stems [2, S]."""
    first, second = stems
    total: np.ndarray = mix + (weight_tenths / 5 - 1) * (first - second)
    return total


def _stems(mix: np.ndarray, masks: Masks, smoothing_s: float) -> np.ndarray:
    smooth = zlbm(masks.values, decay_of(smoothing_s, masks.grid))
    return filter_samples(torch.from_numpy(mix), torch.from_numpy(smooth), masks.grid.applied).numpy()


def _scores_at(
    weight_tenths: int, sources: np.ndarray, stems: Mapping[float, np.ndarray], *, with_odg: bool
) -> Iterator[RemixScore]:
    """Yield the scores at one balance, given the stems [2, S] of each smoothing."""
    mix, reference = sources.sum(axis=0), mixed_anew(sources, weight_tenths)
    rendered = {
        (method, smoothing_s): samples
        for smoothing_s, pair in stems.items()
        for method, samples in (
            (REMIX, remixed(mix, pair, weight_tenths)),
            (SEPARATE_AND_ADD, mixed_anew(pair, weight_tenths)),
        )
    }
    tests = list(rendered.values())
    mix_sdr_db, *sdrs_db = _sdrs_db(reference, [mix, *tests])
    odgs = _odgs(reference, tests) if with_odg else [math.nan] * len(tests)
    for (method, smoothing_s), test, sdr_db, odg in zip(rendered, tests, sdrs_db, odgs, strict=True):
        yield RemixScore(
            weight_tenths=weight_tenths,
            method=method,
            smoothing_s=smoothing_s,
            odg=odg,
            sdr_db=sdr_db,
            nsdr_db=sdr_db - mix_sdr_db,
            lsd_db=log_spectral_distance_db(reference, test),
            delta_snr_db=delta_snr_db(reference, mix, test),
        )


def _sdrs_db(reference: np.ndarray, tests: Sequence[np.ndarray]) -> list[float]:
    sdrs_db = bss_eval(reference[None], np.stack(tests)[:, None]).sdr_db[:, 0]
    return np.clip(sdrs_db, -MOST_SDR_DB, MOST_SDR_DB).tolist()


def _odgs(reference: np.ndarray, tests: Sequence[np.ndarray]) -> list[float]:
    """Return the grades of tests [S]; equal ones, as the remixes at 5:5 are, are graded once."""
    grades: dict[bytes, float] = {}
    for test in tests:
        key = test.tobytes()
        if key not in grades:
            grades[key] = grade(reference, test)
    return [grades[test.tobytes()] for test in tests]
