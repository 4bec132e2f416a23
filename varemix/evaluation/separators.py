"""Which separator hears which instrument best: one table by instrument, and the gate for each instrument and separator.

Belongs here: what the scores say. Stays out: who hears (`separators`), the gate between checkpoints (`compare`).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from varemix.errors import EvaluationError
from varemix.evaluation.compare import BETTER, Comparison, compare
from varemix.evaluation.tables import in_words
from varemix.wording import markdown

_BEFORE = "separator "


def condition_of(name: str) -> str:
    """Return the condition under which a separator's masks are scored."""
    return f"{_BEFORE}{name}"


def compared_with_ours(scores: pd.DataFrame, ours: str, names: Sequence[str], *, seed: int) -> dict[str, Comparison]:
    """Return by separator how far it is ahead of `ours` on the instruments and mixes that both were scored on.

    `scores` have the columns pair_id, condition, instrument, nsdr_db. Separators without any are left out.
    """
    own = scores[scores["condition"] == condition_of(ours)]
    found = {}
    for name in names:
        other = scores[scores["condition"] == condition_of(name)]
        both = own.merge(other[["pair_id", "instrument"]], on=["pair_id", "instrument"])
        try:
            found[name] = compare(both, other, seed=seed, conditions=(condition_of(ours), condition_of(name)))
        except EvaluationError:
            continue
    return found


def better_than_ours(found: Mapping[str, Comparison]) -> dict[str, str]:
    """Return by instrument the separator that hears it better than ours beyond doubt, the best where several do."""
    ahead: dict[str, tuple[float, str]] = {}
    for name, comparison in found.items():
        for one in comparison.instruments:
            gain_db = one.difference_db.mean
            if one.verdict == BETTER and gain_db > ahead.get(one.instrument, (0.0, ""))[0]:
                ahead[one.instrument] = gain_db, name
    return {instrument: name for instrument, (_, name) in sorted(ahead.items())}


def separators_table(scores: pd.DataFrame, ours: str, found: Mapping[str, Comparison]) -> str:
    """Return one table by instrument as Markdown: the mean NSDR of ours and of each separator, and how sure it is."""
    own = scores[scores["condition"] == condition_of(ours)]
    own_db = own.groupby("instrument")["nsdr_db"].mean()
    rows = [["instrument", "mixes", f"{ours} [dB]", "separator", "[dB]", "difference, 95 % interval [dB]", "it is"]]
    for instrument in sorted(scores["instrument"].unique()):
        told = [
            [
                str(one.num_scores),
                f"{one.mean_a_db:.2f}" if one.num_scores else "",
                name,
                f"{one.mean_b_db:.2f}" if one.num_scores else "",
                in_words(one.difference_db, is_signed=True),
                one.verdict,
            ]
            for name, comparison in found.items()
            for one in comparison.instruments
            if one.instrument == instrument
        ]
        count, mean_db = int((own["instrument"] == instrument).sum()), own_db.get(instrument)
        alone = [str(count), "" if mean_db is None else f"{mean_db:.2f}", "", "", "", ""]
        rows += [[instrument, *cells] for cells in told or [alone]]
    return markdown(rows)
