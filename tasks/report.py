"""Step: scores -> one file for people: numbers, tables, figures, and examples to listen to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home, write_atomically
from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.evaluate import Question, image_queries
from varemix.errors import MediaError
from varemix.evaluation.condition_names import IMAGE
from varemix.evaluation.mixtures import read_sources
from varemix.evaluation.report import Example, encoded, html_report
from varemix.remix.mixer import remix, separate
from varemix.signal.grid import RATE_HZ

if TYPE_CHECKING:
    from varemix.model.separator import Separator

_RANKS = {"best": 1.0, "median": 0.5, "worst": 0.0}


@task(name="report", task_run_name="report", cache_policy=NO_CACHE)
def write_report(
    *,
    questions: Sequence[Question],
    drawn: Mapping[str, Any],
    facts: Mapping[str, Any],
    tables: str,
    figures: Mapping[str, bytes],
    scores: pd.DataFrame,
    home: str,
    checkpoint_id: str,
) -> str:
    """Write the report into the home's folder of reports; return its path.

    `drawn` says what was evaluated, beside the checkpoint; the same again replaces its report. `tables` are Markdown.
    """
    catalog = Catalog(Home.open(home))
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    path = catalog.home.reports / f"evaluate-{content_id('report', checkpoint=checkpoint_id, **drawn)}.html"
    title = f"Evaluation of model {checkpoint_id} on {drawn['split']}"
    page = html_report(title, tables, figures, _examples(separator, questions, scores), facts=facts)
    write_atomically(path, page.encode())
    catalog.home.keep(path)
    return str(path)


@task(name="report", task_run_name="report", cache_policy=NO_CACHE)
def write_comparison(
    *, home: str, checkpoint_ids: Sequence[str], drawn: Mapping[str, Any], facts: Mapping[str, Any], tables: str
) -> str:
    """Write what was found of several checkpoints into the home's folder of reports; return its path.

    `drawn` and `tables` are as for `write_report`.
    """
    catalog = Catalog(Home.open(home))
    path = catalog.home.reports / f"compare-{content_id('report', checkpoints=list(checkpoint_ids), **drawn)}.html"
    title = f"Models {' and '.join(checkpoint_ids)} on {drawn['split']}"
    write_atomically(path, html_report(title, tables, {}, [], facts=facts).encode())
    catalog.home.keep(path)
    return str(path)


def _examples(separator: Separator, questions: Sequence[Question], scores: pd.DataFrame) -> list[Example]:
    """Return the best, the median and the worst source that a still picture asked for, to listen to."""
    heard = scores[(scores["condition"] == IMAGE) & scores["nsdr_db"].notna()].sort_values(["nsdr_db", "score_id"])
    by_id = {question.pair_id: question for question in questions}
    examples = []
    for rank, share in _RANKS.items() if len(heard) else ():
        row = heard.iloc[round(share * (len(heard) - 1))]
        question = by_id[row["pair_id"]]
        title = f"{rank}: {row['instrument']} in {question.mixture.name}, NSDR {row['nsdr_db']:.1f} dB"
        try:
            examples.append(Example(title=title, clips=_clips(separator, question, str(row["instrument"]))))
        except MediaError as error:
            examples.append(Example(title=f"{title} ({error})", clips={}))
    return examples


def _clips(separator: Separator, question: Question, instrument: str) -> dict[str, bytes]:
    """Return what there is to hear, encoded, by what it is."""
    sources = read_sources(question.mixture)
    mix = sources.sum(axis=0)
    place = question.mixture.instruments.index(instrument)
    mask = separator.masks(mix, image_queries(separator, question)[place : place + 1])
    sounds = {
        "the mix": mix,
        f"the true {instrument}": sources[place],
        f"{instrument} as heard": separate(mix[None], mask)[0, 0],
        f"{instrument} 6 dB softer": remix(mix[None], mask, [-6.0])[0],
        f"{instrument} muted": remix(mix[None], mask, [-math.inf])[0],
    }
    return {name: encoded(samples, RATE_HZ) for name, samples in sounds.items()}
