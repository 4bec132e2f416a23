"""What is installed without the checkout does what the checkout does: everything that it needs is in the wheel."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

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
    own = {"PYTHONPATH": str(installed), "VAREMIX_HOME": str(folder / "home"), "PREFECT_HOME": str(folder / "prefect")}
    command = [sys.executable, "-P", "-c", code or "from flows.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=1200, check=False
    )


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
