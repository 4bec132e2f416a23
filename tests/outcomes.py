"""What runs left behind, to be compared: all files that are results, and all rows, without times."""

from pathlib import Path
from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from catalog.tables import TABLES

TIMES = {"updated_at", "seconds", "run_id"}  # what may differ between two runs of the same
_INNER = {("home", "tables"), ("home", "work")}  # the tables are read; unfinished work is not taken for a result
_SERVERS = {("home", "service"), ("home", "prefect")}


def results_in(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files in `home` and `out` that a person or another step takes for results."""
    paths = [path for top in ("home", "out") for path in (folder / top).rglob("*") if path.is_file()]
    names = {path: path.relative_to(folder) for path in paths}
    return {
        name.as_posix(): path.read_bytes()
        for path, name in names.items()
        if not any(part.startswith(".") for part in name.parts) and name.parts[:2] not in _INNER | _SERVERS
    }


def rows_in(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the catalog in `home`, without times."""
    catalog = Catalog(Home.open(folder / "home"))
    return {
        table: without_times(catalog.read_rows(table))
        for table in TABLES
        if table != "decisions"  # a night that begins anew decides anew, and says so
    }


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without what may differ between two runs of the same."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]
