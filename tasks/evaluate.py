"""Step: checkpoint and mixtures -> scores of each instrument and condition, of each wished gain, and of presence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.origin import run_id
from tasks.score_rows import STEP_VERSION, Asked, Rows, gain_rows, presence_rows, score_row
from tasks.shards import Outcome, each_alone, shard_task
from tasks.stills import Shown, Still, read_still, still_name
from varemix.evaluation.achieved_gain import achieved_gains
from varemix.evaluation.condition_names import IMAGE, IMAGES_TOGETHER, NAME, PICTURED, WRONG_IMAGE, image_condition
from varemix.evaluation.conditions import Score, known_masks, others_down, score_conditions
from varemix.evaluation.mixtures import Mixture, read_sources
from varemix.media.clips import decoded_frames
from varemix.signal.masks import Masks
from varemix.signal.presence import PresenceMeter
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S

if TYPE_CHECKING:
    from torch import Tensor

    from varemix.model.separator import Separator

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

    def shown_instrument(self, score: Score) -> str | None:
        """Return the instrument in the picture that asked for what was scored, None where no picture shows one."""
        if score.condition == WRONG_IMAGE:
            return self.wrong[score.source].instrument
        rightly = {"video", IMAGE, IMAGES_TOGETHER, *self.further}
        return self.mixture.instruments[score.source] if score.condition in rightly else None


@shard_task("evaluate")
def evaluate_mixtures(
    *, items: list[Question], shard: str, home: str, checkpoint_id: str, split: str, seed: int, catalog_version: int
) -> list[Outcome]:
    """Score a shard of mixtures under every condition; skip those that stand in `scores`."""
    return answered(
        Catalog(Home.open(home)),
        items,
        _scored,
        tables=("gain_scores", "presence_scores", "scores"),
        snapshot={"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version},
    )


_AskedT = TypeVar("_AskedT", bound=Asked)


def answered(
    catalog: Catalog,
    questions: Sequence[_AskedT],
    answer: Callable[[Separator, _AskedT, str], Sequence[Rows]],
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

    def named(question: _AskedT) -> str:
        return before + question.mixture.name

    def made(question: _AskedT) -> Outcome:
        for table, rows in zip(tables, answer(separator, question, checkpoint_id), strict=True):
            found[table] += [{**snapshot, **row, "run_id": run_id()} for row in rows]
        return Outcome(item=named(question), status="done")

    def keep() -> None:
        for table, rows in found.items():
            catalog.merge(table, rows)

    return each_alone(questions, name=named, stands=lambda question: question.pair_id in done, make=made, keep=keep)


def _scored(separator: Separator, question: Question, checkpoint_id: str) -> tuple[Rows, Rows, Rows]:
    """Return the rows of `gain_scores`, of `presence_scores` and of `scores` of a mixture.

    Its sound is heard once for all pictures and all names, and again for the pictures that ask together.
    """
    import torch

    sources = read_sources(question.mixture)
    mix, queries, instruments = sources.sum(axis=0), _queries(separator, question), question.mixture.instruments
    conditions = [*PICTURED, *question.further]
    num_sources, num_pictured, grid = len(sources), len(queries), separator.settings.grid
    meter = PresenceMeter(num_pictured + len(separator.instruments), separator.mask_grid)
    heard = separator.masks(mix, torch.cat([queries, separator.instrument_queries]), meter=meter)
    shares_db, of_names_db = np.split(meter.shares_db(), [num_pictured])
    pictured = {name: heard[at * num_sources : (at + 1) * num_sources] for at, name in enumerate(conditions)}
    presences = dict(zip(conditions, shares_db.reshape(-1, num_sources), strict=True))
    pictured |= others_down(pictured[IMAGE]) | {NAME: masks_of(separator, heard[num_pictured:], instruments)}
    presences |= {NAME: values_of(separator, of_names_db, instruments)}
    if separator.settings.has_rivals:
        right = queries.unflatten(0, (len(conditions), len(sources)))[conditions.index(IMAGE)]
        pictured[IMAGES_TOGETHER] = separator.masks(mix, right, nothing_else=True)
    scores = score_conditions(sources, known_masks(sources, grid, seed=question.seed) | pictured)
    left_out = question.standing_in | {(NAME, place) for place in nameless(separator, instruments)}
    rows = [
        score_row(question, score, presences, checkpoint_id) | {"shown_instrument": question.shown_instrument(score)}
        for score in scores
        if (score.condition, score.source) not in left_out
    ]
    gains = achieved_gains(sources, pictured[IMAGE], smoothing_s=DEFAULT_SMOOTHING_S)
    heard_of = presence_rows(question, sources, separator, of_names_db, checkpoint_id)
    return gain_rows(question, gains, checkpoint_id), heard_of, rows


def nameless(separator: Separator, instruments: Sequence[str]) -> list[int]:
    """Return the places of the instruments that the separator does not know by name."""
    return [place for place, name in enumerate(instruments) if name not in separator.instruments]


def values_of(separator: Separator, by_name: np.ndarray, instruments: Sequence[str]) -> np.ndarray:
    """Return those of values [I, ...] of all names that belong to the instruments [N, ...], 0 for unknown ones."""
    nothing = np.zeros_like(by_name, shape=by_name.shape[1:])
    values = dict(zip(separator.instruments, by_name, strict=True))
    return np.stack([values.get(name, nothing) for name in instruments])


def masks_of(separator: Separator, by_name: Masks, instruments: Sequence[str]) -> Masks:
    """Return those of the masks of all names that belong to the instruments, nothing for unknown ones."""
    return Masks(values=values_of(separator, by_name.values, instruments), grid=by_name.grid)


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
