"""What `varemix check` says, and what it mends: only what a command makes again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.bucket import Bucket
from catalog.files import Home, write_atomically
from catalog.ids import file_digest
from catalog.store import Catalog
from flows.check import check, page
from tests.s3 import s3_server
from tests.tasks.planted import open_catalog


@pytest.fixture
def home(tmp_path: Path) -> Catalog:
    return filled(open_catalog(tmp_path / "home"))


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """Give a home in a bucket whose video is damaged there, and is not in the mirror."""
    with s3_server("music") as variables:
        for name, value in {**variables, "VAREMIX_MIRROR": str(tmp_path / "mirror")}.items():
            monkeypatch.setenv(name, value)
        catalog = filled(Catalog(Home.open("s3://music/home")))
        video = catalog.home.video("one")
        video.write_bytes(b"changed")
        catalog.home.keep(video)
        video.unlink()
        yield catalog


def filled(catalog: Catalog) -> Catalog:
    video, weights = catalog.home.video("one"), catalog.home.checkpoint("champion")
    for path in (video, weights):
        write_atomically(path, b"whole")
        catalog.home.keep(path)
    row = {"video_id": "one", "instrument": "flute", "split": "train", "status": "ready"}
    catalog.merge("videos", [row | {"path": catalog.home.relative(video), "digest": file_digest(video)}])
    row = {"checkpoint_id": "champion", "recipe": "tiny", "settings_json": "{}", "seed": 0, "stage": "champion"}
    place = {"path": catalog.home.relative(weights), "digest": file_digest(weights), "clips_version": -1}
    catalog.merge("checkpoints", [row | place])
    return catalog


def test_a_whole_home_has_no_problems(home: Catalog) -> None:
    found = check(home)
    assert (found["problems"], found["advice"]) == ([], [])
    assert found["files"] == {"videos": 1, "checkpoints": 1}
    assert "Problems: none." in page(found)


def test_mending_removes_what_a_command_makes_again_and_no_checkpoint(home: Catalog) -> None:
    video, weights = home.home.video("one"), home.home.checkpoint("champion")
    video.write_bytes(b"changed")
    weights.write_bytes(b"changed")
    assert len(check(home)["problems"]) == 2
    assert video.exists()
    told = page(check(home, mend=True))
    assert "removed, `varemix refresh` makes it again" in told
    assert "A model comes back only from a backup" in told
    assert not video.exists()
    assert weights.exists()


def test_mending_a_home_in_a_bucket_removes_what_is_damaged_there(bucket: Catalog) -> None:
    video = bucket.home.relative(bucket.home.video("one"))
    assert len(check(bucket)["problems"]) == 1
    assert bucket.home.holds(video)
    assert "removed, `varemix refresh` makes it again" in page(check(bucket, mend=True))
    assert not bucket.home.holds(video)
    told = page(check(bucket, mend=True))
    assert "is not in 's3://music/home' any more" in told
    assert "removed, " not in told


def test_what_a_bucket_does_not_give_is_not_removed(bucket: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise ConnectionError("could not read it")

    monkeypatch.setattr(Bucket, "get", silent)
    [problem] = check(bucket, mend=True)["problems"]
    assert problem["found"] == "cannot be read: could not read it"
    assert bucket.home.holds(bucket.home.relative(bucket.home.video("one")))


def test_a_broken_table_is_told_in_one_line_with_what_to_do(home: Catalog) -> None:
    for path in (home.home.tables / "videos").glob("*.parquet"):
        path.unlink()
    found = check(home)
    [problem] = found["problems"]
    assert problem["item"] == "table videos"
    assert not set(problem["found"]) & set("\x1b\n")
    assert found["advice"] == [
        "A table comes back only from a backup: move the data folder away, then run `varemix restore BACKUP`."
    ]
