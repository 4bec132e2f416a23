"""Flow: checkpoint and mixtures of recordings -> scores and a report."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from prefect import flow
from prefect.runtime import flow_run

from catalog.files import Home
from catalog.store import Catalog
from flows.ending import ended
from flows.forms import NumImages, NumMixes, NumSources, NumStudied, Seed, Split
from flows.pictures import show_picture
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.clips import usable_clips
from tasks.evaluate import Question, evaluate_mixtures
from tasks.evaluate_sounds import SoundQuestion, evaluate_sounds, sound_questions
from tasks.findings import clip_findings, sound_findings
from tasks.recognise import recognise_stills
from tasks.report import write_report
from tasks.score_rows import Asked
from tasks.shards import run_shards
from tasks.stills import clip_stills, draw_further_stills, draw_stills, draw_wrong_stills, folder_stills
from tasks.studies import study_mixtures
from varemix.evaluation.mixtures import draw_mixtures
from varemix.media.clips import Clip

_SHARD = 4
_FEW_RECORDINGS = 3


def _run_name() -> str:
    given = flow_run.parameters
    checkpoint = given.get("checkpoint")
    return f"evaluate {checkpoint[:8] if checkpoint else 'the champion'} on {given.get('split', 'val')}"


@flow(name="evaluate", flow_run_name=_run_name, task_runner=workers())
def evaluate(
    checkpoint: str | None = None,
    split: Split = "val",
    pairs: NumMixes = 64,
    seed: Seed = 0,
    stills: str | None = None,
    sources: NumSources = 2,
    images_per_source: NumImages = 1,
    studied: NumStudied = 16,
    sounds: str | None = None,
    home: str | None = None,
) -> Summary:
    """Mix recordings of different instruments, separate and remix them again, and score the result.

    Args:
        checkpoint: id of the checkpoint; by default the champion, else the one that was shipped.
        split: `val`, `test` or `train`.
        pairs: how many mixes to draw, of two instruments unless `sources` says otherwise.
        seed: what the mixes and pictures are drawn with.
        stills: a folder of still pictures by instrument; by default frames of other clips of the split.
        sources: how many instruments are mixed.
        images_per_source: how many still pictures ask for each of them, to see how much the picture matters.
        studied: how many of the pairs are also remixed at eleven balances, graded by PEAQ, and smoothed in every way;
            it takes much longer than scoring. Mixes of more than two are not studied.
        sounds: a folder of sounds without pictures; those of the split are mixed and asked for by name: as many pairs
            of a further instrument and one of the clips', stems of one piece together, and strangers alone, on which
            nothing should be taken to play. So many as are studied are also graded by PEAQ.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    used = {"home": catalog.home.address, "checkpoint_id": row["checkpoint_id"]}
    version = catalog.version("clips")
    clips = usable_clips(catalog, split, version=version)
    instruments = {clip.instrument for clip in clips}
    questions = drawn_questions(clips, pairs, seed, stills, sources, images_per_source)
    named = drawn_sounds(sounds, split, instruments, pairs, studied, seed)
    further = questions[:studied] if sources == 2 else []
    snapshot = {"split": split, "seed": seed, "catalog_version": version}
    outcomes = run_shards(evaluate_mixtures, questions, _names(questions), size=_SHARD, **used, **snapshot)
    outcomes += run_shards(study_mixtures, further, _names(further, "study "), size=1, **used, **snapshot)
    outcomes += run_shards(evaluate_sounds, named, _names(named), size=_SHARD, **used, **snapshot)
    recognised, lost = recognise_stills(folder=Path(stills), **used) if stills else ([], [])
    found = clip_findings(catalog, row, questions, recognised)
    found_of_sounds = sound_findings(catalog, row, named, instruments)
    drawn = {"pairs": pairs, "sources": sources, "images_per_source": images_per_source, "studied": len(further)}
    facts = {"checkpoint_id": row["checkpoint_id"], **snapshot, **drawn, **_few(clips), **found.numbers()}
    tables, figures = found.tables(sources), found.figures()
    if found_of_sounds:
        facts |= found_of_sounds.numbers()
        tables = f"{tables}\n\n{found_of_sounds.tables()}"
    for caption, picture in figures.items():
        show_picture(caption, picture)
    folders = {name: folder for name, folder in (("stills", stills), ("sounds", sounds)) if folder}
    page = write_report(
        questions=questions,
        drawn=snapshot | drawn | folders,
        facts=facts,
        tables=tables,
        figures=figures,
        scores=found.scores,
        **used,
    )
    summary = Summary(
        stage="evaluate",
        outcomes=(*outcomes, *lost),
        seconds=time.monotonic() - started,
        facts=facts | {"report": page},
        report=tables,
    )
    return ended(publish(summary))


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


def drawn_sounds(
    folder: str | None, split: str, instruments: Collection[str], num_pairs: int, num_graded: int, seed: int
) -> list[SoundQuestion]:
    """Return the mixes of sounds without pictures that the seed draws; none without a folder."""
    return sound_questions(Path(folder), split, instruments, num_pairs, num_graded, seed=seed) if folder else []


def _few(clips: Sequence[Clip]) -> dict[str, dict[str, int]]:
    """Return the instruments of which there are too few recordings to say much, if there are any."""
    counted = Counter(clip.instrument for clip in clips)
    few = {name: count for name, count in sorted(counted.items()) if count < _FEW_RECORDINGS}
    return {"instruments_with_few_recordings": few} if few else {}


def _names(questions: Sequence[Asked], before: str = "") -> list[str]:
    return [f"{before}{question.mixture.name}" for question in questions]
