"""What a command loads before it answers: judged wishes load no model, one recording loads no Prefect and no tables.

What is loaded is what costs: times differ between machines, so they are told by `make bench-start`.
"""

import json
import os
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
_MAIN = """
import json, sys
from pathlib import Path
from flows.cli import main
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
Path(sys.argv[0]).write_text(json.dumps({"code": code, "loaded": sorted({name.split(".")[0] for name in sys.modules})}))
"""


@dataclass(frozen=True)
class Started:
    """How a command ended, what it said, and which packages it had loaded by then."""

    code: int
    out: str
    err: str
    loaded: frozenset[str]


def started(folder: Path, *arguments: object) -> Started:
    """Run a command in a process of its own."""
    report = folder / "loaded.json"
    script = f"import sys; sys.argv[0] = {str(report)!r}\n{_MAIN}"
    ran = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"VAREMIX_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(report.read_text())
    return Started(code=found["code"], out=ran.stdout, err=ran.stderr, loaded=frozenset(found["loaded"]))


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
        "remix song.wav --out made/o.wav --gain violin=-6 --nothing-else",
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
    command = "remix song.wav --out o.wav --gain second_lute=-6 --even-if-absent"
    said = started(tmp_path, *command.split())
    assert said.code == 0, said.err
    assert said.loaded & OF_LIBRARIES == set()
    assert "first_lute" not in started(tmp_path, *command.replace("second", "third").split()).err
    assert started(tmp_path, *command.replace("second_", "first_").split(), "--checkpoint", "first").code == 0
