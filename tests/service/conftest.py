from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.hosts import Host
from tests.service.stages import Stage, undisturbed
from tests.tasks.videos import write_video
from tests.tasks.web import Server, serving

TONES = {"flute": (8_000, "blue"), "tuba": (100, "orange")}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Compute in one thread: networks this small are faster so."""
    import torch

    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="package")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Start a server and a worker as `varemix up` does, once for all tests here."""
    host = Host(tmp_path_factory.mktemp("host") / "home")
    host.up()
    host.deploy()
    yield host
    host.down(grace_s=1)


@pytest.fixture(scope="package")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    """Serve a flute and a tuba, a video each to learn from and to validate with; give their list too."""
    folder = tmp_path_factory.mktemp("videos")
    lines = ["video_id,instrument,split"]
    for number, split in enumerate(("train", "val")):
        for name, (tone_hz, colour) in TONES.items():
            write_video(folder / f"{name}_{number}.mp4", tone_hz=tone_hz // 4 * (4 + number), colour=colour)
            lines.append(f"{name}_{number},{name},{split}")
    (folder / "list.csv").write_text("\n".join(lines))
    with serving(folder) as server:
        yield folder / "list.csv", server


@pytest.fixture(scope="package")
def stages(host: Host, videos: tuple[Path, Server], tmp_path_factory: pytest.TempPathFactory) -> list[Stage]:
    """Return what each stage makes undisturbed."""
    with host.prefect():
        return list(undisturbed(tmp_path_factory.mktemp("stages"), videos))
