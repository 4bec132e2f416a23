"""Out of the desk: remixes and stems as files, made by the code that a night is made by, and the mix as a plan."""

import math
import secrets
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.errors import CatalogError
from catalog.masks import MaskReader
from catalog.store import Catalog
from desk.errors import DeskError, not_found
from desk.hearing import Hearing
from desk.recordings import Recording
from desk.uploads import harmless_name
from tasks.mask_file import grid_of
from tasks.presence import presence_of
from tasks.queries import Query
from tasks.remix_file import WatchedMasks, write_remix, write_unchanged
from tasks.stems import stem_name, told_of_stem
from tasks.who_hears import WhoHears
from tasks.wishes import wanted_of, writable
from varemix.errors import UsageError, VaremixError
from varemix.media.audio import OUTPUT_FORMATS, stem_format
from varemix.remix.automation import MAX_RANGES, seconds_of, time_text
from varemix.remix.mask_exponent import MASK_EXPONENT_LIMITS, PLAIN
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.plan_yaml import dump_plan
from varemix.remix.tuning import AS_RECORDED, Tuning

_MAX_KEPT = 32
_MAX_NAME_CHARACTERS = 100


@dataclass(kw_only=True)
class Export:
    """A file that is being written, or was; `share` is how much of it, 0 to 1, `said` and `reason` are for people.

    `faults` say by instrument why the separator that is named for it is not used.
    """

    id: str
    path: Path
    done: Future[None] = field(default_factory=Future)
    share: float = 0.0
    reason: str = ""
    said: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        state = "failed" if self.reason else "ready" if self.done.done() else "writing" if self.share else "waiting"
        return {
            "job": self.id,
            "name": self.path.name,
            "state": state,
            "share": round(self.share, 3),
            "said": self.reason or "; ".join(filter(None, [self.said, *self._others()])),
        }

    def _others(self) -> list[str]:
        return [f"{one} is separated by the built-in model: {why}" for one, why in self.faults.items()]


class Exports:
    """Writes files one after the other; the newest few are kept until the desk is closed."""

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
        if fault := wishes.fault(recording.row["duration_s"]):
            raise UsageError(fault)
        wishes = writable(wishes, recording.row.get("written_as"))
        plan = plan.model_copy(update={"format": wishes.format})
        wanted = wanted_of(wishes, queries)
        titles = {target: query.title for target, query in queries.items()}

        def write(export: Export) -> str:
            if wanted.wishes.is_unity:
                return write_unchanged(recording.path, export.path, wanted.wishes).in_words()
            row = self._heard(recording, wanted.names, wanted.who)
            masks, presence = self._hearing.file_of(row), presence_of(row)
            watch = partial(setattr, export, "share")
            return write_remix(recording.path, export.path, masks, presence, wanted, watch=watch).in_words()

        heard = None if wishes.is_unity else self._hearing.ask(recording, wanted.queries, who=wanted.who)
        return self._begun(export_name(recording.path, plan, titles), write, heard)

    def begin_stems(
        self,
        recording: Recording,
        queries: Sequence[Query],
        format_name: str | None,
        who: WhoHears,
        tuning: Tuning = AS_RECORDED,
    ) -> Export:
        """Begin to write what each mask of several instruments cuts out: one file, of more than one a zip."""
        default = stem_format(recording.row["container"], recording.row.get("written_as"))
        names = [stem_name(recording.path, Path(query.title).stem, format_name or default) for query in queries]
        if len(set(names)) < len(names):
            raise DeskError(422, "Two photos have the same name, and so would their files; give one another name.")

        def write(export: Export) -> str:
            row = self._heard(recording, [query.name for query in queries], who)
            folder = export.path.parent if len(names) == 1 else export.path.parent / "stems"
            folder.mkdir(exist_ok=True)
            stems = [folder / name for name in names]
            watch = partial(setattr, export, "share")
            said = self._cut(recording, row, queries, stems, format_name, tuning, watch)
            if len(stems) > 1:
                packed(stems, export.path)
                shutil.rmtree(folder)
            return said

        name = names[0] if len(names) == 1 else harmless_name(f"{recording.path.stem} (stems).zip", default="stems.zip")
        return self._begun(name, write, self._hearing.ask(recording, queries, who=who))

    def _cut(
        self,
        recording: Recording,
        row: Mapping[str, Any],
        queries: Sequence[Query],
        stems: Sequence[Path],
        format_name: str | None,
        tuning: Tuning,
        watch: Callable[[float], None],
    ) -> str:
        from varemix.remix.stems import render_stems

        with MaskReader(self._hearing.file_of(row)) as reader:
            masks = WatchedMasks(reader, [query.name for query in queries], watch)
            render_stems(recording.path, stems, masks, grid_of(reader.header), format_name=format_name, tuning=tuning)
        presence = presence_of(row)
        told = (told_of_stem(presence, query, recording.path, stem) for query, stem in zip(queries, stems, strict=True))
        return "; ".join(f"{stem.name}: {text}" for stem, text in zip(stems, told, strict=True) if text)

    def _heard(self, recording: Recording, names: Sequence[str], who: WhoHears) -> dict[str, Any]:
        """Return the row of stored masks. Raises DeskError, which says why there are none."""
        row = self._hearing.row(recording, set(names), who=who)
        if row is None:
            self._hearing.masks(recording, names, who=who)  # says why there are none
            raise DeskError(422, "These instruments could not be analysed. Try again.")
        return row

    def _begun(self, name: str, write: Callable[[Export], str], heard: Future[None] | None) -> Export:
        """Return an export that is written as soon as what it needs is heard."""
        own = secrets.token_hex(10)
        export = Export(id=own, path=self._folder / own / name)
        with self._lock:
            if sum(not other.done.done() for other in self._exports.values()) >= _MAX_KEPT:
                raise DeskError(503, "The desk is writing too many files already. Wait a while.", {"Retry-After": "5"})
            self._exports[own] = export
            self._forget_oldest()

        def submit(_: Any = None) -> None:
            self._pool.submit(self._write, export, write)

        heard.add_done_callback(submit) if heard else submit()
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

    def _write(self, export: Export, write: Callable[[Export], str]) -> None:
        try:
            export.path.parent.mkdir(parents=True)
            export.said = write(export)
        except (DeskError, VaremixError, CatalogError, OSError) as error:
            export.reason = str(error)
        except Exception as error:  # noqa: BLE001 - who waits for the file must hear of it
            export.reason = f"{type(error).__name__}: {error}"
        if export.reason:
            shutil.rmtree(export.path.parent, ignore_errors=True)  # what is half-written takes room
        export.done.set_result(None)

    def _forget_oldest(self) -> None:
        over = [own for own, export in self._exports.items() if export.done.done()]
        for own in over[: max(0, len(self._exports) - _MAX_KEPT)]:
            shutil.rmtree(self._exports.pop(own).path.parent, ignore_errors=True)


def plan_of_request(
    body: Mapping[str, Any],
    queries: Mapping[str, Query],
    *,
    even_if_absent: bool,
    separator: Mapping[str, str] | None = None,
) -> RemixPlan:
    """Return the plan that the page's gains are; pictures go by their paths. Raises UsageError, DeskError."""
    gains = body.get("gains")
    if not isinstance(gains, dict) or not all(_is_gain(value) or _is_gain_list(value) for value in gains.values()):
        raise DeskError(
            422,
            "`gains` says by target how many dB louder or softer each is, or mute, or solo, or lists such in time.",
        )
    texts = []
    for target, value in gains.items():
        parts = map(_part_text, value) if isinstance(value, list) else [_gain_text(value)]
        texts += [f"{text_of(queries[target])}={part}" for part in parts]
    file_format = format_of(body)
    absent = body.get("even_if_absent", even_if_absent)
    if not isinstance(absent, bool):
        raise DeskError(422, "`even_if_absent` is true or false.")
    exponent = exponent_of(body.get("mask_exponent", PLAIN))
    is_doubted = any(query.doubt for query in queries.values())
    settings: dict[str, Any] = {"mask_exponent": exponent, "even_if_unknown": is_doubted or None, "format": file_format}
    tuning = tuning_of(body)
    if not texts and file_format is None and tuning.is_none:
        return RemixPlan.model_validate({})  # the recording as it is
    if not tuning.is_none:
        settings |= {"tempo": round(100 * tuning.tempo, 6), "transpose": tuning.transpose_semitones}
    return plan_of(texts, force=absent, separator=dict(separator or {}) or None, **settings)


def exponent_of(value: object) -> float:
    """Return a mask exponent that the page gave, as a number or as text. Raises DeskError for what is none."""
    lowest, highest = MASK_EXPONENT_LIMITS
    try:
        exponent = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        exponent = math.nan
    if not lowest <= exponent <= highest:
        raise DeskError(422, f"The mask exponent is a number from {lowest:g} to {highest:g}.")
    return exponent


def tuning_of(body: Mapping[str, Any]) -> Tuning:
    """Return tempo and transposition that a request names. Raises DeskError, or UsageError, for what cannot be."""
    values = body.get("tempo", 1.0), body.get("transpose_semitones", 0.0)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise DeskError(422, "`tempo` and `transpose_semitones` are numbers.")
    try:
        tempo, semitones = map(float, values)
    except OverflowError:
        tempo = semitones = math.inf  # which is said to be out of range
    return Tuning(tempo=tempo, transpose_semitones=semitones)


def format_of(body: Mapping[str, Any]) -> str | None:
    """Return the format that a request names, None for the recording's own. Raises UsageError for another."""
    name = body.get("format")
    if name is not None and not (isinstance(name, str) and name in OUTPUT_FORMATS):
        raise UsageError(f"There is no such format; one of {', '.join(OUTPUT_FORMATS)} is expected.")
    return name


def packed(files: Sequence[Path], target: Path) -> None:
    """Pack files into a zip, as they are: sound does not get smaller."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, file.name)


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
        elif isinstance(gain, tuple):
            said.append(f"{title} automated")
        elif gain:
            said.append(f"{title} {gain:+.3g} dB")
    told = ", ".join([*said, *filter(None, [plan.tuning.text])])
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


def _is_gain_list(value: object) -> bool:
    """Return whether a value has the form of gains in time; whether they can be is asked of their text."""
    return isinstance(value, list) and 0 < len(value) <= MAX_RANGES + 1 and all(map(_is_part, value))


def _is_part(part: object) -> bool:
    if not isinstance(part, dict) or "db" not in part or not part.keys() <= {"from", "to", "db", "fade"}:
        return False
    return all(_is_gain(value) for value in part.values())


def _part_text(part: Mapping[str, str | float]) -> str:
    """Return a gain in time as it is written on the command line."""
    gain = _gain_text(part["db"])
    if not part.keys() & {"from", "to"}:
        return gain
    span = "-".join(time_text(seconds_of(part[name])) if name in part else "" for name in ("from", "to"))
    return f"{gain}@{span}" + (f"~{part['fade']}" if "fade" in part else "")


def _gain_text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    try:
        return "mute" if value == -math.inf else repr(float(value))
    except OverflowError:
        return "too much"  # which is said to be no number of dB
