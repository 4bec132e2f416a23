"""Outside programs: find ffmpeg, and run any program so that nothing is left behind.

The one place that starts processes. No shell, no inherited stdin or stdout, an own session, a time-out, and
an end with the parent's end, however that comes.
"""

import contextlib
import functools
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import psutil

from varemix.errors import ProgramError

FFMPEG_VARIABLE = "VAREMIX_FFMPEG"
_RUNNING: dict[subprocess.Popen[bytes], int] = {}  # the thread that began each
_LEASH = Path(__file__).with_name("leash.py")
_CHUNK_BYTES = 1 << 16
_STDERR_KEPT_BYTES = 1 << 16
_MOST_REASON_CHARACTERS = 500
_SILENCE_S = 1.0
_EMPTY_WORDS = ("Conversion failed!", "Exiting normally")
_PART_OF_FFMPEG = re.compile(r"(\[[^]]+ @ 0x[0-9a-f]+\] *)+")  # in front of what a part of ffmpeg says


def find_ffmpeg(*, least_version: int = 0) -> Path:
    """Return a working ffmpeg: the one VAREMIX_FFMPEG names, else the system's, else imageio-ffmpeg's.

    The first that is of `least_version`, for what older ones do wrongly; where none is, the first of all.
    Raises ProgramError when VAREMIX_FFMPEG names one that does not run, or when none of the others does.
    """
    named = os.environ.get(FFMPEG_VARIABLE)
    if named:
        problem = _ffmpeg_problem(Path(named).expanduser().absolute())
        if problem:
            raise ProgramError(
                f"{FFMPEG_VARIABLE} names '{named}', which does not work as ffmpeg: {problem}. Correct or unset it."
            )
    working = None
    for candidate in (*([Path(named).expanduser().absolute()] if named else []), *_ffmpeg_candidates()):
        if _ffmpeg_problem(candidate) is None:
            working = working or candidate
            if _ffmpeg_version(candidate) >= least_version:
                return candidate
    if working:
        return working
    raise ProgramError(
        "No working ffmpeg was found: none on PATH, and none carried by imageio-ffmpeg. Install ffmpeg with "
        "the system's package manager, run `pip install imageio-ffmpeg`, or set "
        f"{FFMPEG_VARIABLE} to its path."
    )


def _ffmpeg_candidates() -> Iterator[Path]:
    on_path = shutil.which("ffmpeg")
    if on_path:
        yield Path(on_path).absolute()
    try:
        import imageio_ffmpeg

        yield Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError):  # RuntimeError: a package built without the program
        return


@functools.lru_cache(maxsize=16)
def _ffmpeg_version(path: Path) -> int:
    """Return the first number of a version; one built from the newest sources has none, and is newer than all."""
    found = re.match(rb"ffmpeg version n?(\d+)\.", run_program([path, "-version"], timeout_s=20))
    return int(found[1]) if found else sys.maxsize


@functools.lru_cache(maxsize=16)
def _ffmpeg_problem(path: Path) -> str | None:
    try:
        version = run_program([path, "-version"], timeout_s=20)
    except ProgramError as error:
        return str(error)
    return None if version.startswith(b"ffmpeg version") else "it does not answer -version as ffmpeg does"


def run_program(args: Sequence[str | Path], *, timeout_s: float, input: bytes | None = None) -> bytes:
    """Run a program to its end and return what it wrote to stdout.

    `args[0]` is a path or a name on PATH. The program reads `input`, or nothing. When it takes longer than
    `timeout_s`, or this thread is interrupted, it is killed together with all it started.
    Raises ProgramError for a missing program, a time-out, and an exit code other than 0 (with the line of stderr
    that tells most).
    """
    with _started(args, has_input=input is not None) as process:
        try:
            stdout, stderr = process.communicate(input, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ProgramError(_timeout_message(args, timeout_s)) from None
        _check_exit(args, process.returncode, stderr)
        return bytes(stdout)


def stream_program(
    args: Sequence[str | Path], *, timeout_s: float, on_stderr: Callable[[bytes], None] = lambda chunk: None
) -> Generator[bytes, None, None]:
    """Run a program and yield what it writes to stdout in chunks; memory stays bounded.

    What it writes to stderr is given to `on_stderr` in chunks, in another thread. Conditions and errors are those of
    `run_program`; a failure is told after the last chunk. What it started in sessions of their own and left behind is
    not waited for. Close the iterator to end the program early. Consume it in the thread that began it: the program is
    tied to that thread's life.
    """
    with _started(args, has_input=False) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        timed_out = threading.Event()
        stderr = bytearray()
        timer = threading.Timer(timeout_s, _kill_late, args=(process, timed_out))
        told = _chunks(process, process.stderr)
        drain = threading.Thread(target=_keep_tail, args=(told, stderr, on_stderr), daemon=True)
        timer.start()
        drain.start()
        try:
            yield from _chunks(process, process.stdout)
            process.wait()
        finally:
            timer.cancel()
            _kill_group(process)
            drain.join()
        if timed_out.is_set():
            raise ProgramError(_timeout_message(args, timeout_s))
        _check_exit(args, process.returncode, bytes(stderr))


class FedProgram:
    """A running program that reads what is written to it; `finish` or `kill` ends it.

    A write, or the finish, that takes longer than `stall_s` ends it as well. Write in the thread that began it: the
    program is tied to that thread's life. Errors are those of `run_program`.
    """

    def __init__(self, args: Sequence[str | Path], *, stall_s: float) -> None:
        self._args = args
        self._stall_s = stall_s
        self._stalled = threading.Event()
        self._stderr = bytearray()
        self._context = _started(args, has_input=True)
        self._process = self._context.__enter__()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._drains = [
            threading.Thread(target=_keep_tail, args=(_chunks(self._process, pipe), tail), daemon=True)
            for pipe, tail in ((self._process.stdout, bytearray()), (self._process.stderr, self._stderr))
        ]
        for drain in self._drains:
            drain.start()

    def write(self, content: bytes) -> None:
        """Give the program bytes to read."""
        assert self._process.stdin is not None
        try:
            with self._watched():
                self._process.stdin.write(content)
        except BrokenPipeError:  # it ended before its input did
            self._end()
            raise ProgramError(f"{Path(self._args[0]).name} stopped reading before the end of its input.") from None

    def finish(self) -> None:
        """End the input and wait for the program's end."""
        assert self._process.stdin is not None
        with self._watched(), contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._end()

    def kill(self) -> None:
        """End the program at once; nothing happens when it has ended."""
        _kill_group(self._process)
        for drain in self._drains:
            drain.join()
        self._context.__exit__(None, None, None)

    def _end(self) -> None:
        with self._watched():
            self._process.wait()
        self.kill()
        if self._stalled.is_set():
            raise ProgramError(_timeout_message(self._args, self._stall_s))
        _check_exit(self._args, self._process.returncode, bytes(self._stderr))

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        timer = threading.Timer(self._stall_s, _kill_late, args=(self._process, self._stalled))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def end_programs_of(thread_id: int) -> None:
    """Kill what a thread of this process runs at the moment, with all it started; it sees programs that were ended."""
    for process in [process for process, began in list(_RUNNING.items()) if began == thread_id]:
        _end(process)


def on_leash(command: Sequence[str]) -> list[str]:
    """Return what starts a command, its program by path, so that it dies with the thread that starts it (on Linux)."""
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *command]


@contextlib.contextmanager
def _started(args: Sequence[str | Path], *, has_input: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Give a running program; whatever ends the block, its process group is gone afterwards."""
    program = shutil.which(args[0])
    if program is None:
        raise ProgramError(
            f"The program '{args[0]}' was not found, or may not be run. Install it, or correct its path."
        )
    process = subprocess.Popen(
        on_leash([str(Path(program).absolute()), *map(str, args[1:])]),
        stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=hasattr(os, "killpg"),
    )
    _RUNNING[process] = threading.get_ident()
    try:
        yield process
    finally:
        _kill_group(process)
        _RUNNING.pop(process, None)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # input that the program did not read
                    pipe.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and all it started, and wait for its end."""
    _end(process)
    process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and all it started: its group, or where there are no groups, its children first."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the whole group is gone already
            os.killpg(process.pid, signal.SIGKILL)
        return
    with contextlib.suppress(psutil.Error):
        for started in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                started.kill()
    process.kill()


def _kill_late(process: subprocess.Popen[bytes], timed_out: threading.Event) -> None:
    timed_out.set()
    _end(process)


def _keep_tail(chunks: Iterable[bytes], tail: bytearray, watch: Callable[[bytes], None] = lambda chunk: None) -> None:
    for chunk in chunks:
        watch(chunk)
        tail += chunk
        del tail[:-_STDERR_KEPT_BYTES]


def _chunks(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> Iterator[bytes]:
    """Yield what a program writes to a pipe, until all who hold it closed it, or it ended and the pipe is silent."""
    with contextlib.ExitStack() as stack:
        waits = hasattr(os, "killpg")  # elsewhere pipes cannot be waited for
        if waits:
            selector = stack.enter_context(selectors.DefaultSelector())
            selector.register(pipe, selectors.EVENT_READ)
        while True:
            has_ended = process.poll() is not None
            if not waits or selector.select(_SILENCE_S):
                chunk = pipe.read1(_CHUNK_BYTES)  # type: ignore[attr-defined] # a BufferedReader
                if not chunk:
                    return
                yield chunk
            elif has_ended:
                return


def _check_exit(args: Sequence[str | Path], exit_code: int, stderr: bytes) -> None:
    if exit_code != 0:
        how = "was ended by" if exit_code < 0 else "failed with exit code"
        what = exit_code if exit_code > 0 else _signal_name(-exit_code)
        raise ProgramError(f"{Path(args[0]).name} {how} {what}: {_reason(stderr)}")


def _signal_name(number: int) -> str:
    """Return what a signal is called, and of the one by which systems end what takes too much memory, that it is so."""
    try:
        name = signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
    return f"{name} (its memory may not have been enough)" if name == "SIGKILL" else name


def _reason(stderr: bytes) -> str:
    """Return the first line of stderr that a part of ffmpeg says, else the last line that says something.

    What follows that first line are the parts that fail because one did.
    """
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    telling = [line for line in lines if line and line not in _EMPTY_WORDS]
    of_parts = [line[part.end() :] for line in telling if (part := _PART_OF_FFMPEG.match(line))]
    reason = next(iter([*of_parts, *telling[::-1]]), "it gave no reason")
    return reason if len(reason) <= _MOST_REASON_CHARACTERS else f"{reason[:_MOST_REASON_CHARACTERS]}..."


def _timeout_message(args: Sequence[str | Path], timeout_s: float) -> str:
    return f"{Path(args[0]).name} took longer than {timeout_s:g} s and was ended. Allow it more time."
