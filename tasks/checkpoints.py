"""Which checkpoint serves: found by id, or the champion; and its separator, loaded once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import CatalogError
from catalog.ids import file_digest
from catalog.store import Catalog

if TYPE_CHECKING:
    from varemix.model.separator import Separator


def champion_id(catalog: Catalog) -> str | None:
    """Return the id of the champion, None while there is none."""
    champions = catalog.read("checkpoints", columns=["checkpoint_id"], where={"stage": "champion"})
    return None if champions.empty else str(champions["checkpoint_id"].iloc[0])


def checkpoint_row(catalog: Catalog, checkpoint_id: str | None) -> dict[str, Any]:
    """Return the row of a checkpoint, by default the champion's. Raises CatalogError when there is none."""
    wanted = checkpoint_id or champion_id(catalog)
    if wanted is None:
        raise CatalogError("There is no champion yet. Run `varemix nightly`, or train and promote a checkpoint first.")
    rows = catalog.read_rows("checkpoints", where={"checkpoint_id": wanted})
    if not rows:
        known = ", ".join(catalog.read("checkpoints")["checkpoint_id"]) or "none"
        raise CatalogError(f"There is no checkpoint '{wanted}'; the catalog has {known}.")
    return rows[0]


def separator_of(catalog: Catalog, row: dict[str, Any], device: str = "auto") -> Separator:
    """Return the separator of a row of `checkpoints`."""
    return _loaded(catalog.home.absolute(row["path"]), row["digest"], device)


@lru_cache(maxsize=2)
def _loaded(path: Path, digest: str, device: str) -> Separator:
    from varemix.model.checkpoint import load_checkpoint
    from varemix.training.loop import chosen_device

    if path.exists() and file_digest(path) != digest:
        raise CatalogError(f"The checkpoint '{path}' was changed since it was recorded. Restore it, or train again.")
    return load_checkpoint(path, chosen_device(device))
