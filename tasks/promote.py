"""Steps: scores -> which of two checkpoints is better, and the champion. A challenger must be better beyond doubt."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row
from tasks.shards import Outcome
from varemix.errors import EvaluationError
from varemix.evaluation.compare import BETTER, Comparison, compare
from varemix.evaluation.conditions import IMAGE

_COLUMNS = ["pair_id", "condition", "instrument", "nsdr_db"]


@task(task_run_name="compare {checkpoint_a} with {checkpoint_b}", cache_policy=NO_CACHE)
def compare_checkpoints(
    *, checkpoint_a: str, checkpoint_b: str, home: str, split: str, seed: int, num_sources: int, pair_ids: Sequence[str]
) -> Comparison:
    """Return how much the second is ahead of the first on those mixes that both were scored on.

    Raises EvaluationError when there are none.
    """
    catalog = Catalog(Home.open(home))
    scores = (_scores(catalog, name, split, seed, num_sources) for name in (checkpoint_a, checkpoint_b))
    scores_a, scores_b = (own[own["pair_id"].isin(pair_ids)] for own in scores)
    return compare(scores_a, scores_b, seed=seed)


@task(task_run_name="promote {checkpoint_id}", cache_policy=NO_CACHE)
def promote_if_better(*, checkpoint_id: str, home: str, split: str, seed: int) -> Outcome:
    """Make the checkpoint champion if there is none, or if it is better than the champion with still images.

    Better means that the interval of the difference in NSDR lies above 0. Only mixes of two count: those of more are
    harder, and not every checkpoint is scored on them.
    """
    catalog = Catalog(Home.open(home))
    champion = champion_id(catalog)
    if champion == checkpoint_id:
        return Outcome(item=checkpoint_id, status="skipped", reason="is the champion already")
    if champion is None:
        mean_db = _scores(catalog, checkpoint_id, split, seed)["nsdr_db"].mean()
        return _promoted(catalog, checkpoint_id, None, f"first champion, mean NSDR {mean_db:.2f} dB on {split}")
    try:
        found = compare(
            _scores(catalog, champion, split, seed), _scores(catalog, checkpoint_id, split, seed), seed=seed
        )
    except EvaluationError:
        reason = f"not promoted: the champion {champion} was not scored on the same pairs"
        return Outcome(item=checkpoint_id, status="untouched", reason=reason)
    verdict = in_words(found, split)
    if found.overall.verdict != BETTER:
        return Outcome(item=checkpoint_id, status="untouched", reason=f"not promoted: {verdict}")
    return _promoted(catalog, checkpoint_id, champion, f"promoted: {verdict}")


def in_words(found: Comparison, split: str) -> str:
    """Return what came out of comparing a challenger with the champion."""
    overall = found.overall
    low_db, high_db = overall.difference_db.low, overall.difference_db.high
    return (
        f"{overall.verdict}: mean NSDR {overall.mean_b_db:.2f} dB against the champion's {overall.mean_a_db:.2f} dB, "
        f"difference {low_db:+.2f} to {high_db:+.2f} dB ({100 * found.level:g} % interval), "
        f"on {overall.num_scores} scores of {split}"
    )


def _scores(catalog: Catalog, checkpoint_id: str, split: str, seed: int, num_sources: int = 2) -> pd.DataFrame:
    chosen = {
        "checkpoint_id": checkpoint_id,
        "split": split,
        "seed": seed,
        "condition": IMAGE,
        "num_sources": num_sources,
    }
    return catalog.read("scores", columns=_COLUMNS, where=chosen)


def _promoted(catalog: Catalog, checkpoint_id: str, champion: str | None, reason: str) -> Outcome:
    """Change both rows in one commit, so that there is always one champion."""
    rows: list[dict[str, Any]] = [checkpoint_row(catalog, checkpoint_id) | {"stage": "champion", "reason": reason}]
    if champion is not None:
        rows.append(checkpoint_row(catalog, champion) | {"stage": "retired", "reason": f"followed by {checkpoint_id}"})
    catalog.merge("checkpoints", [row | {"updated_at": None} for row in rows])
    return Outcome(item=checkpoint_id, status="done", reason=reason)
