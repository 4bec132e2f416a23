"""All that the desk works with: catalog, checkpoint, recordings, jobs. It is there before the model is loaded."""

import secrets
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from catalog.store import Catalog
from desk.errors import DeskError
from desk.exports import Export, Exports, plan_of_request, plan_text, targets_of, text_of
from desk.hearing import Hearing
from desk.loading import Opened
from desk.photos import Photos, look
from desk.recordings import Recording, Shelf
from desk.segments import Segments
from desk.uploads import MAX_RECORDING_BYTES
from desk.views import Views
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.queries import Query, check_known, known_qualities, looked_at
from varemix.media.audio import OUTPUT_FORMATS
from varemix.media.pictures import MAX_BYTES as MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from varemix.model.separator import Separator

_MAX_TARGETS = 50


class Studio:
    """The desk's workroom. Temporary files go into `folder`, which the caller removes after `close`."""

    def __init__(self, opened: Opened, folder: Path) -> None:
        self.catalog = Catalog(opened.home)
        self._row = checkpoint_row(self.catalog, opened.checkpoint)
        self.qualities = known_qualities(self.catalog, self._row)
        self.instruments = tuple(quality.instrument for quality in self.qualities)
        self.shelf = Shelf(self.catalog, library=opened.library, single=opened.recording)
        self.photos = Photos(opened.home.photos)
        self._looks: dict[Query, Query] = {}
        self._process, self._numbers, self._telling = secrets.token_hex(4), count(1), Lock()
        self.hearing = Hearing(self.catalog, self._row["checkpoint_id"], self.instruments, folder)
        self.segments = Segments(self.hearing, folder)
        self.views = Views(folder)
        self.exports = Exports(self.catalog, self.hearing, folder)

    def warm_up(self) -> None:
        """Load the model, and what draws, so that nobody waits for it later."""
        separator_of(self.catalog, self._row)
        import_module("desk.spectra")

    @property
    def separator(self) -> "Separator":
        """The separator that hears."""
        return separator_of(self.catalog, self._row)

    def health(self) -> dict[str, Any]:
        """Return what the desk is."""
        return {
            "version": version("varemix"),
            "checkpoint": self._row["checkpoint_id"],
            "formats": list(OUTPUT_FORMATS),
            "max_upload_bytes": MAX_RECORDING_BYTES,
            "max_picture_bytes": MAX_PICTURE_BYTES,
            "opened": self.shelf.opened_id,
        }

    def query(self, target: object) -> Query:
        """Return the query of a target, an instrument's name or a photo's id. Raises DeskError for another."""
        if isinstance(target, str) and target in self.instruments:
            return Query(name=target)
        if isinstance(target, str) and target.startswith("picture-"):
            return self.photos.query(target)
        raise DeskError(
            422, f"There is no such instrument; one of {', '.join(self.instruments)} is expected, or a photo."
        )

    def queries(self, targets: object) -> dict[str, Query]:
        """Return the queries of several targets by target, each once. Raises DeskError where one is none."""
        if not isinstance(targets, Sequence) or isinstance(targets, str) or not 0 < len(targets) <= _MAX_TARGETS:
            raise DeskError(422, f"Between 1 and {_MAX_TARGETS} instruments are expected.")
        return {str(target): self.query(target) for target in targets}

    def asked(self, targets: object, body: Mapping[str, Any]) -> dict[str, Query]:
        """Return the queries of targets by target, after a look at the photos.

        Raises UsageError for one that shows no instrument that is known, unless the request's `even_if_unknown` is
        true; DeskError as `queries`.
        """
        even_if_unknown = body.get("even_if_unknown", False)
        if not isinstance(even_if_unknown, bool):
            raise DeskError(422, "`even_if_unknown` is true or false.")
        queries = self.queries(targets)
        looked = {target: self._looked_at(query) for target, query in queries.items()}
        check_known(looked.values(), even_if_unknown=even_if_unknown)
        return looked

    def _looked_at(self, query: Query) -> Query:
        """Return a query after a look at its photo, which is looked at once."""
        if query.picture and query not in self._looks:
            [self._looks[query]] = looked_at([query], lambda: self.separator)
        return self._looks.get(query, query)

    def facts(self, recording: Recording) -> dict[str, Any]:
        """Return what the page is told of a recording."""
        return recording.facts() | self.told(recording)

    def told(self, recording: Recording) -> dict[str, Any]:
        """Return the states of all targets, and which edition of them that is: of a process, the later one counts.

        It is told under a lock, so that no later edition is of an earlier state.
        """
        with self._telling:
            edition = [self._process, next(self._numbers)]
            states = self.hearing.states(recording)
        return {"edition": edition, "targets": [self.target(name, state) for name, state in states.items()]}

    def target(self, name: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of one target with its title."""
        return {"target": name, "title": self.title(name), **state}

    def title(self, target: str) -> str:
        """Return what a person calls a target."""
        if target in self.instruments:
            return target.replace("_", " ")
        try:
            picture = self.photos.query(target).picture
        except DeskError:  # its photo was removed from the home
            return "photo"
        return picture.stem if picture else target

    def listed(self, search: str, limit: int) -> list[dict[str, Any]]:
        """Return recordings for a list, with the targets whose masks are stored."""
        found = self.shelf.listed(search, limit)
        stored = self.hearing.stored_by_content({entry["digest"] for entry in found})
        return [
            {name: value for name, value in entry.items() if name != "digest"}
            | {"has_masks": stored.get(entry["digest"], [])}
            for entry in found
        ]

    def put_photo(self, file: Path) -> dict[str, Any]:
        """Take a photo, and return what the page is told of it."""
        query = self.photos.put(file)
        assert query.picture is not None
        return {
            "id": query.name,
            "title": query.picture.stem,
            "picture": f"/api/pictures/{query.name}.jpg",
            **look(self.separator, query.picture),
        }

    def begin_export(self, recording: Recording, body: Mapping[str, Any]) -> Export:
        """Begin to write the remix that a request asks for. Raises DeskError or UsageError for what cannot be."""
        queries = self.asked(targets_of(body), body)
        plan = plan_of_request(body, queries, even_if_absent=True)
        return self.exports.begin(recording, plan, {text_of(query): query for query in queries.values()})

    def plan_text(self, body: Mapping[str, Any]) -> str:
        """Return the wishes of a request as a plan for a library. Raises DeskError or UsageError for what cannot be."""
        return plan_text(plan_of_request(body, self.asked(targets_of(body), body), even_if_absent=False))

    def close(self) -> None:
        """Stop all work."""
        self.hearing.close()
        self.segments.close()
        self.exports.close()
