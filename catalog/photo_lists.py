"""Lists of photos without videos: pictures of instruments, and of none, to learn from.

Belongs here: reading and checking lists of photos, and which of them are set aside for validation. Stays out: the
files that they name.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from catalog.csv_lists import (
    SPLITS,
    SYNONYMS,
    UNSTATED,
    checked_choice,
    checked_label,
    checked_text,
    csv_rows,
    each_once,
    is_address,
    licence_of,
    place_of,
    read_text,
)
from catalog.errors import SourceListError

NO_INSTRUMENT = "none"
"""The label of a photo that shows no instrument that has a name here."""

_OWNER_MARK = "__"
_COLLECTION_SHARE = 0.25
_VAL_SHARE = 0.1
_ALL_SYNONYMS = {name: column for name, column in SYNONYMS.items() if name != "instrument"} | {
    "label": "instrument",
    "class": "instrument",
    "group": "owner",
}


@dataclass(frozen=True, kw_only=True)
class SourcePhoto:
    """A photo that a list names: what it shows or 'none', whose it is, and where it lies."""

    file: str
    place: str
    instrument: str
    owner: str
    split: str
    licence: str = UNSTATED
    source: str = ""


def read_photo_list(path: Path) -> list[SourcePhoto]:
    """The photos that a list names, each once, in its order.

    It is a CSV file with the column file and perhaps instrument ('none' for what shows none), owner, split and licence.
    Without an instrument it is the file's folder, without an owner what stands before '__' in the file's name. Photos
    without a split are parted by owner: see `parted`. Raises SourceListError, with the line, for a list that cannot be
    read, names no photo, holds a cell that cannot be, or has an owner that it names in two splits of an instrument.
    """
    rows = csv_rows(path, read_text(path), ("file",), ("instrument", "owner", "split", "licence"), _ALL_SYNONYMS)
    told = ((where, (_photo(path, where, cells), bool(cells["owner"]))) for where, cells in rows)
    found = each_once(told, key=lambda row: row[0].place)
    if not found:
        raise SourceListError(f"The list {str(path)!r} names no photo; expected at least one.")
    _check_owners([(where, photo) for where, (photo, is_named) in found if is_named and photo.split])
    return parted([photo for _, (photo, _) in found])


def parted(photos: Sequence[SourcePhoto]) -> list[SourcePhoto]:
    """The photos, those without a split in 'val' for one in ten owners of an instrument, drawn by name, else 'train'.

    Where that leaves nothing for 'val' the owner goes there whose number is lowest. An owner of a quarter of an
    instrument's photos or more is a collection, which is parted by photo: it would leave nothing to learn from, or
    nothing to validate on.
    """
    totals = Counter(photo.instrument for photo in photos)
    owned = Counter((photo.instrument, photo.owner) for photo in photos)

    def number(photo: SourcePhoto) -> float:
        is_collection = owned[photo.instrument, photo.owner] >= _COLLECTION_SHARE * totals[photo.instrument]
        unit = photo.file if is_collection or not photo.owner else photo.owner
        return _number(f"{photo.instrument}/{unit}")

    numbers: dict[str, set[float]] = {}
    for photo in photos:
        if not photo.split:
            numbers.setdefault(photo.instrument, set()).add(number(photo))
    kept_back = {name: max(_VAL_SHARE, min(own)) for name, own in numbers.items() if len(own) > 1}
    return [
        replace(photo, split="val" if number(photo) <= kept_back.get(photo.instrument, -1.0) else "train")
        if not photo.split
        else photo
        for photo in photos
    ]


def _number(name: str) -> float:
    """A number from 0 to 1 that stands for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32


def _photo(path: Path, where: str, cells: dict[str, str]) -> SourcePhoto:
    place = place_of(path, cells["file"], where)
    inside = PurePosixPath(urlsplit(place).path if is_address(place) else cells["file"])
    own, _, rest = inside.name.partition(_OWNER_MARK)
    owner = cells["owner"] or (own if rest else "")
    return SourcePhoto(
        file=cells["file"],
        place=place,
        instrument=checked_label(cells["instrument"] or inside.parent.name, where, "instrument"),
        owner=checked_text(owner, where, "owner") if owner else "",
        split=checked_choice(cells["split"].lower(), SPLITS, where, "split") if cells["split"] else "",
        licence=licence_of(cells["licence"], where),
        source=path.name,
    )


def _check_owners(photos: Sequence[tuple[str, SourcePhoto]]) -> None:
    first: dict[tuple[str, str], tuple[str, SourcePhoto]] = {}
    for where, photo in photos:
        earlier_where, earlier = first.setdefault((photo.instrument, photo.owner), (where, photo))
        if earlier.split != photo.split:
            raise SourceListError(
                f"{where}: {photo.instrument} of {photo.owner!r} is in {photo.split}, but in {earlier.split} at "
                f"{earlier_where}. Give an owner one split, or leave the owner out where it is a collection."
            )
