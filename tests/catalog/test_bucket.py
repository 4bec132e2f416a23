"""A home in a bucket: rows of two writers stay, files are whole or not there, and the mirror is only a mirror."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest

from catalog.bucket import Bucket
from catalog.errors import HomeError
from catalog.files import Home, write_atomically
from catalog.ids import file_digest
from catalog.rooms import files_of, folder_bytes
from catalog.store import Catalog
from tests.catalog.test_store import assert_nothing_was_lost, video, write_at_once
from tests.s3 import SERVER_VARIABLE, s3_server

_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3_server("music") as variables:
        yield variables


@pytest.fixture
def address(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a home that nobody has used, whose mirror lies in a folder of the test."""
    for name, value in {**server, "VAREMIX_MIRROR": str(tmp_path / "here")}.items():
        monkeypatch.setenv(name, value)
    return f"s3://music/{next(_numbers)}/home"


def elsewhere(address: str, folder: Path) -> Home:
    """Return the home as another machine has it: with a mirror of its own."""
    return Home(folder, Home.open(address).bucket)


def kept(home: Home, content: bytes = b"masks") -> tuple[str, str]:
    """Make a file in the home; return its name in tables and its digest."""
    path = home.masks("a")
    write_atomically(path, content)
    home.keep(path)
    return home.relative(path), file_digest(path)


def test_what_is_kept_can_be_fetched_on_another_machine(address: str, tmp_path: Path) -> None:
    here, there = Home.open(address), elsewhere(address, tmp_path / "there")
    name, digest = kept(here)
    assert not there.absolute(name).exists()
    assert there.holds(name, digest, 5)
    assert there.fetched(name, digest).read_bytes() == b"masks"
    assert list(there.mask_files()) == [name]


def test_a_file_is_fetched_once(address: str, tmp_path: Path) -> None:
    here, there = Home.open(address), elsewhere(address, tmp_path / "there")
    name, digest = kept(here)
    there.fetched(name, digest)
    assert here.bucket is not None
    here.bucket.remove(name)
    assert there.fetched(name, digest).read_bytes() == b"masks"
    assert not there.holds(name, digest)


def test_a_mirror_that_fell_behind_is_mended(address: str, tmp_path: Path) -> None:
    here, there = Home.open(address), elsewhere(address, tmp_path / "there")
    there.fetched(*kept(here))
    name, digest = kept(here, b"made anew")
    assert there.fetched(name, digest).read_bytes() == b"made anew"


def test_what_is_not_as_it_was_recorded_is_not_fetched(address: str, tmp_path: Path) -> None:
    here, there = Home.open(address), elsewhere(address, tmp_path / "there")
    name, digest = kept(here)
    kept(here, b"other")
    with pytest.raises(HomeError, match=rf"'{name}' in '{address}' is not as it was recorded"):
        there.fetched(name, digest)
    assert [path.name for path in (tmp_path / "there").rglob("*") if path.is_file()] == []
    assert here.remove(name) == 5
    with pytest.raises(HomeError, match=r"is not in .* any more"):
        there.fetched(name, digest)


def test_a_size_that_is_not_the_recorded_one_is_noticed_without_a_transfer(address: str) -> None:
    home = Home.open(address)
    name, digest = kept(home)
    for own in (home, home.surveyed("masks")):
        assert own.holds(name, digest, 5)
        assert not own.holds(name, digest, 6)
        assert not own.holds("masks/other", digest)


UPLOAD = """
import sys
from pathlib import Path
from catalog.files import Home

home = Home.open(sys.argv[1])
print("begins", flush=True)
sys.stdin.readline()
home.keep(Path(sys.argv[2]))
print("ends", flush=True)
"""


def test_an_upload_whose_process_is_killed_leaves_what_was_there(address: str) -> None:
    home = Home.open(address)
    name, digest = kept(home)
    path = home.absolute(name)
    path.write_bytes(bytes(20_000_000))  # more than the server's machine keeps for it while it takes nothing
    server = psutil.Process(int(os.environ[SERVER_VARIABLE]))
    command = [sys.executable, "-c", UPLOAD, address, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        server.suspend()
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.3)  # most of the time that suffices for what can be sent
        process.kill()
        server.resume()
        assert process.stdout.read() == ""
    assert home.fetched(name, digest).read_bytes() == b"masks"


def test_tables_lie_in_the_bucket_and_are_shared(address: str, tmp_path: Path) -> None:
    here, there = Catalog(Home.open(address)), Catalog(elsewhere(address, tmp_path / "there"))
    assert there.read_rows("videos") == []
    here.merge("videos", [video("a"), video("b")])
    there.merge("videos", [video("b", status="failed"), video("c")])
    expected = {"a": "ready", "b": "failed", "c": "ready"}
    assert {row["video_id"]: row["status"] for row in here.read_rows("videos")} == expected
    assert list((tmp_path / "here").rglob("*.parquet")) == []


@pytest.mark.slow
def test_two_processes_with_mirrors_of_their_own_lose_no_row(address: str) -> None:
    home = Home.open(address)
    write_at_once(home, num_writers=2, num_merges=4, queue="apart")
    assert_nothing_was_lost(Catalog(home), num_writers=2, num_merges=4)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3://", "no address of a data folder"),
        ("s3://UPPER/case", "no address of a data folder"),
        ("s3://bucket/../other", "no address of a data folder"),
        ("s3://bucket/a b", "expected s3://BUCKET or s3://BUCKET/FOLDER"),
    ],
)
def test_an_address_that_cannot_be_is_refused(address: str, expected: str) -> None:
    with pytest.raises(HomeError, match=expected):
        Home.chosen(address)


def test_a_bucket_that_is_not_there_is_told(address: str) -> None:
    with pytest.raises(HomeError, match=r"'s3://nobodys/home' cannot be written .*AWS_ENDPOINT_URL"):
        Home.open("s3://nobodys/home")


def test_a_server_that_is_not_there_is_worth_another_try(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="could not look at 'masks/a'"):
        Bucket.at(address).num_bytes("masks/a")


def test_a_server_that_writes_over_what_it_should_not_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore

    put = obstore.put
    monkeypatch.setattr(obstore, "put", lambda store, name, file, **options: put(store, name, file))
    with pytest.raises(HomeError, match="knows no conditional writes"):
        Bucket.at(address).check()


def test_a_home_in_a_bucket_says_what_it_needs_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(HomeError, match=r"pip install 'varemix\[s3\]'"):
        Bucket.at("s3://bucket/unseen").check()


def test_rooms_are_those_of_the_bucket(address: str, tmp_path: Path) -> None:
    here, there = Home.open(address), elsewhere(address, tmp_path / "there")
    name, _ = kept(here)
    [found] = files_of(there, "masks")
    assert (found.path, found.num_bytes, found.is_ours) == (name, 5, True)
    assert abs(found.modified_s - time.time()) < 3600
    assert folder_bytes(there, "masks") == (1, 5)
    assert files_of(there, "videos") == files_of(there, "work") == []
