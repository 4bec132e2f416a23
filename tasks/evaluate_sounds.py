"""Step: checkpoint and mixes of sounds without pictures -> scores of what is asked for by name, and of presence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.files import Home
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.evaluate import answered, masks_of, nameless, values_of
from tasks.score_rows import Rows, gain_rows, presence_rows, score_row
from tasks.shards import Outcome, shard_task
from varemix.evaluation.achieved_gain import achieved_gains
from varemix.evaluation.condition_names import NAME
from varemix.evaluation.conditions import known_masks, score_conditions
from varemix.evaluation.sound_mixtures import SoundMixture, draw_sound_mixtures, read_sound_sources
from varemix.media.sounds import listed_sounds
from varemix.signal.presence import PresenceMeter
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S

if TYPE_CHECKING:
    from varemix.model.separator import Separator

STEP_VERSION = 1
_CEILING = "ideal_ratio"


@dataclass(frozen=True, kw_only=True)
class SoundQuestion:
    """A mix of sounds; if it `is_graded`, its remixes are graded by PEAQ."""

    mixture: SoundMixture
    is_graded: bool

    @property
    def pair_id(self) -> str:
        """The digest of what is mixed and of the version of the step that scores it."""
        parts = [[part.sound.sound_id, part.sound.label, part.after_s] for part in self.mixture.parts]
        material, graded = self.mixture.material, self.is_graded
        return content_id("sounds", version=STEP_VERSION, material=material, parts=parts, graded=graded)


def sound_questions(
    folder: Path, split: str, instruments: Collection[str], num_pairs: int, num_graded: int, *, seed: int
) -> list[SoundQuestion]:
    """Return the mixes of the sounds of a folder and split, of pairs and ensembles so many graded each.

    Raises MediaError and EvaluationError as `listed_sounds` and `draw_sound_mixtures` do.
    """
    sounds = [sound for sound in listed_sounds(folder) if sound.split == split]
    questions: list[SoundQuestion] = []
    num_seen: dict[str, int] = {}
    for mixture in draw_sound_mixtures(sounds, instruments, num_pairs, seed=seed):
        place = num_seen[mixture.material] = num_seen.get(mixture.material, 0) + 1
        is_graded = mixture.material != "stranger" and place <= num_graded
        questions.append(SoundQuestion(mixture=mixture, is_graded=is_graded))
    return questions


@shard_task("evaluate sounds")
def evaluate_sounds(
    *,
    items: list[SoundQuestion],
    shard: str,
    home: str,
    checkpoint_id: str,
    split: str,
    seed: int,
    catalog_version: int,
) -> list[Outcome]:
    """Score a shard of mixes of sounds, asked for by name; skip those that stand in `presence_scores`."""
    return answered(
        Catalog(Home.open(home)),
        items,
        _scored,
        tables=("gain_scores", "scores", "presence_scores"),
        snapshot={"checkpoint_id": checkpoint_id, "seed": seed, "split": split, "catalog_version": catalog_version},
    )


def _scored(separator: Separator, question: SoundQuestion, checkpoint_id: str) -> tuple[Rows, Rows, Rows]:
    """Return the rows of `gain_scores`, `scores` and `presence_scores` of a mix, which is heard once for all names.

    A stranger has rows of `presence_scores` only. What the separator does not know by name has none but ceilings.
    """
    mixture = question.mixture
    sources = read_sound_sources(mixture)
    meter = PresenceMeter(len(separator.instruments), separator.mask_grid)
    heard = separator.masks(sources.sum(axis=0), separator.instrument_queries, meter=meter)
    shares_db = meter.shares_db()
    of_material = {"material": mixture.material}
    presences = presence_rows(question, sources, separator, shares_db, checkpoint_id)
    presences = [row | of_material for row in presences]
    if mixture.material == "stranger":
        return [], [], presences
    unknown = nameless(separator, mixture.instruments)
    masks = masks_of(separator, heard, mixture.instruments)
    ceiling = {_CEILING: known_masks(sources, separator.settings.grid, seed=0)[_CEILING]}
    scores = score_conditions(sources, ceiling | {NAME: masks})
    by_name = {NAME: values_of(separator, shares_db, mixture.instruments)}
    rows = [
        score_row(question, score, by_name, checkpoint_id) | of_material
        for score in scores
        if not (score.condition == NAME and score.source in unknown)
    ]
    gains = achieved_gains(sources, masks, smoothing_s=DEFAULT_SMOOTHING_S, with_odg=question.is_graded)
    known = [gain for gain in gains if gain.source not in unknown]
    return gain_rows(question, known, checkpoint_id), rows, presences
