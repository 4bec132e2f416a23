"""What the tests of several packages share."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy starts: the tests need the cores themselves

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
