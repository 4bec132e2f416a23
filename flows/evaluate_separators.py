"""Flow: the separators of this host and mixes of sounds -> which hears which instrument best."""

import time
from pathlib import Path

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.ending import ended
from flows.forms import NumMixes, Seed, Split
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.evaluate_separators import evaluate_separators, separator_questions
from tasks.queries import known_instruments
from tasks.shards import run_shards
from tasks.who_hears import WhoHears, who_hears
from varemix.errors import UsageError
from varemix.evaluation.separators import better_than_ours, compared_with_ours, separators_table
from varemix.evaluation.sound_mixtures import SoundMixture, draw_sound_mixtures
from varemix.media.sounds import listed_sounds
from varemix.separators.installed import OURS, installed_separators, separator

_SHARD = 4


@flow(name="evaluate-separators", flow_run_name="evaluate separators", task_runner=workers())
def evaluate_all(
    sounds: str,
    checkpoint: str | None = None,
    split: Split = "val",
    pairs: NumMixes = 64,
    seed: Seed = 0,
    home: str | None = None,
) -> Summary:
    """Let each separator of this host hear the same mixes, and say for each instrument which hears it best.

    Args:
        sounds: a folder of sounds with its lists; see the flow evaluate.
        checkpoint: id of the checkpoint of our network; by default the champion, else the one that was shipped.
        split: which part of the sounds.
        pairs: how many pairs, each of an instrument that a separator knows and one that is ours.
        seed: of the drawing of pairs.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    row = checkpoint_row(catalog, checkpoint)
    known = known_separators()
    mixtures = drawn_mixes(sounds, split, list(known_instruments(catalog, row)), known, pairs, seed)
    questions = separator_questions(mixtures, known)
    outcomes = run_shards(
        evaluate_separators,
        questions,
        [question.mixture.name for question in questions],
        size=_SHARD,
        home=catalog.home.address,
        checkpoint_id=row["checkpoint_id"],
        split=split,
        seed=seed,
        catalog_version=catalog.version("clips"),
    )
    where = {"checkpoint_id": row["checkpoint_id"], "pair_id": [question.pair_id for question in questions]}
    scores = catalog.read("scores", columns=["pair_id", "condition", "instrument", "nsdr_db"], where=where)
    found = compared_with_ours(scores, OURS, list(known), seed=seed)
    best = ", ".join(f"{instrument}={name}" for instrument, name in better_than_ours(found).items())
    facts = {"checkpoint_id": row["checkpoint_id"], "split": split, "separators": ", ".join(known)}
    facts |= {"better_than_ours": best or "none beyond doubt"}
    seconds, table = time.monotonic() - started, separators_table(scores, OURS, found)
    return ended(
        publish(Summary(stage="evaluate", outcomes=tuple(outcomes), seconds=seconds, facts=facts, report=table))
    )


def known_separators() -> dict[str, WhoHears]:
    """Return by name who the separators of this host are, and all that each knows. Raises UsageError without any."""
    found = {name: who_hears(dict.fromkeys(separator(name).instruments, name)) for name in installed_separators()}
    if not found:
        raise UsageError("There is no separator on this host but our own; docs/separators.md tells how to set one up.")
    return found


def drawn_mixes(
    sounds: str, split: str, ours: list[str], known: dict[str, WhoHears], pairs: int, seed: int
) -> list[SoundMixture]:
    """Return mixes of an instrument that others know and one that is ours alone, and ensembles."""
    others = {name for who in known.values() for name in who.instruments}
    listed = [sound for sound in listed_sounds(Path(sounds)) if sound.split == split]
    named = [sound for sound in listed if sound.label in others | set(ours)]
    return draw_sound_mixtures(named, [name for name in ours if name not in others], pairs, seed=seed)
