"""Rows of the catalog as clips of the library."""

from catalog.sources import SPLITS
from catalog.store import Catalog
from varemix.errors import UsageError
from varemix.media.clips import Clip


def usable_clips(catalog: Catalog, split: str, *, version: int | None = None) -> list[Clip]:
    """Return the clips of a split that are ready, ordered by their video's id. Raises UsageError for no split."""
    if split not in SPLITS:
        raise UsageError(f"There is no split '{split}'; the splits are {', '.join(SPLITS)}.")
    rows = catalog.read_rows("clips", where={"split": split, "status": "ready"}, version=version)
    return [
        Clip(
            clip_id=row["clip_id"],
            instrument=row["instrument"],
            wav_path=catalog.home.fetched(row["wav_path"]),
            frames_path=catalog.home.fetched(row["frames_path"]),
            num_samples=round(row["duration_s"] * row["rate_hz"]),
            num_frames=row["num_frames"],
            frame_rate_hz=row["frame_rate_hz"],
        )
        for row in rows
    ]
