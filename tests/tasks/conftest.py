from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.store import Catalog
from tests.tasks.planted import TONES_HZ, open_catalog, register_checkpoint


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Compute in one thread: networks this small are faster so."""
    import torch

    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a small separator that has learnt nothing, and knows three instruments by name."""
    from tests.tasks.untrained import write_checkpoint

    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors", sorted(TONES_HZ))


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Return the empty catalog of a new home."""
    return open_catalog(tmp_path / "home")


@pytest.fixture
def champion(catalog: Catalog, checkpoint_file: Path) -> str:
    """Return the id of the small separator, which is the champion of the catalog."""
    return register_checkpoint(catalog, checkpoint_file, "small", "champion")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return the empty folder of a library."""
    folder = tmp_path / "library"
    folder.mkdir()
    return folder
