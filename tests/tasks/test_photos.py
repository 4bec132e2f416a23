import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.named_files import named_files
from catalog.photo_lists import read_photo_list
from catalog.store import Catalog
from tasks.photos import prepare_photos
from tasks.shards import Outcome
from tests.tasks.planted import statuses
from tests.tasks.web import Server, serving
from varemix.media.download import DownloadOptions
from varemix.media.pictures import read_picture

OPTIONS = DownloadOptions(socket_timeout_s=60, retries=0, proxy="")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "tuba").mkdir(parents=True)
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as server:
        yield server
    gc.collect()


def write_photo(path: Path, width: int = 600, height: int = 400, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height)).save(path)
    return path


def write_list(folder: Path, *lines: str, header: str = "file,licence") -> Path:
    path = folder / "photos.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def prepare(catalog: Catalog, path: Path) -> list[Outcome]:
    photos = read_photo_list(path)
    return prepare_photos.fn(items=photos, shard="1 of 1", home=str(catalog.home.root), options=OPTIONS)


def test_a_photo_becomes_a_small_picture_and_a_row_that_describes_it(catalog: Catalog, folder: Path) -> None:
    write_photo(folder / "tuba" / "ann__1.png")
    assert statuses(prepare(catalog, write_list(folder, "tuba/ann__1.png,CC BY 4.0"))) == {"tuba/ann__1.png": "done"}
    [row] = catalog.read_rows("photos")
    picture = read_picture(catalog.home.absolute(row["path"]))
    assert picture.size == (384, 256) == (row["width_pixels"], row["height_pixels"])
    assert (row["instrument"], row["owner"], row["licence"], row["status"]) == ("tuba", "ann", "CC BY 4.0", "ready")
    assert row["split"] in {"train", "val"}
    assert len(named_files(catalog, "photos")) == 1


def test_bad_photos_become_rows_with_reasons_and_stop_nobody(catalog: Catalog, folder: Path) -> None:
    write_photo(folder / "tuba" / "good.jpg")
    write_photo(folder / "tuba" / "tiny.png", 20, 20)
    Image.new("RGB", (99, 99), "white").save(folder / "tuba" / "blank.png")
    content = write_photo(folder / "tuba" / "cut.jpg").read_bytes()
    (folder / "tuba" / "cut.jpg").write_bytes(content[: len(content) // 3])
    (folder / "tuba" / "words.jpg").write_text("these are words")
    words = {
        "tiny.png": "20 x 20 pixels",
        "blank.png": "one colour",
        "cut.jpg": "is damaged",
        "words.jpg": "no picture that can be read",
        "lost.jpg": "There is no file",
    }
    path = write_list(folder, *(f"tuba/{name}" for name in [*words, "good.jpg"]))
    outcomes = {Path(outcome.item).name: outcome for outcome in prepare(catalog, path)}
    assert outcomes.pop("good.jpg").status == "done"
    rows = {Path(row["file"]).name: row for row in catalog.read_rows("photos")}
    for name, reason in words.items():
        assert outcomes[name].status == rows[name]["status"] == "failed"
        assert reason in rows[name]["reason"] == outcomes[name].reason


def test_what_stands_is_skipped_and_what_changed_is_made_again(catalog: Catalog, folder: Path) -> None:
    write_photo(folder / "tuba" / "a.png")
    path = write_list(folder, "tuba/a.png")
    prepare(catalog, path)
    version = catalog.version("photos")
    assert statuses(prepare(catalog, path)) == {"tuba/a.png": "skipped"}
    assert catalog.version("photos") == version
    [before] = catalog.read_rows("photos")
    write_photo(folder / "tuba" / "a.png", seed=1)
    assert statuses(prepare(catalog, path)) == {"tuba/a.png": "done"}
    [after] = catalog.read_rows("photos")
    assert after["picture_id"] != before["picture_id"]
    (folder / "tuba" / "a.png").unlink()
    assert statuses(prepare(catalog, path)) == {"tuba/a.png": "skipped"}
    path = write_list(folder, "tuba/a.png,flute", header="file,instrument")
    assert statuses(prepare(catalog, path)) == {"tuba/a.png": "done"}
    [relabelled] = catalog.read_rows("photos")
    assert (relabelled["instrument"], relabelled["path"]) == ("flute", after["path"])


def test_photos_of_the_web_are_fetched_once(catalog: Catalog, folder: Path, server: Server) -> None:
    write_photo(folder / "tuba" / "ann__1.jpg")
    base = server.url("").removesuffix(".mp4")
    path = write_list(folder, f"{base}tuba/ann__1.jpg", f"{base}tuba/gone.jpg")
    assert [outcome.status for outcome in prepare(catalog, path)] == ["done", "unavailable"]
    assert [outcome.status for outcome in prepare(catalog, path)] == ["skipped", "unavailable"]
    assert server.asked["tuba/ann__1.jpg"] == 1
