"""Which checkpoint file serves a single recording: told without opening a table, wherever that can be."""

from pathlib import Path

from catalog.champion import Champion, told_champion
from catalog.errors import CatalogError
from catalog.files import Home
from catalog.ids import checked_name, file_digest
from varemix.weights import BUILT_IN, shipped_checkpoint

_SUFFIX = ".safetensors"


def serving_file(checkpoint: str | None, home: str | None) -> Path:
    """Return a checkpoint's file, given itself or an id; by default the champion's, else the shipped one's.

    No home is made where there is none. Raises CatalogError for an unknown id, for a champion's file that is not as it
    was recorded, and where nothing serves.
    """
    if checkpoint and checkpoint.endswith(_SUFFIX):
        return Path(checkpoint)
    place, shipped = Home.chosen(home), shipped_checkpoint()
    if checkpoint in BUILT_IN and shipped:
        return shipped
    if checkpoint not in {None, *BUILT_IN} and not place.bucket:
        return _file_by_id(str(checkpoint), place)
    told = told_champion(place) if checkpoint is None else None
    if told and told.champion:
        return _unchanged(told.champion, place)
    return shipped if told and shipped else _file_by_table(checkpoint, place)


def _file_by_id(checkpoint_id: str, home: Home) -> Path:
    path = home.checkpoint(checked_name(checkpoint_id, "Model id"))
    if not path.is_file():
        prefix = home.checkpoint("-").stem.removesuffix("-")
        known = ", ".join(sorted(file.stem.removeprefix(prefix) for file in path.parent.glob(f"{prefix}*{_SUFFIX}")))
        raise CatalogError(f"There is no model '{checkpoint_id}'; the catalog has {known or 'none'}.")
    return path


def _unchanged(champion: Champion, home: Home) -> Path:
    path = home.absolute(champion.path)
    if path.exists() and file_digest(path) != champion.digest:
        raise CatalogError(f"The model '{path}' was changed since it was recorded. Restore it, or train again.")
    return path


def _file_by_table(checkpoint: str | None, home: Home) -> Path:
    """Return what the table `checkpoints` says, which costs a second."""
    from catalog.store import Catalog
    from tasks.checkpoints import champion_id, checkpoint_row

    catalog, shipped = Catalog(home), shipped_checkpoint()
    wanted = checkpoint or champion_id(catalog)
    if wanted is None and shipped:
        return shipped
    row = checkpoint_row(catalog, wanted)
    return home.fetched(row["path"], row["digest"])
