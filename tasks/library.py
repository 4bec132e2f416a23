"""Step: the files of a library -> a row for each track."""

from pathlib import Path

from catalog.files import Home
from catalog.store import Catalog
from tasks.shards import Outcome, outcome_of, shard_task
from tasks.tracks import is_as_seen, is_known, known_rows, looked_at


@shard_task("scan")
def scan_tracks(*, items: list[Path], shard: str, home: str, library: Path) -> list[Outcome]:
    """Look at a shard of files; those that changed since they were last seen get a new row of `tracks`."""
    catalog = Catalog(Home.open(home))
    rows = known_rows(catalog, library, items)
    changed = [path for path, row in rows.items() if not (row and is_known(row) and is_as_seen(path, row))]
    found = {path: looked_at(library, path) for path in changed}
    catalog.merge("tracks", list(found.values()))
    present = rows | found
    return [outcome_of(row["track_path"], row) for row in present.values() if row]
