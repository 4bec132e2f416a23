"""What `varemix check` says, and what it mends: only what a command makes again."""

from pathlib import Path

import pytest

from catalog.files import write_atomically
from catalog.ids import file_digest
from catalog.store import Catalog
from flows.check import check, page
from tests.tasks.planted import open_catalog


@pytest.fixture
def home(tmp_path: Path) -> Catalog:
    catalog = open_catalog(tmp_path / "home")
    video, weights = catalog.home.video("one"), catalog.home.checkpoint("champion")
    for path in (video, weights):
        write_atomically(path, b"whole")
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
