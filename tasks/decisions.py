"""The book of decisions about the champion: written before a champion changes, read to go back.

Belongs here: the rows of `decisions`, and the order of champions that follows from them. Stays out: who is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from catalog.ids import content_id
from catalog.store import Catalog
from tasks.checkpoints import champion_id
from tasks.origin import run_id, run_name

if TYPE_CHECKING:
    from varemix.evaluation.compare import Comparison

Kind = Literal["promoted", "kept", "rolled_back", "by_hand", "not_retrained"]
KINDS: Mapping[str, str] = {
    "promoted": "promoted",
    "kept": "the champion stays",
    "rolled_back": "rolled back",
    "by_hand": "promoted by hand",
    "not_retrained": "not trained again",
}
"""What the kinds are called."""

_CHANGES = ("promoted", "by_hand", "rolled_back")


def record(
    catalog: Catalog,
    kind: Kind,
    reason: str,
    *,
    before: str | None,
    after: str | None,
    challenger: str | None = None,
    split: str | None = None,
    found: Comparison | None = None,
) -> dict[str, Any]:
    """Write a decision down and return its row; `found` compares the champion before, as A, with the challenger.

    It is written before the champion changes. A run that was killed in between decides the same again, and takes up
    the decision that is written already.
    """
    what = {"kind": kind, "challenger_id": challenger, "champion_before_id": before, "champion_after_id": after}
    pending = _pending(catalog)
    if pending and all(pending[name] == value for name, value in what.items()):
        return pending
    decided_at = datetime.now(UTC)
    row = {
        "decision_id": content_id("decision", at=decided_at.isoformat(), **what),
        "decided_at": decided_at,
        **what,
        **_figures(split, found),
        "reason": reason,
        "run_name": run_name(),
        "run_id": run_id(),
    }
    catalog.merge("decisions", [row])
    return row


def last_decisions(catalog: Catalog, num: int | None = None) -> list[dict[str, Any]]:
    """Return the newest decisions, the newest first; all of them without `num`."""
    return _in_order(catalog)[::-1][:num]


def champions_before(catalog: Catalog) -> list[str | None]:
    """Return the champions that rollbacks lead back to, the next one last; None stands for the shipped checkpoint."""
    champion = champion_id(catalog)
    pending = _pending(catalog)
    served: list[str | None] = []
    for row in _changes(catalog):
        before, after = row["champion_before_id"], row["champion_after_id"]
        if row == pending:
            continue
        if row["kind"] == "rolled_back":
            served = served[: served.index(after) + 1] if after in served else [after]
        else:
            served = [*(served if served and served[-1] == before else [before]), after]
    if served and served[-1] == champion:
        return served[:-1]
    return _followed_by(catalog, champion)


def tried_beside(catalog: Catalog, champion: str | None) -> set[str]:
    """Return the checkpoints that the champion stood up to: not promoted in its place, or taken back for it."""
    kept = (row for row in _in_order(catalog) if row["kind"] == "kept" and row["champion_before_id"] == champion)
    return {row["challenger_id"] for row in kept} | taken_back_for(catalog, champion)


def taken_back_for(catalog: Catalog, champion: str | None) -> set[str]:
    """Return the checkpoints that a person went back from to this champion."""
    back = (row for row in _changes(catalog) if row["kind"] == "rolled_back" and row["champion_after_id"] == champion)
    return {row["champion_before_id"] for row in back}


def _in_order(catalog: Catalog) -> list[dict[str, Any]]:
    return sorted(catalog.read_rows("decisions"), key=lambda row: row["decided_at"])


def _changes(catalog: Catalog) -> list[dict[str, Any]]:
    return [row for row in _in_order(catalog) if row["kind"] in _CHANGES]


def _pending(catalog: Catalog) -> dict[str, Any] | None:
    """Return the last change if it was decided and did not come about, as its run was killed; else None."""
    changes = _changes(catalog)
    return changes[-1] if changes and changes[-1]["champion_after_id"] != champion_id(catalog) else None


def _followed_by(catalog: Catalog, champion: str | None) -> list[str | None]:
    """Return the champion before, as rows say it that are older than the book of decisions."""
    if champion is None:
        return []
    reason = f"followed by {champion}"
    return [row["checkpoint_id"] for row in catalog.read_rows("checkpoints", where={"reason": reason})]


def _figures(split: str | None, found: Comparison | None) -> dict[str, Any]:
    if found is None:
        return {"split": split}
    overall = found.overall
    return {
        "split": split,
        "num_scores": overall.num_scores,
        "champion_nsdr_db": overall.mean_a_db,
        "challenger_nsdr_db": overall.mean_b_db,
        "difference_low_db": overall.difference_db.low,
        "difference_high_db": overall.difference_db.high,
        "verdict": overall.verdict,
    }
