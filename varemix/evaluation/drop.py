"""Whether a checkpoint does worse on new mixes than it did on earlier ones: other mixes, so nothing can be paired.

Belongs here: the rule. Stays out: which mixes are new, and who is told (`tasks`).
"""

from dataclasses import dataclass

import pandas as pd

from varemix.evaluation.bootstrap import MeanInterval, mean_interval

LEAST_DROP_DB = 0.5
"""A smaller fall of the mean NSDR is told to nobody."""

_FEWEST_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Drop:
    """The mean NSDR in dB on earlier mixes and on new ones, each with its 95 % interval."""

    earlier_db: MeanInterval
    new_db: MeanInterval

    @property
    def fall_db(self) -> float:
        """By how many dB the new mean is lower."""
        return self.earlier_db.mean - self.new_db.mean


def dropped(earlier: pd.DataFrame, new: pd.DataFrame, *, seed: int, least_db: float = LEAST_DROP_DB) -> Drop | None:
    """Return how far the mean NSDR fell from earlier mixes to new ones; None where it did not for sure.

    Both tables have the columns pair_id and nsdr_db. It fell for sure where the mean is lower by `least_db` or more,
    the two 95 % intervals have nothing in common, and each has at least five mixes. Mixes are resampled with all their
    sources.
    """
    tables = [scores.dropna(subset=["nsdr_db"]) for scores in (earlier, new)]
    if any(scores["pair_id"].nunique() < _FEWEST_PAIRS for scores in tables):
        return None
    before_db, now_db = (
        mean_interval(scores["nsdr_db"].to_numpy(float), scores["pair_id"].to_numpy(), seed=seed) for scores in tables
    )
    found = Drop(earlier_db=before_db, new_db=now_db)
    return found if now_db.high < before_db.low and found.fall_db >= least_db else None
