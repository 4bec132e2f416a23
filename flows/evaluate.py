"""Flow: checkpoint and pairs of recordings -> scores and a report."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.clips import usable_clips
from tasks.evaluate import Question, evaluate_pairs
from tasks.shards import run_shards
from tasks.stills import clip_stills, draw_stills, draw_wrong_stills, folder_stills
from varemix.evaluation.pairs import draw_pairs
from varemix.evaluation.tables import conditions_table, instruments_table, means
from varemix.media.clips import Clip

_SHARD = 4
_SUMMED_UP = ("ideal_binary", "video", "image", "wrong_image")


@flow(name="evaluate", flow_run_name="evaluate on {split}", task_runner=workers())
def evaluate(
    checkpoint: str | None = None,
    split: str = "val",
    pairs: int = 64,
    seed: int = 0,
    stills: str | None = None,
    home: str | None = None,
) -> Summary:
    """Mix pairs of different instruments, separate them again, and score the result.

    Args:
        checkpoint: id of the checkpoint; by default the champion.
        split: `val`, `test` or `train`.
        pairs: how many pairs to draw.
        seed: what the pairs and pictures are drawn with.
        stills: a folder of still pictures by instrument; by default frames of other clips of the split.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    checkpoint_id = checkpoint_row(catalog, checkpoint)["checkpoint_id"]
    version = catalog.version("clips")
    questions = drawn_questions(usable_clips(catalog, split, version=version), pairs, seed, stills)
    outcomes = run_shards(
        evaluate_pairs,
        questions,
        [" + ".join(question.pair.instruments) for question in questions],
        size=_SHARD,
        home=str(catalog.home.root),
        checkpoint_id=checkpoint_id,
        split=split,
        seed=seed,
        catalog_version=version,
    )
    asked = {"checkpoint_id": checkpoint_id, "pair_id": [question.pair_id for question in questions]}
    scores = catalog.read("scores", where=asked)
    return publish(
        Summary(
            stage="evaluate",
            outcomes=tuple(outcomes),
            seconds=time.monotonic() - started,
            facts={
                "checkpoint_id": checkpoint_id,
                "catalog_version": version,
                "split": split,
                "pairs": pairs,
                "seed": seed,
                "silent_scores": int((scores["status"] == "skipped").sum()),
                "mean_nsdr_db": {name: round(means(scores, name)["all"], 2) for name in _SUMMED_UP},
            },
            report=_report(scores),
        )
    )


def _report(scores: pd.DataFrame) -> str:
    intervals = "Means over both sources of each pair, bootstrap 95 % intervals."
    return "\n\n".join(
        [
            f"## Separation of two-source mixes\n\n{intervals}",
            conditions_table(scores),
            "## By instrument",
            instruments_table(scores),
        ]
    )


def drawn_questions(clips: list[Clip], num_pairs: int, seed: int, stills: str | None) -> list[Question]:
    """Return the pairs that the seed draws, and the pictures that ask for their sources."""
    pictures = folder_stills(Path(stills)) if stills else clip_stills(clips)
    questions = []
    for number, pair in enumerate(draw_pairs(clips, num_pairs, seed=seed)):
        draw = np.random.default_rng([seed, number, 1])
        right, wrong = draw_stills(pair, pictures, draw), draw_wrong_stills(pair, pictures, draw)
        questions.append(Question(pair=pair, seed=seed, stills=right, wrong=wrong))
    return questions
