"""The files of tables: small ones are joined, and those go that only old versions need."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import Catalog
from catalog.tables import TABLES
from tasks.shards import Outcome


@task(name="tidy tables", task_run_name="tidy tables", cache_policy=NO_CACHE)
def tidy_tables(*, home: str, keep_days: float, dry_run: bool = False) -> tuple[list[Outcome], int]:
    """Join the small files of every table, and remove those that only versions older than `keep_days` need.

    A version that a checkpoint or a score names stays, whatever its age. Returns the tables of which something went,
    and the bytes that are free; of a dry run, that would be.
    """
    catalog = Catalog(Home.open(home))
    outcomes, freed = [], 0
    for table in TABLES:
        if not dry_run:
            catalog.compact(table)
        before = table_bytes(catalog, table)
        gone = catalog.vacuum(table, keep_days, dry_run=dry_run)
        if gone:
            sizes = sum(before.get(name, 0) for name in gone)
            freed += sizes
            reason = f"{len(gone)} files that only versions older than {keep_days:g} days need"
            outcomes.append(Outcome(item=f"tables/{table}", status="done", reason=reason))
    return outcomes, freed


def table_bytes(catalog: Catalog, table: str) -> dict[str, int]:
    """Return the size of every data file of a table by its name, as Delta Lake calls it."""
    folder = catalog.home.tables / table
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.parquet")}
