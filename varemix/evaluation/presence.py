"""How well a measure of presence tells what plays from what does not.

Belongs here: ROC area, thresholds and decisions, from measures of instruments known to play or to be absent.
Stays out: the measure itself (`varemix.signal.presence`).
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from varemix.errors import EvaluationError
from varemix.evaluation.condition_names import IMAGE, MIX, WRONG_IMAGE


def roc_auc(present: ArrayLike, absent: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a measure of what plays is above one of what does not.

    Equal measures count half. Between 0 and 1, 0.5 being chance; NaN when either set is empty.
    """
    playing, silent = _flat(present), np.sort(_flat(absent))
    if not playing.size or not silent.size:
        return float("nan")
    num_below = np.searchsorted(silent, playing, side="left")
    num_up_to = np.searchsorted(silent, playing, side="right")
    return float((num_below + num_up_to).mean() / (2 * silent.size))


def best_threshold(present: ArrayLike, absent: ArrayLike) -> float:
    """Return the threshold with the highest balanced accuracy, measures from it on counting as playing.

    It lies in the middle between two neighbouring measures, or is the lowest of all where no split is better than to
    take everything to play. Of several that are equally good the lowest is returned. Raises EvaluationError when either
    set is empty.
    """
    playing, silent = np.sort(_flat(present)), np.sort(_flat(absent))
    if not playing.size or not silent.size:
        raise EvaluationError(
            f"A threshold was asked for from {playing.size} measures of what plays and {silent.size} of what does not; "
            "at least one of each is needed. Evaluate more mixes."
        )
    measures = np.unique(np.concatenate([playing, silent]))
    candidates = np.concatenate([measures[:1], (measures[:-1] + measures[1:]) / 2])
    share_found = 1 - np.searchsorted(playing, candidates, side="left") / playing.size
    share_refused = np.searchsorted(silent, candidates, side="left") / silent.size
    return float(candidates[np.argmax(np.round(share_found + share_refused, 12))])


def careful_threshold(
    present: ArrayLike,
    absent: ArrayLike,
    *,
    strangers: ArrayLike = (),
    found_share: float = 0.9,
    least_found_share: float = 0.9,
    most_detected: float = 0.3,
) -> float:
    """Return the threshold to act on: the best one, but so low that of what plays at least `found_share` is found.

    A wish that is not heeded is worse than a faint mask of something absent. Yet where sounds of other instruments were
    measured, `strangers` [M, I], a row each, the threshold is raised until at most `most_detected` of the I instruments
    are taken to play on one, on average; at the cost of what plays, of which at least `least_found_share` stays found:
    near relatives of an instrument cannot be kept out at any price.
    Raises EvaluationError as `best_threshold` does.
    """
    best = best_threshold(present, absent)
    careful = min(best, _finding(present, found_share))
    quiet = _quiet_threshold(np.asarray(strangers, dtype=np.float64), most_detected)
    return max(careful, min(quiet, _finding(present, least_found_share)))


def _finding(present: ArrayLike, share: float) -> float:
    """Return the highest threshold that finds such a share of what plays."""
    return float(np.quantile(_flat(present), 1 - share, method="lower"))


def _quiet_threshold(strangers: np.ndarray, most_detected: float) -> float:
    """Return the lowest threshold at which at most so many measures of a row [M, I] count as playing, on average."""
    loudest_first = np.sort(strangers.ravel())[::-1]
    num_let_through = int(most_detected * len(strangers))
    if num_let_through >= loudest_first.size:
        return -np.inf
    return float(np.nextafter(loudest_first[num_let_through], np.inf))


def num_right(present: ArrayLike, absent: ArrayLike, threshold: float) -> int:
    """Return how many of the measures lie on their own side of a threshold."""
    return int((_flat(present) >= threshold).sum() + (_flat(absent) < threshold).sum())


def measures_db(scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the measures of instruments that play, and of those that do not, out of scores.

    `scores` has the columns pair_id, condition, instrument, other_instrument, shown_instrument, nsdr_db, presence_db. A
    still image asks for what plays; a wrong image for what does not, unless its instrument is in the mix after all.
    Mixtures with a silent source are left out.
    """
    sounding = scores[(scores["condition"] == MIX) & scores["nsdr_db"].notna()]["pair_id"]
    known = scores[scores["pair_id"].isin(sounding) & scores["presence_db"].notna()]
    is_absent = [
        row.shown_instrument not in {row.instrument, *str(row.other_instrument).split(" + ")}
        for row in known.itertuples()
    ]
    present = known[known["condition"] == IMAGE]
    absent = known[(known["condition"] == WRONG_IMAGE) & np.array(is_absent, dtype=bool)]
    return present["presence_db"].to_numpy(dtype=float), absent["presence_db"].to_numpy(dtype=float)


def measures_by_name_db(presences: pd.DataFrame, instruments: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the measures of the instruments that play, and of those that do not, when each is asked for by name.

    `presences` has the columns instrument, status (`plays` or `absent`), presence_db; others than `instruments` are
    left out.
    """
    of_them = presences[presences["instrument"].isin(list(instruments))]
    plays = of_them["status"] == "plays"
    present_db, absent_db = (of_them[which]["presence_db"].to_numpy(dtype=float) for which in (plays, ~plays))
    return present_db, absent_db


def share_found(presences: pd.DataFrame, instruments: Collection[str]) -> float:
    """Return which share of the instruments that play are taken to play; NaN where none plays.

    `presences` has the columns instrument, status (`plays` or `absent`), presence_db, threshold_db.
    """
    playing = presences[(presences["status"] == "plays") & presences["instrument"].isin(list(instruments))]
    return float((playing["presence_db"] >= playing["threshold_db"]).mean())


def wrongly_detected(presences: pd.DataFrame, instruments: Collection[str]) -> "pd.Series[int]":
    """Return for each mix, by its pair_id, how many of the instruments are taken to play and do not.

    `presences` has the columns pair_id, instrument, status (`plays` or `absent`), presence_db, threshold_db.
    """
    of_them = presences[presences["instrument"].isin(list(instruments))]
    is_wrong = (of_them["status"] == "absent") & (of_them["presence_db"] >= of_them["threshold_db"])
    return is_wrong.groupby(of_them["pair_id"]).sum().astype(int)


def _flat(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64).ravel()
