"""Step: checkpoint and mixtures -> scores of each instrument and condition, and of each wished gain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.origin import run_id
from tasks.shards import Outcome, shard_task
from tasks.stills import Shown, Still, read_still, still_name
from varemix.errors import MediaError
from varemix.evaluation.achieved_gain import achieved_gains
from varemix.evaluation.conditions import (
    IMAGE,
    IMAGES_TOGETHER,
    PICTURED,
    WRONG_IMAGE,
    Score,
    image_condition,
    known_masks,
    others_down,
    score_conditions,
)
from varemix.evaluation.mixtures import Mixture, read_sources
from varemix.media.clips import decoded_frames
from varemix.signal.masks import Masks
from varemix.signal.presence import PresenceMeter
from varemix.signal.smoothing import DEFAULT_SMOOTHING_S

if TYPE_CHECKING:
    from torch import Tensor

    from varemix.model.separator import Separator

STEP_VERSION = 6
_BLANK = (128, 128, 128)
_PICTURES_REMEMBERED = 4096


@dataclass(frozen=True, kw_only=True)
class Question:
    """A mixture, and the still pictures that ask for its sources: rightly, one or more for each, and wrongly."""

    mixture: Mixture
    seed: int
    stills: tuple[tuple[Still, ...], ...]
    wrong: tuple[Shown, ...]

    @property
    def pair_id(self) -> str:
        """The digest of what is mixed, what it is asked with, and the version of the step that scores it."""
        sources = [[s.clip.clip_id, s.first_sample, s.volume] for s in self.mixture.sources]
        pictures = [[still_name(still) for still in stills] for stills in self.stills]
        wrong = [still_name(shown.still) for shown in self.wrong]
        return content_id("pair", version=STEP_VERSION, sources=sources, pictures=pictures, wrong=wrong)

    @property
    def further(self) -> dict[str, tuple[Still, ...]]:
        """The conditions of the pictures after the first; where a source has fewer, its first one stands in."""
        return {
            image_condition(rank): tuple(stills[rank] if rank < len(stills) else stills[0] for stills in self.stills)
            for rank in range(1, max(map(len, self.stills)))
        }

    @property
    def standing_in(self) -> set[tuple[str, int]]:
        """The conditions and sources in which a picture only stands in for a further one."""
        longest = max(map(len, self.stills))
        return {
            (image_condition(rank), source)
            for source, stills in enumerate(self.stills)
            for rank in range(len(stills), longest)
        }

    def shown_instrument(self, condition: str, source: int) -> str | None:
        """Return the instrument in the picture that asks for a source, None where no picture shows one."""
        if condition == WRONG_IMAGE:
            return self.wrong[source].instrument
        rightly = {"video", IMAGE, IMAGES_TOGETHER, *self.further}
        return self.mixture.instruments[source] if condition in rightly else None


@shard_task("evaluate")
def evaluate_mixtures(
    *, items: list[Question], shard: str, home: str, checkpoint_id: str, split: str, seed: int, catalog_version: int
) -> list[Outcome]:
    """Score a shard of mixtures under every condition; skip those that stand in `scores`."""
    return answered(
        Catalog(Home.open(home)),
        items,
        _scored,
        tables=("gain_scores", "scores"),
        snapshot={"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version},
    )


Rows = list[dict[str, Any]]


def answered(
    catalog: Catalog,
    questions: Sequence[Question],
    answer: Callable[[Separator, Question, str], Sequence[Rows]],
    *,
    tables: Sequence[str],
    snapshot: Mapping[str, Any],
    before: str = "",
) -> list[Outcome]:
    """Write the rows that answer each question, unless the last of the tables holds some for it already.

    `answer` takes the separator, a question and the checkpoint's id, and returns rows for each of the tables, to which
    `snapshot` is added; the last table is written last. `before` comes before the name of each mixture.
    """
    checkpoint_id = snapshot["checkpoint_id"]
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    done = set(catalog.read(tables[-1], columns=["pair_id"], where={"checkpoint_id": checkpoint_id})["pair_id"])
    found: dict[str, Rows] = {table: [] for table in tables}
    outcomes = []
    for question in questions:
        name = before + question.mixture.name
        if question.pair_id in done:
            outcomes.append(Outcome(item=name, status="skipped"))
            continue
        try:
            answers = answer(separator, question, checkpoint_id)
        except MediaError as error:
            outcomes.append(Outcome(item=name, status="failed", reason=str(error)))
            continue
        for table, rows in zip(tables, answers, strict=True):
            found[table] += [{**snapshot, **row, "run_id": run_id()} for row in rows]
        outcomes.append(Outcome(item=name, status="done"))
    for table, rows in found.items():
        catalog.merge(table, rows)
    return outcomes


def _scored(separator: Separator, question: Question, checkpoint_id: str) -> tuple[Rows, Rows]:
    """Return the rows of `gain_scores` and of `scores` of a mixture.

    Its sound is heard once for all pictures, and again for those asked together.
    """
    sources = read_sources(question.mixture)
    mix, queries = sources.sum(axis=0), _queries(separator, question)
    conditions = [*PICTURED, *question.further]
    num_sources, grid = len(sources), separator.settings.grid
    meter = PresenceMeter(len(conditions) * num_sources, separator.mask_grid)
    heard = separator.masks(mix, queries, meter=meter)
    pictured = {name: heard[at * num_sources : (at + 1) * num_sources] for at, name in enumerate(conditions)}
    pictured |= others_down(pictured[IMAGE])
    if separator.settings.has_rivals:
        right = queries.unflatten(0, (len(conditions), len(sources)))[conditions.index(IMAGE)]
        pictured[IMAGES_TOGETHER] = separator.masks(mix, right, nothing_else=True)
    presences = dict(zip(conditions, meter.shares_db().reshape(-1, num_sources).tolist(), strict=True))
    scores = score_conditions(sources, known_masks(sources, grid, seed=question.seed) | pictured)
    pair_id, standing_in = question.pair_id, question.standing_in
    rows = [
        _row(question, pair_id, score, presences, checkpoint_id)
        for score in scores
        if (score.condition, score.source) not in standing_in
    ]
    return _gain_rows(question, sources, pictured[IMAGE], checkpoint_id), rows


def image_queries(separator: Separator, question: Question) -> Tensor:
    """Return the queries [N, K] of the first still picture of each source."""
    import torch

    return torch.stack([_query(separator, stills[0]) for stills in question.stills])


def _queries(separator: Separator, question: Question) -> Tensor:
    """Return the queries [conditions x sources, K] in the order of `PICTURED` and the further images."""
    import torch

    sources = question.mixture.sources
    video = [separator.query_of_clip(decoded_frames(s.clip, s.frames)) for s in sources]
    wrong = [_query(separator, shown.still) for shown in question.wrong]
    blank = [_query(separator, None)] * len(sources)
    further = [_query(separator, still) for stills in question.further.values() for still in stills]
    return torch.stack([*video, *image_queries(separator, question), *wrong, *blank, *further])


def _query(separator: Separator, still: Still | None) -> Tensor:
    """Return the query [K] of a still picture, or of a blank one; each picture is looked at once."""
    return _query_of(separator, still, still_name(still) if still else "blank")


@lru_cache(maxsize=_PICTURES_REMEMBERED)
def _query_of(separator: Separator, still: Still | None, name: str) -> Tensor:
    from PIL import Image

    return separator.queries([read_still(still) if still else Image.new("RGB", (256, 256), _BLANK)])[0]


def _gain_rows(question: Question, sources: np.ndarray, masks: Masks, checkpoint_id: str) -> Rows:
    """Return a row for each source and wished level."""
    rows = []
    for gain in achieved_gains(sources, masks, smoothing_s=DEFAULT_SMOOTHING_S):
        key = {"pair_id": question.pair_id, "instrument": question.mixture.instruments[gain.source]}
        own = content_id("gain", version=STEP_VERSION, checkpoint=checkpoint_id, wished=str(gain.wished_db), **key)
        levels = {"wished_db": gain.wished_db, "target_db": gain.target_db, "rest_db": gain.rest_db}
        rows.append({"score_id": own, **key, **levels})
    return rows


def _row(
    question: Question, pair_id: str, score: Score, presences: Mapping[str, Sequence[float]], checkpoint_id: str
) -> dict[str, Any]:
    mixture, condition, source = question.mixture, score.condition, score.source
    key = {"pair_id": pair_id, "condition": condition, "instrument": mixture.instruments[source]}
    is_scored = np.isfinite(score.nsdr_db)
    return key | {
        "score_id": content_id("score", version=STEP_VERSION, checkpoint=checkpoint_id, **key),
        "num_sources": len(mixture.sources),
        "other_instrument": " + ".join(mixture.others(source)),
        "shown_instrument": question.shown_instrument(condition, source),
        "sdr_db": _finite(score.sdr_db),
        "nsdr_db": _finite(score.nsdr_db),
        "sir_db": _finite(score.sir_db),
        "sar_db": _finite(score.sar_db),
        "level_db": score.level_db,
        "presence_db": presences[condition][source] if condition in presences else None,
        "status": "scored" if is_scored else "skipped",
        "reason": None if is_scored else "a source or an estimate is silent",
    }


def _finite(value_db: float) -> float | None:
    return value_db if np.isfinite(value_db) else None
