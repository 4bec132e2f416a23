"""What must stay stays, whatever its age; what nothing needs goes when it is old. On a home that holds everything."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import TableError
from catalog.files import Home
from catalog.rooms import files_of
from catalog.store import Catalog
from tasks.orphans import ABANDONED_AFTER_DAYS, orphans, tidy_rooms
from tasks.tidy import pin, tidy_masks
from tasks.tidy_tables import tidy_tables
from tasks.trained import card_path, curves_path
from tests.s3 import s3_server
from tests.tasks.planted import open_catalog, plant_masks, register_checkpoint, scanned, visible_files, write_tones

_DAY_S = 24 * 3600


@dataclass(frozen=True)
class Everything:
    """A home with one of everything: what must stay, what may go when it is old, and the version that is named."""

    root: Path
    library: Path
    stays: list[str]
    goes: list[str]
    version: int


def put(path: Path, content: str = "content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def clip_row(home: Home, video_id: str, clip_id: str) -> dict[str, object]:
    paths = {"wav_path": home.wav(clip_id), "frames_path": home.frames(clip_id)}
    row = {"video_id": video_id, "clip_id": clip_id, "instrument": "flute", "split": "train", "status": "ready"}
    return row | {name: home.relative(put(path)) for name, path in paths.items()}


def sound_row(home: Home, pack_id: str) -> dict[str, object]:
    row = {"sound_id": "one", "label": "flute", "kind": "notes", "group": "ann", "split": "train", "status": "ready"}
    row |= {"source": "list.csv", "file": "a.wav", "wav_path": home.relative(put(home.sounds(pack_id)))}
    return row | {"source_first_sample": 0}


def photo_row(home: Home, picture_id: str) -> dict[str, object]:
    row = {"photo_id": "one", "instrument": "flute", "split": "train", "status": "ready"}
    return row | {"source": "list.csv", "file": "a.jpg", "path": home.relative(put(home.photo(picture_id)))}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path) -> Everything:
    folder = tmp_path_factory.mktemp("everything")
    catalog = open_catalog(folder / "home")
    home = catalog.home
    catalog.merge("clips", [clip_row(home, "one", "old")])
    version = catalog.version("clips")
    catalog.merge("sounds", [sound_row(home, "old")])
    catalog.merge("photos", [photo_row(home, "old")])
    versions = {"sounds_version": catalog.version("sounds"), "photos_version": catalog.version("photos")}
    catalog.merge("sounds", [sound_row(home, "new")])
    catalog.merge("photos", [photo_row(home, "new")])
    catalog.merge("clips", [clip_row(home, "one", "new")])  # the old clip is only in the version that is named
    for name, stage in {
        "champion": "champion",
        "before": "retired",
        "kept": "candidate",
        "lost": "candidate",
    }.items():
        register_checkpoint(catalog, checkpoint_file, name, stage)
        put(curves_path(home, name)), put(curves_path(home, name).with_suffix(".csv")), put(card_path(home, name))
        put(home.reports / f"evaluate-{name}.html", f"<html><title>Evaluation of model {name} on val</title>")
    [row] = catalog.read_rows("checkpoints", where={"checkpoint_id": "champion"})
    catalog.merge("checkpoints", [row | versions | {"clips_version": version}])
    pin(catalog, "kept", "of the album")
    video = {"video_id": "one", "instrument": "flute", "split": "train", "status": "ready"}
    catalog.merge("videos", [video | {"path": home.relative(put(home.video("one")))}])
    write_tones(folder / "library" / "a.wav", seconds=0.5)
    [track] = scanned(catalog, folder / "library")
    for name in ("champion", "kept"):
        plant_masks(catalog, track, name)
    (home.root / "videos" / "notes.txt").write_text("a person's own")
    put(home.root / "videos" / "ab" / "holiday.mp4")
    (home.root / "videos" / "ab" / "video-link.mp4").symlink_to(folder / "library" / "a.wav")
    put(home.reports / "evaluate-mine.html", "<html>no title")
    stays = visible_files(home.root)
    goes = [
        home.video("stray"),
        home.wav("stray"),
        home.frames("stray"),
        home.sounds("stray"),
        home.photo("stray"),
        card_path(home, "stray"),
        home.checkpoint("stray"),
        curves_path(home, "stray"),
        home.masks("stray"),
        home.work("champion") / "state.pt",
        home.work("nobody") / "state.pt",
        home.reports / "evaluate-stray.html",
    ]
    for path in goes:
        put(path, "<title>Evaluation of model stray on val</title>")
    return Everything(home.root, folder / "library", stays, [home.relative(path) for path in goes], version)


def copied(everything: Everything, folder: Path) -> Catalog:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(everything.root, folder, symlinks=True)
    return open_catalog(folder)


def age(path: Path, days: float) -> None:
    then = time.time() - days * _DAY_S
    os.utime(path, (then, then))
    if path.name == "state.pt":
        os.utime(path.parent, (then, then))


def kept_house(catalog: Catalog, grace_days: float, *, dry_run: bool = False) -> set[str]:
    home = str(catalog.home.root)
    masks, _ = tidy_masks.fn(home=home, dry_run=dry_run)
    files, _ = tidy_rooms.fn(home=home, grace_days=grace_days, dry_run=dry_run)
    tidy_tables.fn(home=home, keep_days=0, dry_run=dry_run)
    return {outcome.item for outcome in (*masks, *files)}


def needed(path: str) -> bool:
    """Return whether a file is none of the tables' own, which Delta Lake may join and remove."""
    return not path.startswith("tables/")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), grace_days=st.floats(1, 200))
def test_what_must_stay_stays_at_any_age(
    everything: Everything, tmp_path: Path, data: st.DataObject, grace_days: float
) -> None:
    catalog = copied(everything, tmp_path / "home")
    root, library = catalog.home.root, visible_files(everything.library)
    ages = data.draw(st.lists(st.floats(0, 1000), min_size=8, max_size=8))
    for place, path in enumerate(sorted({*everything.stays, *everything.goes})):
        age(root / path, ages[place % len(ages)]) if needed(path) else None
    kept_house(catalog, grace_days)
    assert [path for path in everything.stays if needed(path) and not (root / path).exists()] == []
    [row] = catalog.read_rows("clips", version=everything.version)
    assert all((root / row[name]).exists() for name in ("wav_path", "frames_path"))
    assert len(catalog.read("checkpoints")) == 4
    assert visible_files(everything.library) == library


def test_what_nothing_needs_goes_when_it_is_old_and_not_before(everything: Everything, tmp_path: Path) -> None:
    catalog = copied(everything, tmp_path / "home")
    root = catalog.home.root
    for path in everything.goes:
        age(root / path, 8)
    assert kept_house(catalog, 9) == {catalog.home.relative(catalog.home.masks("stray"))}
    told = kept_house(catalog, 7, dry_run=True)
    assert all((root / path).exists() for path in told)
    assert kept_house(catalog, 7) == told
    gone = [path for path in everything.goes if not (root / path).exists()]
    assert sorted({*everything.goes} - {*gone}) == ["work/work-nobody/state.pt"]  # somebody may go on with it
    age(root / "work" / "work-nobody" / "state.pt", ABANDONED_AFTER_DAYS + 1)
    assert kept_house(catalog, 7) == {"work/work-nobody"}
    assert kept_house(catalog, 7) == set()


def test_where_a_table_was_lost_its_files_stay(everything: Everything, tmp_path: Path) -> None:
    catalog = copied(everything, tmp_path / "home")
    for table in ("videos", "clips", "sounds", "photos", "checkpoints"):
        shutil.rmtree(catalog.home.tables / table)
    for path in everything.stays:
        age(catalog.home.root / path, 1000) if needed(path) else None
    assert orphans(catalog, 1) == []


def test_where_a_table_cannot_be_read_nothing_goes(everything: Everything, tmp_path: Path) -> None:
    catalog = copied(everything, tmp_path / "home")
    for path in (catalog.home.tables / "clips").glob("*.parquet"):
        path.unlink()
    for path in everything.goes:
        age(catalog.home.root / path, 1000)
    with pytest.raises(TableError):
        tidy_rooms.fn(home=str(catalog.home.root), grace_days=1)
    assert all((catalog.home.root / path).exists() for path in everything.goes)


def test_a_version_that_a_checkpoint_names_survives_what_others_do_not(catalog: Catalog, checkpoint_file: Path) -> None:
    for round_ in range(6):
        catalog.merge("clips", [clip_row(catalog.home, "one", f"clip{round_}")])
    register_checkpoint(catalog, checkpoint_file, "small")
    [row] = catalog.read_rows("checkpoints")
    catalog.merge("checkpoints", [row | {"clips_version": 3}])
    before = catalog.read_rows("clips", version=3)
    outcomes, freed = tidy_tables.fn(home=str(catalog.home.root), keep_days=0)
    assert {outcome.item for outcome in outcomes} == {"tables/clips", "tables/checkpoints"}
    assert freed > 0
    assert catalog.read_rows("clips", version=3) == before
    assert [row["clip_id"] for row in catalog.read_rows("clips")] == ["clip5"]
    with pytest.raises(TableError):
        catalog.read_rows("clips", version=2)


def test_what_no_row_names_goes_from_a_bucket_too(
    tmp_path: Path, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server("music") as variables:
        for name, value in {**variables, "VAREMIX_MIRROR": str(tmp_path / "here")}.items():
            monkeypatch.setenv(name, value)
        catalog = Catalog(Home.open("s3://music/home"))
        home = catalog.home
        register_checkpoint(catalog, checkpoint_file, "small", "champion")
        put(home.checkpoint("stray"))
        home.keep(home.checkpoint("stray"))
        stray = home.relative(home.checkpoint("stray"))
        monkeypatch.setenv("VAREMIX_MIRROR", str(tmp_path / "there"))
        for dry_run in (True, False):
            outcomes, num_bytes = tidy_rooms.fn(home="s3://music/home", grace_days=0.0, dry_run=dry_run)
            assert ([outcome.item for outcome in outcomes], num_bytes > 0) == ([stray], True)
        assert [file.path for file in files_of(home, "checkpoints")] == [home.relative(home.checkpoint("small"))]
