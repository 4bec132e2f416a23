"""Flows: a person decides which checkpoint serves: promote one by hand, or go back to the champion before."""

import time
from collections.abc import Callable

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from catalog.files import Home
from catalog.store import Catalog
from flows.ending import ended
from flows.links import run_link
from flows.summary import Summary, publish
from tasks.checkpoints import checkpoint_row
from tasks.decisions import KINDS, last_decisions
from tasks.promote import promote_by_hand, roll_back
from tasks.quality import told_of_worse
from tasks.shards import Outcome
from varemix.wording import markdown


@flow(name="promote", flow_run_name="promote {checkpoint} by hand")
def promote(checkpoint: str, why: str = "", home: str | None = None) -> Summary:
    """Make a checkpoint the champion because a person says so, whatever the scores say.

    Args:
        checkpoint: id of the checkpoint, or `shipped`.
        why: the reason, to be read later.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    catalog = Catalog(Home.open(home))
    where = catalog.home.address
    return _decided(catalog, "promote", lambda: promote_by_hand(checkpoint_id=checkpoint, home=where, why=why))


@flow(name="rollback", flow_run_name="roll the champion back")
def rollback(why: str = "", home: str | None = None) -> Summary:
    """Make the champion before the champion again; twice leads two back.

    Args:
        why: the reason, to be read later.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    catalog = Catalog(Home.open(home))
    return _decided(catalog, "rollback", lambda: roll_back(home=catalog.home.address, why=why))


def show_decision(catalog: Catalog) -> None:
    """Show the newest decision in the Prefect UI, as an artifact of the run."""
    row = last_decisions(catalog, 1)[0]
    create_markdown_artifact(key="decision", markdown=decision_page(catalog), description=KINDS[row["kind"]])


def decision_page(catalog: Catalog) -> str:
    """Return the newest decision as Markdown: its reasons, the figures that were compared, and who trained what."""
    row = last_decisions(catalog, 1)[0]
    facts = [
        ["challenger", _named(catalog, row["challenger_id"]) if row["challenger_id"] else "none"],
        ["champion before", _named(catalog, row["champion_before_id"])],
        ["champion from now on", _named(catalog, row["champion_after_id"])],
    ]
    if row["verdict"]:
        low_db, high_db = row["difference_low_db"], row["difference_high_db"]
        facts += [
            ["compared on", f"{row['num_scores']} scores of {row['split']}, asked by still images"],
            ["mean NSDR of the champion before [dB]", f"{row['champion_nsdr_db']:.2f}"],
            ["mean NSDR of the other [dB]", f"{row['challenger_nsdr_db']:.2f}"],
            ["difference, 95 % interval [dB]", f"{low_db:+.2f} to {high_db:+.2f}"],
            ["verdict", row["verdict"]],
        ]
    title = f"# Decision: {KINDS[row['kind']]}"
    return "\n\n".join([title, f"{row['reason']}.", markdown([["what", "value"], *facts])])


def _decided(catalog: Catalog, stage: str, decide: Callable[[], Outcome]) -> Summary:
    """Let it be decided, show the decision, and say what serves now and what of its work stands."""
    started = time.monotonic()
    outcome = decide()
    facts = {"serves_now": outcome.item, "decision": outcome.reason, **_standing(catalog)}
    if outcome.status == "done":
        show_decision(catalog)
        if worse := told_of_worse(last_decisions(catalog, 1)[0]):
            facts["warning"] = worse
    return ended(publish(Summary(stage=stage, outcomes=(outcome,), seconds=time.monotonic() - started, facts=facts)))


def _standing(catalog: Catalog) -> dict[str, str]:
    """Return of how many recordings the masks of what serves now are there; the others are heard when next needed."""
    held = set(catalog.read("tracks", columns=["content_digest"], where={"status": "ready"})["content_digest"])
    where = {"checkpoint_id": checkpoint_row(catalog, None)["checkpoint_id"], "status": "ready"}
    heard = held & set(catalog.read("masks", columns=["content_digest"], where=where)["content_digest"])
    return {"masks_that_stand": f"of {len(heard)} of {len(held)} recordings; the next run makes the others"}


def _named(catalog: Catalog, checkpoint_id: str | None) -> str:
    """Return a checkpoint as a link to the run that trained it."""
    if checkpoint_id is None:
        return "none; the built-in model serves"
    rows = catalog.read_rows("checkpoints", where={"checkpoint_id": checkpoint_id})
    return run_link(rows[0]["run_id"], checkpoint_id) if rows else checkpoint_id
