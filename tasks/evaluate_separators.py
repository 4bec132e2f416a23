"""Step: separators and mixes of sounds -> how well each hears each instrument that it knows, beside our network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.evaluate import answered
from tasks.makers import maker_of
from tasks.queries import Query
from tasks.score_rows import Rows, score_row
from tasks.shards import Outcome, shard_task
from tasks.who_hears import Assigned, WhoHears
from varemix.errors import MediaError, SeparatorError
from varemix.evaluation.conditions import score_conditions
from varemix.evaluation.separators import condition_of
from varemix.evaluation.sound_mixtures import SoundMixture, read_sound_sources
from varemix.separators.installed import OURS
from varemix.signal.masks import Masks

if TYPE_CHECKING:
    from varemix.model.separator import Separator
    from varemix.separators.interface import MaskMaker, Mix

STEP_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SeparatorQuestion:
    """A mix of sounds, and for each separator that is asked, by its name in plans, what of the mix it knows."""

    mixture: SoundMixture
    asked: tuple[Assigned, ...]

    @property
    def pair_id(self) -> str:
        """The digest of what is mixed, who is asked, and the version of the step that scores it."""
        parts = [[part.sound.sound_id, part.sound.label, part.after_s] for part in self.mixture.parts]
        asked = [[one.separator, one.instrument, one.name, one.version, one.digest] for one in self.asked]
        material = self.mixture.material
        return content_id("separators", version=STEP_VERSION, material=material, parts=parts, asked=asked)


def separator_questions(mixtures: Sequence[SoundMixture], known: dict[str, WhoHears]) -> list[SeparatorQuestion]:
    """Return the questions of mixes, given by the separators' names who they are and what they know."""
    return [
        SeparatorQuestion(
            mixture=mixture,
            asked=tuple(one for who in known.values() for one in who.others if one.instrument in mixture.instruments),
        )
        for mixture in mixtures
        if mixture.material != "stranger"
    ]


@shard_task("evaluate separators")
def evaluate_separators(
    *,
    items: list[SeparatorQuestion],
    shard: str,
    home: str,
    checkpoint_id: str,
    split: str,
    seed: int,
    catalog_version: int,
) -> list[Outcome]:
    """Score a shard of mixes, heard by each separator alone and by our network; skip those that stand in `scores`."""
    return answered(
        Catalog(Home.open(home)),
        items,
        _scored,
        tables=("scores",),
        snapshot={"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version},
    )


def _scored(network: Separator, question: SeparatorQuestion, checkpoint_id: str) -> tuple[Rows]:
    """Return the rows of `scores` of a mix."""
    from varemix.separators.interface import Mix

    mixture = question.mixture
    sources = read_sound_sources(mixture)
    mix = Mix.of(sources.sum(axis=0, keepdims=True))
    ours = [Query(name=name) for name in dict.fromkeys(mixture.instruments) if name in network.instruments]
    makers: dict[str, tuple[MaskMaker, list[str]]] = {OURS: (maker_of(network, ours), [one.name for one in ours])}
    for name in dict.fromkeys(one.separator for one in question.asked):
        who = WhoHears(others=tuple(one for one in question.asked if one.separator == name))
        try:
            makers[name] = next(iter(who.makers().values())), who.instruments
        except SeparatorError as error:
            raise MediaError(str(error)) from error
    rows: Rows = []
    for name, (maker, known) in makers.items():
        if known:
            rows += _rows_of(question, sources, mix, condition_of(name), maker, known, checkpoint_id)
    return (rows,)


def _rows_of(
    question: SeparatorQuestion,
    sources: np.ndarray,
    mix: Mix,
    condition: str,
    maker: MaskMaker,
    known: Sequence[str],
    checkpoint_id: str,
) -> list[dict[str, Any]]:
    """Return the scores of one separator, of the instruments that it knows."""
    instruments = question.mixture.instruments
    try:
        made = np.concatenate(list(maker.mask_blocks(mix, known)), axis=-1)
        heard = made[:, 0] if maker.per_channel else made  # the mix has one channel
    except SeparatorError as error:
        raise MediaError(str(error)) from error
    nothing = np.zeros_like(heard[0])
    by_name = dict(zip(known, heard, strict=True))
    masks = Masks(values=np.stack([by_name.get(name, nothing) for name in instruments]), grid=maker.grid)
    scores = [score for score in score_conditions(sources, {condition: masks}) if score.condition == condition]
    told = [score_row(question, score, {}, checkpoint_id) for score in scores if instruments[score.source] in known]
    return [row | {"material": question.mixture.material} for row in told]
