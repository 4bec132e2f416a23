"""Step: checkpoint and mixtures -> how good remixes are at every balance, and what smoothing gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.evaluate import Question, Rows, image_queries
from tasks.shards import Outcome, shard_task
from varemix.errors import MediaError
from varemix.evaluation.conditions import known_masks
from varemix.evaluation.mixing_levels import remix_scores
from varemix.evaluation.mixtures import read_sources
from varemix.evaluation.smoothing_study import SEARCHED, smoothing_gains_db
from varemix.signal.masks import binarise
from varemix.signal.smoothing import DEFAULT_DECAY

if TYPE_CHECKING:
    from varemix.model.separator import Separator

STEP_VERSION = 1


@shard_task("study")
def study_mixtures(
    *, items: list[Question], shard: str, home: str, checkpoint_id: str, split: str, seed: int, catalog_version: int
) -> list[Outcome]:
    """Remix a shard of pairs at every balance and smooth their masks in every way; skip those that were."""
    catalog = Catalog(Home.open(home))
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    snapshot = {"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version}
    done = set(catalog.read("remix_scores", columns=["pair_id"], where={"checkpoint_id": checkpoint_id})["pair_id"])
    outcomes = []
    for question in items:
        name = f"study {question.mixture.name}"
        if question.pair_id in done:
            outcomes.append(Outcome(item=name, status="skipped"))
            continue
        try:
            remixes, smoothings = _studied(separator, question, checkpoint_id)
        except MediaError as error:
            outcomes.append(Outcome(item=name, status="failed", reason=str(error)))
            continue
        catalog.merge("smoothing_scores", [snapshot | row for row in smoothings])
        catalog.merge("remix_scores", [snapshot | row for row in remixes])  # last: such a pair is skipped
        outcomes.append(Outcome(item=name, status="done"))
    return outcomes


def _studied(separator: Separator, question: Question, checkpoint_id: str) -> tuple[Rows, Rows]:
    """Return the rows of `remix_scores` and of `smoothing_scores` of a pair."""
    sources = read_sources(question.mixture)
    mix = sources.sum(axis=0)
    masks = separator.masks(mix, image_queries(separator, question))
    known = known_masks(sources, seed=question.seed)
    key = {"pair_id": question.pair_id, "instrument": question.mixture.instruments[0]}
    remixes = [key | asdict(score) for score in remix_scores(sources, masks, decay=DEFAULT_DECAY)]
    smoothings = [
        row
        for whose, binary in (("ideal", known["ideal_binary"]), ("image", binarise(masks)))
        for row in _smoothing_rows(question, whose, smoothing_gains_db(mix, binary, known["ideal_ratio"], SEARCHED))
    ]
    other = {"other_instrument": question.mixture.instruments[1]}
    return [_with_id(row, checkpoint_id) | other for row in remixes], [_with_id(r, checkpoint_id) for r in smoothings]


def _smoothing_rows(question: Question, whose: str, gains_db: np.ndarray) -> Rows:
    return [
        {
            "pair_id": question.pair_id,
            "instrument": instrument,
            "masks": whose,
            "method": smoothing.method,
            "settings": smoothing.settings_text,
            "decay": smoothing.decay if smoothing.method == "zlbm" else None,
            "gain_db": float(gain_db),
        }
        for smoothing, own in zip(SEARCHED, gains_db, strict=True)
        for instrument, gain_db in zip(question.mixture.instruments, own, strict=True)
    ]


_MEASURED = {"odg", "sdr_db", "nsdr_db", "lsd_db", "gain_db"}


def _with_id(row: dict[str, Any], checkpoint_id: str) -> dict[str, Any]:
    """Return the row with the digest of all that it is not a measurement of."""
    key = {name: value for name, value in row.items() if name not in _MEASURED}
    return {"score_id": content_id("study", version=STEP_VERSION, checkpoint=checkpoint_id, **key)} | row


def pairs_of(questions: Sequence[Question]) -> list[Question]:
    """Return the questions of two sources, which are what can be studied."""
    return [question for question in questions if len(question.mixture.sources) == 2]
