"""What runs the shards of a step: threads of this process, a Dask cluster, or deployment runs on work pools.

None of them changes what comes out. The choice is the environment's, so that deployments and flows within flows follow
it: VAREMIX_RUNNER, and VAREMIX_DASK_ADDRESS for a cluster that is there already.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from varemix.errors import UsageError

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner

RUNNER_VARIABLE, ADDRESS_VARIABLE = "VAREMIX_RUNNER", "VAREMIX_DASK_ADDRESS"
THREADS, DASK, DEPLOYMENTS = RUNNERS = ("threads", "dask", "deployments")


def chosen_runner() -> str:
    """Return the runner that the environment names, by default threads.

    Raises UsageError for another word, and for Dask where it is not installed.
    """
    wished = os.environ.get(RUNNER_VARIABLE) or THREADS
    if wished not in RUNNERS:
        raise UsageError(f"There is no runner '{wished[:80]}'; the runners are {', '.join(RUNNERS)}.")
    if wished == DASK and find_spec("prefect_dask") is None:
        raise UsageError(
            "The runner 'dask' needs the package prefect-dask, which is not installed. "
            "Install the extra: pip install 'varemix[dask]'; or leave the runner at threads."
        )
    return wished


def task_runner(num_workers: int) -> TaskRunner[PrefectFuture[Any]]:
    """Return what runs so many shards at once, here or, where Dask is chosen, in its processes.

    A cluster with an address has as many workers as it has. Raises UsageError like `chosen_runner`.
    """
    if chosen_runner() != DASK:
        from tasks.threads import Shards

        runner: Any = Shards(max_workers=num_workers)
        return runner
    from prefect_dask.task_runners import DaskTaskRunner

    address = os.environ.get(ADDRESS_VARIABLE)
    local = {"n_workers": num_workers, "threads_per_worker": 1, "dashboard_address": None}
    cluster: Any = DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs=local)
    return cluster
