"""Step: checkpoint and what is learnt from -> recordings that it takes for something else, for people to hear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.progress import bar
from tasks.shards import Outcome, is_transient
from tasks.training_rows import sound_of
from varemix.errors import MediaError
from varemix.media.sounds import Sound, read_sound
from varemix.signal.grid import RATE_HZ
from varemix.signal.presence import PresenceMeter
from varemix.wording import markdown

if TYPE_CHECKING:
    from varemix.model.separator import Separator

LEAST_OTHER_DB, MOST_OWN_DB = -0.5, -20.0
"""Another instrument claims nearly nine tenths of the sound, and its own not a hundredth."""

_HEARD_S = 12.0
_HEARD_KINDS = ["phrase", "synth", "ensemble"]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A recording whose label is doubted: what it is heard as, and how much of it that and its own label claim."""

    item: str
    label: str
    heard_as: str
    heard_db: float
    own_db: float


@task(name="labels", task_run_name="labels", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def doubt_labels(*, home: str, checkpoint_id: str | None = None) -> tuple[list[Doubt], list[Outcome]]:
    """Hear all clips and sounds whose labels a checkpoint knows; return those that it takes for something else.

    Single notes are left out: of one alone too little is heard to tell a wrong label from a hard note. None of them is
    changed or left out of training for that. Outcomes tell of every recording that was heard.
    """
    catalog = Catalog(Home.open(home))
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    listed = [one for one in _listed(catalog) if one[1].label in separator.instruments]
    doubts, outcomes = [], []
    with bar("labels", len(listed)) as advance:
        for item, sound in listed:
            try:
                doubt = _doubt(separator, item, sound)
            except MediaError as error:
                outcomes.append(Outcome(item=item, status="failed", reason=str(error)))
            else:
                doubts += [doubt] if doubt else []
                outcomes.append(Outcome(item=item, status="done", reason=""))
            advance(1)
    return sorted(doubts, key=lambda doubt: doubt.own_db), outcomes


def doubt_table(doubts: Sequence[Doubt]) -> str:
    """Return the doubts as Markdown, the strongest first."""
    if not doubts:
        return "No label is doubted."
    rows = [[one.item, one.label, one.heard_as, _share(one.heard_db), _share(one.own_db)] for one in doubts]
    table = markdown([["recording", "listed as", "heard as", "which claims", "and its own label"], *rows])
    return f"{table}\n\nListen to them, and correct the list of what is wrong: nothing was changed."


def _share(level_db: float) -> str:
    return f"{10 ** (level_db / 10):.1%}"


def _listed(catalog: Catalog) -> Iterator[tuple[str, Sound]]:
    """Yield what each clip and sound that is ready is called, and its sound."""
    for row in catalog.read_rows("clips", where={"status": "ready"}):
        yield row["video_id"], _whole(catalog.home, row)
    for row in catalog.read_rows("sounds", where={"status": "ready", "kind": _HEARD_KINDS}):
        part = f" from {row['source_first_sample']} on" if row["source_num_samples"] else ""
        yield f"{row['file']}{part}", sound_of(catalog.home, row)


def _whole(home: Home, row: dict[str, Any]) -> Sound:
    return Sound(
        path=home.fetched(row["wav_path"]),
        first_s=0.0,
        duration_s=row["duration_s"],
        label=row["instrument"],
        kind="phrase",
        group=row["video_id"],
        split=row["split"],
    )


def _doubt(separator: "Separator", item: str, sound: Sound) -> Doubt | None:
    """Return the doubt about a recording, of which at most the middle is heard."""
    seconds = min(sound.duration_s, _HEARD_S)
    first_s = (sound.duration_s - seconds) / 2
    samples = read_sound(sound, after_s=first_s, num_samples=round(seconds * RATE_HZ), rate_hz=RATE_HZ)
    meter = PresenceMeter(len(separator.instruments), separator.mask_grid)
    for _ in separator.mask_blocks([samples], separator.instrument_queries, meter=meter):
        pass
    shares_db = meter.shares_db()
    own_db, loudest = float(shares_db[separator.instruments.index(sound.label)]), int(shares_db.argmax())
    if shares_db[loudest] < LEAST_OTHER_DB or own_db > MOST_OWN_DB:
        return None
    return Doubt(
        item=item,
        label=sound.label,
        heard_as=separator.instruments[loudest],
        heard_db=float(shares_db[loudest]),
        own_db=own_db,
    )
