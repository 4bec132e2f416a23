"""What an evaluation found on sounds without pictures: further instruments, players in harmony, strangers.

Belongs here: numbers and tables of these. Stays out: mixes of clips (`findings`), several checkpoints (`side_by_side`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.condition_names import NAME
from varemix.evaluation.presence import wrongly_detected
from varemix.evaluation.tables import BSS_SCORES, in_words, wish_in_words
from varemix.wording import markdown

# By name: the material, and the sources of it that are meant; not every checkpoint knows the further instruments.
PARTS = {
    "beside_further": "pairs: beside a further instrument",
    "further": "pairs: the further instrument",
    "ensemble": "ensembles of one piece",
}
_CEILING = "ideal_ratio"
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class SoundFindings:
    """The rows of `scores`, `gain_scores` and `presence_scores` of mixes of sounds.

    `instruments` are those of the clips; strangers and the further instruments are none of them. Sources are told apart
    by `PARTS`: the two of each pair, and those of ensembles.
    """

    scores: pd.DataFrame
    gains: pd.DataFrame
    presences: pd.DataFrame
    instruments: tuple[str, ...]

    def of(self, part: str, condition: str = NAME) -> pd.DataFrame:
        """Return the scores of one of `PARTS`, by default those of what was asked for by name."""
        return self._part(self.scores[self.scores["condition"] == condition], part)

    def gains_of(self, part: str) -> pd.DataFrame:
        """Return what became of wished gains in one of `PARTS`."""
        return self._part(self.gains, part)

    def strangers_detected(self) -> MeanInterval:
        """Return how many of the instruments are taken to play on a stranger, on average over strangers."""
        counts = self._counts_of_strangers()
        return mean_interval(counts.to_numpy(float), seed=_SEED)

    def numbers(self) -> dict[str, Any]:
        """Return what it comes to; numbers that nothing was measured for are left out."""
        nsdrs_db = {part: self.of(part)["nsdr_db"].mean() for part in PARTS}
        found: dict[str, Any] = {f"{part}_nsdr_db": round(db, 2) for part, db in nsdrs_db.items() if not pd.isna(db)}
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
        if len(self.scores):
            yield self._parts_table()
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

    def _parts_table(self) -> str:
        rows = [["mixes", *(f"{title} [dB]" for title in BSS_SCORES.values()), "ceiling, NSDR [dB]", "scores"]]
        for part, title in PARTS.items():
            named, ceiling = self.of(part), self.of(part, _CEILING)
            if len(ceiling):
                cells = [_mean(named, column) for column in BSS_SCORES]
                rows.append([title, *cells, _mean(ceiling, "nsdr_db"), str(len(named))])
        return markdown(rows)

    def _instruments_table(self) -> str:
        rows = [["mixes", "instrument", *(f"{title} [dB]" for title in BSS_SCORES.values()), "scores"]]
        for part, title in PARTS.items():
            for name, own in self.of(part).groupby("instrument"):
                rows.append([title, str(name), *(f"{own[column].mean():.1f}" for column in BSS_SCORES), str(len(own))])
        return markdown(rows)

    def _gains_table(self) -> str:
        rows = [["set [dB]", "mixes", "delta-SNR [dB]", "PEAQ grade"]]
        for part, title in PARTS.items():
            for wished_db, group in self.gains_of(part).groupby("wished_db"):
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

    def _part(self, table: pd.DataFrame, part: str) -> pd.DataFrame:
        """Return the rows of a table with the columns pair_id and instrument that are of one of `PARTS`."""
        material = "ensemble" if part == "ensemble" else "pair"
        pair_ids = self.presences[self.presences["material"] == material]["pair_id"]
        of_material = table[table["pair_id"].isin(pair_ids)]
        if material == "ensemble":
            return of_material
        is_further = ~of_material["instrument"].isin(self.instruments)
        return of_material[is_further if part == "further" else ~is_further]

    def _of_strangers(self) -> pd.DataFrame:
        is_theirs = (self.presences["material"] == "stranger") & self.presences["instrument"].isin(self.instruments)
        return self.presences[is_theirs]

    def _counts_of_strangers(self) -> "pd.Series[int]":
        return wrongly_detected(self._of_strangers(), self.instruments)


def _mean(chosen: pd.DataFrame, column: str) -> str:
    return in_words(mean_interval(chosen[column].to_numpy(float), chosen["pair_id"].to_numpy(), seed=_SEED))
