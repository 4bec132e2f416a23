"""What docs/separators.md shows can be done as it stands there: its example is installed as a package, and remixes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from tests.tasks.planted import TONES_HZ
from tests.tasks.untrained import write_checkpoint
from varemix.remix.plan_yaml import parse_plan
from varemix.separators.command import Command

PAGE = Path(__file__).parent.parent / "docs" / "separators.md"
ROOT = PAGE.parent.parent
RATE_HZ = 44_100


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which the example was installed."""
    folder = tmp_path_factory.mktemp("centre")
    [project], [program] = shown("toml"), shown("python")
    assert len(project.splitlines() + program.splitlines()) <= 31
    (folder / "pyproject.toml").write_text(project)
    (folder / "centre.py").write_text(program)
    plain = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *plain, "--target", str(folder / "site"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    if done.returncode and "No module named" in done.stderr:
        pytest.skip(f"no package can be built here: {done.stderr.strip().splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    return folder / "site"


def varemix(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "VAREMIX_HOME": str(folder / "home")}
    own |= {"XDG_CONFIG_HOME": str(folder / "none")}
    command = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=250, check=False
    )


def test_the_example_is_a_package_that_remixes(site: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "small.safetensors", sorted(TONES_HZ))
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    voice, left = (0.2 * np.sin(2 * np.pi * hz * time_s) for hz in (400, 3_000))
    soundfile.write(tmp_path / "song.wav", np.stack([voice + left, voice], axis=-1), RATE_HZ, "FLOAT")
    remix = ["remix", "song.wav", "--checkpoint", "small.safetensors", "--gain", "voice=mute", "--smoothing", "0"]
    done = varemix(site, tmp_path, *remix, "--separator", "voice=centre", "--out", "out.wav")
    assert (done.returncode, done.stdout[:16]) == (0, "out.wav: remixed"), done.stderr
    made, _ = soundfile.read(tmp_path / "out.wav")
    middle = slice(RATE_HZ, 2 * RATE_HZ)
    assert np.sqrt(np.mean(made[middle, 1] ** 2)) < 0.03  # the voice is gone, and half of what is on the left alone
    assert np.sqrt(np.mean((made[:, 0] - left / 2)[middle] ** 2)) < 0.03
    listed = varemix(site, tmp_path, "separators")
    assert re.search(r"centre\s+centre 1\.0\s+voice\s+ready", listed.stdout), listed.stdout + listed.stderr


def test_what_is_shown_of_plans_and_settings_can_be_read() -> None:
    plan_text, settings_text = shown("yaml")
    plan = parse_plan(plan_text, "plan")
    assert plan.separator == {"voice": "demucs", "drums": "demucs"}
    settings = yaml.safe_load(settings_text)
    made = Command({key: value for key, value in settings["vocals"].items() if key != "kind"})
    assert made.instruments == ("voice",)
    assert made.stems == {"*(Vocals)*.wav": ("voice",), "*(Instrumental)*.wav": ()}
