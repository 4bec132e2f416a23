"""What the flows share: how many shards run at once, and how runs are called. Neither changes what comes out."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

NUM_WORKERS = int(os.environ.get("VAREMIX_WORKERS") or len(os.sched_getaffinity(0)))


def workers(count: int = NUM_WORKERS) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner of so many shards at once; $VAREMIX_WORKERS, by default the number of cores."""
    runner: Any = ThreadPoolTaskRunner(max_workers=count)
    return runner


def named_after(stage: str, parameter: str) -> Callable[[], str]:
    """Return what calls a run after its stage and the last part of a path among its parameters."""

    def name() -> str:
        return f"{stage} {Path(flow_run.parameters[parameter]).name}"

    return name
