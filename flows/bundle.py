"""Flows: a training -> a bundle for a bare host, and back."""

import time
from pathlib import Path

from prefect import flow

from catalog.files import Home
from flows.ending import ended
from flows.forms import Device, RecipeName
from flows.summary import Summary, publish
from tasks.bundle import take_result, write_bundle


@flow(name="bundle", flow_run_name="bundle {recipe}")
def bundle(
    out: str,
    recipe: RecipeName = "reference",
    photos: str | None = None,
    start: str | None = None,
    kbps: float = 48,
    home: str | None = None,
) -> Summary:
    """Write what a training needs elsewhere, where only Python, PyTorch and NumPy are, into small parts.

    Args:
        out: the folder for the bundle; one that holds it already gets what is new.
        recipe: what to train; see the flow train.
        photos: a folder of photographs by instrument; see the flow train.
        start: id or file of the checkpoint to begin with, or `shipped`; by default none.
        kbps: how many kilobits a second of sound takes, 6 to 256.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    place = Path(out).expanduser().absolute()
    outcome = write_bundle(
        out=place, recipe=recipe, home=Home.open(home).address, photos=photos, start=start, kbps=kbps
    )
    facts = {"bundle": str(place), "recipe": recipe}
    return ended(publish(Summary(stage="bundle", outcomes=(outcome,), seconds=time.monotonic() - started, facts=facts)))


@flow(name="take-bundle", flow_run_name="take {result}")
def take_bundle(result: str, device: Device = "auto", home: str | None = None) -> Summary:
    """Take back what a bare host made of a bundle: a checkpoint, or the state of an unfinished training.

    Args:
        result: the folder that the host called `result`.
        device: where the checkpoint's thresholds are measured.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    place = Path(result).expanduser().absolute()
    checkpoint_id, outcome = take_result(result=place, home=Home.open(home).address, device=device)
    facts = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    seconds = time.monotonic() - started
    return ended(publish(Summary(stage="take-bundle", outcomes=(outcome,), seconds=seconds, facts=facts)))
