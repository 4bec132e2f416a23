"""What only decides how fast the flows run, never what comes out."""

import os
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

NUM_WORKERS = int(os.environ.get("VAREMIX_WORKERS") or len(os.sched_getaffinity(0)))


def workers(count: int = NUM_WORKERS) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner of so many shards at once; $VAREMIX_WORKERS, by default the number of cores."""
    runner: Any = ThreadPoolTaskRunner(max_workers=count)
    return runner
