"""The README's picture: a mix of the demonstration, what its masks take, and the remix, as spectrograms.

Run `python -m demo.picture OUT.jpg` after `make demo`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from catalog.files import Home
from catalog.masks import MaskReader
from catalog.store import Catalog
from tasks.mask_file import grid_of
from varemix.media.audio import read_audio
from varemix.media.resampling import mono, resample
from varemix.signal.frequency_grid import to_bins, to_log_rows
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.spectrogram import stft

TRACK = "live/2019-06-21 Fête de la musique/07 Коробейники.wav"
COLOURS = {"xylophone": (90, 200, 255), "accordion": (255, 120, 70), "tuba": (120, 230, 120)}
PANEL = (520, 330)
MARGIN, HEADING = 16, 34
BACKGROUND, INK = (18, 20, 26), (235, 235, 240)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description="Draw the README's picture of what `make demo` made.")
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target
    catalog = Catalog(Home.open("data/demo"))
    track = catalog.read_rows("tracks", where={"track_path": TRACK})[0]
    where = {"content_digest": track["content_digest"], "status": "ready"}
    masks = catalog.read_rows("masks", where=where)[0]
    with MaskReader(catalog.home.absolute(masks["path"])) as reader:
        grid = grid_of(reader.header)
        taken = {name: log_mask(reader.read(name), grid) for name in COLOURS}
    before = log_spectrum(Path(track["library"], TRACK), grid)
    after = log_spectrum(catalog.home.root / "remixed" / TRACK, grid)
    panels = {
        "the mix": grey(before),
        "heard: xylophone (blue), accordion (red), tuba (green)": coloured(before, taken),
        "remixed: the accordion muted": grey(after),
    }
    draw(panels).save(target, quality=85)


def log_spectrum(path: Path, grid: Grid) -> np.ndarray:
    """Return the loudness of a recording's bins, 0 to 1, on log-frequency rows [L, T], the highest row first."""
    samples, info = read_audio(path)
    mid = resample(mono(samples), info.rate_hz, RATE_HZ)
    magnitude = to_log_rows(stft(torch.from_numpy(mid), grid).abs(), 256).numpy()
    level_db = 20 * np.log10(magnitude + 1e-6)
    return np.clip((level_db + 30) / 70, 0, 1)[::-1]


def log_mask(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Return a mask on the rows of the picture."""
    return to_log_rows(to_bins(torch.from_numpy(mask), grid), 256).numpy()[::-1]


def grey(level: np.ndarray) -> np.ndarray:
    """Return a level as a picture [L, T, 3]."""
    return np.stack([level * 255] * 3, axis=-1)


def coloured(level: np.ndarray, taken: dict[str, np.ndarray]) -> np.ndarray:
    """Return a level [L, T] coloured by what each mask claims of it."""
    picture = grey(level) * 0.25
    for name, mask in taken.items():
        picture += (level * mask[:, : level.shape[1]])[..., None] * np.array(COLOURS[name])
    return np.clip(picture, 0, 255)


def draw(panels: dict[str, np.ndarray]) -> Image.Image:
    """Return the panels side by side, each under its title."""
    width, height = PANEL
    size = (len(panels) * (width + MARGIN) + MARGIN, height + HEADING + MARGIN)
    sheet = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    for place, (title, pixels) in enumerate(panels.items()):
        left = MARGIN + place * (width + MARGIN)
        pen.text((left, 9), title, fill=INK, font=ImageFont.load_default(17))
        sheet.paste(Image.fromarray(pixels.astype(np.uint8)).resize(PANEL, Image.Resampling.LANCZOS), (left, HEADING))
    return sheet


if __name__ == "__main__":
    main()
