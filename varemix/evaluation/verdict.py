"""What an evaluation comes to, in words that need no glossary, and what the terms of its tables mean.

Belongs here: the sentences a report begins with. Stays out: the numbers behind them (`tables`).
"""

import pandas as pd

from varemix.evaluation.condition_names import IMAGE, NAME
from varemix.evaluation.tables import means

_WELL_DB, _FAIRLY_DB = 8.0, 4.0
_ALL = "all"

TERMS = (
    "How to read it: **NSDR** says by how many dB a separated instrument is nearer to its true recording than the "
    "whole mix was (0 is no better than the mix), **SIR** how far the other instruments lie below it, **SAR** how far "
    "what separation itself added. *Ideal binary* and *ideal ratio* masks are made from the true recordings: the best "
    "that masks of that kind could do."
)
SMOOTHING_TERMS = (
    "**ZLBM** is a zero-phase low-pass along time, **CBM** smoothing in the cepstral domain, which keeps the fine "
    "structure of harmonics."
)


def verdict(scores: pd.DataFrame) -> str:
    """Return in one sentence how well instruments are separated; empty where nothing was asked for by picture or name.

    `scores` has the columns condition, instrument and nsdr_db. From 8 dB on, where published systems stand on such
    mixes, it is called well, from 4 dB on fairly well.
    """
    for condition, asked in ((IMAGE, "a still picture"), (NAME, "name")):
        by_instrument = means(scores, condition)
        mean_db = by_instrument.pop(_ALL)
        known = {name: value for name, value in by_instrument.items() if not pd.isna(value)}
        if known:
            ceiling_db = means(scores, "ideal_ratio")[_ALL]
            return f"**Verdict: {_sentence(asked, mean_db, ceiling_db, known)}**"
    return ""


def _sentence(asked: str, mean_db: float, ceiling_db: float, by_instrument: dict[str, float]) -> str:
    how = "well" if mean_db >= _WELL_DB else "fairly well" if mean_db >= _FAIRLY_DB else "poorly"
    possible = "" if pd.isna(ceiling_db) else f" of the {ceiling_db:.1f} dB that ideal masks reach"
    said = f"asked for by {asked}, instruments are separated {how}: {mean_db:.1f} dB{possible}"
    best, worst = max(by_instrument, key=by_instrument.__getitem__), min(by_instrument, key=by_instrument.__getitem__)
    if best == worst:
        return f"{said}."
    ends = (f"{name.replace('_', ' ')} ({by_instrument[name]:.1f} dB)" for name in (best, worst))
    return f"{said}, best {' and worst '.join(ends)}."
