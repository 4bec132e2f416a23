"""Whether the remix of a library can be killed at any moment: `python -m benchmarks.endurance --kills 50 --seed 0`.

A small library is remixed by the flow, twice, with other wishes. Then the same is done in a new home by processes that
are killed at moments drawn at random, each time going on with what is there, until a run comes to its end; then
everything begins anew, until there were kills enough. It is told where the kills hit, and what differs at the end from
what the undisturbed runs made: files, rows of the catalog, what lies about, and what was done although it stood. Ends
with exit code 1 if anything does.
"""

import argparse
import functools
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from prefect import Task
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from benchmarks.rounds import say
from catalog.files import Home
from catalog.ids import file_digest
from catalog.store import Catalog
from flows.remix import remix
from tasks.library import scan_tracks
from tasks.masks import make_masks
from tasks.remix import remix_tracks
from varemix import weights
from varemix.remix.plan import RemixPlan, plan_of
from varemix.weights import shipped_checkpoint

PLANS = (
    plan_of(["tuba=mute", "flute=+3"], force=True),
    plan_of(
        ["violin=-6"],
        base=RemixPlan.model_validate(
            {
                "rules": [
                    {"name": "deep", "match": {"folder": "one/deep"}, "format": "flac"},
                    {"name": "two", "match": {"folder": "two"}, "gains": {"flute": -3}, "loudness": "match"},
                ]
            }
        ),
        force=True,
    ),
)
"""What is wished, one after the other, for one folder of remixes: the second hears other instruments."""

PRELOADED = ["flows.nightly", "benchmarks.rounds", "varemix.separators.ours", "matplotlib.figure"]
"""What is imported once for all processes: else each would take longer to start than to remix."""

_TABLES = ("checkpoints", "tracks", "masks", "remixes")
_TIMES = {"updated_at", "seconds", "run_id"}  # what may differ between two runs of the same
_INNER = {("home", "tables"), ("home", "work")}  # the tables are read instead; unfinished work is no result
_STEPS: dict[str, Task[..., Any]] = {"scan": scan_tracks, "masks": make_masks, "remix": remix_tracks}
_SUFFIXES = (".wav", ".flac", ".mp3")
_FOLDERS = ("", "one/deep", "two")
_RATE_HZ = 44_100
_BAD = "two/bad.wav"
_LONGEST_RUN_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where runs happen, the Prefect server that they use, and the checkpoint that they take for the shipped one."""

    folder: Path
    prefect_url: str
    checkpoint: Path | None = field(default_factory=shipped_checkpoint)

    @property
    def library(self) -> Path:
        """The library."""
        return self.folder / "library"

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.folder / "home"

    @property
    def out(self) -> Path:
        """The folder for remixes."""
        return self.folder / "out"

    @property
    def catalog(self) -> Catalog:
        """The catalog of the home."""
        return Catalog(Home.open(self.home))

    def clear(self) -> None:
        """Remove home and remixes, so that the next run begins anew."""
        for folder in (self.home, self.out):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Results:
    """What runs made: the digests of all files by their names, and the rows of the tables, without times."""

    files: Mapping[str, str]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    def differences(self, other: "Results") -> list[str]:
        """Return what is otherwise in others."""
        names = sorted({*self.files, *other.files})
        found = [f"{name} differs" for name in names if self.files.get(name) != other.files.get(name)]
        return found + [f"the rows of {name} differ" for name in self.rows if self.rows[name] != other.rows[name]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What an undisturbed run made of a plan, what was there afterwards, and how long it took."""

    results: Results
    new_remixes: frozenset[str]
    seconds: float


@dataclass(kw_only=True)
class Verdict:
    """Where the kills hit, what they left for a while, and what differs from undisturbed runs."""

    hits: Counter[str] = field(default_factory=Counter)
    num_runs: int = 0
    left_for_a_while: Counter[str] = field(default_factory=Counter)
    left_in_home: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def num_kills(self) -> int:
        """How many runs were killed."""
        return sum(self.hits.values())


def make_library(folder: Path, num_tracks: int, seconds: float) -> None:
    """Write short stereo recordings of three formats into subfolders, and one file that is none."""
    for number in range(num_tracks):
        draw = np.random.default_rng(number)
        num_samples = round(seconds * (0.5 + number / num_tracks) * _RATE_HZ)
        t = np.arange(num_samples)[:, None] / _RATE_HZ
        tones = sum(0.1 * np.sin(2 * np.pi * draw.uniform(80, 8_000, 2) * t) for _ in range(5))
        place = folder / _FOLDERS[number // len(_SUFFIXES) % len(_FOLDERS)]
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{number:02}{_SUFFIXES[number % len(_SUFFIXES)]}"
        soundfile.write(path, tones + draw.normal(0, 0.02, (num_samples, 2)), _RATE_HZ)
    (folder / _BAD).parent.mkdir(parents=True, exist_ok=True)
    (folder / _BAD).write_text("these are words")


class Run:
    """A process that remixes the library of a place; processes start from one that has imported everything.

    That one has no threads but those of memory allocators, which can be forked. `max_file_bytes` lets every write
    beyond so many bytes of a file fail, as on a full disk.
    """

    def __init__(self, place: Place, plan: RemixPlan, *, max_file_bytes: int | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._told, telling = context.Pipe(duplex=False)
        settings = (place, plan, telling, max_file_bytes)
        self._process = context.Process(target=_remix_telling, args=settings)
        self._process.start()
        telling.close()
        self._told.recv()  # it has begun
        self._started = time.monotonic()

    def end(self) -> tuple[dict[str, int], float]:
        """Wait for the end; return how many recordings ended in which way, and how long it took."""
        self._process.join(_LONGEST_RUN_S)
        seconds = time.monotonic() - self._started
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"A run took more than {_LONGEST_RUN_S} s; look at its log.")
        told = self._heard()
        counts = told[-1][1] if told and told[-1][0] == "ended" else {"runs that broke": 1}
        return counts, seconds

    def kill_after(self, seconds: float) -> str | None:
        """Kill all processes of the run after so many seconds; return what it was doing, None if it had ended."""
        self._process.join(max(0.0, self._started + seconds - time.monotonic()))
        if self._process.exitcode is not None:
            return None
        self.kill()
        return _doing(self._heard())

    def kill(self) -> None:
        """Kill all processes of the run."""
        assert self._process.pid is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()

    def _heard(self) -> list[tuple[str, Any]]:
        """Return all that the process told before its end."""
        told = []
        try:
            while self._told.poll():
                told.append(self._told.recv())
        except EOFError:
            pass
        return told


def _remix_telling(place: Place, plan: RemixPlan, telling: Connection, max_file_bytes: int | None) -> None:
    """Run the flow in a process group of its own, and tell when which step begins and ends."""
    os.setsid()
    log = os.open(place.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    if max_file_bytes is not None:
        _limit_files(max_file_bytes)
    torch.set_num_threads(1)
    if place.checkpoint:
        weights.REFERENCE = place.checkpoint
    for name, step in _STEPS.items():
        step.fn = _told(step.fn, telling, lambda *_args, _name=name, **_settings: _name)
    merge = _told(Catalog.merge, telling, lambda _catalog, name, _rows: f"commit of {name}")
    Catalog.merge = merge  # type: ignore[method-assign] # in this process alone
    telling.send(("begun", 0))
    settings = {PREFECT_API_URL: place.prefect_url, PREFECT_HOME: place.folder / "prefect"}
    with temporary_settings(settings):
        summary = remix(str(place.library), str(place.out), plan, home=str(place.home))
    telling.send(("ended", summary.counts))


def _limit_files(num_bytes: int) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


def _told(work: Callable[..., Any], telling: Connection, name_of: Callable[..., str]) -> Callable[..., Any]:
    """Return the same work, which tells when it begins and ends."""

    @functools.wraps(work)
    def telling_work(*args: Any, **settings: Any) -> Any:
        name = name_of(*args, **settings)
        telling.send((name, 1))
        try:
            return work(*args, **settings)
        finally:
            telling.send((name, -1))

    return telling_work


def _doing(told: Sequence[tuple[str, Any]]) -> str:
    """Return what a run was doing at its end: the innermost of what had begun, or what it had done last."""
    running: Counter[str] = Counter()
    for name, change in told:
        if name == "ended":
            return "after the end"
        running[name] += change
    under_way = sorted((name for name, count in running.items() if count > 0), key=lambda name: name in _STEPS)
    if under_way:
        return under_way[0]
    steps = [name for name, _ in told if name in _STEPS]
    return f"after {steps[-1]}" if steps else "before scan"


def results_of(place: Place) -> Results:
    """Return what is there, hidden files in the folder for remixes included."""
    paths = [path for top in (place.home, place.out) for path in top.rglob("*") if path.is_file()]
    names = {path: path.relative_to(place.folder).parts for path in paths}
    files = {
        "/".join(parts): file_digest(path)
        for path, parts in names.items()
        if parts[:2] not in _INNER and not (parts[0] == "home" and parts[-1].startswith("."))
    }
    rows = {
        table: [
            {name: value for name, value in row.items() if name not in _TIMES} for row in place.catalog.read_rows(table)
        ]
        for table in _TABLES
    }
    return Results(files=files, rows=rows)


def undisturbed(place: Place, plans: Sequence[RemixPlan] = PLANS) -> list[Stage]:
    """Run the plans one after the other in a new home; return what each made."""
    place.clear()
    stages, known = [], set[str]()
    for plan in plans:
        counts, seconds = Run(place, plan).end()
        results = results_of(place)
        made = {str(row["remix_id"]) for row in results.rows["remixes"] if row["status"] != "failed"}
        if counts.get("failed") != 1 or not made - known:
            raise RuntimeError(f"An undisturbed run ended with {counts}; look at its log in '{place.folder}'.")
        stages.append(Stage(results=results, new_remixes=frozenset(made - known), seconds=seconds))
        known |= made
    return stages


def endure(
    place: Place, stages: Sequence[Stage], plans: Sequence[RemixPlan] = PLANS, *, num_kills: int, seed: int
) -> Verdict:
    """Run the plans as before, and kill so many runs at random; return what came of it."""
    draw, verdict = random.Random(seed), Verdict()
    while verdict.num_kills < num_kills:
        place.clear()
        allowed: dict[str, set[str]] = {}
        for stage, plan in zip(stages, plans, strict=True):
            for name, digest in stage.results.files.items():
                allowed.setdefault(name, set()).add(digest)
            is_over = False
            while not is_over:
                before = _standing(place, stage)
                run = Run(place, plan)
                verdict.num_runs += 1
                hit = run.kill_after(draw.uniform(0, stage.seconds)) if verdict.num_kills < num_kills else None
                if hit is None:
                    is_over = True
                    counts, _ = run.end()
                    verdict.differences += [f"a run ended with {counts}"] if counts.get("failed") != 1 else []
                else:
                    verdict.hits[hit] += 1
                    verdict.left_for_a_while.update(_left(place.out, "out"))
                    verdict.differences += _harm(place, allowed)
                after = _standing(place, stage)
                again = [name for name, changed_ns in before.items() if after.get(name) != changed_ns]
                verdict.differences += [f"{name} was made again, though it stood" for name in again]
            verdict.differences += stage.results.differences(results_of(place))
        verdict.differences += [f"out/{name} lies about" for name in _left(place.out, "out")]
        verdict.left_in_home.update(_left(place.home, "home"))
        say(f"{verdict.num_kills} of {verdict.num_runs} runs were killed, {len(verdict.differences)} differences")
    return verdict


def _standing(place: Place, stage: Stage) -> dict[str, int]:
    """Return when the files were written that stand, of masks and of the remixes of a stage."""
    catalog = place.catalog
    digests = {
        Path(row["out_path"]): row["digest"]
        for row in catalog.read_rows("remixes", where={"status": ["remixed", "unchanged"]})
        if row["remix_id"] in stage.new_remixes
    }
    digests |= {
        catalog.home.absolute(row["path"]): row["digest"]
        for row in catalog.read_rows("masks", where={"status": "ready"})
    }
    paths = [path for path, digest in digests.items() if path.is_file() and file_digest(path) == digest]
    return {str(path.relative_to(place.folder)): path.stat().st_mtime_ns for path in paths}


def _harm(place: Place, allowed: Mapping[str, set[str]]) -> list[str]:
    """Return what must not be after a kill either: half files, and rows of files that are not there."""
    found, catalog = results_of(place), place.catalog
    harm = [
        f"after a kill {name} is something else"
        for name, digest in found.files.items()
        if digest not in allowed.get(name, ()) and not Path(name).name.startswith(".")
    ]
    named = [Path(row["out_path"]) for row in found.rows["remixes"] if row["status"] != "failed"]
    named += [catalog.home.absolute(row["path"]) for row in found.rows["masks"] if row["status"] == "ready"]
    named += [catalog.home.absolute(row["path"]) for row in found.rows["checkpoints"]]
    return harm + [f"after a kill a row names {path}, which is not there" for path in named if not path.is_file()]


def _left(folder: Path, name: str) -> list[str]:
    """Return the kinds of what lies about below a folder, one for each: temporary files, data that no table knows."""
    hidden = [path for path in folder.rglob(".*") if path.is_file() and path.suffix not in {".lock", ".crc"}]
    found = [f"{name}: {path.name.partition('-')[0]}" for path in hidden]
    for log in folder.glob("tables/*/_delta_log"):
        entries = [
            json.loads(line) for path in log.glob("*[0-9].json") for line in path.read_text("utf-8").splitlines()
        ]
        known = {Path(entry["add"]["path"]).name for entry in entries if "add" in entry}
        parts = {path.name for path in log.parent.glob("*.parquet")}
        found += [f"{name}: data that no version of a table knows"] * len(parts - known)
        entries_left = [path for path in log.iterdir() if path.suffix == ".tmp" or "commit" in path.name]
        found += [f"{name}: entry of a table's log that was never made"] * len(entries_left)
    return found


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run a Prefect server on a free port of loopback, which keeps its things in a folder; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    own = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.txt").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(f"{url}/health", server)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], longest_s: float = 240.0) -> None:
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The Prefect server did not start. Try again.")


def say_verdict(verdict: Verdict) -> None:
    """Print the table of what the kills hit, what they left, and what differs."""
    say("\nWhere the kills hit:")
    for name, count in sorted(verdict.hits.items(), key=lambda item: (-item[1], item[0])):
        say(f"    {name:20}{count:4}")
    for what, counts in (
        ("until the next run", verdict.left_for_a_while),
        ("for later tidying", verdict.left_in_home),
    ):
        for name, count in sorted(counts.items()):
            say(f"left {what}: {count} x {name}")
    for difference in dict.fromkeys(verdict.differences):
        say(f"DIFFERS: {difference}")
    say("Something differs." if verdict.differences else "All is as if nothing had happened.")


def main() -> None:
    """Read the options, kill, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="how many runs are killed")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments at which they are")
    parser.add_argument("--tracks", type=int, default=24, help="how many recordings")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long they are on average")
    parser.add_argument("--folder", type=Path, help="a new folder in which everything is kept, to be looked at")
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # so that what processes are forked from has one thread
    with tempfile.TemporaryDirectory(prefix="varemix-") as name:
        folder = (options.folder or Path(name)).resolve()
        folder.mkdir(exist_ok=True)
        make_library(folder / "library", options.tracks, options.seconds)
        with prefect_server(folder) as url:
            place = Place(folder=folder, prefect_url=url)
            stages = undisturbed(place)
            say("Undisturbed, the runs take " + " and ".join(f"{stage.seconds:.1f} s" for stage in stages) + ".")
            verdict = endure(place, stages, num_kills=options.kills, seed=options.seed)
    say_verdict(verdict)
    sys.exit(1 if verdict.differences else 0)


if __name__ == "__main__":
    main()
