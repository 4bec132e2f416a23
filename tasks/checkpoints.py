"""Which checkpoint serves: found by id, the champion, or the shipped one; and its separator, loaded once a process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from catalog.champion import Champion, tell_champion
from catalog.errors import CatalogError
from catalog.files import replacing
from catalog.ids import content_id, file_digest
from catalog.store import NO_VERSION, Catalog
from varemix.memory import give_back_files, give_back_gaps
from varemix.weights import BUILT_IN, SHIPPED, shipped_checkpoint

if TYPE_CHECKING:
    from varemix.model.separator import Separator

_LOADING = Lock()  # several shards begin at once: one of them loads, for all


def champion_id(catalog: Catalog) -> str | None:
    """Return the id of the champion, None while there is none."""
    champions = catalog.read("checkpoints", columns=["checkpoint_id"], where={"stage": "champion"})
    return None if champions.empty else str(champions["checkpoint_id"].iloc[0])


def checkpoint_row(catalog: Catalog, checkpoint_id: str | None) -> dict[str, Any]:
    """Return the row of a checkpoint, by default the champion's, and without one the shipped one's.

    The shipped checkpoint gets its row, and its file a place in the home, when it is asked for the first time. Raises
    CatalogError when there is no such checkpoint.
    """
    wanted = checkpoint_id or champion_id(catalog) or SHIPPED
    if wanted in BUILT_IN:
        return _shipped_row(catalog, is_asked_for=bool(checkpoint_id))
    rows = catalog.read_rows("checkpoints", where={"checkpoint_id": wanted})
    if not rows:
        known = ", ".join(catalog.read("checkpoints")["checkpoint_id"]) or "none"
        raise CatalogError(f"There is no model '{wanted}'; the catalog has {known}.")
    return rows[0]


def record_checkpoints(catalog: Catalog, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `checkpoints`, and leave word beside the tables of which one is the champion now."""
    catalog.merge("checkpoints", rows)
    version = catalog.version("checkpoints")
    columns = [field.name for field in fields(Champion)]
    champions = catalog.read_rows("checkpoints", columns, where={"stage": "champion"}, version=version)
    tell_champion(catalog.home, Champion(**champions[0]) if champions else None, version)


def shipped_id() -> str | None:
    """Return the id of the shipped checkpoint, None where there is none."""
    file = shipped_checkpoint()
    return _id_of_shipped(file_digest(file)) if file else None


def serving_id(catalog: Catalog) -> str | None:
    """Return the id of the checkpoint that serves where none is asked for: the champion, else the shipped one."""
    return champion_id(catalog) or shipped_id()


def _id_of_shipped(digest: str) -> str:
    return content_id(SHIPPED, digest=digest)


def _shipped_row(catalog: Catalog, *, is_asked_for: bool) -> dict[str, Any]:
    """Return the row of the shipped checkpoint, after bringing it into the catalog if it is not there."""
    file = shipped_checkpoint()
    if file is None:
        found = "This installation was shipped without a model." if is_asked_for else "There is no champion yet."
        raise CatalogError(f"{found} Run `varemix nightly`, or train and promote a model first.")
    digest = file_digest(file)
    checkpoint_id = _id_of_shipped(digest)
    path = catalog.home.checkpoint(checkpoint_id)
    rows = catalog.read_rows("checkpoints", where={"checkpoint_id": checkpoint_id})
    if not rows or not catalog.home.holds(catalog.home.relative(path)):
        with replacing(path) as temporary:
            shutil.copyfile(file, temporary)
        catalog.home.keep(path)
    if not rows:
        rows = [_row_of_shipped(file, checkpoint_id, digest) | {"path": catalog.home.relative(path)}]
        record_checkpoints(catalog, rows)
        rows = catalog.read_rows("checkpoints", where={"checkpoint_id": checkpoint_id})  # with all columns
    return rows[0]


def _row_of_shipped(file: Path, checkpoint_id: str, digest: str) -> dict[str, Any]:
    from varemix.model.header import read_header

    provenance = read_header(file)["provenance"]
    recipe = provenance.get("recipe")
    settings = recipe if isinstance(recipe, dict) else {"name": recipe or "unknown"}
    return {
        "checkpoint_id": checkpoint_id,
        "recipe": str(settings.get("name", "unknown")),
        "settings_json": json.dumps(settings, sort_keys=True),
        "clips_version": NO_VERSION,
        "seed": int(settings.get("seed", 0)),
        "num_steps": provenance.get("num_steps"),
        "validation_loss": provenance.get("validation_loss"),
        "digest": digest,
        "stage": SHIPPED,
        "reason": "came with the software",
    }


def presence_threshold_db(catalog: Catalog, row: dict[str, Any]) -> float:
    """Return the presence from which the checkpoint of a row of `checkpoints` takes an instrument to play."""
    return float(separator_of(catalog, row).presence_threshold_db)


def separator_of(catalog: Catalog, row: dict[str, Any], device: str = "auto") -> Separator:
    """Return the separator of a row of `checkpoints`."""
    path = catalog.home.fetched(row["path"], row["digest"])
    with _LOADING:
        return _loaded(path, row["digest"], device)


@lru_cache(maxsize=2)
def _loaded(path: Path, digest: str, device: str) -> Separator:
    from varemix.model.separator import Separator
    from varemix.training.devices import chosen_device

    if path.exists() and file_digest(path) != digest:
        raise CatalogError(f"The model '{path}' was changed since it was recorded. Restore it, or train again.")
    give_back_files()  # of PyTorch, which is loaded now
    separator = Separator.load(path, chosen_device(device))
    give_back_gaps()
    return separator
