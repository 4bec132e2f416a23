"""What becomes of a training that ended: checkpoint, curves, model card and row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import Home, replacing, write_atomically
from catalog.ids import file_digest
from catalog.store import NO_VERSION, Catalog
from tasks.calibrate import calibrate
from tasks.checkpoints import record_checkpoints
from tasks.material import card
from tasks.origin import run_id
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.training.recipe import Recipe

if TYPE_CHECKING:
    from varemix.training.state import History


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a checkpoint comes from: a recipe, versions of tables, counts of what was learnt from, a parent."""

    checkpoint_id: str
    recipe: Recipe
    versions: Mapping[str, int]
    trained_on: Sequence[Mapping[str, Any]]
    parent_id: str | None


def keep_trained(
    catalog: Catalog,
    origin: Origin,
    trained: Path,
    history: History,
    *,
    clips: Sequence[Clip],
    sounds: Sequence[Sound],
    device: str,
) -> None:
    """Keep a trained checkpoint with its thresholds, measured on clips and sounds for validation, and its row."""
    home, path = catalog.home, catalog.home.checkpoint(origin.checkpoint_id)
    _keep_curves(home, origin.checkpoint_id, history)
    with replacing(path) as temporary:
        facts = {"trained_on": list(origin.trained_on)}
        calibrate(trained, temporary, clips, sounds=sounds, device=device, facts=facts)
    home.keep(path)
    row = _row(home, origin, history)
    _keep_card(home, origin, row)
    record_checkpoints(catalog, [row])


def stands(catalog: Catalog, checkpoint_id: str) -> bool:
    """Return whether a checkpoint is there, file and row."""
    home = catalog.home
    is_held = home.holds(home.relative(home.checkpoint(checkpoint_id)))
    return is_held and len(catalog.read("checkpoints", where={"checkpoint_id": checkpoint_id})) > 0


def curves_path(home: Home, checkpoint_id: str) -> Path:
    """Return where the picture of a training's curves lies; the table beside it ends in `.csv`."""
    return home.checkpoint(checkpoint_id).with_suffix(".curves.png")


def _keep_curves(home: Home, checkpoint_id: str, history: History) -> None:
    """Keep the curves beside the checkpoint, as a picture and as a table."""
    from varemix.training.curves import draw_curves, write_curves

    place = curves_path(home, checkpoint_id)
    write_atomically(place, draw_curves(history))
    write_curves(place.with_suffix(".csv"), history)
    home.keep(place)
    home.keep(place.with_suffix(".csv"))


def card_path(home: Home, checkpoint_id: str) -> Path:
    """Return where the model card of a checkpoint lies that was trained here."""
    return home.checkpoint(checkpoint_id).with_suffix(".card.md")


def _keep_card(home: Home, origin: Origin, row: Mapping[str, Any]) -> None:
    """Keep beside the checkpoint, for people, what it learnt from."""
    place = card_path(home, origin.checkpoint_id)
    write_atomically(place, card(row, origin.trained_on).encode())
    home.keep(place)


def _row(home: Home, origin: Origin, history: History) -> dict[str, Any]:
    path = home.checkpoint(origin.checkpoint_id)
    return {
        "checkpoint_id": origin.checkpoint_id,
        "recipe": origin.recipe.name,
        "settings_json": json.dumps(origin.recipe.as_dict(), sort_keys=True),
        "clips_version": NO_VERSION,
        **{f"{table}_version": version for table, version in origin.versions.items()},
        "parent_id": origin.parent_id,
        "seed": origin.recipe.seed,
        "num_steps": history.num_steps,
        "validation_loss": history.best_validation_loss,
        "path": home.relative(path),
        "digest": file_digest(path),
        "stage": "candidate",
        "seconds": history.seconds,
        "run_id": run_id(),
    }
