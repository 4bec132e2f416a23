"""Versions of tables that rows name, a checkpoint what it was trained on, a score where it was measured: all stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.tables import TABLES

if TYPE_CHECKING:
    from catalog.store import Catalog

SNAPSHOT_OF = "clips"
"""The table whose versions are named."""

_NAMING_COLUMNS = ("clips_version", "catalog_version")


def named_versions(catalog: Catalog, table: str) -> list[int]:
    """Return the versions of a table that some row of any table names, sorted; they must stay as long as that row."""
    if table != SNAPSHOT_OF:
        return []
    naming = [(name, column) for name in TABLES for column in _NAMING_COLUMNS if column in TABLES[name].schema.names]
    columns = [catalog.read_arrow(name, columns=[column])[column] for name, column in naming]
    found = {version for column in columns for version in column.unique().to_pylist()}
    return sorted(version for version in found if version is not None and version >= 0)
