"""What the flows share: how many shards run at once, and how runs are called. Neither changes what comes out."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect._internal.control_listener import get_intent  # what a worker's signal is meant to do; pinned with Prefect
from prefect.exceptions import TerminationSignal
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from varemix.errors import UsageError


def _num_workers() -> int:
    wished = os.environ.get("VAREMIX_WORKERS") or str(len(os.sched_getaffinity(0)))
    if not wished.isdecimal() or int(wished) == 0:
        raise UsageError(f"VAREMIX_WORKERS is '{wished}'; give a whole number above 0, or unset it.")
    return int(wished)


NUM_WORKERS = _num_workers()
_CANCEL_GRACE_S = 3.0


def workers(count: int = NUM_WORKERS) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner of so many shards at once; $VAREMIX_WORKERS, by default the number of cores."""
    runner: Any = Shards(max_workers=count)
    return runner


class Shards(ThreadPoolTaskRunner[Any]):
    """Threads for shards. When the worker stops, those under way come to their end; when the run is cancelled, no more.

    A thread cannot be ended from outside, so a cancelled run ends as a whole, and with it what it started: see
    `varemix.media.leash`. Nothing half-made is ever seen.
    """

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Wait for the shards under way; in a cancelled run, for a moment only."""
        if isinstance(exc_value, TerminationSignal) and get_intent() == "cancel":
            end = threading.Timer(_CANCEL_GRACE_S, os.kill, args=(os.getpid(), signal.SIGKILL))
            end.daemon = True
            end.start()
        super().__exit__(exc_type, exc_value, traceback)


def named_after(stage: str, parameter: str) -> Callable[[], str]:
    """Return what calls a run after its stage and the last part of a path among its parameters."""

    def name() -> str:
        return f"{stage} {Path(flow_run.parameters[parameter]).name}"

    return name
