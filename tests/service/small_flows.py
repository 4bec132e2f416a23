"""The flows as a worker runs them, with recipes that are over in seconds, and a sign of life every two.

A run says that it has come to its gate, a file that its environment may name, and waits for it: so several begin at
one moment. So does it in its middle, see `tests.middles`.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

from prefect import flow_engine

from catalog.files import Home
from flows.evaluate import evaluate
from flows.masks import masks
from flows.nightly import nightly
from flows.refresh import refresh
from flows.remix import remix
from flows.train import train
from tests.middles import wait_in_the_middle
from tests.tasks.small_recipe import small
from varemix.training import recipe

__all__ = ["evaluate", "masks", "nightly", "refresh", "remix", "train"]

_HEARTBEAT_S = 2

recipe.RECIPES["small"] = small
recipe.RECIPES["endless"] = lambda: replace(small(), name="endless", epochs=10_000)
flow_engine.MINIMUM_HEARTBEAT_INTERVAL = 1
flow_engine.BaseFlowRunEngine.heartbeat_seconds = property(lambda _: _HEARTBEAT_S)  # type: ignore[assignment, misc]

_open = Home.open


def _open_at_the_gate(path: Path | str | None = None) -> Home:
    """Open a home, which every flow does first, when the gate is open."""
    gate = Path(os.environ.get("VAREMIX_TEST_GATE") or "/")
    if not gate.exists():
        gate.with_name(f"{gate.name} {os.environ['PREFECT__FLOW_RUN_ID']}").touch()
    while not gate.exists():
        time.sleep(0.05)
    return _open(path)


Home.open = _open_at_the_gate  # type: ignore[method-assign, assignment]

wait_in_the_middle()
