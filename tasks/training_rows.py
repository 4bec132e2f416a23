"""The catalog as what a training learns from: clips of videos, sounds, photos, and pictures of no instrument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.files import Home
from catalog.photo_lists import NO_INSTRUMENT
from catalog.store import NO_VERSION, Catalog
from tasks.clips import clip_of
from tasks.material import TABLES, counted, learnable
from varemix.media.sounds import Sound
from varemix.training.material import Material
from varemix.training.recipe import Recipe

LEARNING_SPLITS = ("train", "val")

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """Rows to train and validate on, by table; `versions` are those of the tables that they were read from."""

    rows: Mapping[str, Sequence[Row]]
    versions: Mapping[str, int]

    @property
    def counts(self) -> list[dict[str, Any]]:
        """The rows, counted by licence, split, kind and label."""
        return [count for table, rows in self.rows.items() for count in counted(table, rows)]

    @property
    def ids(self) -> dict[str, list[str]]:
        """What stands for the contents of the rows, by table."""
        return {table: [row[column] for row in self.rows[table]] for table, column in _CONTENT.items()}

    def material(self, home: Home) -> Material:
        """Return the files of the rows, those of a home in a bucket fetched."""
        photos: dict[str, list[Path]] = {}
        for row in self.rows["photos"]:
            if row["split"] == "train":  # heads are not validated: what counts as known is measured in turns
                photos.setdefault(row["instrument"], []).append(home.fetched(row["path"]))
        strangers = photos.pop(NO_INSTRUMENT, [])
        clips = {
            split: [clip_of(home, row) for row in self.rows["clips"] if row["split"] == split]
            for split in LEARNING_SPLITS
        }
        sounds = [sound_of(home, row) for row in self.rows["sounds"]]
        return Material(clips=clips, sounds=sounds, photos=photos, strangers=strangers)


_VERSION = {table: f"{table}_version" for table in TABLES}
_CONTENT = {"clips": "clip_id", "sounds": "clip_id", "photos": "picture_id"}


def training_rows(catalog: Catalog, recipe: Recipe, checkpoint: Row | None = None) -> TrainingRows:
    """Return what the catalog holds now that a recipe learns from, or what it held when a checkpoint was trained.

    Sounds and photos are learnt from only where the recipe draws by shares. Raises TableError for a version of a table
    that cannot be read any more.
    """
    tables = [table for table in TABLES if recipe.shares or table == "clips"]
    versions = {
        table: catalog.version(table) if checkpoint is None else checkpoint[_VERSION[table]] for table in tables
    }
    versions = {table: version for table, version in versions.items() if version is not None and version != NO_VERSION}
    rows = {
        table: [
            row
            for split in LEARNING_SPLITS
            for row in learnable(catalog, table, split, version=version, licences=recipe.licences)
        ]
        for table, version in versions.items()
    }
    return TrainingRows(rows={table: rows.get(table, []) for table in TABLES}, versions=versions)


def sound_of(home: Home, row: Row) -> Sound:
    """Return the sound that a row of `sounds` tells of."""
    return Sound(
        path=home.fetched(row["wav_path"]),
        first_s=row["first_sample"] / row["rate_hz"],
        duration_s=row["num_samples"] / row["rate_hz"],
        label=row["label"],
        kind=row["kind"],
        group=row["group"],
        split=row["split"],
        piece=row["piece"] or "",
        pitch_hz=row["pitch_hz"] or 0.0,
    )
