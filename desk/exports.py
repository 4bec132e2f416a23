"""Out of the desk: the remix as a file, made by the code that a night is made by, and the wishes as a plan."""

import math
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.errors import CatalogError
from catalog.store import Catalog
from desk.errors import DeskError, not_found
from desk.hearing import Hearing
from desk.recordings import Recording
from desk.uploads import harmless_name
from tasks.presence import presence_of
from tasks.queries import Query
from tasks.remix_file import write_remix, write_unchanged
from tasks.wishes import wanted_of, writable
from varemix.errors import UsageError, VaremixError
from varemix.media.audio import OUTPUT_FORMATS
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.plan_yaml import dump_plan

_MAX_KEPT = 32
_MAX_NAME_CHARACTERS = 100


@dataclass(kw_only=True)
class Export:
    """A remix that is being written, or was."""

    id: str
    path: Path
    done: Future[None] = field(default_factory=Future)
    reason: str = ""
    said: str = ""


class Exports:
    """Writes remixes one after the other; the newest few are kept until the desk is closed."""

    def __init__(self, catalog: Catalog, hearing: Hearing, folder: Path) -> None:
        self._catalog = catalog
        self._hearing = hearing
        self._folder = folder
        self._exports: dict[str, Export] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="export")

    def begin(self, recording: Recording, plan: RemixPlan, queries: Mapping[str, Query]) -> Export:
        """Begin to write a remix. Raises UsageError for wishes that cannot be."""
        wishes = plan.for_track(recording.row["track_path"], recording.tags, recording.row["duration_s"])
        wishes = writable(wishes, recording.row.get("written_as"))
        plan = plan.model_copy(update={"format": wishes.format})
        wanted = wanted_of(wishes, queries)
        own = secrets.token_hex(10)
        titles = {target: query.title for target, query in queries.items()}
        name = export_name(recording.path, plan, titles)
        export = Export(id=own, path=self._folder / own / name)
        with self._lock:
            if sum(not other.done.done() for other in self._exports.values()) >= _MAX_KEPT:
                raise DeskError(503, "The desk is writing too many files already. Wait a while.", {"Retry-After": "5"})
            self._exports[own] = export
            self._forget_oldest()
        heard = None if wishes.is_unity else self._hearing.ask(recording, wanted.queries)

        def write(_: Any = None) -> None:
            self._pool.submit(self._write, export, recording, wanted)

        heard.add_done_callback(write) if heard else write()
        return export

    def export(self, own: str) -> Export:
        """Return an export by its id. Raises DeskError where there is none."""
        found = self._exports.get(own)
        if found is None:
            raise not_found("export")
        return found

    def close(self) -> None:
        """Write no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _write(self, export: Export, recording: Recording, wanted: Any) -> None:
        try:
            export.path.parent.mkdir(parents=True)
            row = None if wanted.wishes.is_unity else self._hearing.row(recording, set(wanted.names))
            if wanted.wishes.is_unity:
                made = write_unchanged(recording.path, export.path, wanted.wishes)
            elif row is None:
                self._hearing.masks(recording, wanted.names)  # says why there are none
                raise DeskError(422, "These instruments could not be heard. Try again.")
            else:
                masks = self._hearing.file_of(row)
                made = write_remix(recording.path, export.path, masks, presence_of(row), wanted)
            export.said = made.in_words()
        except (DeskError, VaremixError, CatalogError, OSError) as error:
            export.reason = str(error)
        except Exception as error:  # noqa: BLE001 - who waits for the file must hear of it
            export.reason = f"{type(error).__name__}: {error}"
        export.done.set_result(None)

    def _forget_oldest(self) -> None:
        over = [own for own, export in self._exports.items() if export.done.done()]
        for own in over[: max(0, len(self._exports) - _MAX_KEPT)]:
            export = self._exports.pop(own)
            export.path.unlink(missing_ok=True)


def plan_of_request(
    body: Mapping[str, Any],
    queries: Mapping[str, Query],
    *,
    even_if_absent: bool,
    separator: Mapping[str, str] | None = None,
) -> RemixPlan:
    """Return the plan that the page's gains are; pictures go by their paths. Raises UsageError, DeskError."""
    gains = body.get("gains")
    if not isinstance(gains, dict) or not all(_is_gain(value) for value in gains.values()):
        raise DeskError(422, "`gains` says by target how many dB louder or softer each shall be, or mute, or solo.")
    texts = []
    for target, value in gains.items():
        query = queries[target]
        texts.append(f"{text_of(query)}={_gain_text(value)}")
    file_format = body.get("format")
    if file_format is not None and not (isinstance(file_format, str) and file_format in OUTPUT_FORMATS):
        raise UsageError(f"There is no such format; one of {', '.join(OUTPUT_FORMATS)} is expected.")
    absent = body.get("even_if_absent", even_if_absent)
    if not isinstance(absent, bool):
        raise DeskError(422, "`even_if_absent` is true or false.")
    is_doubted = any(query.doubt for query in queries.values())
    return plan_of(
        texts,
        even_if_absent=absent,
        even_if_unknown=is_doubted or None,
        format=file_format,
        separator=dict(separator) if separator else None,
    )


def plan_text(plan: RemixPlan) -> str:
    """Return a plan as the file that `varemix remix --plan` reads."""
    return f"# varemix remix LIBRARY --out FOLDER --plan remix.yaml\n{dump_plan(plan)}"


def export_name(source: Path, plan: RemixPlan, titles: Mapping[str, str]) -> str:
    """Return how the remix of a recording is called, such as `song (violin -6 dB).flac`."""
    suffix = OUTPUT_FORMATS[plan.format].suffix if plan.format else source.suffix
    said = []
    for target, gain in plan.gains.items():
        title = Path(titles.get(target, target)).stem.replace("_", " ")
        if isinstance(gain, str):
            said.append(f"{title} {gain}")
        elif gain:
            said.append(f"{title} {gain:+.3g} dB")
    told = ", ".join(said)
    if len(told) > _MAX_NAME_CHARACTERS:
        told = f"{len(said)} instruments"
    stem = source.stem[:_MAX_NAME_CHARACTERS]
    return harmless_name(f"{stem} ({told or 'unchanged'}){suffix}", default=f"remix{suffix}")


def text_of(query: Query) -> str:
    """Return how a plan names what is asked for."""
    return str(query.picture or query.name)


def targets_of(body: Mapping[str, Any]) -> Sequence[str]:
    """Return the targets that a request's gains are for."""
    gains = body.get("gains")
    return list(gains) if isinstance(gains, dict) else []


def _is_gain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _gain_text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    try:
        return "mute" if value == -math.inf else repr(float(value))
    except OverflowError:
        return "too much"  # which is said to be no number of dB
