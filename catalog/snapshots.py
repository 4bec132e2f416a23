"""Versions of tables that rows name, a checkpoint what it was trained on, a score where it was measured: all stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from catalog.tables import TABLES

if TYPE_CHECKING:
    from catalog.store import Catalog

SNAPSHOTS: Mapping[str, tuple[str, ...]] = {
    "clips": ("clips_version", "catalog_version"),
    "sounds": ("sounds_version",),
    "photos": ("photos_version",),
}
"""The tables whose versions are named, and the columns that name them."""


def named_versions(catalog: Catalog, table: str) -> list[int]:
    """Return the versions of a table that some row of any table names, sorted; they must stay as long as that row."""
    wanted = SNAPSHOTS.get(table, ())
    naming = [(name, column) for name in TABLES for column in wanted if column in TABLES[name].schema.names]
    columns = [catalog.read_arrow(name, columns=[column])[column] for name, column in naming]
    found = {version for column in columns for version in column.unique().to_pylist()}
    return sorted(version for version in found if version is not None and version >= 0)
