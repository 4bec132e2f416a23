"""Flow: a home -> the same home without what nothing needs."""

import time

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.tidy import tidy_masks


@flow(name="housekeeping", flow_run_name="housekeeping", task_runner=workers())
def housekeeping(home: str | None = None) -> Summary:
    """Remove masks that no champion, shipped or pinned checkpoint needs, and what broken-off runs left behind.

    Args:
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    left = catalog.home.remove_leftovers()
    removed, num_bytes = tidy_masks(home=catalog.home.address)
    facts = {"mask_files_removed": len(removed), "megabytes_freed": round(num_bytes / 1e6, 1), "leftovers": len(left)}
    return publish(
        Summary(stage="housekeeping", outcomes=tuple(removed), seconds=time.monotonic() - started, facts=facts)
    )
