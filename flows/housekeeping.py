"""Flow: a home -> the same home without what nothing needs, and how full its disk is."""

import time

from prefect import flow

from catalog.files import Home
from catalog.store import Catalog
from flows.disk import disk_table, disk_use
from flows.ending import ended
from flows.settings import workers
from flows.summary import Summary, publish
from tasks.old_runs import forget_old_runs
from tasks.orphans import tidy_rooms
from tasks.tidy import tidy_masks
from tasks.tidy_tables import tidy_tables


@flow(name="housekeeping", flow_run_name="housekeeping", task_runner=workers())
def housekeeping(
    home: str | None = None,
    dry_run: bool = False,
    grace_days: float = 7,
    keep_versions_days: float = 30,
    keep_runs_days: float = 90,
) -> Summary:
    """Remove what nothing needs any more: masks, files without rows, old versions of tables, old runs, leftovers.

    The champion, retired champions, pinned checkpoints, snapshots that a checkpoint or a score names, and what lies
    outside the home stay. Nothing young goes.

    Args:
        home: the home folder; by default $VAREMIX_HOME or ./data.
        dry_run: only tell what would go.
        grace_days: how old a file that no row names must be to go.
        keep_versions_days: how long old versions of the tables can be read.
        keep_runs_days: how long Prefect remembers runs that have ended.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    root = catalog.home.address
    left = catalog.home.remove_leftovers(dry_run=dry_run)
    masks, mask_bytes = tidy_masks(home=root, dry_run=dry_run)
    files, file_bytes = tidy_rooms(home=root, grace_days=grace_days, dry_run=dry_run)
    tables, table_bytes = tidy_tables(home=root, keep_days=keep_versions_days, dry_run=dry_run)
    num_runs = forget_old_runs(keep_days=keep_runs_days, dry_run=dry_run)
    freed = "megabytes_to_free" if dry_run else "megabytes_freed"
    facts = {
        "mask_files_removed": len(masks),
        "other_files_removed": len(files),
        "leftovers": len(left),
        "runs_forgotten": num_runs,
        freed: round((mask_bytes + file_bytes + table_bytes) / 1e6, 1),
    }
    return ended(
        publish(
            Summary(
                stage="housekeeping",
                outcomes=(*masks, *files, *tables),
                seconds=time.monotonic() - started,
                facts=facts | ({"dry_run": "nothing was removed"} if dry_run else {}),
                report=disk_table(disk_use(catalog.home)),
            )
        )
    )
