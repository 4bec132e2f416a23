"""What a command loads before it answers: judged wishes load no model, one recording loads no Prefect and no tables.

What is loaded is what costs: times differ between machines, so they are told by `make bench-start`.
"""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.promote import promote_by_hand
from tests.tasks.planted import TONES_HZ, open_catalog, register_checkpoint, write_tones
from tests.tasks.untrained import write_checkpoint

HEAVY = {"torch", "prefect", "pandas", "deltalake", "pyarrow", "scipy", "numpy", "soundfile", "av", "matplotlib"}
OF_LIBRARIES = {"prefect", "pandas", "deltalake", "scipy", "matplotlib", "torchvision", "uvicorn", "yt_dlp"}
LEVEL = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"
_MAIN = """
import json, os, sys
from pathlib import Path
from flows.cli import main

# Standard error that remembers what was loaded when the first words came
class Heard:
    loaded_at_first = None
    def __init__(self, stream): self.stream = stream
    def __getattr__(self, name): return getattr(self.stream, name)
    def write(self, text):
        if self.loaded_at_first is None: self.loaded_at_first = loaded()
        return self.stream.write(text)

def loaded():
    return sorted({name.split(".")[0] for name in sys.modules})

sys.stderr = Heard(sys.stderr)
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
told = {"code": code, "loaded": loaded(), "loaded_at_first": sys.stderr.loaded_at_first or []}
told["level"] = os.environ.get("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL")
Path(sys.argv[0]).write_text(json.dumps(told))
"""


@dataclass(frozen=True)
class Started:
    """How a command ended, what it said, and which packages it had loaded by then, and when it first said something.

    `level` is that of the lines that Prefect was told to show.
    """

    code: int
    out: str
    err: str
    loaded: frozenset[str]
    loaded_at_first: frozenset[str]
    level: str | None


def started(folder: Path, *arguments: object) -> Started:
    """Run a command in a process of its own."""
    report = folder / "loaded.json"
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    script = f"import sys; sys.argv[0] = {str(report)!r}\n{_MAIN}"
    ran = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        env=environment | {"VAREMIX_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(report.read_text())
    return Started(
        code=found["code"],
        out=ran.stdout,
        err=ran.stderr,
        loaded=frozenset(found["loaded"]),
        loaded_at_first=frozenset(found["loaded_at_first"]),
        level=found["level"],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a recording, a library, and the file of a checkpoint."""
    place = tmp_path_factory.mktemp("start")
    write_tones(place / "song.wav")
    write_tones(place / "library" / "song.wav")
    write_checkpoint(place / "small.safetensors", sorted(TONES_HZ))
    (place / "alone").mkdir()
    write_checkpoint(place / "alone" / "alone.safetensors", sorted(TONES_HZ), has_rivals=False)
    return place


WITH_MODEL = ("--checkpoint", "small.safetensors")
JUDGED = {
    "version": (0, "varemix ", "--version"),
    "help": (0, "Remix whole libraries", "--help"),
    "help of a command": (0, "louder or softer", "remix --help"),
    "missing recording": (2, "no recording or folder", "remix lost.wav --out o.wav --gain violin=3"),
    "wrong dB": (2, "is no number of dB", "remix song.wav --out o.wav --gain violin=loud"),
    "gain too high": (2, "out of range", "remix song.wav --out o.wav --gain violin=90"),
    "unknown option": (2, "--loud", "remix song.wav --out o.wav --gain violin=3 --loud"),
    "unknown instrument": (2, "Did you mean violin?", "remix song.wav --out o.wav --gain violinn=3"),
    "unknown instrument of a library": (2, "Did you mean violin?", "remix library --out out --gain violinn=3"),
    "unknown stem": (2, "Did you mean tuba?", "separate song.wav --out out --instrument tubo"),
    "unknown masks": (2, "Did you mean tuba?", "masks library --instrument tubo"),
    "output below a file": (1, "is no folder", "remix song.wav --out song.wav/o.wav --gain violin=3"),
    "stems below a file": (1, "is no folder", "separate song.wav --out song.wav --instrument violin"),
    "output of no format": (2, "stands for no format", "remix song.wav --out o.xyz --gain violin=3"),
    "output in the library": (2, "within one another", "remix library --out library/o --gain violin=3"),
    "masks of one recording without a place": (2, "say with --out", "masks song.wav"),
    "masks of a library with a place": (2, "is for one recording", "masks library --out masks.parquet"),
    "masks in the place of the recording": (2, "give another name", "masks song.wav --out song.wav"),
    "missing library": (2, "There is no folder", "masks lost"),
    "missing library of a night": (2, "There is no folder", "nightly --library lost --out o --gain violin=3"),
    "wrong dB of a night": (2, "is no number of dB", "nightly --library library --out o --gain violin=loud"),
    "missing recording of the desk": (2, "no recording or folder", "desk lost.wav"),
    "unknown preset": (2, "is no preset", "remix song.wav --out o.wav --preset polka --target violin"),
    "unknown runner": (2, "There is no runner", "masks library --runner snails"),
    "presets": (0, "karaoke", "presets"),
}


@pytest.mark.parametrize(("code", "words", "command"), JUDGED.values(), ids=list(JUDGED))
def test_arguments_are_judged_before_anything_heavy_is_loaded(
    folder: Path, code: int, words: str, command: str
) -> None:
    name = command.split(maxsplit=1)[0]
    model = WITH_MODEL if name in {"remix", "separate", "masks"} and "--help" not in command else ()
    said = started(folder, *command.split(), *model)
    assert (said.code, words in said.out + said.err) == (code, True), said.out + said.err
    assert said.loaded & HEAVY == set()


def test_sharing_is_refused_by_the_header_alone(folder: Path) -> None:
    said = started(
        folder,
        *("remix", "song.wav", "--out", "o.wav", "--gain", "violin=3", "--nothing-else"),
        *("--checkpoint", "alone/alone.safetensors"),
    )
    assert (said.code, "by itself" in said.err) == (2, True)
    assert said.loaded & HEAVY == set()


@pytest.mark.parametrize(
    "command",
    [
        "remix song.wav --out made/o.wav --gain violin=-6",
        "remix song.wav --out made/o.flac --gain violin=-6 --gain tuba=solo --json",
        "remix song.wav --out made/o.wav --gain violin=-6 --exclusive",
        "separate song.wav --out made --instrument violin",
        "masks song.wav --out made/masks.parquet",
    ],
)
def test_one_recording_is_served_without_prefect_and_without_the_tables(folder: Path, command: str) -> None:
    said = started(folder, *command.split(), *WITH_MODEL)
    assert said.code == 0, said.err
    assert "torch" in said.loaded
    assert said.loaded & OF_LIBRARIES == set()
    assert not (folder / "home").exists()


def test_the_champion_of_a_home_serves_without_its_tables_being_opened(tmp_path: Path) -> None:
    write_tones(tmp_path / "song.wav")
    catalog = open_catalog(tmp_path / "home")
    for name in ("first", "second"):
        file = write_checkpoint(tmp_path / f"{name}.safetensors", [*TONES_HZ, f"{name}_lute"])
        register_checkpoint(catalog, file, name)
    promote_by_hand.fn(checkpoint_id="second", home=str(tmp_path / "home"))
    command = "remix song.wav --out o.wav --gain second_lute=-6 --force"
    said = started(tmp_path, *command.split())
    assert said.code == 0, said.err
    assert said.loaded & OF_LIBRARIES == set()
    assert "first_lute" not in started(tmp_path, *command.replace("second", "third").split()).err
    assert started(tmp_path, *command.replace("second_", "first_").split(), "--checkpoint", "first").code == 0


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("remixing song.wav", "remix song.wav --out made/p.wav --gain violin=-6 --model small.safetensors"),
        ("reading what the data folder holds", "status"),
        ("promoting nobody", "promote nobody"),
        ("reading every file", "check"),
        ("looking at torch at work", "doctor"),
    ],
)
def test_what_is_being_done_is_said_before_anything_heavy_is_loaded(tmp_path: Path, words: str, command: str) -> None:
    write_tones(tmp_path / "song.wav")
    if "small" in command:
        write_checkpoint(tmp_path / "small.safetensors", sorted(TONES_HZ))
    said = started(tmp_path, *command.split())
    assert f"varemix: {words}" in said.err
    assert said.loaded_at_first & HEAVY == set()
    assert said.loaded & HEAVY


@pytest.mark.parametrize(
    ("command", "without"),
    [
        ("status", {"torch", "prefect", "scipy", "matplotlib"}),
        ("status --disk", {"torch", "prefect", "scipy", "matplotlib"}),
        ("check", {"torch", "prefect", "scipy", "matplotlib"}),
        ("presets practice", HEAVY),
        ("alerts https://localhost/hook", {"torch", "pandas", "scipy", "matplotlib"}),
        ("doctor", {"prefect", "pandas", "scipy", "matplotlib", "torchvision"}),
    ],
)
def test_what_reports_loads_only_what_it_reports_of(tmp_path: Path, command: str, without: set[str]) -> None:
    said = started(tmp_path, *command.split())
    assert said.code in {0, 2}, said.err
    assert said.loaded & without == set()


def test_prefect_tells_its_lines_only_where_a_person_wants_them(tmp_path: Path) -> None:
    assert started(tmp_path, "promote", "nobody").level == "WARNING"
    assert started(tmp_path, "promote", "nobody", "--verbose").level == "INFO"


def test_a_terminal_shows_a_spinner_that_goes_with_the_answer(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "import sys; from flows.cli import main; main()", "status", "--json"]
    environment = os.environ | {"VAREMIX_HOME": str(tmp_path / "home"), "TERM": "xterm"}
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 2**16).decode()
    os.close(ours)
    assert "reading what the data folder holds" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there again
    assert json.loads(ran.stdout)["num_checkpoints"] == 0
