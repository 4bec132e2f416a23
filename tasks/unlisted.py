"""Sounds and photos that their list names no longer: they stay known, and are not learnt from any more."""

from collections.abc import Collection

from catalog.store import Catalog
from catalog.tables import TABLES
from tasks.origin import run_id

_REASON = "its list names it no longer"
_FILES = ("wav_path", "wav_digest", "path", "digest")


def forget_unlisted(catalog: Catalog, table: str, sources: Collection[str], ids: Collection[str]) -> int:
    """Mark as `gone` what these lists named earlier and do not name now; return how many rows that were.

    What was trained on them stays as it was: the version of the table that a checkpoint names.
    """
    key, known = TABLES[table].key, set(ids)
    rows = catalog.read_rows(table, where={"source": sorted(sources)}) if sources else []
    gone = [row for row in rows if row[key] not in known and row["status"] != "gone"]
    nothing = {name: None for name in _FILES if name in TABLES[table].schema.names}
    told = {"status": "gone", "reason": _REASON, "run_id": run_id(), "updated_at": None}
    catalog.merge(table, [row | nothing | told for row in gone])
    return len(gone)
