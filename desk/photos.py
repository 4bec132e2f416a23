"""Photos that people drop on the desk: kept in the home, shown small, and heard by the instrument they show.

A photo is kept as it came, so that a plan can name it and the batch sees the same.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import remove_leftovers
from desk.errors import DeskError, not_found
from tasks.queries import Query, asked
from varemix.errors import MediaError
from varemix.media.pictures import read_picture

if TYPE_CHECKING:
    from varemix.model.separator import Separator

SHOWN_PIXELS = 384
_MAX_PHOTOS = 10_000


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
            raise DeskError(507, f"The desk keeps {_MAX_PHOTOS} photos, and has them. Remove some from its home.")
        folder.mkdir(exist_ok=True)
        if not any(folder.iterdir()):
            file.replace(folder / file.name)
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
        picture = self.query(own).picture
        assert picture is not None
        image = read_picture(picture)
        image.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()


def look(separator: "Separator", picture: Path) -> dict[str, Any]:
    """Return the known instruments that a picture is most like, nearest first, and whether it shows one of them."""
    from varemix.model.recognition import resemblances

    [found] = resemblances(separator, [read_picture(picture)])
    nearest = [{"name": near.name, "likeness": round(near.share, 3)} for near in found.nearest]
    return {"nearest": nearest, "is_known": found.is_known}


def _is_id(text: str) -> bool:
    kind, _, digest = text.partition("-")
    return kind == "picture" and len(digest) == 16 and set(digest) <= set("0123456789abcdef")
