"""Remixes of libraries that are killed anywhere, run twice at once, meet a full disk, or sources that change."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.endurance import PLANS, Place, Run, Stage, endure, make_library, results_of, undisturbed
from catalog.store import Catalog
from flows.remix import remix
from tests.tasks.planted import open_catalog, register_checkpoint, visible_files, write_tones
from varemix.media.audio import AudioReader
from varemix.remix.plan import plan_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings are theirs

NUM_TRACKS = 12
OUT_BYTES = 1 << 20  # less than the remixes need


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path, prefect_url: str) -> Place:
    folder = tmp_path_factory.mktemp("endurance")
    make_library(folder / "library", NUM_TRACKS, seconds=2.0)
    return Place(folder=folder, prefect_url=prefect_url, checkpoint=checkpoint_file)


@pytest.fixture(scope="module")
def stages(place: Place) -> list[Stage]:
    """Return what undisturbed runs make of the plans."""
    return undisturbed(place)


def test_a_remix_that_is_killed_at_random_moments_ends_as_if_nothing_had_happened(
    place: Place, stages: list[Stage]
) -> None:
    verdict = endure(place, stages, num_kills=6, seed=0)
    assert verdict.num_kills == 6
    assert verdict.num_runs > verdict.num_kills
    assert verdict.differences == []


def test_two_runs_at_once_end_as_one_would(place: Place, stages: list[Stage]) -> None:
    place.clear()
    runs = [Run(place, PLANS[0]) for _ in range(2)]
    for run in runs:
        counts, _ = run.end()
        assert counts["failed"] == 1
        assert sum(counts.values()) == NUM_TRACKS + 1
    assert stages[0].results.differences(results_of(place)) == []


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """Mount a disk for the remixes that is too small for them."""
    place.clear()
    place.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={OUT_BYTES}", "tmpfs", str(place.out)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place.out
    subprocess.run(["umount", str(place.out)], check=True)


def test_a_full_disk_leaves_nothing_half_written_and_a_later_run_finishes(
    place: Place, stages: list[Stage], small_disk: Path
) -> None:
    counts, _ = Run(place, PLANS[0]).end()
    print(counts, visible_files(small_disk))
    print([(r["out_path"], r["reason"]) for r in place.catalog.read_rows("remixes") ])
    import subprocess; print(subprocess.run(["tail","-30",place.folder/"log.txt"],capture_output=True,text=True).stdout)
    found = results_of(place).files
    expected = stages[0].results.files
    assert {name for name, digest in found.items() if expected.get(name) != digest} == set()
    assert 0
