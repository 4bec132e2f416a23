"""Tables of remixes that a person can read: beside separate-and-add, and what became of wished gains."""

import numpy as np
import pandas as pd

from varemix.evaluation.condition_names import SEPARATE_AND_ADD
from varemix.evaluation.mixing_levels import REMIX
from varemix.evaluation.tables import wish_in_words
from varemix.wording import markdown

_COLUMNS = {"odg": "PEAQ grade", "nsdr_db": "NSDR [dB]", "lsd_db": "log-spectral distance [dB]"}
_LESS_IS_BETTER = ["lsd_db"]
_KEYS = ["pair_id", "weight_tenths", "smoothing_s"]


def achieved_gains_table(gains: pd.DataFrame) -> str:
    """Return as Markdown what became of each wished gain: the instrument's level and the rest's, means in dB.

    `gains` has the columns instrument, wished_db (-inf for mute), target_db, rest_db.
    """
    rows = [["set [dB]", "instrument [dB]", "the rest [dB]", "least achieved [dB]", "most achieved [dB]", "sources"]]
    for wished_db, group in gains.dropna(subset="target_db").groupby("wished_db"):
        wished = float(str(wished_db))
        by_instrument = group.groupby("instrument")["target_db"].mean().sort_values(key=np.abs)
        extremes = [f"{by_instrument.iloc[place]:+.2f} ({by_instrument.index[place]})" for place in (0, -1)]
        means = [f"{group[column].mean():+.2f}" for column in ("target_db", "rest_db")]
        rows.append([wish_in_words(wished), *means, *extremes, str(len(group))])
    return markdown(rows)


def mixing_levels_table(remixes: pd.DataFrame) -> str:
    """Return as Markdown how much better than separate-and-add the remix is at each balance, and how often.

    `remixes` has the columns pair_id, weight_tenths, method, smoothing_s, odg, nsdr_db, lsd_db.
    """
    rows = [["weights", "smoothing", *_COLUMNS.values()]]
    improved = improvements(remixes)
    for smoothing_s in sorted(improved["smoothing_s"].unique().tolist()):
        alike = improved[improved["smoothing_s"] == smoothing_s]
        for tenths in sorted(alike["weight_tenths"].unique().tolist()):
            group = alike[alike["weight_tenths"] == tenths]
            smoothing = f"ZLBM {1000 * smoothing_s:.0f} ms" if smoothing_s else "none"
            rows.append([f"{tenths}:{10 - tenths}", smoothing, *(_improved(group[name]) for name in _COLUMNS)])
    return markdown(rows)


def improvements(remixes: pd.DataFrame) -> pd.DataFrame:
    """Return by how much each remix is better than separate-and-add, above 0 being better.

    `remixes` and what is returned have the columns pair_id, weight_tenths, smoothing_s, odg, nsdr_db, lsd_db. A smaller
    log-spectral distance is the better one, so its improvement is its fall.
    """
    remixed, added = (
        remixes[remixes["method"] == method].set_index(_KEYS)[list(_COLUMNS)] for method in (REMIX, SEPARATE_AND_ADD)
    )
    better = remixed - added
    better[_LESS_IS_BETTER] *= -1
    return better.reset_index()


def _improved(values: "pd.Series[float]") -> str:
    known = values.dropna()
    return f"{known.mean():+.2f}, {(known > 0).mean():.0%} of {len(known)}" if len(known) else "none measured"
