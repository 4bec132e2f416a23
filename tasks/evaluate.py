"""Step: checkpoint and pairs -> scores, a row for each pair, instrument and condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.shards import Outcome, shard_task
from tasks.stills import Still, read_still, still_name
from varemix.errors import MediaError
from varemix.evaluation.conditions import PICTURED, Score, known_masks, score_conditions
from varemix.evaluation.pairs import Pair, read_sources
from varemix.media.clips import decoded_frames

if TYPE_CHECKING:
    from torch import Tensor

    from varemix.model.separator import Separator

STEP_VERSION = 1
_BLANK = (128, 128, 128)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A pair, and the still pictures that ask for its two sources, rightly and wrongly."""

    pair: Pair
    seed: int
    stills: tuple[Still, ...]
    wrong: tuple[Still, ...]

    @property
    def pair_id(self) -> str:
        """The digest of what is mixed, what it is asked with, and the version of the step that scores it."""
        sources = [[s.clip.clip_id, s.first_sample, s.volume] for s in self.pair.sources]
        pictures = [still_name(still) for still in (*self.stills, *self.wrong)]
        return content_id("pair", version=STEP_VERSION, sources=sources, pictures=pictures)


@shard_task("evaluate")
def evaluate_pairs(
    *, items: list[Question], shard: str, home: str, checkpoint_id: str, split: str, seed: int, catalog_version: int
) -> list[Outcome]:
    """Score a shard of pairs under every condition; skip those that stand in `scores`."""
    catalog = Catalog(Home.open(home))
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    snapshot = {"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version}
    done = set(catalog.read("scores", columns=["pair_id"], where={"checkpoint_id": checkpoint_id})["pair_id"])
    outcomes, rows = [], []
    for question in items:
        name = " + ".join(question.pair.instruments)
        if question.pair_id in done:
            outcomes.append(Outcome(item=name, status="skipped"))
            continue
        try:
            scores = _scored(separator, question)
        except MediaError as error:
            outcomes.append(Outcome(item=name, status="failed", reason=str(error)))
            continue
        rows += [snapshot | _row(question, score, checkpoint_id) for score in scores]
        outcomes.append(Outcome(item=name, status="done"))
    catalog.merge("scores", rows)
    return outcomes


def _scored(separator: Separator, question: Question) -> list[Score]:
    sources = read_sources(question.pair)
    queries = _queries(separator, question)
    heard = separator.masks(sources.sum(axis=0), queries)
    pictured = dict(zip(PICTURED, heard.reshape(len(PICTURED), len(sources), *heard.shape[1:]), strict=True))
    return score_conditions(sources, known_masks(sources, seed=question.seed) | pictured)


def _queries(separator: Separator, question: Question) -> Tensor:
    """Return the queries [conditions x sources, K] in the order of `PICTURED`."""
    import torch
    from PIL import Image

    video = [separator.query_of_clip(decoded_frames(s.clip, s.frames)) for s in question.pair.sources]
    stills = [read_still(still) for still in (*question.stills, *question.wrong)]
    blanks = [Image.new("RGB", (256, 256), _BLANK)] * len(question.pair.sources)
    return torch.cat([torch.stack(video), separator.queries([*stills, *blanks])])


def _row(question: Question, score: Score, checkpoint_id: str) -> dict[str, Any]:
    names = question.pair.instruments
    key = {"pair_id": question.pair_id, "condition": score.condition, "instrument": names[score.source]}
    is_scored = np.isfinite(score.nsdr_db)
    return key | {
        "score_id": content_id("score", version=STEP_VERSION, checkpoint=checkpoint_id, **key),
        "other_instrument": names[1 - score.source],
        "sdr_db": _finite(score.sdr_db),
        "nsdr_db": _finite(score.nsdr_db),
        "sir_db": _finite(score.sir_db),
        "sar_db": _finite(score.sar_db),
        "status": "scored" if is_scored else "skipped",
        "reason": None if is_scored else "a source or an estimate is silent",
    }


def _finite(value_db: float) -> float | None:
    return value_db if np.isfinite(value_db) else None
