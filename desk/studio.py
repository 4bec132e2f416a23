"""All that the desk works with: catalog, checkpoint, recordings, jobs. It is there before the model is loaded."""

import secrets
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from catalog.files import temporary_folder
from catalog.store import Catalog
from desk.batch import Batch, out_of
from desk.depths import Depths
from desk.errors import DeskError
from desk.exports import (
    Export,
    Exports,
    exponent_of,
    format_of,
    plan_of_request,
    plan_text,
    targets_of,
    text_of,
    tuning_of,
)
from desk.hearing import Hearing
from desk.loading import Opened
from desk.loudness import Loudness
from desk.mixes import MAX_TITLE, mix_of
from desk.photos import Photos, look
from desk.recordings import Recording, Shelf
from desk.segments import Company, Segments
from desk.separators import Chosen, choices, chosen, has_others
from desk.sessions import Session, Sessions
from desk.uploads import MAX_RECORDING_BYTES
from desk.views import Views
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.queries import Query, check_known, known_qualities, looked_at
from tasks.who_hears import WhoHears, who_hears
from tasks.wishes import wanted_of
from varemix.media.audio import OUTPUT_FORMATS
from varemix.media.pictures import MAX_BYTES as MAX_PICTURE_BYTES
from varemix.remix.plan import RemixPlan

if TYPE_CHECKING:
    from varemix.model.separator import Separator

EXAMPLE = Path(__file__).parent / "example"
_MAX_TARGETS = 50


class Studio:
    """The desk's workroom. Temporary files go into `folder`, which the caller removes after `close`."""

    def __init__(self, opened: Opened, folder: Path) -> None:
        self.catalog = Catalog(opened.home)
        self._row = checkpoint_row(self.catalog, opened.checkpoint)
        self.qualities = known_qualities(self.catalog, self._row)
        self._at_first = who_hears(opened.separator).named
        self.instruments = tuple(quality.instrument for quality in self.qualities)
        self.shelf = Shelf(self.catalog, library=opened.library, single=opened.recording)
        self.photos = Photos(opened.home.photos)
        self._looks: dict[Query, Query] = {}
        self._likenesses: dict[str, dict[str, Any]] = {}
        self._process, self._numbers, self._telling = secrets.token_hex(4), count(1), Lock()
        self.hearing = Hearing(self.catalog, self._row["checkpoint_id"], self.instruments, folder)
        self.segments = Segments(self.hearing, folder)
        self.views = Views(folder)
        self.depths = Depths()
        self._batch = opened.batch
        self.sessions = Sessions(self.catalog.home.sessions)
        self._loudness = Loudness(self.hearing)
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
            "separator": self._at_first,
            "has_separators": has_others(),
            "formats": list(OUTPUT_FORMATS),
            "max_upload_bytes": MAX_RECORDING_BYTES,
            "max_picture_bytes": MAX_PICTURE_BYTES,
            "opened": self.shelf.opened_id,
            "library": str(self._batch.library) if self._batch else None,
            "library_out": str(self._batch.usual_out) if self._batch else None,
        }

    def chosen(self, separator: object = None) -> Chosen:
        """Return who separates where separators are named by instrument. Raises DeskError for what names none."""
        return chosen(mix_of({"separator": separator or {}}).separator)

    def separators(self) -> list[dict[str, Any]]:
        """Return the separators of this host that can be chosen, each with its instruments."""
        return choices(self.instruments)

    def query(self, target: object, who: WhoHears) -> Query:
        """Return the query of a target, an instrument's name or a photo's id. Raises DeskError for another."""
        known = self.hearing.instruments(who)
        if isinstance(target, str) and target in known:
            return Query(name=target)
        if isinstance(target, str) and target.startswith("picture-"):
            return self.photos.query(target)
        raise DeskError(422, f"There is no such instrument; one of {', '.join(known)} is expected, or a photo.")

    def queries(self, targets: object, who: WhoHears) -> dict[str, Query]:
        """Return the queries of several targets by target, each once. Raises DeskError where one is none."""
        if not isinstance(targets, Sequence) or isinstance(targets, str) or not 0 < len(targets) <= _MAX_TARGETS:
            raise DeskError(422, f"Between 1 and {_MAX_TARGETS} instruments are expected.")
        return {str(target): self.query(target, who) for target in targets}

    def company(self, targets: Sequence[str], moved: Sequence[str], exponent: object, who: WhoHears) -> Company:
        """Return those who are on the desk together; nobody stands for the original.

        Raises DeskError for one who is none, or an exponent that cannot be.
        """
        names = [query.name for query in self.queries(targets, who).values()] if targets else []
        counting = [query.name for query in self.queries(moved, who).values()] if moved else []
        if not set(counting) <= set(names):
            raise DeskError(422, "Those that are moved are to be among those with whom they are.")
        return Company.of(names, mask_exponent=exponent_of(exponent), moved=counting, who=who)

    def asked(self, targets: object, body: Mapping[str, Any], who: WhoHears) -> dict[str, Query]:
        """Return the queries of targets by target, after a look at the photos.

        Raises UsageError for one that shows no instrument that is known, unless the request's `even_if_unknown` is
        true; DeskError as `queries`.
        """
        even_if_unknown = body.get("even_if_unknown", False)
        if not isinstance(even_if_unknown, bool):
            raise DeskError(422, "`even_if_unknown` is true or false.")
        queries = self.queries(targets, who)
        looked = {target: self._looked_at(query) for target, query in queries.items()}
        check_known(looked.values(), even_if_unknown=even_if_unknown)
        return looked

    def _with_gains(self, body: Mapping[str, Any], who: WhoHears) -> dict[str, Query]:
        """Return the queries of those that a request has gains for; none where no fader is moved."""
        targets = targets_of(body)
        return self.asked(targets, body, who) if targets else {}

    def _looked_at(self, query: Query) -> Query:
        """Return a query after a look at its photo, which is looked at once."""
        if query.picture and query not in self._looks:
            [self._looks[query]] = looked_at([query], lambda: self.separator)
        return self._looks.get(query, query)

    def facts(self, recording: Recording, here: Chosen) -> dict[str, Any]:
        """Return what the page is told of a recording."""
        return recording.facts() | self.told(recording, here)

    def told(self, recording: Recording, here: Chosen) -> dict[str, Any]:
        """Return the states of all targets, and which edition of them that is: of a process, the later one counts.

        It is told under a lock, so that no later edition is of an earlier state. `separator_faults` say by instrument
        why the separator that is named for it is not used.
        """
        with self._telling:
            edition = [self._process, next(self._numbers)]
            states = self.hearing.states(recording, here.who)
        targets = [self.target(name, state) for name, state in states.items()]
        return {"edition": edition, "targets": targets, "separator_faults": here.faults}

    def target(self, name: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of one target with its title."""
        return {"target": name, "title": self.title(name), **state}

    def title(self, target: str) -> str:
        """Return what a person calls a target."""
        if not target.startswith("picture-"):
            return target.replace("_", " ")
        try:
            picture = self.photos.query(target).picture
        except DeskError:  # its photo was removed from the home
            return "photo"
        return picture.stem if picture else target

    def listed(self, search: str, limit: int) -> list[dict[str, Any]]:
        """Return recordings for a list, with the targets whose masks are stored."""
        found = self.shelf.listed(search, limit)
        who = self.chosen(self._at_first).who
        stored = self.hearing.stored_by_content({entry["digest"] for entry in found}, who)
        sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for session in self.sessions.listed():
            sessions[session.recording].append(session.listed())
        return [
            {name: value for name, value in entry.items() if name != "digest"}
            | {"has_masks": stored.get(entry["digest"], []), "sessions": sessions.get(entry["id"], [])}
            for entry in found
        ]

    def example(self) -> Recording:
        """Return the recording that comes along, dropped as a visitor would drop one of theirs."""
        [source] = EXAMPLE.glob("*.ogg")
        with temporary_folder(self.catalog.home.dropped) as folder:
            return self.shelf.put(Path(shutil.copy(source, folder)))

    def opened_session(self, recording: Recording, body: Mapping[str, Any]) -> Session:
        """Return the session of a recording that was changed last, or a new one with the request's mix."""
        is_new, name = body.get("is_new", False), body.get("name")
        if not isinstance(is_new, bool) or not (name is None or isinstance(name, str)):
            raise DeskError(422, "`is_new` is true or false, and `name` is a text.")
        given = body.get("mix", {})
        mix = mix_of({"separator": self._at_first} | given if isinstance(given, dict) else given)
        return self.sessions.opened(recording.id, mix, is_new=is_new, name=(name or "").strip()[:MAX_TITLE] or None)

    def put_photo(self, file: Path) -> dict[str, Any]:
        """Take a photo, and return what the page is told of it."""
        return self.photo(self.photos.put(file))

    def photos_together(self, owns: object) -> dict[str, Any]:
        """Take several photos for one instrument, and return what the page is told of them."""
        if not isinstance(owns, list) or not all(isinstance(own, str) for own in owns):
            raise DeskError(422, "`of` lists the ids of photos.")
        return self.photo(self.photos.together(owns))

    def photo(self, query: Query) -> dict[str, Any]:
        """Return what the page is told of a photo, or of several of one instrument."""
        assert query.picture is not None
        if query.name not in self._likenesses:
            self._likenesses[query.name] = look(self.separator, query.pictures)
        return {
            "id": query.name,
            "title": query.picture.stem,
            "picture": f"/api/pictures/{query.name}.jpg",
            "num_photos": len(query.pictures),
            **self._likenesses[query.name],
        }

    def begin_export(self, recording: Recording, body: Mapping[str, Any]) -> Export:
        """Begin to write the remix or the stems that a request asks for.

        Raises DeskError or UsageError for what cannot be.
        """
        here = self.chosen(body.get("separator"))
        export = self._begun_export(recording, body, here.who)
        export.faults = here.faults
        return export

    def _begun_export(self, recording: Recording, body: Mapping[str, Any], who: WhoHears) -> Export:
        if "stems" in body:
            stems = self.asked(body["stems"], body, who)
            return self.exports.begin_stems(recording, list(stems.values()), format_of(body), who, tuning_of(body))
        queries = self._with_gains(body, who)
        plan = plan_of_request(body, queries, even_if_absent=True, separator=who.named)
        return self.exports.begin(recording, plan, {text_of(query): query for query in queries.values()})

    def loudness(self, recording: Recording, body: Mapping[str, Any]) -> dict[str, float | None]:
        """Return how loud a recording is, and a request's mix of it. Raises DeskError or UsageError."""
        who = self.chosen(body.get("separator")).who
        queries = self._with_gains(body, who)
        plan = plan_of_request(body, queries, even_if_absent=True, separator=who.named)
        wishes = plan.for_track(recording.row["track_path"], recording.tags, recording.row["duration_s"])
        if fault := wishes.fault(recording.row["duration_s"]):
            raise DeskError(422, fault)
        wanted = wanted_of(wishes, {text_of(query): query for query in queries.values()})
        return self._loudness.told(recording, wanted)

    def plan_text(self, body: Mapping[str, Any]) -> str:
        """Return the wishes of a request as a plan for a library. Raises DeskError or UsageError for what cannot be."""
        return plan_text(self._plan_of(body))

    def _plan_of(self, body: Mapping[str, Any]) -> RemixPlan:
        who = self.chosen(body.get("separator")).who
        queries = self.asked(targets_of(body), body, who)
        return plan_of_request(body, queries, even_if_absent=False, separator=who.named)

    def library_preview(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request's mix would do to the library, in words and figures; nothing is written."""
        batch, out, plan = self._library_remix(body)
        return {"plan": plan_text(plan), **batch.preview(batch.library, out, plan)}

    def library_start(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Start to remix the library by a request's mix. Raises UsageError where there is no service to do it."""
        batch, out, plan = self._library_remix(body)
        return {"run": batch.start(batch.library, out, plan), "out": str(out)}

    def _library_remix(self, body: Mapping[str, Any]) -> tuple[Batch, Path, RemixPlan]:
        if self._batch is None:
            raise DeskError(409, "The desk was opened without a library. Open it with --library FOLDER.")
        return self._batch, out_of(body.get("out"), self._batch), self._plan_of(body)

    def close(self) -> None:
        """Stop all work."""
        self.hearing.close()
        self.segments.close()
        self.exports.close()
