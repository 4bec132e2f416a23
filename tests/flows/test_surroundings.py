"""The command line as a process of its own, in surroundings that people have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.surroundings import with_homes

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FULL_DISK = Path("/dev/full")


def run(
    *arguments: str, script: str = 'exec "$@"', folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run varemix in a shell, which may do something with its streams or its folder first."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command],
        cwd=folder,
        env=variables,
        capture_output=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_cannot_be_encoded_is_escaped(encoding: str) -> None:
    said = run("remix", "é 🎻.wav", "--gain", "violin=-6", "--out", "o.wav", PYTHONIOENCODING=encoding)
    assert (said.returncode, b"Traceback" in said.stderr) == (2, False)
    page = run("instruments", "--json", PYTHONIOENCODING=encoding)
    assert page.returncode == 0
    assert json.loads(page.stdout.decode(encoding))["instruments"]


@pytest.mark.parametrize("script", ['exec "$@" >&-', 'exec "$@" <&- >&- 2>&-', '"$@" >/dev/full'])
def test_the_exit_code_tells_of_the_work_and_not_of_the_print(script: str) -> None:
    if "full" in script and not FULL_DISK.exists():
        pytest.skip("there is no disk here that is always full")
    for command, code in ((["presets"], 0), (["presets", "none such"], 2)):
        said = run(*command, script=script)
        assert (said.returncode, b"Traceback" in said.stderr) == (code, False)


def test_a_reader_that_has_gone_does_not_change_the_exit_code() -> None:
    said = run("presets", script='{ "$@"; echo $? >&2; } | true')
    assert said.stderr.split() == [b"0"]


@pytest.mark.parametrize("stream", ["2>&1 | true", "2>/dev/full"])
def test_what_is_being_done_may_be_heard_by_nobody(tmp_path: Path, stream: str) -> None:
    if "full" in stream and not FULL_DISK.exists():
        pytest.skip("there is no disk here that is always full")
    ending = tmp_path / "ending"
    script = f'{{ "$@"; echo $? > {ending}; }} {stream}'
    run("status", "--json", script=script, VAREMIX_HOME=str(tmp_path / "home"))
    assert ending.read_text().split() == ["0"]
    run("status", "--home", "/dev/null/home", script=script)
    assert ending.read_text().split() == ["1"]


def test_in_a_folder_that_is_gone_absolute_names_serve(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    said = run("presets", script='rmdir "$PWD"; exec "$@"', folder=gone)
    assert said.returncode == 0
    assert said.stderr.decode().startswith("varemix: The current folder is no longer there")
    gone.mkdir()
    remixed = run(
        "remix", str(tmp_path), "--gain", "violin=-6", "--out", "o", script='rmdir "$PWD"; exec "$@"', folder=gone
    )
    assert (remixed.returncode in {1, 2}, b"Traceback" in remixed.stderr) == (True, False)


def test_a_home_after_an_equals_sign_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    given = ["remix", "~", "--out=~/x", "--gain=~/a.jpg=-6", "--home=~", "--title=a~b", "--gain", "x=~/y"]
    assert with_homes(given) == [
        *(
            "remix",
            "~",
            "--out=/home/me/x",
            "--gain=/home/me/a.jpg=-6",
            "--home=/home/me",
            "--title=a~b",
            "--gain",
            "x=~/y",
        )
    ]
