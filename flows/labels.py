"""Flow: what is learnt from -> recordings whose labels are doubted."""

import csv
import time
from dataclasses import asdict, fields
from pathlib import Path

from prefect import flow

from catalog.files import Home, replacing
from flows.ending import ended
from flows.summary import Summary, publish
from tasks.labels import Doubt, doubt_labels, doubt_table


@flow(name="labels", flow_run_name="labels")
def labels(checkpoint: str | None = None, out: str | None = None, home: str | None = None) -> Summary:
    """List the clips and sounds that a checkpoint takes for another instrument with near certainty.

    They stay what they are: a person listens to them, and corrects the list that names them.

    Args:
        checkpoint: id of the checkpoint that listens, or `shipped`; by default what serves.
        out: a CSV file for the list.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    doubts, outcomes = doubt_labels(home=Home.open(home).address, checkpoint_id=checkpoint)
    if out is not None:
        write_doubts(Path(out), doubts)
    facts = {"doubted": len(doubts), **({"list": out} if out else {})}
    seconds, report = time.monotonic() - started, doubt_table(doubts)
    return ended(
        publish(Summary(stage="labels", outcomes=tuple(outcomes), seconds=seconds, facts=facts, report=report))
    )


def write_doubts(path: Path, doubts: list[Doubt]) -> None:
    """Write the list as CSV."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Doubt)])
        writer.writeheader()
        writer.writerows(asdict(doubt) for doubt in doubts)
