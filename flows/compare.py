"""Flow: two checkpoints and mixtures -> which is better, or neither for sure, and all figures side by side."""

import time

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.evaluate import drawn_questions, drawn_sounds, evaluate
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.clips import usable_clips
from tasks.findings import clip_findings, sound_findings
from tasks.promote import compare_checkpoints
from tasks.report import write_comparison
from tasks.shards import Outcome
from varemix.evaluation.compare import comparison_table
from varemix.evaluation.side_by_side import Column, side_by_side_table

_ABOUT = (
    "B less A, on the same mixes and pictures; mixes are resampled with all their sources. Better and worse are said "
    "where the interval leaves 0 out. Sources of which only one of both is not silent are counted, and in no mean."
)


@flow(name="compare", flow_run_name="compare {checkpoint_a} with {checkpoint_b}", task_runner=workers())
def compare(
    checkpoint_a: str,
    checkpoint_b: str,
    split: str = "val",
    pairs: int = 64,
    seed: int = 0,
    stills: str | None = None,
    sources: int = 2,
    studied: int = 0,
    sounds: str | None = None,
    home: str | None = None,
) -> list[Summary]:
    """Evaluate two checkpoints on the same mixes, put all figures side by side and say which is the better one.

    Args:
        checkpoint_a: id of the one that stands, or `shipped`.
        checkpoint_b: id of the one that would follow, or `shipped`.
        split: `val`, `test` or `train`.
        pairs: how many mixes to draw.
        seed: what the mixes, the pictures and the resampling are drawn with.
        stills: a folder of still pictures by instrument; by default frames of other clips of the split.
        sources: how many instruments are mixed.
        studied: how many of the pairs are also remixed at eleven balances and graded, as in the flow evaluate.
        sounds: a folder of sounds without pictures; see the flow evaluate.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    where = catalog.home.address
    both = [checkpoint_row(catalog, name)["checkpoint_id"] for name in (checkpoint_a, checkpoint_b)]
    evaluated = [evaluate(name, split, pairs, seed, stills, sources, 1, studied, sounds, where) for name in both]
    clips = usable_clips(catalog, split)
    questions = drawn_questions(clips, pairs, seed, stills, sources)
    instruments = {clip.instrument for clip in clips}
    named = drawn_sounds(sounds, split, instruments, pairs, studied, seed)
    found = compare_checkpoints(
        checkpoint_a=both[0],
        checkpoint_b=both[1],
        home=where,
        split=split,
        seed=seed,
        num_sources=sources,
        pair_ids=[question.pair_id for question in questions],
    )
    rows = [checkpoint_row(catalog, name) for name in both]
    columns = {
        f"{letter}: {row['checkpoint_id']}": Column(
            clips=clip_findings(catalog, row, questions), sounds=sound_findings(catalog, row, named, instruments)
        )
        for letter, row in zip("AB", rows, strict=True)
    }
    overall = found.overall
    facts = {
        "checkpoint_a": both[0],
        "checkpoint_b": both[1],
        **{"split": split, "seed": seed, "pairs": pairs, "sources": sources},
        "verdict": f"B is {overall.verdict}",
        "difference_db": {
            "mean": round(overall.difference_db.mean, 3),
            "low": round(overall.difference_db.low, 3),
            "high": round(overall.difference_db.high, 3),
        },
        "verdicts": {difference.instrument: difference.verdict for difference in found.instruments},
    }
    tables = f"{_ABOUT}\n\n{comparison_table(found)}\n\n## Side by side\n\n{side_by_side_table(columns)}"
    drawn = {"split": split, "seed": seed, "pairs": pairs, "sources": sources, "studied": studied, "sounds": sounds}
    drawn |= {"stills": stills} if stills else {}
    page = write_comparison(home=where, checkpoint_ids=both, drawn=drawn, facts=facts, tables=tables)
    summary = Summary(
        stage="compare",
        outcomes=(Outcome(item=f"{both[0]} and {both[1]}", status="done"),),
        seconds=time.monotonic() - started,
        facts=facts | {"report": page},
        report=tables,
    )
    return [*evaluated, publish(summary)]
