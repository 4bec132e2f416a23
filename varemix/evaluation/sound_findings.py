"""What an evaluation found on sounds without pictures: further instruments, players in harmony, strangers.

Belongs here: numbers and tables of these. Stays out: mixes of clips (`findings`), several checkpoints (`side_by_side`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.conditions import NAME
from varemix.evaluation.presence import wrongly_detected
from varemix.evaluation.tables import BSS_SCORES, in_words, wish_in_words
from varemix.wording import markdown

MATERIALS = {"pair": "pairs with a further instrument", "ensemble": "ensembles of one piece"}
_CEILING = "ideal_ratio"
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class SoundFindings:
    """The rows of `scores`, `gain_scores` and `presence_scores` of mixes of sounds.

    `instruments` are those that strangers are none of.
    """

    scores: pd.DataFrame
    gains: pd.DataFrame
    presences: pd.DataFrame
    instruments: tuple[str, ...]

    def of(self, material: str) -> pd.DataFrame:
        """Return the scores of what was asked for by name in mixes of one material."""
        return self.scores[(self.scores["material"] == material) & (self.scores["condition"] == NAME)]

    def gains_of(self, material: str) -> pd.DataFrame:
        """Return what became of wished gains in mixes of one material."""
        pair_ids = self.presences[self.presences["material"] == material]["pair_id"]
        return self.gains[self.gains["pair_id"].isin(pair_ids)]

    def strangers_detected(self) -> MeanInterval:
        """Return how many of the instruments are taken to play on a stranger, on average over strangers."""
        counts = self._counts_of_strangers()
        return mean_interval(counts.to_numpy(float), seed=_SEED)

    def numbers(self) -> dict[str, Any]:
        """Return what it comes to; numbers that nothing was measured for are left out."""
        nsdrs_db = {material: self.of(material)["nsdr_db"].mean() for material in MATERIALS}
        found: dict[str, Any] = {f"{name}s_nsdr_db": round(db, 2) for name, db in nsdrs_db.items() if not pd.isna(db)}
        detected = self.strangers_detected()
        if detected.num_values:
            found["strangers"] = {
                "sounds": detected.num_values,
                "detected_mean": round(detected.mean, 2),
                "of": len(self.instruments),
            }
        return {"sounds": found} if found else {}

    def tables(self) -> str:
        """Return the tables as Markdown."""
        return "\n\n".join(self._sections())

    def _sections(self) -> Iterator[str]:
        yield "## Sounds without pictures, asked for by name"
        yield self._materials_table()
        yield self._instruments_table()
        if len(self.gains):
            yield self._gains_table()
        counts = self._counts_of_strangers()
        if len(counts):
            yield "## Strangers"
            yield (
                f"How many of {len(self.instruments)} instruments ({', '.join(self.instruments)}) are taken to play "
                f"where a sound of none of them is alone: {in_words(self.strangers_detected())} on average."
            )
            yield self._strangers_table(counts)

    def _materials_table(self) -> str:
        rows = [["mixes", *(f"{title} [dB]" for title in BSS_SCORES.values()), "ceiling, NSDR [dB]", "scores"]]
        for material, title in MATERIALS.items():
            named = self.of(material)
            is_ceiling = (self.scores["material"] == material) & (self.scores["condition"] == _CEILING)
            known = self.scores[is_ceiling]
            if len(known):
                cells = [_mean(named, column) for column in BSS_SCORES]
                rows.append([title, *cells, _mean(known, "nsdr_db"), str(len(named))])
        return markdown(rows)

    def _instruments_table(self) -> str:
        rows = [["instrument"]]
        for title in MATERIALS.values():
            rows[0] += [*(f"{title}, {score} [dB]" for score in BSS_SCORES.values()), "scores"]
        for name in sorted(self.scores["instrument"].unique()):
            cells = [name]
            for material in MATERIALS:
                own = self.of(material)
                own = own[own["instrument"] == name]
                cells += [f"{own[c].mean():.1f}" if own[c].notna().any() else "" for c in BSS_SCORES] + [str(len(own))]
            rows.append(cells)
        return markdown(rows)

    def _gains_table(self) -> str:
        rows = [["wished [dB]", "mixes", "delta-SNR [dB]", "PEAQ grade"]]
        for material, title in MATERIALS.items():
            for wished_db, group in self.gains_of(material).groupby("wished_db"):
                cells = [_mean(group, "delta_snr_db"), _mean(group, "odg")]
                rows.append([wish_in_words(float(str(wished_db))), title, *cells])
        return markdown(rows)

    def _strangers_table(self, counts: "pd.Series[int]") -> str:
        """Return for each label how many instruments are detected, and which most often."""
        of_strangers = self._of_strangers()
        detected = of_strangers[of_strangers["presence_db"] >= of_strangers["threshold_db"]]
        by_label = of_strangers.drop_duplicates("pair_id").set_index("pair_id")["sounding"]
        rows = [["sound", "sounds", "detected, mean", "most often"]]
        for label, own in counts.groupby(by_label):
            names = detected[detected["sounding"] == label]["instrument"].value_counts()
            most = ", ".join(f"{name} {count}" for name, count in names.head(3).items())
            rows.append([str(label), str(len(own)), f"{own.mean():.2f}", most])
        return markdown(rows)

    def _of_strangers(self) -> pd.DataFrame:
        is_theirs = (self.presences["material"] == "stranger") & self.presences["instrument"].isin(self.instruments)
        return self.presences[is_theirs]

    def _counts_of_strangers(self) -> "pd.Series[int]":
        return wrongly_detected(self._of_strangers(), self.instruments)


def _mean(chosen: pd.DataFrame, column: str) -> str:
    return in_words(mean_interval(chosen[column].to_numpy(float), chosen["pair_id"].to_numpy(), seed=_SEED))
