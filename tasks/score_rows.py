"""What was measured of a mixture as rows of the tables `scores`, `gain_scores` and `presence_scores`.

Belongs here: keys and columns. Stays out: what is measured (`evaluate`, `evaluate_sounds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from catalog.ids import content_id
from varemix.evaluation.achieved_gain import AchievedGain
from varemix.evaluation.conditions import Score

if TYPE_CHECKING:
    from varemix.model.separator import Separator

Rows = list[dict[str, Any]]

STEP_VERSION = 6
"""Of the steps that make these rows; what is asked of mixes of clips depends on it too."""


class Asked(Protocol):
    """What is scored: a mixture, and what tells it from others."""

    @property
    def pair_id(self) -> str:
        """The digest of all that its scores depend on, beside the checkpoint."""

    @property
    def mixture(self) -> Mixed:
        """What is mixed."""


class Mixed(Protocol):
    """Instruments that sound together."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def instruments(self) -> tuple[str, ...]:
        """The instruments, in the order of the sources."""

    def others(self, source: int) -> tuple[str, ...]:
        """Return the instruments that one source is mixed with."""


def gain_rows(question: Asked, gains: Sequence[AchievedGain], checkpoint_id: str) -> Rows:
    """Return a row of `gain_scores` for each source and wished level."""
    rows = []
    for gain in gains:
        key = {"pair_id": question.pair_id, "instrument": question.mixture.instruments[gain.source]}
        own = content_id("gain", version=STEP_VERSION, checkpoint=checkpoint_id, wished=str(gain.wished_db), **key)
        measured = {name: value for name, value in asdict(gain).items() if name != "source"}
        rows.append({"score_id": own, **key, **measured})
    return rows


def presence_rows(
    question: Asked, sources: np.ndarray, separator: Separator, shares_db: np.ndarray, checkpoint_id: str
) -> Rows:
    """Return a row of `presence_scores` for each instrument that the separator knows, given its measures [I].

    A silent source does not play, whatever it is.
    """
    pair_id, instruments = question.pair_id, question.mixture.instruments
    playing = {name for name, source in zip(instruments, sources, strict=True) if source.any()}
    threshold_db = float(separator.presence_threshold_db)
    rows = []
    for name, share_db in zip(separator.instruments, shares_db.tolist(), strict=True):
        key = {"pair_id": pair_id, "instrument": name}
        own = content_id("presence", version=STEP_VERSION, checkpoint=checkpoint_id, **key)
        status = "plays" if name in playing else "absent"
        measured = {"status": status, "presence_db": share_db, "threshold_db": threshold_db}
        rows.append({"score_id": own, **key, "sounding": " + ".join(instruments), **measured})
    return rows


def score_row(question: Asked, score: Score, presences: Mapping[str, np.ndarray], checkpoint_id: str) -> dict[str, Any]:
    """Return the row of `scores` of a source under a condition; `presences` [N] in dB by condition, where measured."""
    mixture, condition, source = question.mixture, score.condition, score.source
    key = {"pair_id": question.pair_id, "condition": condition, "instrument": mixture.instruments[source]}
    is_scored = np.isfinite(score.nsdr_db)
    return key | {
        "score_id": content_id("score", version=STEP_VERSION, checkpoint=checkpoint_id, **key),
        "num_sources": len(mixture.instruments),
        "other_instrument": " + ".join(mixture.others(source)),
        "sdr_db": _finite(score.sdr_db),
        "nsdr_db": _finite(score.nsdr_db),
        "sir_db": _finite(score.sir_db),
        "sar_db": _finite(score.sar_db),
        "level_db": score.level_db,
        "presence_db": float(presences[condition][source]) if condition in presences else None,
        "status": "scored" if is_scored else "skipped",
        "reason": None if is_scored else "a source or an estimate is silent",
    }


def _finite(value_db: float) -> float | None:
    return value_db if np.isfinite(value_db) else None
