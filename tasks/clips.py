"""Rows of the catalog as clips of the library."""

from collections.abc import Collection, Mapping
from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from tasks.material import learnable
from varemix.media.clips import Clip


def usable_clips(
    catalog: Catalog, split: str, *, version: int | None = None, licences: Collection[str] | None = None
) -> list[Clip]:
    """Return the clips of a split that are ready and allowed, by their video's id. Raises UsageError for no split."""
    rows = learnable(catalog, "clips", split, version=version, licences=licences)
    return [clip_of(catalog.home, row) for row in rows]


def clip_of(home: Home, row: Mapping[str, Any]) -> Clip:
    """Return the clip that a row of `clips` tells of."""
    return Clip(
        clip_id=row["clip_id"],
        instrument=row["instrument"],
        wav_path=home.fetched(row["wav_path"]),
        frames_path=home.fetched(row["frames_path"]),
        num_samples=round(row["duration_s"] * row["rate_hz"]),
        num_frames=row["num_frames"],
        frame_rate_hz=row["frame_rate_hz"],
    )
