"""All that an evaluation found, brought together: as numbers, as tables, as figures.

Belongs here: which tables and figures the report has, and in which order. Stays out: how each is made (`tables`,
`figures`, `published`), and where the scores are kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from varemix.evaluation.figures import instruments_figure, presence_figure
from varemix.evaluation.presence import (
    best_threshold,
    measures_by_name_db,
    measures_db,
    num_right,
    roc_auc,
    share_found,
    wrongly_detected,
)
from varemix.evaluation.published import published_table, smoothing_table
from varemix.evaluation.recognition import Recognition, num_recognised, of_instruments, refusals
from varemix.evaluation.remix_figures import achieved_gain_figure, mixing_levels_figure, smoothing_figure
from varemix.evaluation.remix_tables import achieved_gains_table, mixing_levels_table
from varemix.evaluation.tables import (
    conditions_table,
    image_deviations_db,
    instruments_table,
    mean_level_db,
    means,
    mistakes_table,
    share_of_ceiling,
)
from varemix.evaluation.verdict import SMOOTHING_TERMS, TERMS, verdict

_SUMMED_UP = ("ideal_binary", "ideal_ratio", "video", "image", "name", "images_together", "wrong_image")
_LEVELS = ("image", "wrong_image", "blank_image")
_CEILINGS = ("ideal_binary", "ideal_ratio")
_PEAQ = (
    "PEAQ was trained on coding artifacts judged by listeners; of remixes its grade (0 imperceptible to -4 very "
    "annoying) is an indication only. The distances beside it say more."
)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The rows of `scores`, `presence_scores`, `remix_scores`, `gain_scores` and `smoothing_scores` of one evaluation.

    `recognised` says for what still pictures were taken; from `threshold_db` on an instrument counts as playing.
    """

    scores: pd.DataFrame
    presences: pd.DataFrame
    remixes: pd.DataFrame
    gains: pd.DataFrame
    smoothings: pd.DataFrame
    recognised: Sequence[Recognition]
    threshold_db: float

    def numbers(self) -> dict[str, Any]:
        """Return what it comes to; numbers that nothing was measured for are left out."""
        scores = self.scores
        nsdrs_db = {name: means(scores, name)["all"] for name in _SUMMED_UP}
        found: dict[str, Any] = {
            "silent_scores": int((scores["status"] == "skipped").sum()),
            "mean_nsdr_db": {name: round(mean, 2) for name, mean in nsdrs_db.items() if not pd.isna(mean)},
            "mean_level_db": {name: round(mean_level_db(scores, name), 1) for name in _LEVELS},
            "nsdr_share_of_ceiling": {name: round(share_of_ceiling(scores, name), 3) for name in _CEILINGS},
        }
        deviation_db = image_deviations_db(scores)["all"]
        if not pd.isna(deviation_db):
            found["nsdr_deviation_over_images_db"] = round(deviation_db, 2)
        present_db, absent_db = measures_db(scores)
        if len(present_db) and len(absent_db):
            right = num_right(present_db, absent_db, self.threshold_db)
            found["presence"] = {
                "roc_auc": round(roc_auc(present_db, absent_db), 4),
                "threshold_db": round(self.threshold_db, 1),
                "right": right,
                "wrong": len(present_db) + len(absent_db) - right,
                "best_threshold_db": round(best_threshold(present_db, absent_db), 1),
            }
        if len(self.presences):
            found["presence_by_name"] = self._presence_by_name()
        if shown := of_instruments(self.recognised):
            right = num_recognised(shown)
            found["stills_recognised"] = {"right": right, "of": len(shown), "share": round(right / len(shown), 3)}
        if any(own.is_stranger or own.is_refused for own in self.recognised):
            found["stills_refused"] = refusals(self.recognised)
        return found

    def _presence_by_name(self) -> dict[str, float]:
        """Return how well the instruments of the mixes are told from those that do not play, asked for by name."""
        played = set(self.scores["instrument"])
        wrong = wrongly_detected(self.presences, played)
        found = {
            "roc_auc": round(roc_auc(*measures_by_name_db(self.presences, played)), 4),
            "found_share": round(share_found(self.presences, played), 3),
            "wrong_in_a_mix": round(float(wrong.mean()), 2),
        }
        return {name: number for name, number in found.items() if not pd.isna(number)}

    def tables(self, num_sources: int) -> str:
        """Return the tables as Markdown."""
        return "\n\n".join(self._sections(num_sources))

    def figures(self) -> dict[str, bytes]:
        """Return the figures that there is something for, PNG pictures by their caption."""
        found = {"Separation by instrument": instruments_figure(self.scores)}
        if len(self.remixes):
            found |= {
                "Grade of the remix over separate-and-add": mixing_levels_figure(self.remixes, "odg"),
                "NSDR of the remix over separate-and-add": mixing_levels_figure(self.remixes, "nsdr_db"),
                "Log-spectral distance, remix against separate-and-add": mixing_levels_figure(self.remixes, "lsd_db"),
            }
        if len(self.gains):
            found["Gain that was set and gain achieved"] = achieved_gain_figure(self.gains)
        present_db, absent_db = measures_db(self.scores)
        if len(present_db) and len(absent_db):
            found["Presence"] = presence_figure(present_db, absent_db, self.threshold_db)
        if len(self.smoothings):
            found["Smoothing of masks"] = smoothing_figure(self.smoothings)
        return found

    def _sections(self, num_sources: int) -> Iterator[str]:
        if said := verdict(self.scores):
            yield said
        yield f"## Separation of mixes of {num_sources}"
        yield TERMS
        yield (
            "Means over all sources of the mixes, bootstrap 95 % intervals; levels are the estimate's RMS beside the "
            "mix's. Separate-and-add with the others at 0 leaves the still image's stem, so its scores are the same."
        )
        yield conditions_table(self.scores)
        yield f"Published values, of another catalog, so no more than an orientation:\n\n{published_table()}"
        yield f"## By instrument\n\n{instruments_table(self.scores)}"
        shown = of_instruments(self.recognised)
        if num_recognised(shown) < len(shown):
            yield f"## Stills taken for another instrument\n\n{mistakes_table(shown)}"
        if len(self.gains):
            yield "## Achieved gain"
            yield "How far the level of the instrument, and of the rest, changed when its gain was set."
            yield achieved_gains_table(self.gains)
        if len(self.remixes):
            yield "## Remix against separate-and-add"
            yield (
                "Improvements of the remix, means over pairs, and how many are improved. At 5:5 the remix is the mix "
                f"itself, without any error: its SDR counts as 100 dB. {_PEAQ}"
            )
            yield mixing_levels_table(self.remixes)
        if len(self.smoothings):
            yield "## Smoothing"
            yield (
                "Fall of the error beside the sound of the ideal ratio mask (equation 2, improvement positive). "
                f"{SMOOTHING_TERMS}"
            )
            yield smoothing_table(self.smoothings)
