from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.store import Catalog
from tests.tasks.planted import TONES_HZ, open_catalog, register_checkpoint
from tests.tasks.videos import write_video
from tests.tasks.web import Server, serving

COLOURS = {"flute": "blue", "tuba": "orange"}


@dataclass(frozen=True)
class Dataset:
    """Videos that a server on loopback offers, and the list that names them."""

    list_path: Path
    server: Server
    ids: tuple[str, ...]


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
def catalog(tmp_path: Path, checkpoint_file: Path) -> Catalog:
    """Return the catalog of a home whose champion is the small separator."""
    catalog = open_catalog(tmp_path / "home")
    register_checkpoint(catalog, checkpoint_file, "small", "champion")
    return catalog


@pytest.fixture(scope="package")
def prefect_url() -> Iterator[str]:
    """Start a Prefect server that forgets everything, for this process; return where other processes find it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """Serve a flute and a tuba, a video each to learn from and to validate with; a fifth video is gone."""
    folder = tmp_path_factory.mktemp("dataset")
    lines = ["video_id,instrument,split", "vanished_1,tuba,train"]
    for number, split in enumerate(("train", "val")):
        for name, colour in COLOURS.items():
            video_id = f"-{name}_{number}"
            write_video(folder / f"{video_id}.mp4", tone_hz=TONES_HZ[name] // 4 * (4 + number), colour=colour)
            lines.append(f"{video_id},{name},{split}")
    (folder / "list.csv").write_text("\n".join(lines))
    with serving(folder) as server:
        yield Dataset(folder / "list.csv", server, tuple(line.partition(",")[0] for line in lines[1:]))
