"""How soon the remix desk sounds: `make bench-desk`.

A desk is started as a person would start it, on a home of its own, and a song, one of the demonstration's over and
over, is dropped on it twice: on a home that holds nothing, and after a restart, when its masks are stored. Told are the
seconds from dropping until the first segment of the recording and of each instrument is there, with which playing
begins; until a place later in the song sounds that the playhead jumps to while nothing of it is heard; and until all is
heard. Beside each are the seconds that the desk kept processors busy for it, which tell the
same on a machine that has other things to do.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

from benchmarks.clips import DEMO
from benchmarks.rounds import say
from varemix.media.audio import AudioWriter, read_audio

_INSTRUMENTS = ("accordion", "violin", "cello")
_POLL_S = 0.02


def write_song(path: Path, seconds: float) -> None:
    """Write a recording of that length: one of the demonstration over and over."""
    short, info = read_audio(DEMO / "library" / "folk" / "Greensleeves (violin & accordion).flac")
    num_samples = round(seconds * info.rate_hz)
    with AudioWriter(path, replace(info, num_samples=num_samples)) as writer:
        writer.write(np.resize(short.T, (num_samples, len(short))).T)


class Clock:
    """Says how long something took, in seconds of time and of the processors that the desk kept busy."""

    def __init__(self, process_id: int) -> None:
        self._stat = Path("/proc", str(process_id), "stat")
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._started, self._busy_s = time.perf_counter(), self._processor_s()

    def say(self, what: str) -> None:
        """Say how long it took until now."""
        busy_s = self._processor_s() - self._busy_s
        say(f"{what + ' after':35}{time.perf_counter() - self._started:7.2f} s{busy_s:12.2f} s busy")

    def _processor_s(self) -> float:
        user, system = self._stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def opened(home: Path) -> Iterator[tuple[httpx.Client, Clock]]:
    """Open a desk, say how soon it answered and was ready, and give what asks it."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "desk", "--port", "0", "--no-open"]
    desk = subprocess.Popen([*command, "--home", str(home)], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert desk.stdout is not None
    clock = Clock(desk.pid)
    try:
        address = next(word for word in desk.stdout.readline().split() if word.startswith("http"))
        with httpx.Client(base_url=address, timeout=120) as client:
            client.get("/").raise_for_status()
            clock.say("the page answers")
            while (state := client.get("/api/health").json()["state"]) == "loading":
                time.sleep(_POLL_S)
            assert state == "ready", state
            clock.say("the desk is ready")
            yield client, clock
    finally:
        desk.send_signal(signal.SIGINT)
        desk.wait(60)
        desk.stdout.close()


def play(client: httpx.Client, clock: Clock, song: Path) -> None:
    """Drop a song, ask for instruments, and say how soon it can be played and all is heard."""
    clock.restart()
    with song.open("rb") as file:
        facts = client.post("/api/recordings", params={"name": song.name}, content=file).raise_for_status().json()
    clock.say("it is dropped, and known,")
    own = f"/api/recordings/{facts['id']}"
    client.post(f"{own}/hear", json={"targets": _INSTRUMENTS}).raise_for_status()
    on_desk = ",".join(_INSTRUMENTS)
    places = [f"{own}/audio", *(f"{own}/stems/{name}" for name in _INSTRUMENTS)]
    num_bytes = sum(len(_waited(client, f"{place}/0.flac?with={on_desk}")) for place in places)
    clock.say(f"first sound ({num_bytes / 2**20:.1f} MiB)")
    later = 2 * facts["num_segments"] // 3
    clock.restart()
    at_s = later * facts["segment_samples"] / facts["rate_hz"]
    client.post(f"{own}/listen", json={"at_s": at_s}).raise_for_status()
    for place in places:
        _waited(client, f"{place}/{later}.flac?with={on_desk}")
    clock.say(f"sound at {at_s:g} s, jumped to,")
    for place in places:
        _waited(client, f"{place}/{facts['num_segments'] - 1}.flac?with={on_desk}")
    clock.say("all can be played")
    while any(target["state"] == "hearing" for target in client.get(own).json()["targets"]):
        time.sleep(_POLL_S)
    clock.say("all is heard")


def _waited(client: httpx.Client, url: str) -> bytes:
    while (answer := client.get(url)).status_code == 202:
        time.sleep(_POLL_S)
    return answer.raise_for_status().content


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="How soon the remix desk sounds.")
    parser.add_argument("--seconds", type=float, default=180.0, help="length of the song")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        song, home = Path(folder, "song.flac"), Path(folder, "home")
        write_song(song, seconds)
        say(f"A song of {seconds:g} s, {os.cpu_count()} cores; on the desk {', '.join(_INSTRUMENTS)}.\n")
        for said in ("Nothing is stored:", "After a restart, the masks stored:"):
            say(said)
            with opened(home) as (client, clock):
                play(client, clock, song)
            say()


if __name__ == "__main__":
    main()
