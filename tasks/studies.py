"""Step: checkpoint and mixtures -> how good remixes are at every balance, and what smoothing gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.evaluate import Question, answered, image_queries
from tasks.score_rows import Rows
from tasks.shards import Outcome, shard_task
from varemix.evaluation.conditions import known_masks
from varemix.evaluation.mixing_levels import remix_scores
from varemix.evaluation.mixtures import read_sources
from varemix.evaluation.smoothing_study import SEARCHED, smoothing_gains_db
from varemix.signal.grid import PAPER_GRID
from varemix.signal.masks import Masks, binarise
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, decay_of

if TYPE_CHECKING:
    from varemix.model.separator import Separator

STEP_VERSION = 2


@shard_task("study")
def study_mixtures(
    *, items: list[Question], shard: str, home: str, checkpoint_id: str, split: str, seed: int, catalog_version: int
) -> list[Outcome]:
    """Remix a shard of pairs at every balance and smooth their masks in every way; skip those that were."""
    return answered(
        Catalog(Home.open(home)),
        items,
        _studied,
        tables=("smoothing_scores", "remix_scores"),
        snapshot={"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version},
        before="study ",
    )


def _studied(separator: Separator, question: Question, checkpoint_id: str) -> tuple[Rows, Rows]:
    """Return the rows of `smoothing_scores` and of `remix_scores` of a pair."""
    sources = read_sources(question.mixture)
    mix = sources.sum(axis=0)
    masks = separator.masks(mix, image_queries(separator, question))
    known = known_masks(sources, separator.settings.grid, seed=question.seed)
    decided = Masks(values=binarise(masks.on_bins().values), grid=separator.settings.grid.on_bins())
    key = {"pair_id": question.pair_id, "instrument": question.mixture.instruments[0]}
    remixes = [
        key | asdict(score) | {"decay": _decay(score.smoothing_s)}
        for score in remix_scores(sources, masks, smoothing_s=DEFAULT_SMOOTHING_S)
    ]
    smoothings = [
        row
        for whose, binary in (("ideal", known["ideal_binary"]), ("image", decided))
        for row in _smoothing_rows(question, whose, smoothing_gains_db(mix, binary, known["ideal_ratio"], SEARCHED))
    ]
    other = {"other_instrument": question.mixture.instruments[1]}
    return [_with_id(r, checkpoint_id) for r in smoothings], [_with_id(row, checkpoint_id) | other for row in remixes]


def _smoothing_rows(question: Question, whose: str, gains_db: np.ndarray) -> Rows:
    return [
        {
            "pair_id": question.pair_id,
            "instrument": instrument,
            "masks": whose,
            "method": smoothing.method,
            "settings": smoothing.settings_text,
            "smoothing_s": smoothing.smoothing_s if smoothing.method == "zlbm" else None,
            "decay": _decay(smoothing.smoothing_s) if smoothing.method == "zlbm" else None,
            "gain_db": float(gain_db),
        }
        for smoothing, own in zip(SEARCHED, gains_db, strict=True)
        for instrument, gain_db in zip(question.mixture.instruments, own, strict=True)
    ]


def _decay(smoothing_s: float) -> float:
    """Return a time constant as tables used to tell it, which homes from before have a column for."""
    return decay_of(smoothing_s, PAPER_GRID)


_MEASURED = {"odg", "sdr_db", "nsdr_db", "lsd_db", "delta_snr_db", "gain_db"}


def _with_id(row: dict[str, Any], checkpoint_id: str) -> dict[str, Any]:
    """Return the row with the digest of all that it is not a measurement of."""
    key = {name: value for name, value in row.items() if name not in _MEASURED}
    return {"score_id": content_id("study", version=STEP_VERSION, checkpoint=checkpoint_id, **key)} | row


def pairs_of(questions: Sequence[Question]) -> list[Question]:
    """Return the questions of two sources, which are what can be studied."""
    return [question for question in questions if len(question.mixture.sources) == 2]
