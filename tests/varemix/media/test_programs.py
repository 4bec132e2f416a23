import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from varemix.errors import ProgramError
from varemix.media.programs import end_programs_of, find_ffmpeg, run_program, stream_program

PYTHON = [sys.executable, "-I", "-S", "-c"]


def test_stdout_is_returned_and_arguments_never_meet_a_shell() -> None:
    said = run_program([*PYTHON, "import sys; print(sys.argv[1:])", "$HOME; ls", "-n"], timeout_s=300)
    assert said == b"['$HOME; ls', '-n']\n"


def test_input_reaches_the_program_and_without_any_it_reads_nothing() -> None:
    echo = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
    assert run_program(echo, timeout_s=300, input=b"abc") == b"abc"
    assert run_program(echo, timeout_s=300) == b""


def test_a_failure_tells_the_last_line_that_says_something() -> None:
    script = "import sys; sys.exit('first\\nthe true reason\\nConversion failed!\\n\\n')"
    with pytest.raises(ProgramError, match=r"exit code 1: the true reason$"):
        run_program([*PYTHON, script], timeout_s=300)


def test_of_the_parts_of_ffmpeg_the_first_one_that_fails_tells_why() -> None:
    script = (
        "import sys; sys.exit('a note\\n[mp4 @ 0x55d0] [x @ 0x1f] no room\\n[out#0 @ 0x55d1] worse\\nError: failed')"
    )
    with pytest.raises(ProgramError, match=r"exit code 1: no room$"):
        run_program([*PYTHON, script], timeout_s=300)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramError, match="no-such-program"):
        run_program(["no-such-program"], timeout_s=1)


def test_a_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"\0\1\2")
    path.chmod(0o755)
    with pytest.raises(ProgramError, match="program"):
        run_program([path], timeout_s=300)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _ends_soon(pid: int) -> bool:
    for _ in range(2400):
        if not _is_alive(pid):
            return True
        time.sleep(0.05)
    return False


# Starts a grandchild that would live for ten minutes, tells its id, and waits.
PARENT_OF_ONE = (
    "import pathlib, subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(600)']);"
    "pathlib.Path(sys.argv[1]).write_text(str(child.pid));"
)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("streams", [False, True], ids=["run", "stream"])
def test_a_time_out_ends_the_program_and_all_it_started(tmp_path: Path, streams: bool) -> None:
    pid_file = tmp_path / "pid"
    args = [*PYTHON, PARENT_OF_ONE + "time.sleep(600)", str(pid_file)]
    started = time.monotonic()
    timeout_s = 1.0
    while not pid_file.exists() or not pid_file.read_text():  # on a slow machine it did not come so far
        timeout_s *= 1.5
        with pytest.raises(ProgramError, match=f"longer than {timeout_s:g} s"):
            b"".join(stream_program(args, timeout_s=timeout_s)) if streams else run_program(args, timeout_s=timeout_s)
    assert time.monotonic() - started < 300
    assert _ends_soon(int(pid_file.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_program_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = PARENT_OF_ONE.replace("600)'])", "600)'], stdout=-3, stderr=-3)")
    run_program([*PYTHON, script, str(pid_file)], timeout_s=300)
    assert _ends_soon(int(pid_file.read_text()))


def test_an_interrupt_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes], *_: object, **__: object) -> None:
        begun.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_program([*PYTHON, "import time; time.sleep(600)"], timeout_s=600)
    assert begun[0].returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_a_program_dies_with_its_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = "import os, pathlib, sys, time;pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));time.sleep(600)"
    parent = (
        "import sys; from varemix.media.programs import run_program;"
        f"run_program([sys.executable, '-I', '-S', '-c', {child!r}, sys.argv[1]], timeout_s=600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent, str(pid_file)]) as process:
        for _ in range(4000):
            if pid_file.exists() and pid_file.read_text():
                break
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert _ends_soon(int(pid_file.read_text()))


def test_a_stream_arrives_whole_and_a_late_failure_is_told() -> None:
    script = "import sys; sys.stdout.write('ab' * 100_000); sys.stdout.flush(); sys.exit('broken')"
    chunks = stream_program([*PYTHON, script], timeout_s=300)
    received = [next(chunks)]
    while sum(map(len, received)) < 200_000:
        received.append(next(chunks))
    with pytest.raises(ProgramError, match="broken"):
        next(chunks)
    assert b"".join(received) == b"ab" * 100_000


def test_a_stream_may_be_left_early() -> None:
    chunks = stream_program([*PYTHON, "while True: print('x' * 1000)"], timeout_s=300)
    assert next(chunks).startswith(b"x")
    chunks.close()


def test_a_program_that_fills_stderr_does_not_block() -> None:
    script = "import sys; sys.stderr.write('e' * 3_000_000); print('done')"
    assert b"".join(stream_program([*PYTHON, script], timeout_s=300)) == b"done\n"
    assert run_program([*PYTHON, script], timeout_s=300) == b"done\n"


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="elsewhere pipes cannot be waited for")
def test_what_a_program_left_behind_in_a_session_of_its_own_is_not_waited_for() -> None:
    left = "subprocess.Popen(['sleep', '25'], start_new_session=True)"
    script = f"import subprocess; print({left}.pid)"
    started = time.monotonic()
    told = b"".join(stream_program([*PYTHON, script], timeout_s=300))
    assert time.monotonic() - started < 20
    os.kill(int(told), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals are of Unix")
def test_a_program_that_is_killed_is_told_so_and_a_reason_is_as_short_as_a_message() -> None:
    with pytest.raises(ProgramError, match=r"was ended by SIGKILL \(its memory may not have been enough\): it gave"):
        run_program([*PYTHON, "import os; os.kill(os.getpid(), 9)"], timeout_s=300)
    with pytest.raises(ProgramError) as told:
        run_program([*PYTHON, "import sys; sys.exit('9' * 50_000)"], timeout_s=300)
    assert len(str(told.value)) < 600


def test_what_one_thread_runs_is_ended_and_what_others_run_goes_on() -> None:
    own = stream_program([*PYTHON, "import time; print(1, flush=True); time.sleep(2); print(2)"], timeout_s=300)
    other = Thread(target=lambda: failed.append(_failure([*PYTHON, "import time; time.sleep(300)"])))
    failed: list[str] = []
    first = next(own)
    other.start()
    assert other.ident is not None
    while other.is_alive():
        end_programs_of(other.ident)
        other.join(0.1)
    assert "SIGKILL" in failed[0]
    assert (first + b"".join(own)).split() == [b"1", b"2"]


def _failure(args: list[str]) -> str:
    with pytest.raises(ProgramError) as told:
        run_program(args, timeout_s=300)
    return str(told.value)


def _fake_ffmpeg(folder: Path, says: str) -> Path:
    folder.mkdir()
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_system_ffmpeg_comes_before_the_carried_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAREMIX_FFMPEG", raising=False)
    system = _fake_ffmpeg(tmp_path / "bin", "ffmpeg version 7.1")
    monkeypatch.setenv("PATH", str(system.parent))
    assert find_ffmpeg() == system


@pytest.mark.parametrize("says", [None, "segfault"], ids=["none", "broken"])
def test_without_a_working_system_ffmpeg_the_carried_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None
) -> None:
    monkeypatch.delenv("VAREMIX_FFMPEG", raising=False)
    if says:
        _fake_ffmpeg(tmp_path / "bin", says)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "imageio_ffmpeg" in str(find_ffmpeg())


def test_the_variable_comes_first_and_must_be_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = _fake_ffmpeg(tmp_path / "own", "ffmpeg version 1.0")
    monkeypatch.setenv("VAREMIX_FFMPEG", str(named))
    assert find_ffmpeg() == named
    monkeypatch.setenv("VAREMIX_FFMPEG", str(tmp_path / "nothing"))
    with pytest.raises(ProgramError, match=r"VAREMIX_FFMPEG names .*nothing"):
        find_ffmpeg()


def test_without_any_ffmpeg_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAREMIX_FFMPEG", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ProgramError, match="pip install imageio-ffmpeg"):
        find_ffmpeg()
