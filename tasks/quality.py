"""Whether what serves separates worse than before; a person is told of it by an event.

Two things count as a drop: another champion that is worse for sure on the same pairs, which a night never promotes but
a person may; and a champion whose mean falls from the mixes of earlier nights to those drawn with new clips.
"""

from typing import Any

from catalog.store import Catalog
from tasks.alerts import tell_quality_dropped
from tasks.origin import run_id
from varemix.evaluation.compare import WORSE
from varemix.evaluation.condition_names import IMAGE
from varemix.evaluation.drop import dropped


def told_of_worse(decision: dict[str, Any]) -> str | None:
    """Raise the event where a decision put a champion that is worse in the place of a better one; return its words."""
    if decision["verdict"] != WORSE or decision["champion_after_id"] == decision["champion_before_id"]:
        return None
    serving = decision["champion_after_id"] or "the built-in model"
    message = (
        f"Model {serving} serves now, and separates worse than {decision['champion_before_id']} on the same "
        f"{decision['num_scores']} scores of {decision['split']}: mean NSDR {decision['challenger_nsdr_db']:.2f} dB "
        f"against {decision['champion_nsdr_db']:.2f} dB. If that was not meant: varemix rollback."
    )
    tell_quality_dropped(serving, message, run_id())
    return message


def told_of_drop(catalog: Catalog, checkpoint_id: str, split: str, seed: int) -> str | None:
    """Raise the event where a checkpoint does worse on mixes drawn with the newest clips; return its words.

    See `varemix.evaluation.drop` for the rule. Mixes count as new where they were first scored on today's clips.
    """
    where = {"checkpoint_id": checkpoint_id, "split": split, "seed": seed, "condition": IMAGE, "num_sources": 2}
    scores = catalog.read("scores", columns=["pair_id", "nsdr_db", "catalog_version"], where=where)
    is_new = scores["catalog_version"] == catalog.version("clips")
    found = dropped(scores[~is_new], scores[is_new], seed=seed)
    if found is None:
        return None
    message = (
        f"Champion {checkpoint_id} separates mixes with the newest clips worse than earlier ones: mean NSDR "
        f"{found.new_db.mean:.2f} dB against {found.earlier_db.mean:.2f} dB on {split}. Look at what was added lately "
        "(`varemix status`, the report of the evaluation): videos of another kind, or labelled wrongly."
    )
    tell_quality_dropped(checkpoint_id, message, run_id())
    return message
