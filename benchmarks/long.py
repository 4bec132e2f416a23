"""How much memory a very long recording takes, from its file to its remix, masks included: `make bench-long`.

The demonstration's music is joined and repeated to a FLAC of eight hours, which is heard and remixed by the command for
one file, and then by the flow for a library, each in a process of its own. Told are the most memory that each held
(resident, the pages of its libraries included), what the same commands hold for ten seconds, and the speeds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.remixing import recording
from benchmarks.rounds import say

_KIB_A_GIB = 1 << 20
_RUN = """
import os
from atexit import register
from pathlib import Path
from flows.cli import main
register(lambda: Path(os.environ["STATUS"]).write_text(Path("/proc/self/status").read_text()))
main()
"""


def write_long(path: Path, music: Path, seconds: float) -> None:
    """Write the music again and again, until it is so long."""
    samples, rate_hz = soundfile.read(music, dtype="int16", always_2d=True)
    left = round(seconds * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, samples.shape[1], format="FLAC", subtype="PCM_16") as file:
        while left > 0:
            file.write(np.ascontiguousarray(samples[:left]))
            left -= len(samples)


def held_by(arguments: list[str], home: Path) -> tuple[float, float]:
    """Return the most memory in GiB that a command of varemix held, and how many seconds it took.

    The process tells it at its end: what the system tells of one that has ended begins with its parent's.
    """
    started = time.monotonic()
    status = home.with_suffix(".status")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        env=os.environ | {"VAREMIX_HOME": str(home), "STATUS": str(status)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"varemix {' '.join(arguments)} failed:\n{done.stderr}")
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / _KIB_A_GIB, time.monotonic() - started


def measure(hours: float, folder: Path) -> None:
    """Make the recordings, run the commands, and print what they held."""
    music = recording(folder, 60.0)
    for name, seconds in (("short", 10.0), ("long", hours * 3600)):
        library = folder / name
        library.mkdir()
        write_long(library / f"{name}.flac", music, seconds)
        wish = ["--gain", "violin=-6", "--even-if-absent"]
        commands = {
            "one file": ["remix", str(library / f"{name}.flac"), "--out", str(folder / f"{name}.flac"), *wish],
            "a library": ["remix", str(library), "--out", str(folder / f"{name}-out"), *wish],
        }
        for what, arguments in commands.items():
            held_gib, took_s = held_by(arguments, folder / f"home-{name}")
            say(f"{what}, {seconds / 3600:.3g} hours: {held_gib:.2f} GiB, {seconds / took_s:.0f} times real time")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long", description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=8.0, help="how long the recording is")
    parser.add_argument("--folder", type=Path, help="where the files lie meanwhile, some gigabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="varemix-", dir=options.folder) as name:
        measure(options.hours, Path(name))


if __name__ == "__main__":
    main()
