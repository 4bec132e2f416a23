"""What is installed without the checkout does what the checkout does: everything that it needs is in the wheel."""

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import httpx
import numpy as np
import pytest
import soundfile

from tests.ports import free_port

ROOT = Path(__file__).parent.parent
ROOMS = ("catalog", "desk", "flows", "service", "tasks", "varemix")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that holds what is in the wheel, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, timeout=1200, check=False)
    if built.returncode:
        pytest.skip(f"no wheel can be built here: {built.stderr.strip().splitlines()[-1:]}")
    [wheel] = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(installed: Path, folder: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run varemix, or some code, as it is installed."""
    return subprocess.run(
        command(*arguments, code=code),
        cwd=folder,
        env=environment(installed, folder),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def command(*arguments: str, code: str = "") -> list[str]:
    """Return what runs varemix, or some code, with nothing of the current folder."""
    return [sys.executable, "-P", "-c", code or "from flows.cli import main; main()", *arguments]


def environment(installed: Path, folder: Path) -> dict[str, str]:
    """Return an environment that knows what is installed, and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "VAREMIX"))}
    own = {"PYTHONPATH": str(installed), "VAREMIX_HOME": str(folder / "home"), "PREFECT_HOME": str(folder / "prefect")}
    return kept | own | {"PREFECT_SERVER_API_PORT": str(free_port()), "VAREMIX_WORKERS": "1"}


def test_all_files_of_the_rooms_are_in_the_wheel(installed: Path) -> None:
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout")
    assert [name for name in listed.stdout.splitlines() if not (installed / name).exists()] == []
    assert (installed / "service" / "described" / "prefect.yaml").read_bytes() == (ROOT / "prefect.yaml").read_bytes()


def test_a_recording_is_remixed_and_the_server_finds_what_it_is_to_be_told(installed: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(1).uniform(-0.3, 0.3, 30_000), 44_100)
    remixed = run(installed, tmp_path, "remix", "a.wav", "--gain", "violin=-6", "--even-if-absent", "--out", "b.wav")
    assert (remixed.returncode, "Traceback" in remixed.stderr) == (0, False)
    told = run(
        installed,
        tmp_path,
        code="from service.setup import DEPLOYMENTS, automations; from flows.alerts import TEMPLATES; "
        "print(DEPLOYMENTS, len(automations({})), len(list(TEMPLATES.glob('*.yaml'))) > 0)",
    )
    assert told.stdout.split() == [
        str(installed / "service" / "described" / "prefect.yaml"),
        told.stdout.split()[1],
        "True",
    ]
    assert int(told.stdout.split()[1]) > 0


def test_the_server_starts_and_knows_the_deployments(installed: Path, tmp_path: Path) -> None:
    try:
        started = run(installed, tmp_path, "up")
        assert (started.returncode, "Traceback" in started.stderr) == (0, False), started.stderr
        assert re.search(r"deployments: .*nightly.*remix", started.stdout)
    finally:
        stopped = run(installed, tmp_path, "down")
    assert stopped.returncode == 0, stopped.stderr


def test_the_desk_opens_with_its_page(installed: Path, tmp_path: Path) -> None:
    desk = subprocess.Popen(
        command("desk", "--no-open", "--port", "0"),
        cwd=tmp_path,
        env=environment(installed, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert desk.stdout
        said = next((line for line in desk.stdout if "http://" in line), "it said no address")
        address = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert address, said
        page = httpx.get(address[0], timeout=300, follow_redirects=True)
        assert page.status_code == 200
        assert "varemix" in page.text
    finally:
        desk.terminate()
        desk.communicate(timeout=300)
