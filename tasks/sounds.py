"""Step: a list of sounds -> clips in few WAV files at 44.1 kHz, and a row for each clip, whatever became of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from catalog.csv_lists import is_address
from catalog.files import Home, replacing, temporary_folder
from catalog.ids import content_id, file_digest
from catalog.sound_lists import SoundFile, SourceSound
from catalog.store import Catalog
from tasks.origin import run_id
from tasks.shards import Outcome, is_last_try, outcome_of, shard_task
from tasks.source_files import SourceFacts, at_hand, facts_of, was_asked_today
from varemix.errors import DownloadError, DownloadInterruptedError, MediaError, VideoUnavailableError
from varemix.media.audio import AudioReader
from varemix.media.download import DownloadOptions
from varemix.media.sound_clips import Packs, SoundClip, cut_sound
from varemix.redaction import redacted
from varemix.signal.grid import RATE_HZ

STEP_VERSION = 1
_PACK_DIGITS = 20

Row = dict[str, Any]


@shard_task("sounds")
def prepare_sounds(*, items: list[SoundFile], shard: str, home: str, options: DownloadOptions) -> list[Outcome]:
    """Make the clips of a shard of files that do not stand yet; a row ends `ready`, `unavailable` or `failed`.

    The clips of a shard lie in one file, or in a few where they are long. Raises DownloadInterruptedError, to be tried
    again, while something was interrupted and tries are left.
    """
    catalog = Catalog(Home.open(home))
    shelf = Shelf.of(catalog, [clip for file in items for clip in file.clips])
    room = catalog.home.root / "sounds"
    with temporary_folder(room) as folder:
        with Packs(folder, RATE_HZ) as packs:
            made = [found for file in items for found in _prepared(file, shelf, packs, folder, options)]
        kept = [_kept(catalog.home, path) for path in packs.paths]
    rows = [_placed(found.row, kept) for found in made if found.is_new]
    catalog.merge("sounds", [row | {"run_id": run_id(), "updated_at": None} for row in rows])
    interrupted = [found.name for found in made if found.may_come_yet]
    if interrupted and not is_last_try():
        raise DownloadInterruptedError(f"{len(interrupted)} sounds were interrupted, the first is {interrupted[0]}.")
    return [found.outcome for found in made]


def sound_id(sound: SourceSound) -> str:
    """Return the id of a clip of a list, whatever lies there."""
    return content_id(
        "sound", source=sound.source, file=sound.file, first_sample=sound.first_sample, num_samples=sound.num_samples
    )


def clip_id(sound: SourceSound, source_digest: str) -> str:
    """Return what stands for the sound of a clip: the file's content, the place in it, how it is prepared."""
    return content_id(
        "sound clip",
        version=STEP_VERSION,
        source=source_digest,
        first_sample=sound.first_sample,
        num_samples=sound.num_samples,
        rate_hz=RATE_HZ,
    )


def called(sound: SourceSound) -> str:
    """Return how a person calls a clip: its file, and of a part of it the first sample."""
    name = _told_file(sound)
    return name if sound.num_samples is None and not sound.first_sample else f"{name} from {sound.first_sample} on"


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What the catalog holds of some clips: their rows, and which of the files that these name are there."""

    rows: Mapping[str, Row]
    held: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog, sounds: Sequence[SourceSound]) -> "Shelf":
        """Return what the catalog holds of these clips."""
        found = catalog.read_rows("sounds", where={"sound_id": [sound_id(sound) for sound in sounds]})
        paths = {row["wav_path"] for row in found if row["wav_path"]}
        return cls(
            rows={row["sound_id"]: row for row in found},
            held=frozenset(path for path in paths if catalog.home.holds(path)),
        )

    def row(self, sound: SourceSound) -> Row | None:
        """Return the row of a clip."""
        return self.rows.get(sound_id(sound))

    def is_ready(self, row: Row | None) -> bool:
        """Return whether a row's sound is there."""
        return row is not None and row["status"] == "ready" and row["wav_path"] in self.held


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What became of a clip: its row, whether that is to be written, and whether another try may help."""

    name: str
    row: Row
    is_new: bool
    may_come_yet: bool = False

    @property
    def outcome(self) -> Outcome:
        stands = self.row["status"] == "ready" and not self.is_new
        return Outcome(item=self.name, status="skipped") if stands else outcome_of(self.name, self.row)


def _prepared(file: SoundFile, shelf: Shelf, packs: Packs, work: Path, options: DownloadOptions) -> Iterator[_Found]:
    """Yield what becomes of each clip of a file; what is to be fetched is so only where a clip is to be made."""
    waiting = []
    for sound in file.clips:
        row = shelf.row(sound)
        if row and ((is_address(file.place) and shelf.is_ready(row)) or was_asked_today(row)):
            yield _standing(sound, row)
        else:
            waiting.append(sound)
    if not waiting:
        return
    try:
        with at_hand(file.place, work, options) as path:
            known = [row for sound in waiting if (row := shelf.row(sound))]
            yield from _from_file(path, waiting, shelf, facts_of(path, file.place, known), packs)
    except (DownloadError, MediaError) as error:
        status = "unavailable" if isinstance(error, VideoUnavailableError) else "failed"
        may_come_yet = isinstance(error, DownloadInterruptedError)
        for sound in waiting:
            row = shelf.row(sound)
            if row and shelf.is_ready(row):  # what it was made of may be put away
                yield _standing(sound, row)
            else:
                yield _lost(sound, str(error), may_come_yet=may_come_yet, status=status)


def _from_file(
    path: Path, sounds: Sequence[SourceSound], shelf: Shelf, facts: SourceFacts, packs: Packs
) -> Iterator[_Found]:
    """Yield what becomes of clips of a file that is at hand, which is opened only where one is to be made."""
    with ExitStack() as stack:
        opened: AudioReader | MediaError | None = None
        for sound in sounds:
            told = facts.as_dict() | {"clip_id": clip_id(sound, facts.source_digest)}
            row = shelf.row(sound)
            if row and row["clip_id"] == told["clip_id"] and (shelf.is_ready(row) or row["status"] == "failed"):
                yield _standing(sound, row, told)
                continue
            opened = opened or _opened(path, stack)
            try:
                if isinstance(opened, MediaError):
                    raise opened
                clip = cut_sound(opened, sound.first_sample, sound.num_samples, RATE_HZ)
            except MediaError as error:
                yield _lost(sound, str(error), told)
                continue
            number, first_sample = packs.add(clip.samples)
            place = {"pack": number, "first_sample": first_sample, "status": "ready"}
            yield _Found(name=called(sound), row=_listed(sound) | told | _measured(clip) | place, is_new=True)


def _opened(path: Path, stack: ExitStack) -> AudioReader | MediaError:
    """Return the open file, or why it cannot be opened: the same for all of its clips."""
    try:
        return stack.enter_context(AudioReader(path))
    except MediaError as error:
        return error


def _standing(sound: SourceSound, row: Row, told: Row | None = None) -> _Found:
    """Return a clip that need not be made again; its row is written where list or file tell something new of it."""
    new = row | _listed(sound) | (told or {})
    return _Found(name=called(sound), row=new, is_new=new != row)


def _lost(
    sound: SourceSound,
    reason: str,
    told: Row | None = None,
    *,
    status: str = "failed",
    may_come_yet: bool = False,
) -> _Found:
    row = _listed(sound) | (told or {}) | {"status": status, "reason": reason}
    return _Found(name=called(sound), row=row, is_new=True, may_come_yet=may_come_yet)


def _listed(sound: SourceSound) -> Row:
    """Return the columns that the list tells."""
    return {
        "sound_id": sound_id(sound),
        "label": sound.label,
        "kind": sound.kind,
        "group": sound.group,
        "split": sound.split,
        "piece": sound.piece,
        "pitch_hz": sound.pitch_hz,
        "licence": sound.licence,
        "source": sound.source,
        "file": _told_file(sound),
        "source_first_sample": sound.first_sample,
        "source_num_samples": sound.num_samples,
    }


def _measured(clip: SoundClip) -> Row:
    """Return the columns that the sound tells."""
    facts = {field.name: getattr(clip, field.name) for field in fields(clip) if field.name != "samples"}
    return facts | {"num_samples": clip.samples.size, "rate_hz": RATE_HZ}


def _kept(home: Home, made: Path) -> tuple[str, str]:
    """Put a finished file in its place, named after its content; return what tables call it, and its digest."""
    digest = file_digest(made)
    place = home.sounds(digest[:_PACK_DIGITS])
    with replacing(place) as temporary:
        made.replace(temporary)
    home.keep(place)
    return home.relative(place), digest


def _placed(row: Row, kept: Sequence[tuple[str, str]]) -> Row:
    """Return a row that names the file of its sound, in the place of a number."""
    if "pack" not in row:
        return row
    path, digest = kept[row["pack"]]
    return {name: value for name, value in row.items() if name != "pack"} | {"wav_path": path, "wav_digest": digest}


def _told_file(sound: SourceSound) -> str:
    """Return the file as rows tell it: an address without passwords and tokens."""
    return redacted(sound.file) if is_address(sound.file) else sound.file
