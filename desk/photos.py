"""Photos that people drop on the desk: kept in the home, shown small, and heard by the instrument they show.

A photo is kept as it came, so that a plan can name it and the batch sees the same.
"""

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import remove_leftovers, temporary_folder
from desk.errors import DeskError, not_found
from tasks.queries import Query, asked
from varemix.errors import MediaError
from varemix.media.pictures import read_picture

if TYPE_CHECKING:
    from varemix.model.separator import Separator

SHOWN_PIXELS = 384
_MAX_PHOTOS = 10_000
_MAX_TOGETHER = 12


class Photos:
    """The photos in the home, by the ids that also name their masks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)

    def put(self, file: Path) -> Query:
        """Take a file that was dropped; it is moved. Raises DeskError when it is no picture that can be read."""
        try:
            query = asked(str(file), ())
        except MediaError as error:
            status = 415 if "is no picture" in str(error) else 413 if "Make it smaller" in str(error) else 422
            raise DeskError(status, str(error)) from error
        folder = self._folder / query.name
        if not folder.is_dir() and sum(1 for _ in self._folder.iterdir()) >= _MAX_PHOTOS:
            raise DeskError(
                507, f"The desk keeps {_MAX_PHOTOS} photos, and has them. Remove some from its data folder."
            )
        folder.mkdir(exist_ok=True)
        if not any(folder.iterdir()):
            file.replace(folder / file.name)
        return self.query(query.name)

    def together(self, owns: Sequence[str]) -> Query:
        """Return the query of several photos of the same instrument, which are kept in one folder.

        Raises DeskError where one is not there, or there are too many.
        """
        files = dict.fromkeys(file for own in owns for file in self.query(own).pictures)
        if not 1 < len(files) <= _MAX_TOGETHER:
            raise DeskError(422, f"Between 2 and {_MAX_TOGETHER} different photos are expected.")
        with temporary_folder(self._folder) as folder:
            place = folder / next(iter(files)).stem
            place.mkdir()
            for number, file in enumerate(files, 1):
                shutil.copyfile(file, place / f"{number} {file.name}")
            query = asked(str(place), ())
            (self._folder / query.name).mkdir(exist_ok=True)
            if not any((self._folder / query.name).iterdir()):
                place.replace(self._folder / query.name / place.name)
        return self.query(query.name)

    def query(self, own: str) -> Query:
        """Return the query of a photo. Raises DeskError where there is none."""
        folder = self._folder / own
        if not _is_id(own) or not folder.is_dir():
            raise not_found("picture")
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if not files:
            raise not_found("picture")
        return Query(name=own, picture=files[0].resolve())

    def shown(self, own: str) -> bytes:
        """Return a photo small, as a JPEG that says nothing of where it was taken."""
        image = read_picture(self.query(own).pictures[0])
        image.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()


def look(separator: "Separator", pictures: Sequence[Path]) -> dict[str, Any]:
    """Return the known instruments that pictures of one are most like, nearest first, and whether it is one of them."""
    from varemix.model.recognition import resemblance_together

    found = resemblance_together(separator, [read_picture(picture) for picture in pictures])
    nearest = [{"name": near.name, "likeness": round(near.share, 3)} for near in found.nearest]
    return {"nearest": nearest, "is_known": found.is_known}


def _is_id(text: str) -> bool:
    kind, _, digest = text.partition("-")
    return kind == "picture" and len(digest) == 16 and set(digest) <= set("0123456789abcdef")
