"""Step: checkpoint and still pictures -> for which instrument each picture is taken."""

from collections.abc import Sequence
from pathlib import Path

from PIL.Image import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.shards import Outcome
from tasks.stills import Shown, folder_stills, read_still
from varemix.errors import MediaError
from varemix.evaluation.recognition import Recognition, nearest

_PICTURES_AT_ONCE = 16


@task(name="recognise", task_run_name="recognise {folder}", cache_policy=NO_CACHE)
def recognise_stills(*, folder: Path, home: str, checkpoint_id: str) -> tuple[list[Recognition], list[Outcome]]:
    """Look at the pictures of a folder of instruments that the checkpoint knows; tell which ones cannot be read.

    Where the checkpoint tells strangers, its other pictures are looked at as such.
    """
    from varemix.model.recognition import resemblances_of_seen

    catalog = Catalog(Home.open(home))
    separator = separator_of(catalog, checkpoint_row(catalog, checkpoint_id))
    kept = separator.instrument_queries.numpy(force=True)
    stills = folder_stills(folder)
    names = [name for name in stills if separator.settings.recognises or name in separator.instruments]
    shown = [Shown(name, still) for name in names for still in stills[name]]
    found: list[Recognition] = []
    lost: list[Outcome] = []
    for first in range(0, len(shown), _PICTURES_AT_ONCE):
        pictures = _readable(shown[first : first + _PICTURES_AT_ONCE], lost)
        if not pictures:
            continue
        seen = separator.seen([picture for _, picture in pictures])
        places = nearest(separator.vision.queries(seen).numpy(force=True), kept)
        looks = resemblances_of_seen(separator, seen)
        for (name, still), place, look in zip((own for own, _ in pictures), places, looks, strict=True):
            found.append(
                Recognition(
                    picture=str(Path(str(still)).relative_to(folder)),
                    instrument=name,
                    taken_for=separator.instruments[place],
                    is_stranger=name not in separator.instruments,
                    is_refused=not look.is_known,
                )
            )
    return found, lost


def _readable(shown: Sequence[Shown], lost: list[Outcome]) -> list[tuple[Shown, Image]]:
    """Return the pictures that can be read; why the others cannot goes to `lost`."""
    pictures = []
    for own in shown:
        try:
            pictures.append((own, read_still(own.still)))
        except MediaError as error:
            lost.append(Outcome(item=str(own.still), status="failed", reason=str(error)))
    return pictures
