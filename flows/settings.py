"""What the flows share: how many shards run at once, and how runs are called. Neither changes what comes out."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner

from tasks.runners import task_runner
from varemix.errors import UsageError


def _num_cores() -> int:
    """Return how many cores this process may use; all of them, where the system does not say it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _num_workers() -> int:
    wished = os.environ.get("VAREMIX_WORKERS") or str(_num_cores())
    if not wished.isdecimal() or int(wished) == 0:
        raise UsageError(f"VAREMIX_WORKERS is '{wished}'; give a whole number above 0, or unset it.")
    return int(wished)


NUM_WORKERS = _num_workers()


def workers(count: int = NUM_WORKERS) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner of so many shards at once; $VAREMIX_WORKERS, by default the number of cores."""
    return task_runner(count)


def named_after(stage: str, parameter: str) -> Callable[[], str]:
    """Return what calls a run after its stage and the last part of a path, or of several, among its parameters."""

    def name() -> str:
        value = flow_run.parameters[parameter]
        paths = [value] if isinstance(value, str) else value
        return f"{stage} {', '.join(Path(path).name for path in paths)}"

    return name
