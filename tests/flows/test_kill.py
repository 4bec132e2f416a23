"""Kill a run anywhere, run it again, and the result is the same as if nothing had happened."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from flows.nightly import nightly
from tests.flows.conftest import Dataset
from tests.flows.small_varemix import started
from tests.middles import Middle
from tests.outcomes import results_in, rows_in
from tests.tasks.planted import write_tones
from tests.tasks.small_recipe import small
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

    def start(self, *arguments: object, **environment: str) -> BaseProcess:
        """Start `varemix` in a process group of its own."""
        own = {
            "PREFECT_API_URL": self.prefect_url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "VAREMIX_HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
        }
        return started(arguments, os.environ | own | environment, self.folder / "log.txt")

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
