"""Whether one checkpoint separates better than another on the same mixes: the gate against getting worse.

Belongs here: the paired comparison of scores and its table. Stays out: what follows from it (`tasks`).
"""

from dataclasses import dataclass

import pandas as pd

from varemix.errors import EvaluationError
from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.condition_names import IMAGE
from varemix.evaluation.tables import in_words
from varemix.wording import markdown

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
_KEY = ["pair_id", "instrument"]
_ALL = "all"
_FEWEST_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much B is ahead of A in NSDR, on the sources of one instrument, or of `all`, that have both scores.

    The means are over those `num_scores` sources of `num_pairs` mixes. `num_only_a` and `num_only_b` sources have one
    score but not the other, mostly as one estimate is silent: they are in no mean, since there is no number to set
    beside theirs, but a checkpoint that is silent often should not be called better for it, so they are counted.
    """

    instrument: str
    num_scores: int
    num_pairs: int
    num_only_a: int
    num_only_b: int
    mean_a_db: float
    mean_b_db: float
    difference_db: MeanInterval

    @property
    def verdict(self) -> str:
        """`better` if the interval of B - A lies above 0, `worse` if below; `undecided` otherwise or below 5 pairs."""
        if self.num_pairs < _FEWEST_PAIRS:
            return UNDECIDED
        if self.difference_db.low > 0:
            return BETTER
        return WORSE if self.difference_db.high < 0 else UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much B is ahead of A: over all sources, and for each instrument in alphabetical order.

    `level` is that of the intervals; `num_pairs_skipped` mixes were scored for one of the two only and tell nothing.
    """

    overall: Difference
    instruments: tuple[Difference, ...]
    level: float
    num_pairs_skipped: int


def compare(
    scores_a: pd.DataFrame,
    scores_b: pd.DataFrame,
    *,
    seed: int,
    level: float = 0.95,
    num_resamples: int = 2000,
    conditions: tuple[str, str] = (IMAGE, IMAGE),
) -> Comparison:
    """Return how much B is ahead of A on the same mixes, asked by still images, by a paired bootstrap of the NSDR.

    `conditions` are others under which A and B were scored, such as two separators.

    Each table has the columns pair_id, condition, instrument, nsdr_db, and is of one checkpoint. Mixes are resampled
    with all their sources, which are not independent of each other. The order of the rows does not matter; the same
    seed gives the same intervals.

    Raises EvaluationError when the tables have no mix in common, and when one of them scores a source twice.
    """
    a, b = _asked(scores_a, "first", conditions[0]), _asked(scores_b, "second", conditions[1])
    pairs_a, pairs_b = set(a["pair_id"]), set(b["pair_id"])
    common = pairs_a & pairs_b
    if not common:
        raise EvaluationError(
            f"{len(pairs_a)} mixes of the first scores and {len(pairs_b)} of the second were asked by still images; "
            "none is in both, so nothing can be compared. Evaluate both models with the same split, number of "
            "pairs, pictures and seed."
        )
    both = a.merge(b, on=_KEY, how="outer", suffixes=("_a", "_b"))
    both = both[both["pair_id"].isin(common)].sort_values(_KEY)

    def difference(name: str, sources: pd.DataFrame) -> Difference:
        return _difference(name, sources, seed=seed, level=level, num_resamples=num_resamples)

    return Comparison(
        overall=difference(_ALL, both),
        instruments=tuple(difference(str(name), sources) for name, sources in both.groupby("instrument")),
        level=level,
        num_pairs_skipped=len(pairs_a ^ pairs_b),
    )


def comparison_table(comparison: Comparison, *, name_a: str = "A", name_b: str = "B") -> str:
    """Return the comparison as Markdown: all sources first, then each instrument."""
    rows = [
        [
            "instrument",
            "scores",
            f"{name_a} [dB]",
            f"{name_b} [dB]",
            f"difference, {100 * comparison.level:g} % interval [dB]",
            f"{name_b} is",
            f"only {name_a}",
            f"only {name_b}",
        ]
    ]
    for found in (comparison.overall, *comparison.instruments):
        means = [f"{mean_db:.2f}" if found.num_scores else "none" for mean_db in (found.mean_a_db, found.mean_b_db)]
        difference = in_words(found.difference_db, is_signed=True)
        counts = [str(found.num_only_a), str(found.num_only_b)]
        rows.append([found.instrument, str(found.num_scores), *means, difference, found.verdict, *counts])
    return markdown(rows)


def _asked(scores: pd.DataFrame, which: str, condition: str) -> pd.DataFrame:
    asked = scores[scores["condition"] == condition][[*_KEY, "nsdr_db"]].astype({"nsdr_db": float})
    repeated = asked[asked.duplicated(_KEY)]
    if len(repeated):
        pair_id, instrument = repeated.iloc[0][_KEY]
        raise EvaluationError(
            f"The {which} scores hold '{instrument}' of the mix '{pair_id}' more than once; one score a source is "
            "expected. Choose the scores of one model and one split."
        )
    return asked


def _difference(name: str, sources: pd.DataFrame, *, seed: int, level: float, num_resamples: int) -> Difference:
    """Return the difference over sources with the columns pair_id, nsdr_db_a and nsdr_db_b."""
    paired = sources.dropna()
    apart_db = paired["nsdr_db_b"] - paired["nsdr_db_a"]
    return Difference(
        instrument=name,
        num_scores=len(paired),
        num_pairs=paired["pair_id"].nunique(),
        num_only_a=int((sources["nsdr_db_a"].notna() & sources["nsdr_db_b"].isna()).sum()),
        num_only_b=int((sources["nsdr_db_b"].notna() & sources["nsdr_db_a"].isna()).sum()),
        mean_a_db=float(paired["nsdr_db_a"].mean()),
        mean_b_db=float(paired["nsdr_db_b"].mean()),
        difference_db=mean_interval(
            apart_db.to_numpy(), paired["pair_id"].to_numpy(), seed=seed, level=level, num_resamples=num_resamples
        ),
    )
