"""What an evaluation found, read back from the tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from catalog.store import Catalog
from tasks.checkpoints import presence_threshold_db
from tasks.evaluate import Question
from tasks.evaluate_sounds import SoundQuestion
from varemix.evaluation.findings import Findings
from varemix.evaluation.recognition import Recognition
from varemix.evaluation.sound_findings import SoundFindings


def clip_findings(
    catalog: Catalog, row: dict[str, Any], questions: Sequence[Question], recognised: Sequence[Recognition] = ()
) -> Findings:
    """Return what is known of a checkpoint, by its row of `checkpoints`, on mixes of clips."""
    asked = _asked(row, [question.pair_id for question in questions])
    return Findings(
        scores=catalog.read("scores", where=asked),
        presences=catalog.read("presence_scores", where=asked),
        remixes=catalog.read("remix_scores", where=asked),
        gains=catalog.read("gain_scores", where=asked),
        smoothings=catalog.read("smoothing_scores", where=asked),
        recognised=recognised,
        threshold_db=presence_threshold_db(catalog, row),
    )


def sound_findings(
    catalog: Catalog, row: dict[str, Any], questions: Sequence[SoundQuestion], instruments: Collection[str]
) -> SoundFindings | None:
    """Return what is known of a checkpoint on mixes of sounds; None where there are none."""
    if not questions:
        return None
    asked = _asked(row, [question.pair_id for question in questions])
    return SoundFindings(
        scores=catalog.read("scores", where=asked),
        gains=catalog.read("gain_scores", where=asked),
        presences=catalog.read("presence_scores", where=asked),
        instruments=tuple(sorted(instruments)),
    )


def _asked(row: dict[str, Any], pair_ids: Sequence[str]) -> Mapping[str, object]:
    return {"checkpoint_id": row["checkpoint_id"], "pair_id": list(pair_ids)}
