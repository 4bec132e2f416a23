"""What the tests of several packages share."""

import gc
import os

# Before numpy and torch start: two processes of tests, and the programs that they start, share the cores.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.solos import Solos

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Draw the same examples each time: a test fails for what was changed, not for luck, nor for a slow machine.

    `--hypothesis-profile default` draws anew.
    """
    settings.register_profile("repeatable", derandomize=True, deadline=None)
    settings.load_profile("repeatable")


SHARED = {"tests.service.hosts": "service", "prefect_url": "prefect"}
"""What is dear and made once a process, by the words of those who use it: they run in one, and before all others."""


@cache
def group_of(file: str) -> str:
    """Return the name of those that run in one process with the tests of a file, its own where it is alone."""
    text = (ROOT / file).read_text()
    return next((group for word, group in SHARED.items() if word in text), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the groups that share something begin, as they take longest; all else keeps its order."""
    groups = [*SHARED.values(), *(group_of(item.nodeid.partition("::")[0]) for item in items)]
    places = {group: place for place, group in reversed([*enumerate(groups)])}
    items.sort(key=lambda item: places[group_of(item.nodeid.partition("::")[0])])


def pytest_collection_finish() -> None:
    """Leave what was imported out of all searches for garbage: some tests search after each."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each of several processes one group after the other."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0])

    return Groups(config, log)


@pytest.fixture(autouse=True, scope="session")
def no_shipped_checkpoint() -> Iterator[None]:
    """Take away the checkpoint that comes with the software: tests bring their own, which are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("varemix.weights.REFERENCE", Path("nowhere.safetensors"))
        yield


@pytest.fixture(scope="session")
def four_instruments(tmp_path_factory: pytest.TempPathFactory) -> "Solos":
    """Return synthetic solo clips of 7 s: two for training and one for validation of each of four instruments."""
    from tests.solos import INSTRUMENTS, make_solos

    return make_solos(tmp_path_factory.mktemp("solos"), INSTRUMENTS)


@pytest.fixture(scope="session")
def two_instruments(four_instruments: "Solos") -> "Solos":
    """Return those of the flute and the tuba, which have no frequency in common."""
    return four_instruments.of("flute", "tuba")
