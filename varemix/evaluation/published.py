"""Published values, as a measure of what to expect, and what smoothing gained beside them.

Belongs here: numbers that others reported, each with its source, and tables of them. Stays out: our own scores
(`tables`). Recordings are withdrawn and splits differ: published values come from another catalog, and only baselines
run again on the same one can be beaten.
"""

from dataclasses import dataclass

import pandas as pd

from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.tables import in_words
from varemix.wording import markdown

_SOUND_OF_PIXELS = "Zhao et al. 2018, The Sound of Pixels (ECCV)"
_REMIXING = "Yang, Wei, Lerch 2020, Remixing Music with Visual Conditioning (ISM), equation 2"
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class PublishedSeparation:
    """Mean scores in dB of a system on mixes of two recordings of MUSIC, and where they were published."""

    system: str
    nsdr_db: float
    sir_db: float
    sar_db: float
    source: str


SEPARATION = (
    PublishedSeparation(
        system="Sound of Pixels, binary masks, log frequency",
        nsdr_db=8.87,
        sir_db=15.02,
        sar_db=12.28,
        source=_SOUND_OF_PIXELS,
    ),
    PublishedSeparation(
        system="Sound of Pixels, ratio masks, log frequency",
        nsdr_db=8.56,
        sir_db=13.75,
        sar_db=14.19,
        source=_SOUND_OF_PIXELS,
    ),
    PublishedSeparation(
        system="non-negative matrix factorization", nsdr_db=3.14, sir_db=6.70, sar_db=10.10, source=_SOUND_OF_PIXELS
    ),
)
# The gain of each method at its best settings. Equation 2 as printed is negative where smoothing helps; the paper, and
# so we, report the improvement as positive.
SMOOTHING_GAINS_DB = {"zlbm": 0.72, "cbm": 0.065}


@dataclass(frozen=True, kw_only=True)
class BestSettings:
    """The settings of a smoothing with the highest mean gain, and that gain in dB with its bootstrap 95 % interval."""

    settings: str
    gain_db: MeanInterval


def published_table() -> str:
    """Return the published scores of separation as Markdown, each marked as one of another catalog."""
    rows = [["system", "NSDR [dB]", "SIR [dB]", "SAR [dB]", "measured on", "source"]]
    for found in SEPARATION:
        numbers = [f"{value_db:.2f}" for value_db in (found.nsdr_db, found.sir_db, found.sar_db)]
        rows.append([found.system, *numbers, "another catalog", found.source])
    return markdown(rows)


def smoothing_table(smoothing_scores: pd.DataFrame) -> str:
    """Return as Markdown what each smoothing gains at its best settings, beside the published gain.

    `smoothing_scores` has the columns pair_id, masks ("ideal" or "image"), method ("zlbm" or "cbm"), settings, gain_db.
    The best settings are chosen on the same mixes that the gain is then averaged over, as in the paper, so the gain is
    a little flattered.
    """
    rows = [["smoothing", "best, ideal masks", "gain [dB]", "best, masks of a still image", "gain [dB]"]]
    rows[0].append("published, another catalog [dB]")
    for method, published_db in SMOOTHING_GAINS_DB.items():
        cells = [method.upper()]
        for masks in ("ideal", "image"):
            is_chosen = (smoothing_scores["method"] == method) & (smoothing_scores["masks"] == masks)
            best = best_settings(smoothing_scores[is_chosen])
            cells += [best.settings, in_words(best.gain_db, is_signed=True)] if best else ["none", "none"]
        rows.append([*cells, f"{published_db:+g}"])
    return f"{markdown(rows)}\n\nPublished: {_REMIXING}."


def best_settings(scores: pd.DataFrame) -> BestSettings | None:
    """Return the settings with the highest mean gain, out of scores of one method and one kind of masks.

    `scores` has the columns pair_id, settings, gain_db; None where there is no gain.
    """
    known = scores[scores["gain_db"].notna()]
    if known.empty:
        return None
    best = str(known.groupby("settings")["gain_db"].mean().idxmax())
    chosen = known[known["settings"] == best]
    gain_db = mean_interval(chosen["gain_db"].to_numpy(float), chosen["pair_id"].to_numpy(), seed=_SEED)
    return BestSettings(settings=best, gain_db=gain_db)
