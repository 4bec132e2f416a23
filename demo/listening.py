"""Make the page to listen to, docs/listening/: mixes of the demo, remixes of them, and what was asked for in truth.

Run from the root of the checkout: `python -m demo.listening [FOLDER]`. Each remix is asked for with a drawing of the
demo and made with the model that comes with the software. Since the demo's mixes are put together from their parts,
what the remix should have become is known. Needs what `demo.make_demo` needs.
"""

import argparse
import html
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from catalog.files import temporary_folder
from demo.erhu import RATE_HZ
from demo.library import MIXES, Mix, mix_seeds, part_sounds, sum_of
from flows.one_file import open_separator, remix_file
from flows.wishes import wished_plan
from varemix.errors import ProgramError
from varemix.evaluation.delta_snr import delta_snr_db
from varemix.media.programs import find_ffmpeg, run_program
from varemix.remix.gains import factor
from varemix.remix.wishes import parse_gain

HERE = Path(__file__).parent
PAGE = HERE / "listening.html"
_GOOD_DB, _POOR_DB = 5.0, 0.5
_TIME_LIMIT_S = 120


@dataclass(frozen=True)
class Example:
    """One remix: of which tune, which instrument, and its gain as a person writes it."""

    tune: str
    instrument: str
    gain: str

    @property
    def picture(self) -> Path:
        """The drawing that it is asked for with."""
        return HERE / "pictures" / f"{self.instrument}_1.jpg"

    @property
    def mix(self) -> Mix:
        """The mix of the library."""
        return next(mix for mix in MIXES if mix.tune == self.tune)

    @property
    def parts(self) -> dict[str, NDArray[np.float64]]:
        """What each instrument plays, [S, C] each."""
        return _rendered(self.mix)


@cache
def _rendered(mix: Mix) -> dict[str, NDArray[np.float64]]:
    """Render the parts of a mix, once for all examples of it."""
    return part_sounds(mix, mix_seeds()[MIXES.index(mix)])


EXAMPLES = (
    Example("when_the_saints", "tuba", "mute"),
    Example("scarborough_fair", "flute", "mute"),
    Example("scarborough_fair", "acoustic_guitar", "-12"),
    Example("korobeiniki", "xylophone", "mute"),
    Example("greensleeves", "violin", "-6"),
    Example("korobeiniki", "accordion", "mute"),
    Example("minuet_in_g", "cello", "+6"),
    Example("when_the_saints", "trumpet", "mute"),
    Example("greensleeves", "accordion", "mute"),
    Example("minuet_in_g", "acoustic_guitar", "mute"),
    Example("minuet_in_g", "clarinet", "mute"),
    Example("when_the_saints", "saxophone", "mute"),
    Example("mo_li_hua", "erhu", "mute"),
)


def main() -> None:
    """Make the page in the folder named on the command line, by default docs/listening."""
    parser = argparse.ArgumentParser(description="Make the page to listen to.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parent / "docs" / "listening")
    asked = parser.parse_args()
    with temporary_folder(asked.folder.parent) as place:
        try:
            _write_page(place / "page")
        except ProgramError as error:
            parser.error(str(error))
        shutil.rmtree(asked.folder, ignore_errors=True)
        (place / "page").rename(asked.folder)


def _write_page(folder: Path) -> None:
    """Write the page and its sounds into a new folder."""
    folder.mkdir()
    separator = open_separator("shipped", None)
    made = [_made(example, folder, separator) for example in EXAMPLES]
    titles = {
        "It works": [item for db, item in made if db >= _GOOD_DB],
        "It helps": [item for db, item in made if _POOR_DB <= db < _GOOD_DB],
        "It fails": [item for db, item in made if db < _POOR_DB],
    }
    body = "\n".join(f"<h2>{title}</h2>\n" + "\n".join(items) for title, items in titles.items() if items)
    (folder / "index.html").write_text(Template(PAGE.read_text()).substitute(body=body))


def _made(example: Example, folder: Path, separator: Any) -> tuple[float, str]:
    """Write an example's three sounds; return by how many dB the remix is nearer to the truth, and its HTML."""
    change = factor(parse_gain(f"{example.instrument}={example.gain}").gain_db)
    mix = sum_of(example.parts)
    wanted = mix + change * example.parts[example.instrument]
    with TemporaryDirectory() as place:
        source, out = Path(place, "mix.wav"), Path(place, "remix.wav")
        soundfile.write(source, mix, RATE_HZ, subtype="FLOAT")
        plan = wished_plan([f"{example.picture}={example.gain}"])
        told = remix_file(source, out, plan, lambda: separator)
        remix = soundfile.read(out, always_2d=True)[0]
    db = delta_snr_db(wanted.ravel(), mix.ravel(), remix.ravel())
    name = f"{example.tune}-{example.instrument}"
    sounds = {f"{example.tune}-before": mix, f"{name}-after": remix, f"{name}-truth": wanted}
    for file, sound in sounds.items():
        if not (folder / f"{file}.m4a").exists():  # several examples are of one mix
            _write(folder / f"{file}.m4a", sound)
    return db, _item(example, list(sounds), db, told.in_words())


def _write(path: Path, sound: NDArray[np.float64]) -> None:
    """Write a sound [S, C] as AAC, softer than full scale where it would clip."""
    with TemporaryDirectory() as place:
        wave = Path(place, "sound.wav")
        soundfile.write(wave, sound / max(1.0, np.abs(sound).max()), RATE_HZ)
        command = [
            find_ffmpeg(),
            "-nostdin",
            "-loglevel",
            "error",
            "-y",
            "-i",
            wave,
            "-c:a",
            "aac",
            "-b:a",
            "72k",
            path,
        ]
        run_program(command, timeout_s=_TIME_LIMIT_S)


def _item(example: Example, files: list[str], db: float, told: str) -> str:
    """Return the HTML of one example."""
    names = [_name(part.instrument) for part in example.mix.parts]
    asked = {"mute": "out"}.get(example.gain, f"{example.gain} dB")
    heads = ("as it was", "remix", "what was asked for")
    players = "".join(
        f'<label>{head}<audio controls preload="none" src="{file}.m4a"></audio></label>'
        for head, file in zip(heads, files, strict=True)
    )
    return (
        f'<section><img src="../../demo/pictures/{example.picture.name}" alt="drawing: {_name(example.instrument)}">'
        f"<div><h3>{html.escape(example.tune.replace('_', ' ').title())}: {_name(example.instrument)} {asked}</h3>"
        f"<p>{', '.join(names).capitalize()} play. {html.escape(_verdict(db, told))}</p></div>"
        f'<div class="players">{players}</div></section>'
    )


def _name(instrument: str) -> str:
    """Return the instrument as a person writes it."""
    return instrument.replace("_", " ")


def _verdict(db: float, told: str) -> str:
    """Return in words how near the remix came."""
    if "not detected" in told:
        return "It is not detected, so the mix is left as it is."
    return f"The remix is {db:.1f} dB nearer to what was asked for than the mix."


if __name__ == "__main__":
    main()
