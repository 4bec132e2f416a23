"""Tidying: what something needs stays, what nothing needs goes, and remixes are made again from nothing."""

import os
import shutil
import time
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks.tidy import pin, tidy_masks
from tests.tasks.planted import plant_masks, plant_old_masks, register_checkpoint, scanned, write_tones


def tidied(catalog: Catalog) -> dict[str, str]:
    outcomes, _ = tidy_masks.fn(home=str(catalog.home.root))
    return {outcome.item: outcome.reason for outcome in outcomes}


def masks_of(catalog: Catalog, checkpoint_id: str) -> list[Path]:
    rows = catalog.read_rows("masks", where={"checkpoint_id": checkpoint_id, "status": "ready"})
    return [catalog.home.absolute(row["path"]) for row in rows]


def test_masks_of_the_champion_and_of_pinned_checkpoints_stay(
    catalog: Catalog, champion: str, checkpoint_file: Path, library: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    for name in ("old", "pinned"):
        register_checkpoint(catalog, checkpoint_file, name, "retired")
    for name in (champion, "old", "pinned"):
        plant_masks(catalog, track, name)
    [old] = masks_of(catalog, "old")
    pin(catalog, "pinned", "of the album")
    num_bytes = old.stat().st_size
    os.utime(old, (0, 0))  # no run is still to write its row
    outcomes, freed = tidy_masks.fn(home=str(catalog.home.root))
    assert [outcome.reason for outcome in outcomes] == ["model old is neither champion nor pinned"]
    assert freed == num_bytes
    assert not old.exists()
    assert all(path.exists() for name in (champion, "pinned") for path in masks_of(catalog, name))
    assert masks_of(catalog, "old") == []
    assert tidied(catalog) == {}
    pin(catalog, "pinned", None)
    assert list(tidied(catalog).values()) == ["model pinned is neither champion nor pinned"]


def test_masks_of_what_is_gone_and_of_other_versions_go(
    catalog: Catalog, champion: str, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tones(library / "a.wav", seconds=0.5)
    write_tones(library / "b.wav", seconds=0.6)
    tracks = scanned(catalog, library)
    for track in tracks:
        plant_masks(catalog, track, champion)
    (library / "b.wav").unlink()
    catalog.merge("tracks", [tracks[1] | {"status": "gone", "updated_at": None}])
    assert list(tidied(catalog).values()) == ["no track of a library holds that sound any more"]
    assert len(masks_of(catalog, champion)) == 1
    monkeypatch.setattr("tasks.stored_masks.STEP_VERSION", 1_000)
    assert list(tidied(catalog).values()) == ["was made by another version of the step"]


def test_masks_of_an_earlier_version_stay_as_long_as_they_serve(catalog: Catalog, champion: str, library: Path) -> None:
    write_tones(library / "a.wav", seconds=0.5)
    write_tones(library / "b.wav", seconds=0.6)
    serving, lost = (
        plant_old_masks(catalog, track, champion, version=made_by)
        for track, made_by in zip(scanned(catalog, library), (2, 1), strict=True)
    )
    assert list(tidied(catalog).values()) == ["was made by another version of the step"]
    assert (serving.exists(), lost.exists()) == (True, False)


def test_a_file_that_no_row_knows_goes_when_it_is_old_unless_the_table_is_lost(
    catalog: Catalog, champion: str, library: Path
) -> None:
    stray = catalog.home.masks("stray")
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    a_week_ago = time.time() - 7 * 24 * 3600
    os.utime(stray, (a_week_ago, a_week_ago))
    assert tidied(catalog) == {}
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion)
    assert list(tidied(catalog).values()) == ["no row of masks knows it"]
    assert not stray.exists()
    stray.write_bytes(b"young")
    assert tidied(catalog) == {}
    shutil.rmtree(catalog.home.tables / "tracks")
    assert tidied(catalog) == {}


def test_an_unknown_checkpoint_cannot_be_pinned(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="no model 'nobody'"):
        pin(catalog, "nobody", "of the album")
