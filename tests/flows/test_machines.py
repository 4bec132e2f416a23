"""Two workers that share a catalog make what one process makes, though one of them is killed at work.

The workers are processes with folders and mirrors of their own; the home is in a bucket, the database is Postgres.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from catalog.files import Home
from catalog.store import Catalog
from tests.flows.machines import ROOT, Machines, machines
from tests.outcomes import without_times
from tests.s3 import s3_server
from tests.tasks.planted import register_checkpoint, write_tones

pytestmark = [pytest.mark.slow]

_ENDS = ("COMPLETED", "CRASHED")
_DEPLOY = """
from flows.shard import shard

shard.from_source(source={root!r}, entrypoint="flows/shard.py:shard").deploy(
    name="shard", work_pool_name="shards", print_next_steps=False
)
"""
_NUM_TRACKS = 10


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    with s3_server("catalog") as variables:
        for name, value in {**variables, "VAREMIX_MIRROR": str(tmp_path / "mirror of the test")}.items():
            monkeypatch.setenv(name, value)
        yield variables


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Machines]:
    with machines(tmp_path) as made:
        yield made


def results(home: Home, out: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]:
    """Return the rows without times, and the contents of mask files and remixes."""
    catalog = Catalog(home)
    tables = {name: catalog.read_rows(name) for name in ("tracks", "masks", "remixes")}
    rows = {name: without_times(found) for name, found in tables.items()}
    files = {row["path"]: home.fetched(row["path"], row["digest"]).read_bytes() for row in tables["masks"]}
    files |= {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return rows, files


def shard_runs(hosts: Machines) -> list[dict[str, Any]]:
    """Return the runs of shards that the server knows."""
    query = json.dumps({"flows": {"name": {"any_": ["shard"]}}}).encode()
    address = f"{hosts.variables['PREFECT_API_URL']}/flow_runs/filter"
    with urlopen(Request(address, query, {"Content-Type": "application/json"})) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def kill_a_shard(hosts: Machines, workers: list[int]) -> None:
    """Wait until masks are being made, and kill one of the processes that make them."""
    while not any(run["name"].startswith("masks") and run["state_type"] == "RUNNING" for run in shard_runs(hosts)):
        time.sleep(0.2)
    children = [child for worker in workers for child in psutil.Process(worker).children()]
    os.kill(children[0].pid, signal.SIGKILL)


def test_two_workers_make_what_one_process_makes_though_a_shard_is_killed(
    hosts: Machines, bucket: dict[str, str], checkpoint_file: Path, tmp_path: Path
) -> None:
    library, out = tmp_path / "library", tmp_path / "out"
    for number in range(_NUM_TRACKS):
        write_tones(library / f"{number % 3}" / f"{number}.flac", seconds=1 + number / 10, num_channels=2)
    command = [
        "-m",
        "tests.flows.small_varemix",
        "remix",
        str(library),
        "--out",
        str(out),
        "--gain",
        "tuba=mute",
        "--json",
    ]

    alone = Home.open(tmp_path / "home")
    register_checkpoint(Catalog(alone), checkpoint_file, "small", "champion")
    assert hosts.run(*command, VAREMIX_HOME=alone.address) == 0
    expected = results(alone, out)
    assert len(expected[1]) == 2 * _NUM_TRACKS
    out.rename(tmp_path / "out of one process")

    shared = Home.open("s3://catalog/home")
    register_checkpoint(Catalog(shared), checkpoint_file, "small", "champion")
    assert hosts.run("-m", "prefect", "work-pool", "create", "shards", "--type", "process") == 0
    assert hosts.run("-c", _DEPLOY.format(root=str(ROOT))) == 0
    workers = [
        hosts.start_worker(name, "shards", VAREMIX_MIRROR=str(tmp_path / name / "mirror")).pid
        for name in ("one", "two")
    ]
    own = {"VAREMIX_HOME": shared.address, "VAREMIX_RUNNER": "deployments"}
    remix = hosts.start("remix", tmp_path / "remix", command, **own, VAREMIX_MIRROR=str(tmp_path / "remix/mirror"))
    kill_a_shard(hosts, workers)
    assert remix.wait() == 0

    assert results(shared, out) == expected
    ended = {state: sorted(run["name"] for run in shard_runs(hosts) if run["state_type"] == state) for state in _ENDS}
    assert ended["CRASHED"] in (["masks 1 of 2"], ["masks 2 of 2"])
    assert ended["COMPLETED"] == ["masks 1 of 2", "masks 2 of 2", "remix 1 of 1", "scan 1 of 1"]
    assert shared.bucket is not None
    assert list(shared.bucket.found("work")) == []
