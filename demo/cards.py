"""The remix desk's pictures: each instrument's drawing alone, small, on nothing, so that it lies on any paper.

Run `python -m demo.cards desk/page/pictures`. Needs the PyPI package cairosvg, as `demo.pictures` does.
"""

import argparse
from pathlib import Path

from PIL import Image

from demo import draw_brass, draw_keys, draw_plucked, draw_reeds, draw_stage, draw_strings
from demo.pictures import LOOKS, Drawing, Look, cut_out, painted
from varemix.errors import ProgramError

PIXELS = 288  # both ways; the page shows them at 144 at most
NUMBERS = {"acoustic_guitar": 1, "cello": 1, "flute": 1, "xylophone": 1}
"""Which of an instrument's five looks is shown, where it is not the first."""

FURTHER: dict[str, tuple[Drawing, Look]] = {
    "banjo": (draw_plucked.banjo, Look(body="#9a5424", accent="#c9ccd4", turn_degrees=36)),
    "bass": (draw_plucked.bass, Look(body="#b5491a", accent="#1d1a1c", turn_degrees=34)),
    "bassoon": (draw_reeds.bassoon, Look(body="#6e1f17", accent="#d3d6dc", turn_degrees=-22)),
    "double_bass": (draw_strings.double_bass, Look(body="#6b3412", accent="#c9a24a", turn_degrees=0)),
    "drums": (draw_stage.drums, Look(body="#b01c2a", accent="#f4f1e8", turn_degrees=0)),
    "electric_guitar": (draw_plucked.electric_guitar, Look(body="#c2202c", accent="#f4f1e6", turn_degrees=38)),
    "french_horn": (draw_brass.french_horn, Look(body="#d9a030", accent="#e8c46a", turn_degrees=0)),
    "harmonica": (draw_reeds.harmonica, Look(body="#b9bec8", accent="#8a2a20", turn_degrees=-14)),
    "harp": (draw_plucked.harp, Look(body="#d0983a", accent="#e8c46a", turn_degrees=0)),
    "mandolin": (draw_plucked.mandolin, Look(body="#b9611f", accent="#3a2216", turn_degrees=36)),
    "oboe": (draw_reeds.oboe, Look(body="#1c1b1e", accent="#cfd2d8", turn_degrees=-38)),
    "organ": (draw_keys.organ, Look(body="#7a4520", accent="#c3c7d0", turn_degrees=0)),
    "piano": (draw_keys.piano, Look(body="#1c1b1e", accent="#d2a548", turn_degrees=0)),
    "trombone": (draw_brass.trombone, Look(body="#d9a030", accent="#e8c46a", turn_degrees=-24)),
    "voice": (draw_stage.voice, Look(body="#2a2a30", accent="#c9ccd4", turn_degrees=32)),
}
"""Instruments that only cards show: how each is drawn, and how it looks."""

_MARGIN = 0.02
_WIDER = {"bassoon": 1.2, "oboe": 1.3}  # thin instruments, drawn a little stouter than life


def card(instrument: str) -> Image.Image:
    """Return the drawing of an instrument, cut to itself and centred in a square."""
    drawing = _drawing(instrument)
    drawing = drawing.crop(drawing.getbbox())
    side = round(max(drawing.size) * (1 + 2 * _MARGIN))
    square = Image.new("RGBA", (side, side))
    square.paste(drawing, ((side - drawing.width) // 2, (side - drawing.height) // 2))
    return square.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)


def _drawing(instrument: str) -> Image.Image:
    if instrument not in FURTHER:
        return cut_out(instrument, NUMBERS.get(instrument, 0))
    draw, look = FURTHER[instrument]
    return painted(draw(look.body, look.accent), look, wider=_WIDER.get(instrument, 1.0))


def main() -> None:
    """Write a picture for each instrument."""
    parser = argparse.ArgumentParser(description="Draw a card of each instrument.")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    try:
        for instrument in [*LOOKS, *FURTHER]:
            card(instrument).save(asked.folder / f"{instrument}.webp", quality=82, method=6)
    except ProgramError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
