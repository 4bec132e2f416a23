"""How long a person waits for each command, beside what it is built on: `make bench-start`.

Commands are started as a person starts them, on a home of their own and the checkpoint that comes with varemix, in
rounds that alternate. Told are medians of the seconds that they kept processors busy, which hardly depend on what else
the machine does, and of the seconds that passed. Of the desk it is told when instruments can be chosen, of a library
when the first recording is done, and how much memory all processes of its remix hold together at the most: the sum of
their proportional set sizes, of each process what is its own and what is files that are mapped.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil

from benchmarks.clips import DEMO
from varemix.media.audio import AudioWriter, read_audio

_SONG = DEMO / "library" / "folk" / "Greensleeves (violin & accordion).flac"
_SONG_S = 6.0
_POLL_S = 0.1
_VAREMIX = (sys.executable, "-c", "from flows.cli import main; main()")
_GAIN = ("--gain", "violin=-6")


@dataclass(frozen=True)
class Seconds:
    """How long something took: of processors that it kept busy, and of time."""

    busy: float
    passed: float


@dataclass
class Peak:
    """The most memory that a command and all that it started held at once, in MiB, and which process held what."""

    total_mib: float = 0.0
    held: list[str] = field(default_factory=list)

    def look(self, processes: list[psutil.Process]) -> None:
        """Take in what they hold now."""
        held = [(process, _held_mib(process)) for process in processes]
        total_mib = sum(sum(parts.values()) for _, parts in held)
        if total_mib > self.total_mib:
            self.total_mib, self.held = total_mib, [_told(process, parts) for process, parts in held if parts]


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: tuple[str, ...]) -> Seconds:
    """Return how long a command takes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return Seconds(used.ru_utime + used.ru_stime, time.perf_counter() - started)


def open_desk(song: Path) -> Seconds:
    """Return how long it takes until instruments can be chosen for a recording."""
    started = time.perf_counter()
    command = (*_VAREMIX, "desk", str(song), "--no-open", "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as desk:
        assert desk.stdout is not None
        address = next(word for word in desk.stdout.readline().split() if word.startswith("http"))
        while json.load(urlopen(f"{address}api/health"))["state"] == "loading":
            time.sleep(_POLL_S)
        took = Seconds(_busy_s([psutil.Process(desk.pid)]), time.perf_counter() - started)
        desk.send_signal(signal.SIGINT)
    return took


def remix_library(library: Path, out: Path, peak: Peak) -> tuple[Seconds, Seconds]:
    """Return how long it takes until the first recording of a library is done, and until all is."""
    shutil.rmtree(out, ignore_errors=True)
    started, first = time.perf_counter(), None
    command = (*_VAREMIX, "remix", str(library), "--out", str(out), *_GAIN)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        busy: dict[int, float] = {}
        while process.poll() is None:
            tree = _tree(process.pid)
            busy |= {each.pid: _busy_s([each]) for each in tree}
            peak.look(tree)
            took = Seconds(sum(busy.values()), time.perf_counter() - started)
            if first is None and any(out.glob("[!.]*")):
                first = took
            time.sleep(_POLL_S)
    return first or took, took


def _tree(process_id: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(process_id)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _busy_s(processes: list[psutil.Process]) -> float:
    seconds = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds


def _held_mib(process: psutil.Process) -> dict[str, float]:
    """Return the proportional set size of a process: its own memory, and what is mapped of files."""
    try:
        lines = Path("/proc", str(process.pid), "smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return {}
    kib = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
    return {"its own": kib["Pss_Anon:"] / 1024, "files": (kib["Pss_File:"] + kib["Pss_Shmem:"]) / 1024}


def _told(process: psutil.Process, parts: dict[str, float]) -> str:
    try:
        name = process.name()
    except psutil.Error:
        name = "a process that has ended"
    return f"{name}: " + ", ".join(f"{mib:.0f} MiB {what}" for what, mib in parts.items())


def main() -> None:
    """Time all commands, and print them beside what they are built on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is done")
    parser.add_argument("--recordings", type=int, default=20, help="short recordings in the library")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
        _measure(Path(folder), options.rounds, options.recordings)


def _measure(folder: Path, num_rounds: int, num_recordings: int) -> None:
    os.environ |= {"VAREMIX_HOME": str(folder / "home"), "PREFECT_HOME": str(folder / "prefect")}
    for name in ("PREFECT_API_URL", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"):
        os.environ.pop(name, None)
    song, library, out = folder / "song.wav", folder / "library", folder / "out"
    _write_song(song)
    library.mkdir()
    for number in range(num_recordings):
        shutil.copyfile(song, library / f"{number}.wav")
    peak = Peak()
    ways: dict[str, Callable[[], Seconds]] = {
        "floor: python": lambda: run((sys.executable, "-c", "pass")),
        "floor: import torch": lambda: run((sys.executable, "-c", "import torch")),
        "floor: import prefect": lambda: run((sys.executable, "-c", "import prefect")),
        "--version": lambda: run((*_VAREMIX, "--version")),
        "--help": lambda: run((*_VAREMIX, "--help")),
        "remix of a missing file": lambda: run((*_VAREMIX, "remix", "lost.wav", "--out", "o.wav", *_GAIN)),
        "remix, unknown instrument": lambda: run((*_VAREMIX, "remix", str(song), "--out", "o.wav", "--gain", "x=1")),
        "remix, one file": lambda: run((*_VAREMIX, "remix", str(song), "--out", str(folder / "o.wav"), *_GAIN)),
        "separate, one file": lambda: run(
            (*_VAREMIX, "separate", str(song), "--out", str(folder / "stems"), "--instrument", "violin")
        ),
        "masks, one file": lambda: run((*_VAREMIX, "masks", str(song), "--out", str(folder / "masks.parquet"))),
        "presets": lambda: run((*_VAREMIX, "presets")),
        "status": lambda: run((*_VAREMIX, "status")),
        "check": lambda: run((*_VAREMIX, "check")),
        "alerts, without a server": lambda: run((*_VAREMIX, "alerts", "https://localhost/hook")),
        "doctor": lambda: run((*_VAREMIX, "doctor")),
        "desk, until one can choose": lambda: open_desk(song),
    }
    took: dict[str, list[Seconds]] = {}
    for number in range(num_rounds):
        for name, way in ways.items():
            took.setdefault(name, []).append(way())
        shutil.rmtree(folder / "home")  # so that all is done again
        first, whole = remix_library(library, out, peak)
        took.setdefault("remix, first of a library", []).append(first)
        took.setdefault(f"remix, all {num_recordings} of it", []).append(whole)
        say(f"round {number + 1} of {num_rounds}")
    say(f"\n{'median seconds':32}{'busy':>8}{'passed':>8}")
    for name, each in took.items():
        busy, passed = (statistics.median(getattr(one, part) for one in each) for part in ("busy", "passed"))
        say(f"{name:32}{busy:8.2f}{passed:8.2f}")
    say(f"\nThe remix of the library held {peak.total_mib:.0f} MiB at the most, with PyTorch {_torch_build()}:")
    for line in peak.held:
        say(f"  {line}")


def _torch_build() -> str:
    """Return its version, and whether it is for GPUs, which decides on memory; asked of another process."""
    return subprocess.check_output((sys.executable, "-c", "import torch; print(torch.__version__)"), text=True).strip()


def _write_song(path: Path) -> None:
    samples, info = read_audio(_SONG)
    num_samples = round(_SONG_S * info.rate_hz)
    plain = replace(info, container="WAV", subtype="PCM_16", codec="pcm", num_samples=num_samples)
    with AudioWriter(path, plain) as writer:
        writer.write(np.resize(samples.T, (num_samples, len(samples))).T)


if __name__ == "__main__":
    main()
