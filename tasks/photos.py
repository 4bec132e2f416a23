"""Step: a list of photos -> pictures of a size to learn from, and a row for each, whatever became of it."""

from pathlib import Path
from typing import Any

from catalog.csv_lists import is_address
from catalog.files import Home, write_atomically
from catalog.ids import content_id, file_digest
from catalog.photo_lists import SourcePhoto
from catalog.store import Catalog
from tasks.preprocess import SHORT_SIDE_PIXELS
from tasks.shards import Outcome, is_last_try, settle, shard_task
from tasks.source_files import at_hand, facts_of, was_asked_today
from varemix.errors import DownloadError, DownloadInterruptedError, MediaError, VideoUnavailableError
from varemix.media.download import DownloadOptions
from varemix.media.pictures import read_picture, small_jpeg
from varemix.redaction import redacted

STEP_VERSION = 1

Row = dict[str, Any]


@shard_task("photos")
def prepare_photos(*, items: list[SourcePhoto], shard: str, home: str, options: DownloadOptions) -> list[Outcome]:
    """Make the pictures of a shard of photos that do not stand yet; a row ends `ready`, `unavailable` or `failed`.

    Raises DownloadInterruptedError, to be tried again, when something is interrupted and tries are left.
    """
    catalog = Catalog(Home.open(home))
    rows = catalog.read_rows("photos", where={"photo_id": [photo_id(photo) for photo in items]})
    known = {row["photo_id"]: row for row in rows}
    pictures = catalog.home.surveyed("photos")
    return settle(
        catalog,
        "photos",
        items,
        name=lambda photo: redacted(photo.file),
        stands=lambda photo: _stands(pictures, photo, known.get(photo_id(photo))),
        make=lambda photo: _prepared(catalog.home, photo, known.get(photo_id(photo)), options),
    )


def photo_id(photo: SourcePhoto) -> str:
    """Return the id of a photo of a list, whatever lies there."""
    return content_id("photo", source=photo.source, file=photo.file)


def picture_id(source_digest: str) -> str:
    """Return what stands for the picture that a file's content becomes."""
    return content_id("picture", version=STEP_VERSION, source=source_digest, short_side_pixels=SHORT_SIDE_PIXELS)


def _stands(pictures: Home, photo: SourcePhoto, row: Row | None) -> bool:
    """Return whether a row still says what its list and its file say, and its picture is there."""
    if row is None or row["status"] != "ready" or row != row | _listed(photo) or not pictures.holds(row["path"]):
        return False
    if is_address(photo.place):
        return True
    try:
        facts = facts_of(Path(photo.place), photo.place, [row])
    except MediaError:  # what it was made of may be put away
        return True
    return row == row | facts.as_dict() and row["picture_id"] == picture_id(facts.source_digest)


def _prepared(home: Home, photo: SourcePhoto, known: Row | None, options: DownloadOptions) -> Row:
    """Return the row of a photo after making its picture, or the row that says why there is none."""
    is_held = bool(known and known["status"] == "ready" and home.holds(known["path"]))
    if known and (was_asked_today(known) or (is_held and is_address(photo.place))):
        return known | _listed(photo)
    try:
        with at_hand(photo.place, home.root / "photos", options) as path:
            facts = facts_of(path, photo.place, [known] if known else [])
            row = _listed(photo) | facts.as_dict() | {"picture_id": picture_id(facts.source_digest)}
            try:
                return row | _pictured(home, path, row["picture_id"]) | {"status": "ready"}
            except MediaError as error:
                return row | {"status": "failed", "reason": str(error)}
    except DownloadInterruptedError as error:
        if not is_last_try():
            raise
        return _listed(photo) | {"status": "failed", "reason": str(error)}
    except (DownloadError, MediaError) as error:
        if known and is_held:  # what it was made of may be put away
            return known | _listed(photo)
        is_gone = isinstance(error, VideoUnavailableError)
        return _listed(photo) | {"status": "unavailable" if is_gone else "failed", "reason": str(error)}


def _listed(photo: SourcePhoto) -> Row:
    """Return the columns that the list tells."""
    return {
        "photo_id": photo_id(photo),
        "instrument": photo.instrument,
        "owner": photo.owner or None,
        "split": photo.split,
        "licence": photo.licence,
        "source": photo.source,
        "file": redacted(photo.file),
    }


def _pictured(home: Home, source: Path, name: str) -> Row:
    """Write a picture and return what it is. Raises MediaError for a photo that cannot serve."""
    place = home.photo(name)
    content = small_jpeg(read_picture(source), SHORT_SIDE_PIXELS)
    write_atomically(place, content)
    home.keep(place)
    width, height = read_picture(content).size
    return {
        "path": home.relative(place),
        "digest": file_digest(place),
        "num_bytes": len(content),
        "width_pixels": width,
        "height_pixels": height,
    }
