"""Steps: scores -> which of two checkpoints is better, and the champion. A challenger must be better beyond doubt.

A person may decide otherwise, and may go back. Every decision becomes a row of `decisions`.
"""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.errors import CatalogError
from catalog.files import Home
from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.checkpoints import champion_id, checkpoint_row, record_checkpoints, serving_id, shipped_id
from tasks.decisions import Kind, champions_before, record, taken_back_for
from tasks.shards import Outcome
from varemix.errors import EvaluationError
from varemix.evaluation.compare import BETTER, WORSE, Comparison, compare
from varemix.evaluation.condition_names import IMAGE
from varemix.weights import SHIPPED

CHOSEN_ON = "val"
"""The split that champions are chosen on; the test split is only ever reported."""

_COLUMNS = ["pair_id", "condition", "instrument", "nsdr_db"]
_SEED = 0
_LEVEL = 0.95


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
def promote_if_better(
    *, checkpoint_id: str, home: str, split: str, seed: int, elsewhere: Collection[str] = ()
) -> Outcome:
    """Make the checkpoint champion if it is better with still images than what serves, or if nothing does.

    What serves is the champion, before the first one the shipped checkpoint. Better means that the interval of the
    difference in NSDR lies above 0 on the whole, and below 0 for no instrument (`worse_at`). Instruments `elsewhere`
    are left to other separators and do not count. Only mixes of two count: those of more are harder, and not every
    checkpoint is scored on them. One that a person went back from is not promoted again.
    """
    catalog = Catalog(Home.open(home))
    champion = champion_id(catalog)
    if champion == checkpoint_id:
        return Outcome(item=checkpoint_id, status="skipped", reason="is the champion already")
    if checkpoint_id in taken_back_for(catalog, champion):
        return _kept(
            catalog, checkpoint_id, f"not promoted: it was rolled back; `varemix promote {checkpoint_id}` overrules it"
        )
    serving = serving_id(catalog)
    if serving is None:
        mean_db = _scores(catalog, checkpoint_id, split, seed)["nsdr_db"].mean()
        reason = f"first champion, mean NSDR {mean_db:.2f} dB on {split}"
        return _crowned(catalog, "promoted", checkpoint_id, reason, split=split)
    rival = "champion" if champion else "built-in model"
    found = compared(catalog, serving, checkpoint_id, split, seed, elsewhere)
    if found is None:
        return _kept(catalog, checkpoint_id, f"not promoted: the {rival} {serving} was not scored on the same pairs")
    verdict = in_words(found, split, rival=rival)
    is_better = found.overall.verdict == BETTER
    num_instruments = len(found.instruments)
    lost = worse_at(catalog, serving, checkpoint_id, split, seed, elsewhere, num_instruments) if is_better else []
    if is_better and not lost:
        return _crowned(catalog, "promoted", checkpoint_id, f"promoted: {verdict}", split=split, found=found)
    but = f"worse at {', '.join(lost)}, though " if lost else ""
    return _kept(catalog, checkpoint_id, f"not promoted: {but}{verdict}", split, found)


@task(task_run_name="promote {checkpoint_id} by hand", cache_policy=NO_CACHE)
def promote_by_hand(*, checkpoint_id: str, home: str, why: str = "") -> Outcome:
    """Make the checkpoint champion because a person says so; what both were scored on is told with it.

    Raises CatalogError for an unknown checkpoint, and for one whose file is gone or was changed.
    """
    catalog = Catalog(Home.open(home))
    row = usable_row(catalog, checkpoint_id)
    champion, own = champion_id(catalog), row["checkpoint_id"]
    if champion == own:
        return Outcome(item=own, status="skipped", reason="is the champion already")
    found = compared(catalog, champion, own, CHOSEN_ON, _SEED) if champion else None
    said = f"promoted by hand{f' ({why})' if why else ''}"
    reason = f"{said}: {in_words(found, CHOSEN_ON)}" if found else f"{said}: not compared with what served before"
    return _crowned(catalog, "by_hand", own, reason, split=CHOSEN_ON, found=found)


@task(task_run_name="roll back", cache_policy=NO_CACHE)
def roll_back(*, home: str, why: str = "") -> Outcome:
    """Make the champion before the champion again; before the first one the shipped checkpoint served.

    Raises CatalogError where there is none to go back to, or its file is gone.
    """
    catalog = Catalog(Home.open(home))
    champion, after = rollback_target(catalog)
    row = usable_row(catalog, after or SHIPPED)
    reason = f"rolled back from {champion}{f': {why}' if why else ''}"
    found = compared(catalog, champion, row["checkpoint_id"], CHOSEN_ON, _SEED)
    reason = f"{reason}; {in_words(found, CHOSEN_ON)}" if found else reason
    record(catalog, "rolled_back", reason, before=champion, after=after, split=CHOSEN_ON, found=found)
    _change(catalog, champion, after, reason, f"rolled back to {row['checkpoint_id']}")
    return Outcome(item=row["checkpoint_id"], status="done", reason=reason)


def rollback_target(catalog: Catalog) -> tuple[str, str | None]:
    """Return the champion and what served before it, None for the shipped checkpoint.

    Raises CatalogError where there is nothing to go back to.
    """
    champion, earlier = champion_id(catalog), champions_before(catalog)
    if champion is None:
        raise CatalogError("There is no champion that one could go back from. Run `varemix nightly` first.")
    if not earlier or (earlier[-1] is None and shipped_id() is None):
        raise CatalogError(
            f"{champion} is the first champion; nothing served before it that one could go back to. "
            "`varemix promote ID` makes another model the champion."
        )
    usable_row(catalog, earlier[-1] or SHIPPED)
    return champion, earlier[-1]


def usable_row(catalog: Catalog, checkpoint_id: str) -> dict[str, Any]:
    """Return the row of a checkpoint whose file is as it was recorded. Raises CatalogError for another."""
    row = checkpoint_row(catalog, checkpoint_id)
    path = catalog.home.fetched(row["path"], row["digest"])
    if not path.is_file() or file_digest(path) != row["digest"]:
        found = "was changed since it was recorded" if path.is_file() else "is gone"
        raise CatalogError(f"The file of model {row['checkpoint_id']}, '{path}', {found}. Restore it first.")
    return row


def compared(
    catalog: Catalog,
    before: str,
    after: str,
    split: str,
    seed: int,
    elsewhere: Collection[str] = (),
    level: float = _LEVEL,
) -> Comparison | None:
    """Return how much the second is ahead of the first on the pairs that both were scored on; None without any.

    The scores of instruments `elsewhere` do not count; `level` is that of the intervals.
    """
    scores = (_scores(catalog, name, split, seed) for name in (before, after))
    own_a, own_b = (own[~own["instrument"].isin(elsewhere)] for own in scores)
    try:
        return compare(own_a, own_b, seed=seed, level=level)
    except EvaluationError:
        return None


def worse_at(
    catalog: Catalog,
    before: str,
    after: str,
    split: str,
    seed: int,
    elsewhere: Collection[str],
    num_instruments: int,
) -> list[str]:
    """Return at which of so many instruments the second is worse than the first, beyond doubt for all together.

    The level of each interval is raised with the number of instruments (Bonferroni), or among so many one would seem
    worse by chance.
    """
    level = 1 - (1 - _LEVEL) / num_instruments
    strict = compared(catalog, before, after, split, seed, elsewhere, level=level)
    return [own.instrument for own in strict.instruments if own.verdict == WORSE] if strict else []


def in_words(found: Comparison, split: str, *, rival: str = "champion") -> str:
    """Return what came out of comparing a challenger with what served."""
    overall = found.overall
    low_db, high_db = overall.difference_db.low, overall.difference_db.high
    return (
        f"{overall.verdict}: mean NSDR {overall.mean_b_db:.2f} dB against the {rival}'s {overall.mean_a_db:.2f} dB, "
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


def _kept(
    catalog: Catalog, challenger: str, reason: str, split: str | None = None, found: Comparison | None = None
) -> Outcome:
    champion = champion_id(catalog)
    record(catalog, "kept", reason, challenger=challenger, before=champion, after=champion, split=split, found=found)
    return Outcome(item=challenger, status="unchanged", reason=reason)


def _crowned(
    catalog: Catalog, kind: Kind, challenger: str, reason: str, *, split: str, found: Comparison | None = None
) -> Outcome:
    champion = champion_id(catalog)
    record(catalog, kind, reason, challenger=challenger, before=champion, after=challenger, split=split, found=found)
    _change(catalog, champion, challenger, reason, f"followed by {challenger}")
    return Outcome(item=challenger, status="done", reason=reason)


def _change(catalog: Catalog, before: str | None, after: str | None, reason: str, farewell: str) -> None:
    """Change both rows in one commit, so that there is always one champion, or none where the shipped one serves."""
    rows: list[dict[str, Any]] = []
    if after is not None:
        rows.append(checkpoint_row(catalog, after) | {"stage": "champion", "reason": reason})
    if before is not None:
        stage = SHIPPED if before == shipped_id() else "retired"
        rows.append(checkpoint_row(catalog, before) | {"stage": stage, "reason": farewell})
    record_checkpoints(catalog, [row | {"updated_at": None} for row in rows])
