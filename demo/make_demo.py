"""Make the demo: solo clips, pictures to ask with, a little library to remix, and the notice of where all came from.

Run from the root of the checkout: `python -m demo.make_demo [FOLDER]` (default: demo/ itself). The same seed makes the
same sound and pictures. Needs, beside this project's own packages,

- the programs fluidsynth and ffmpeg (with libx264), and the sound font FluidR3_GM.sf2 (Debian packages fluidsynth,
  ffmpeg and fluid-soundfont-gm),
- the Python package cairosvg.

The small files it makes are kept beside it, so that nobody has to run it to use them.
"""

import argparse
import csv
import logging
from pathlib import Path

from demo.clips import Clip, all_clips, write_film
from demo.library import MIXES, SEED, mix_seeds, write_mix
from demo.notice import notice
from demo.pictures import LOOKS, picture
from varemix.errors import ProgramError

_STILLS = (3, 4)  # the numbers of the pictures that no film shows

log = logging.getLogger("demo")


def main() -> None:
    """Make everything, below the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Make the demo's clips, pictures and library.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        _write_demo(asked.folder)
    except ProgramError as error:
        parser.error(str(error))


def _write_demo(folder: Path) -> None:
    clips = all_clips(SEED)
    _write_clips(clips, folder)
    _write_stills(folder / "pictures")
    for mix, seed in zip(MIXES, mix_seeds(), strict=True):
        write_mix(mix, folder / "library", seed=seed)
        log.info("library/%s", mix.file)
    (folder / "NOTICE.md").write_text(notice(clips), encoding="utf-8")


def _write_clips(clips: list[Clip], folder: Path) -> None:
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    for clip in clips:
        write_film(clip, folder / "videos" / f"{clip.video_id}.mp4")
        log.info("videos/%s.mp4: %s", clip.video_id, clip.tune)
    with (folder / "solo.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["video_id", "instrument", "split"])
        writer.writerows([clip.video_id, clip.instrument, clip.split] for clip in clips)


def _write_stills(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for instrument in LOOKS:
        for k, number in enumerate(_STILLS):
            picture(instrument, number).save(folder / f"{instrument}_{k + 1}.jpg", quality=82)


if __name__ == "__main__":
    main()
