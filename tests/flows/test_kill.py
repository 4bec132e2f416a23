"""Kill a run anywhere, run it again, and the result is the same as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from catalog.store import Catalog
from flows.nightly import nightly
from flows.remix import remix
from tests.flows.conftest import Dataset
from tests.flows.small_varemix import started
from tests.middles import Middle
from tests.outcomes import results_in, rows_in
from tests.tasks.planted import visible_files, write_tones
from tests.tasks.small_recipe import small
from tests.varemix.separators.planted import wait_until
from varemix.media.audio import read_audio
from varemix.remix.plan import plan_of
from varemix.training import recipe

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings are theirs

GAINS = ["tuba=mute", "flute=+3"]


MIDDLES = {"home/clips": 7, "home/tables/scores": 1, "home/masks": 5, "out": 8}
"""So many new files and folders, temporary ones too, below each: the stage that writes there is in its middle."""


@dataclass(frozen=True)
class Place:
    """A home, a library and a folder for remixes, and the Prefect server that runs there use."""

    folder: Path
    prefect_url: str

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.folder / "home"

    @property
    def library(self) -> Path:
        """The library."""
        return self.folder / "library"

    @property
    def out(self) -> Path:
        """The folder for remixes."""
        return self.folder / "out"

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        own = {
            "PREFECT_API_URL": self.prefect_url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "VAREMIX_HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
        }
        return os.environ | own

    def start(self, *arguments: object, **environment: str) -> BaseProcess:
        """Start `varemix` in a process group of its own."""
        return started(arguments, self.environment | environment, self.folder / "log.txt")

    def kill_in(self, middle: Middle, *arguments: object) -> None:
        """Start `varemix`, and kill all its processes in that middle of a stage."""
        process = self.start(*arguments, **middle.environment)
        while process.is_alive() and not middle.is_reached():
            time.sleep(0.005)
        assert process.is_alive(), f"the run ended before {middle}"
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()

    def finish(self, *arguments: object) -> int | None:
        """Run `varemix` to its end; return its exit code."""
        process = self.start(*arguments)
        process.join()
        return process.exitcode

    def results(self) -> dict[str, bytes]:
        """The contents of all files that a person or another step takes for results, by their paths."""
        return results_in(self.folder)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of the catalog, without times."""
        return rows_in(self.folder)

    def set_aside(self) -> None:
        """Give home and remixes other names, so that the next run begins anew."""
        self.home.rename(self.folder / "data folder of the undisturbed run")
        self.out.rename(self.folder / "out of the undisturbed run")


@pytest.fixture(scope="module", autouse=True)
def small_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.RECIPES, "small", small)
        yield


@pytest.fixture
def place(tmp_path: Path, prefect_url: str) -> Place:
    for number in range(10):
        write_tones(tmp_path / "library" / f"{number % 3}" / f"{number}.flac", seconds=1 + number / 10, num_channels=2)
    return Place(tmp_path, prefect_url)


def test_a_night_that_was_killed_at_every_stage_ends_as_if_nothing_had_happened(place: Place, dataset: Dataset) -> None:
    source, template = str(dataset.list_path), dataset.server.template
    nightly(str(place.library), str(place.out), plan_of(GAINS), source, template, "small", 2, home=str(place.home))
    results, rows = place.results(), place.rows()
    # videos, clips, checkpoint with its curves and card, report, masks, remixes
    assert len(results) == 4 + 2 * 4 + 4 + 1 + 10 + 10
    place.set_aside()

    options = {"--library": place.library, "--out": place.out, "--source": source, "--url-template": template}
    settings = {"--recipe": "small", "--pairs": "2"}
    command = ["nightly", *(part for pair in (options | settings).items() for part in pair)]
    command += [part for gain in GAINS for part in ("--gain", gain)]
    for number, (folder, num_new) in enumerate(MIDDLES.items()):
        sign = place.folder / f"middle {number}"
        place.kill_in(Middle(top=place.folder, folder=folder, num_new=num_new, sign=sign), *command)
        seen = place.results()
        assert {name for name, content in seen.items() if results.get(name) != content} == set()
        place.rows()  # the tables can be read
    assert place.finish(*command) == 0
    assert place.results() == results
    assert place.rows() == rows
    assert not list((place.home / "work").iterdir())


ALL_IS_VOICE = """#!/bin/sh
# says that it began, waits at the ninth recording until it may go on, and takes all for the voice
echo begun >> "$3/begun"
while [ "$(wc -l < "$3/begun")" -ge 9 ] && [ ! -e "$3/may go on" ]; do sleep 0.05; done
cp "$1" "$2/voice.wav"
"""


def test_a_run_that_was_killed_while_a_separator_worked_makes_no_whole_masks_again(
    tmp_path: Path, prefect_url: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, begun = Place(tmp_path, prefect_url), tmp_path / "begun"
    names = [f"{number}.flac" for number in range(9)]  # a shard of eight, and one
    for name in names:
        write_tones(place.library / name, seconds=0.2 + int(name[0]) / 100)
    program = tmp_path / "all-is-voice"
    program.write_text(ALL_IS_VOICE)
    program.chmod(0o700)
    settings = tmp_path / "separators.yaml"
    words = [str(program), "{input}", "{output}", str(tmp_path)]
    settings.write_text(f"all: {{kind: command, command: {words}, stems: {{voice.wav: voice}}}}\n")
    monkeypatch.setenv("VAREMIX_SEPARATORS", str(settings))

    wished = ("--out", str(place.out), "--gain", "voice=mute", "--separator", "voice=all")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flows.small_varemix", "remix", str(place.library), *wished],
        env=place.environment | {"VAREMIX_WORKERS": "1"},  # so that a shard is whole before the next begins
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or len(begun_in(begun)) == 9, patience_s=600)
        assert process.poll() is None, "the run ended before its middle"
    finally:
        process.kill()  # alone: the program dies with it
        process.wait()
    assert len(begun_in(begun)) == 9
    assert not visible_files(place.out)

    (tmp_path / "may go on").touch()
    summary = remix(
        str(place.library), str(place.out), plan_of(["voice=mute"], separator={"voice": "all"}), home=str(place.home)
    )
    assert len(begun_in(begun)) == 10
    assert {outcome.status for outcome in summary.outcomes} == {"done"}
    assert visible_files(place.out) == names
    assert max(abs(read_audio(place.out / name)[0]).max() for name in names) < 0.001
    assert sorted(row["status"] for row in catalog.read_rows("masks")) == ["ready"] * 9


def begun_in(path: Path) -> list[str]:
    """Return a line for each time that the program began."""
    return path.read_text().splitlines() if path.exists() else []
