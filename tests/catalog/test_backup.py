"""A backup made while others write is whole, and comes back as it was; what is no backup is not written over."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from catalog.backup import back_up, restore
from catalog.errors import HomeError
from catalog.files import Home, write_atomically
from catalog.ids import file_digest
from catalog.named_files import Problem, checked
from catalog.store import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Return a catalog with two videos, their clips in two versions, of which a checkpoint names the first."""
    catalog = Catalog(Home.open(tmp_path / "home"))
    for name in ("one", "-two"):
        add_video(catalog, name)
    add_clip(catalog, "old")
    version = catalog.version("clips")
    add_clip(catalog, "new")
    path = catalog.home.checkpoint("champion")
    write_atomically(path, b"weights")
    row = {"checkpoint_id": "champion", "recipe": "tiny", "settings_json": "{}", "seed": 0, "stage": "champion"}
    place = {"path": catalog.home.relative(path), "digest": file_digest(path), "clips_version": version}
    catalog.merge("checkpoints", [row | place])
    write_atomically(catalog.home.reports / "evaluate-a.html", b"<html>")
    return catalog


def add_video(catalog: Catalog, name: str) -> None:
    path = catalog.home.video(name)
    write_atomically(path, name.encode() * 100)
    row = {"video_id": name, "instrument": "flute", "split": "train", "status": "ready"}
    catalog.merge("videos", [row | {"path": catalog.home.relative(path), "digest": file_digest(path)}])


def add_clip(catalog: Catalog, clip_id: str) -> None:
    wav, frames = catalog.home.wav(clip_id), catalog.home.frames(clip_id)
    for path in (wav, frames):
        write_atomically(path, clip_id.encode())
    places = {"wav_path": catalog.home.relative(wav), "frames_path": catalog.home.relative(frames)}
    digests = {"wav_digest": file_digest(wav), "frames_digest": file_digest(frames)}
    row = {"video_id": "one", "clip_id": clip_id, "instrument": "flute", "split": "train", "status": "ready"}
    catalog.merge("clips", [row | places | digests])


def problems(home: Path) -> list[Problem]:
    return [problem for _, problem in checked(Catalog(Home.open(home))) if problem]


def contents(home: Path) -> dict[str, bytes]:
    files = [
        path for path in home.rglob("*") if path.is_file() and path.name[0] not in "._" and "tables" not in path.parts
    ]
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files if path.name != "backup.json"}


def test_a_backup_comes_back_as_it_was_with_the_versions_that_are_named(catalog: Catalog, tmp_path: Path) -> None:
    copied = back_up(catalog, tmp_path / "backup")
    assert (copied.num_files, copied.num_standing, copied.missing) == (8, 0, ())
    restore(tmp_path / "backup", tmp_path / "again")
    again = Catalog(Home.open(tmp_path / "again"))
    assert contents(again.home.root) == contents(catalog.home.root)
    for table in ("videos", "clips", "checkpoints"):
        assert again.read_rows(table) == catalog.read_rows(table)
    [row] = again.read_rows("checkpoints")
    assert [clip["clip_id"] for clip in again.read_rows("clips", version=row["clips_version"])] == ["old"]
    assert problems(again.home.root) == []


def test_what_was_dropped_on_the_desk_and_its_sessions_come_along(catalog: Catalog, tmp_path: Path) -> None:
    home = catalog.home
    for place in (home.dropped / "a1" / "song.flac", home.photos / "picture-b" / "my.jpg", home.sessions / "c.jsonl"):
        write_atomically(place, place.name.encode())
    write_atomically(home.dropped / ".part-1-2-x" / "half.flac", b"half")
    back_up(catalog, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    found = {
        path.relative_to(tmp_path / "again" / "desk").as_posix() for path in (tmp_path / "again" / "desk").rglob("*.*")
    }
    assert found == {"recordings/a1/song.flac", "pictures/picture-b/my.jpg", "sessions/c.jsonl"}


def test_a_second_backup_copies_only_what_is_new(catalog: Catalog, tmp_path: Path) -> None:
    back_up(catalog, tmp_path / "backup")
    add_video(catalog, "three")
    copied = back_up(catalog, tmp_path / "backup")
    assert (copied.num_files, copied.num_standing) == (1, 8)
    assert len(Catalog(Home.open(tmp_path / "backup")).read("videos")) == 3
    assert problems(tmp_path / "backup") == []


def test_a_backup_made_while_others_write_and_tidy_is_whole(catalog: Catalog, tmp_path: Path) -> None:
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            add_video(catalog, f"more{number}")
            add_clip(catalog, f"clip{number}")
            number += 1

    def tidy() -> None:
        while not is_over.is_set():
            catalog.compact("videos")
            catalog.vacuum("clips", keep_days=1)

    threads = [threading.Thread(target=work) for work in (write, tidy)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            back_up(catalog, tmp_path / f"backup{number}")
            assert problems(tmp_path / f"backup{number}") == []
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    counts = [len(Catalog(Home.open(tmp_path / f"backup{number}")).read("videos")) for number in range(3)]
    assert counts == sorted(counts)
    assert counts[-1] > 2


def test_a_backup_that_was_broken_off_leaves_the_one_before(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(catalog, tmp_path / "backup")
    add_video(catalog, "three")

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.backup._exchange", break_off)
    with pytest.raises(KeyboardInterrupt):
        back_up(catalog, tmp_path / "backup")
    assert len(Catalog(Home.open(tmp_path / "backup")).read("videos")) == 2
    assert problems(tmp_path / "backup") == []


def test_what_is_missing_or_changed_is_found(catalog: Catalog) -> None:
    home = catalog.home
    home.video("one").unlink()
    home.checkpoint("champion").write_bytes(b"weightz")
    home.wav("old").unlink()  # only the version that a checkpoint names tells of it
    home.frames("new").write_bytes(b"")
    found = {(problem.table, problem.path, problem.found) for problem in problems(home.root)}
    assert found == {
        ("videos", home.video("one"), "is missing"),
        ("checkpoints", home.checkpoint("champion"), "is not what was written"),
        ("clips", home.wav("old"), "is missing"),
        ("clips", home.frames("new"), "is not what was written"),
    }


def test_a_table_that_lost_its_rows_or_its_log_is_found(catalog: Catalog) -> None:
    for path in (catalog.home.tables / "videos").glob("*.parquet"):
        path.unlink()
    shutil.rmtree(catalog.home.tables / "checkpoints" / "_delta_log")
    assert {problem.item for problem in problems(catalog.home.root)} == {"table videos", "table checkpoints"}


def test_nothing_but_a_backup_of_the_same_home_is_written_over(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"picture")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "backup.json").write_text(json.dumps({"home": "/elsewhere"}))
    for target, words in (
        (tmp_path / "photos", "neither empty nor a backup"),
        (tmp_path / "other", "is a backup of '/elsewhere'"),
        (catalog.home.root / "backup", "lie within each other"),
        (tmp_path, "lie within each other"),
    ):
        with pytest.raises(HomeError, match=words):
            back_up(catalog, target)
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"picture"


def test_a_home_that_holds_something_is_not_restored_over(catalog: Catalog, tmp_path: Path) -> None:
    back_up(catalog, tmp_path / "backup")
    with pytest.raises(HomeError, match="is not empty"):
        restore(tmp_path / "backup", catalog.home.root)
    with pytest.raises(HomeError, match="is no backup"):
        restore(catalog.home.root, tmp_path / "new")


def test_a_version_that_is_named_but_lost_is_told_and_stops_no_backup(catalog: Catalog, tmp_path: Path) -> None:
    [row] = catalog.read_rows("checkpoints")
    catalog.merge("checkpoints", [row | {"clips_version": 999}])
    assert back_up(catalog, tmp_path / "backup").missing == ()
    assert [problem.item for problem in problems(tmp_path / "backup")] == ["table clips, version 999"]
