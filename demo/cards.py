"""The remix desk's pictures: each instrument's drawing alone, small, on nothing, so that it lies on any paper.

Run `python -m demo.cards desk/page/pictures`. Needs the PyPI package cairosvg, as `demo.pictures` does.
"""

import sys
from pathlib import Path

from PIL import Image

from demo.pictures import LOOKS, cut_out

PIXELS = 288  # both ways; the page shows them at 144 at most
NUMBERS = {"acoustic_guitar": 1, "cello": 1, "flute": 1, "xylophone": 1}
"""Which of an instrument's five looks is shown, where it is not the first."""

_MARGIN = 0.02


def card(instrument: str) -> Image.Image:
    """Return the drawing of an instrument, cut to itself and centred in a square."""
    drawing = cut_out(instrument, NUMBERS.get(instrument, 0))
    drawing = drawing.crop(drawing.getbbox())
    side = round(max(drawing.size) * (1 + 2 * _MARGIN))
    square = Image.new("RGBA", (side, side))
    square.paste(drawing, ((side - drawing.width) // 2, (side - drawing.height) // 2))
    return square.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)


def main() -> None:
    """Write a picture for each instrument."""
    folder = Path(sys.argv[1])
    for instrument in LOOKS:
        card(instrument).save(folder / f"{instrument}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
