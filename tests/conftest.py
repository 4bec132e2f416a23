"""What the tests of several packages share."""

import os

# Before numpy and torch start: two processes of tests, and the programs that they start, share the cores.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.solos import Solos


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Draw the same examples each time: a test fails for what was changed, not for luck, nor for a slow machine.

    `--hypothesis-profile default` draws anew.
    """
    settings.register_profile("repeatable", derandomize=True, deadline=None)
    settings.load_profile("repeatable")


SHARED = {"host": "service", "prefect_url": "prefect"}
"""Fixtures that are dear and made once a process: tests that need one run in the same, the longest groups first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes, keep those of a module together, and those that share what is dear."""
    groups = [*SHARED.values()]
    for item in items:
        needed = [SHARED[name] for name in SHARED if name in getattr(item, "fixturenames", ())]
        group = needed[0] if needed else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
        groups.append(group)
    places = {group: place for place, group in reversed([*enumerate(groups)])}
    items.sort(key=lambda item: places[next(item.iter_markers("xdist_group")).args[0]])


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
