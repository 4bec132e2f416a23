"""What may go: masks that nothing needs any more, and files that no row knows."""

import time
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import NO_VERSION, Catalog
from tasks.checkpoints import checkpoint_row, record_checkpoints, shipped_id
from tasks.shards import Outcome
from tasks.stored_masks import serving_version

_GRACE_S = 24 * 3600  # a file that young may belong to a run whose rows are still to be written


@task(name="tidy masks", task_run_name="tidy masks", cache_policy=NO_CACHE)
def tidy_masks(*, home: str, dry_run: bool = False) -> tuple[list[Outcome], int]:
    """Remove the masks that nothing needs, and mask files that no row knows; return them, and the bytes that are free.

    Kept are masks of the champion, of the shipped checkpoint, and of pinned ones, if this version makes such masks and
    a track of a library still holds what was heard. A dry run only tells.
    """
    catalog = Catalog(Home.open(home))
    unneeded = _unneeded(catalog)
    if not dry_run:  # first the rows, then the files
        catalog.merge("masks", [row | {"status": "removed", "updated_at": None} for row in unneeded])
    removed = {row["path"]: row["reason"] for row in unneeded if row["path"]}
    for path in _unknown(catalog):
        removed.setdefault(path, "no row of masks knows it")
    ended = catalog.home.num_bytes if dry_run else catalog.home.remove
    num_bytes = sum(ended(path) for path in removed)
    return [Outcome(item=path, status="done", reason=reason) for path, reason in removed.items()], num_bytes


def pin(catalog: Catalog, checkpoint_id: str, why: str | None) -> None:
    """Keep what a checkpoint made, and say why; None is no longer. Raises CatalogError for an unknown checkpoint."""
    row = checkpoint_row(catalog, checkpoint_id)
    record_checkpoints(catalog, [row | {"pinned": why, "updated_at": None}])


def _unneeded(catalog: Catalog) -> list[dict[str, Any]]:
    """Return the rows of masks that may go, each with its reason; none where the table of tracks is lost."""
    if catalog.version("tracks") == NO_VERSION:
        return []
    checkpoints = catalog.read_rows("checkpoints")
    kept = {row["checkpoint_id"] for row in checkpoints if row["stage"] == "champion" or row["pinned"]}
    kept.add(shipped_id())
    tracks = catalog.read("tracks", columns=["content_digest"], where={"status": "ready"})
    held = set(tracks["content_digest"])
    rows = catalog.read_rows("masks", where={"status": "ready"})
    reasons = ((row, _reason(row, kept, held)) for row in rows)
    return [row | {"reason": reason} for row, reason in reasons if reason]


def _reason(row: dict[str, Any], kept: set[str | None], held: set[str]) -> str:
    """Return why the masks of a row may go; empty where they stay."""
    if row["checkpoint_id"] not in kept:
        return f"model {row['checkpoint_id']} is neither champion nor pinned"
    if serving_version(row) is None:
        return "was made by another version of the step"
    return "" if row["content_digest"] in held else "no track of a library holds that sound any more"


def _unknown(catalog: Catalog) -> list[str]:
    """Return the mask files, relative to the home, that no row knows and that are not new.

    Where the table is lost, none.
    """
    if catalog.version("masks") == NO_VERSION:
        return []
    known = set(catalog.read("masks", columns=["path"], where={"status": "ready"})["path"])
    oldest = time.time() - _GRACE_S
    files = catalog.home.mask_files()
    return sorted({name for name, written_s in files.items() if written_s < oldest} - known)
