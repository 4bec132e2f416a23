"""Flow: checkpoint and mixtures of recordings -> scores and a report."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row, presence_threshold_db
from tasks.clips import usable_clips
from tasks.evaluate import Question, evaluate_mixtures
from tasks.recognise import recognise_stills
from tasks.shards import run_shards
from tasks.stills import clip_stills, draw_further_stills, draw_stills, draw_wrong_stills, folder_stills
from varemix.evaluation.mixtures import draw_mixtures
from varemix.evaluation.presence import best_threshold, measures_db, num_right, roc_auc
from varemix.evaluation.recognition import Recognition, num_recognised
from varemix.evaluation.tables import (
    conditions_table,
    image_deviations_db,
    instruments_table,
    mean_level_db,
    means,
    mistakes_table,
    share_of_ceiling,
)
from varemix.media.clips import Clip

_SHARD = 4
_SUMMED_UP = ("ideal_binary", "ideal_ratio", "video", "image", "images_together", "wrong_image")
_LEVELS = ("image", "wrong_image", "blank_image")
_CEILINGS = ("ideal_binary", "ideal_ratio")


@flow(name="evaluate", flow_run_name="evaluate on {split}", task_runner=workers())
def evaluate(
    checkpoint: str | None = None,
    split: str = "val",
    pairs: int = 64,
    seed: int = 0,
    stills: str | None = None,
    sources: int = 2,
    images_per_source: int = 1,
    home: str | None = None,
) -> Summary:
    """Mix recordings of different instruments, separate them again, and score the result.

    Args:
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        split: `val`, `test` or `train`.
        pairs: how many mixes to draw, of two instruments unless `sources` says otherwise.
        seed: what the mixes and pictures are drawn with.
        stills: a folder of still pictures by instrument; by default frames of other clips of the split.
        sources: how many instruments are mixed.
        images_per_source: how many still pictures ask for each of them, to see how much the picture matters.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    used = {"home": str(catalog.home.root), "checkpoint_id": row["checkpoint_id"]}
    version = catalog.version("clips")
    clips = usable_clips(catalog, split, version=version)
    questions = drawn_questions(clips, pairs, seed, stills, sources, images_per_source)
    names = [question.mixture.name for question in questions]
    snapshot = {"split": split, "seed": seed, "catalog_version": version}
    outcomes = run_shards(evaluate_mixtures, questions, names, size=_SHARD, **used, **snapshot)
    recognised, lost = recognise_stills(folder=Path(stills), **used) if stills else ([], [])
    asked = {"checkpoint_id": row["checkpoint_id"], "pair_id": [question.pair_id for question in questions]}
    scores = catalog.read("scores", where=asked)
    found = _found(scores, recognised, presence_threshold_db(catalog, row))
    drawn = {"pairs": pairs, "sources": sources, "images_per_source": images_per_source}
    return publish(
        Summary(
            stage="evaluate",
            outcomes=(*outcomes, *lost),
            seconds=time.monotonic() - started,
            facts={"checkpoint_id": row["checkpoint_id"], **snapshot, **drawn, **found},
            report=_report(scores, recognised, sources),
        )
    )


def _found(scores: pd.DataFrame, recognised: Sequence[Recognition], threshold_db: float) -> dict[str, Any]:
    """Return what the scores come to; figures that nothing was measured for are left out."""
    nsdrs_db = {name: means(scores, name)["all"] for name in _SUMMED_UP}
    facts: dict[str, Any] = {
        "silent_scores": int((scores["status"] == "skipped").sum()),
        "mean_nsdr_db": {name: round(mean, 2) for name, mean in nsdrs_db.items() if not pd.isna(mean)},
        "mean_level_db": {name: round(mean_level_db(scores, name), 1) for name in _LEVELS},
        "nsdr_share_of_ceiling": {name: round(share_of_ceiling(scores, name), 3) for name in _CEILINGS},
    }
    deviation_db = image_deviations_db(scores)["all"]
    if not pd.isna(deviation_db):
        facts["nsdr_deviation_over_images_db"] = round(deviation_db, 2)
    present_db, absent_db = measures_db(scores)
    if len(present_db) and len(absent_db):
        right = num_right(present_db, absent_db, threshold_db)
        facts["presence"] = {
            "roc_auc": round(roc_auc(present_db, absent_db), 4),
            "threshold_db": round(threshold_db, 1),
            "right": right,
            "wrong": len(present_db) + len(absent_db) - right,
            "best_threshold_db": round(best_threshold(present_db, absent_db), 1),
        }
    if recognised:
        right = num_recognised(recognised)
        facts["stills_recognised"] = {
            "right": right,
            "of": len(recognised),
            "share": round(right / len(recognised), 3),
        }
    return facts


def _report(scores: pd.DataFrame, recognised: Sequence[Recognition], num_sources: int) -> str:
    intervals = (
        "Means over all sources of the mixes, bootstrap 95 % intervals; levels are the estimate's RMS beside the mix's."
    )
    parts = [
        f"## Separation of mixes of {num_sources}\n\n{intervals}",
        conditions_table(scores),
        "## By instrument",
        instruments_table(scores),
    ]
    if num_recognised(recognised) < len(recognised):
        parts += ["## Stills taken for another instrument", mistakes_table(recognised)]
    return "\n\n".join(parts)


def drawn_questions(
    clips: list[Clip],
    num_mixtures: int,
    seed: int,
    stills: str | None,
    num_sources: int = 2,
    images_per_source: int = 1,
) -> list[Question]:
    """Return the mixtures that the seed draws, and the pictures that ask for their sources."""
    pictures = folder_stills(Path(stills)) if stills else clip_stills(clips)
    questions = []
    for number, mixture in enumerate(draw_mixtures(clips, num_mixtures, num_sources=num_sources, seed=seed)):
        draw = np.random.default_rng([seed, number, 1])
        first, wrong = draw_stills(mixture, pictures, draw), draw_wrong_stills(mixture, pictures, draw)
        right = draw_further_stills(mixture, pictures, first, images_per_source - 1, draw)
        questions.append(Question(mixture=mixture, seed=seed, stills=right, wrong=wrong))
    return questions
