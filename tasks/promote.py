"""Step: scores -> champion. A checkpoint takes the place only when it is better on the same pairs."""

from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row
from tasks.shards import Outcome

_CONDITION, _NUM_SOURCES = "image", 2


@task(task_run_name="promote {checkpoint_id}", cache_policy=NO_CACHE)
def promote_if_better(*, checkpoint_id: str, home: str, split: str, seed: int) -> Outcome:
    """Make the checkpoint champion if there is none, or if its mean NSDR with still images is the higher one.

    Only mixes of two count: those of more are harder, and not every checkpoint is scored on them.
    """
    catalog = Catalog(Home.open(home))
    champion = champion_id(catalog)
    if champion == checkpoint_id:
        return Outcome(item=checkpoint_id, status="skipped", reason="is the champion already")
    challenge = _scores(catalog, checkpoint_id, split, seed)
    if champion is None:
        verdict = f"first champion, mean NSDR {challenge['nsdr_db'].mean():.2f} dB on {split}"
        return _promoted(catalog, checkpoint_id, None, verdict)
    same = challenge.merge(_scores(catalog, champion, split, seed), on=["pair_id", "instrument"], suffixes=("", "_was"))
    same = same.dropna()  # a silent estimate has no score; it must not take a hard pair out of one mean only
    if same.empty:
        reason = f"not promoted: the champion {champion} was not scored on the same pairs"
        return Outcome(item=checkpoint_id, status="untouched", reason=reason)
    challenge_db, champion_db = same["nsdr_db"].mean(), same["nsdr_db_was"].mean()
    verdict = (
        f"mean NSDR {challenge_db:.2f} dB against the champion's {champion_db:.2f} dB on {len(same)} scores of {split}"
    )
    if challenge_db <= champion_db:
        return Outcome(item=checkpoint_id, status="untouched", reason=f"not promoted: {verdict}")
    return _promoted(catalog, checkpoint_id, champion, f"promoted: {verdict}")


def _scores(catalog: Catalog, checkpoint_id: str, split: str, seed: int) -> pd.DataFrame:
    chosen = {
        "checkpoint_id": checkpoint_id,
        "split": split,
        "seed": seed,
        "condition": _CONDITION,
        "num_sources": _NUM_SOURCES,
    }
    return catalog.read("scores", columns=["pair_id", "instrument", "nsdr_db"], where=chosen)


def _promoted(catalog: Catalog, checkpoint_id: str, champion: str | None, reason: str) -> Outcome:
    """Change both rows in one commit, so that there is always one champion."""
    rows: list[dict[str, Any]] = [checkpoint_row(catalog, checkpoint_id) | {"stage": "champion", "reason": reason}]
    if champion is not None:
        rows.append(checkpoint_row(catalog, champion) | {"stage": "retired", "reason": f"followed by {checkpoint_id}"})
    catalog.merge("checkpoints", [row | {"updated_at": None} for row in rows])
    return Outcome(item=checkpoint_id, status="done", reason=reason)
