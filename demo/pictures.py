"""Pictures of the instruments: a drawing of each in five poses, colours and surroundings, lit and grained like a photo.

Needs the PyPI package cairosvg, which turns the drawings into pixels.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from demo import draw_boxes, draw_strings, draw_winds
from varemix.errors import ProgramError

SIZE = 512  # pixels, both ways
SCENES = ("studio", "planks", "room", "cloth", "stage")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one instrument is drawn in one picture: two colours and the angle it is turned by, in degrees."""

    body: str
    accent: str
    turn_degrees: float
    is_flipped: bool = False
    scale: float = 1.0


Drawing = Callable[[str, str], str]

DRAWINGS: dict[str, Drawing] = {
    "accordion": draw_boxes.accordion,
    "acoustic_guitar": draw_strings.acoustic_guitar,
    "cello": draw_strings.cello,
    "clarinet": draw_winds.clarinet,
    "erhu": draw_strings.erhu,
    "flute": draw_winds.flute,
    "saxophone": draw_winds.saxophone,
    "trumpet": draw_winds.trumpet,
    "tuba": draw_winds.tuba,
    "violin": draw_strings.violin,
    "xylophone": draw_boxes.xylophone,
}


def _looks(
    bodies: str, accents: str, turns: tuple[float, ...], scales: tuple[float, ...], flips: str
) -> tuple[Look, ...]:
    return tuple(
        Look(body=body, accent=accent, turn_degrees=turn, scale=scale, is_flipped=flip == "x")
        for body, accent, turn, scale, flip in zip(bodies.split(), accents.split(), turns, scales, flips, strict=True)
    )


_BRASS = "#d9a030 #e0b04a #c8902a #c9ccd4 #d49a35"
_BRASS_TRIM = "#e8c46a #f0d28a #e2c07a #e6e8ee #f2dc9c"

LOOKS: dict[str, tuple[Look, ...]] = {
    "accordion": _looks(
        "#b01c2a #1d1d22 #1f4f9e #c63a2e #1f6b4a",
        "#e6c770 #d9d9df #f0e2b0 #f4efe2 #e6c770",
        (-4, 6, -10, 3, 9),
        (1, 1.08, 0.95, 1.12, 1),
        "..x.x",
    ),
    "acoustic_guitar": _looks(
        "#d39a4a #b5652a #e0b878 #8a4a22 #c98a3c",
        "#7a3b1a #3a2216 #8a5a2a #d8b070 #4a2a1a",
        (0, 38, -28, 62, -14),
        (1, 1.1, 1.05, 1.12, 1.06),
        "..x.x",
    ),
    "cello": _looks(
        "#7e3716 #9a4a1c #6a2a14 #a5602a #8a3c20",
        "#c9a24a #c9a24a #d0b060 #b08a3a #c9a24a",
        (0, 9, -12, 4, -24),
        (1.02, 1.05, 1, 1.12, 1.06),
        "...xx",
    ),
    "clarinet": _looks(
        "#1c1b1e #26222a #2a1c18 #17181c #201e22",
        "#cfd2d8 #e2e4ea #d8c48a #bfc4cc #d6d8de",
        (40, -50, 18, 66, -32),
        (1.12, 1.12, 1.08, 1.15, 1.15),
        "..x.x",
    ),
    "erhu": _looks(
        "#5a2418 #7a3220 #43201a #6e2f1c #54281e",
        "#c9a24a #e0c070 #b08a3a #d9b45a #c9a24a",
        (0, 8, -10, 4, -16),
        (1, 1.05, 1.04, 1.1, 1.02),
        "..x.x",
    ),
    "flute": _looks(
        "#b9bec8 #c8ccd4 #cdb27a #aeb4c0 #c2c6ce",
        "#8b909a #a0a4ae #a88a4a #828894 #969aa4",
        (52, -42, 74, 30, -62),
        (1.14, 1.14, 1.15, 1.1, 1.15),
        "..x.x",
    ),
    "saxophone": _looks(
        _BRASS.replace("#c9ccd4", "#c07f28"), _BRASS_TRIM, (0, -12, 14, -6, 20), (1, 1.06, 1, 1.1, 1.02), "..x.x"
    ),
    "trumpet": _looks(_BRASS, _BRASS_TRIM, (-8, 22, -26, 6, 34), (1.02, 1.08, 1.05, 1.1, 1.05), "..x.x"),
    "tuba": _looks(_BRASS, _BRASS_TRIM, (0, -10, 12, 6, -18), (1, 1.06, 1, 1.1, 1.02), "..x.x"),
    "violin": _looks(
        "#a5521f #7e3716 #c06a28 #8f3f1a #b56a30",
        "#c9a24a #c9a24a #e0c070 #b08a3a #c9a24a",
        (32, -40, 12, 58, -24),
        (1.08, 1.1, 1.04, 1.14, 1.08),
        "..x.x",
    ),
    "xylophone": _looks(
        "#8a4426 #6a2f1c #a5602a #7a3820 #94502c",
        "#b98a52 #c89a5a #8a5a2a #d9b98a #b07a42",
        (-4, 6, -10, 3, -7),
        (1, 1.06, 1, 1.1, 1.04),
        "..x.x",
    ),
}
_RAINBOW_PICTURES = (1, 3)  # of the xylophone
_WIDER = {"clarinet": 1.3, "erhu": 1.1, "cello": 1.1}  # thin instruments, drawn a little stouter than life


def picture(instrument: str, number: int) -> Image.Image:
    """Picture `number` (0 to 4) of an instrument, RGB, `SIZE` pixels both ways; a call repeated gives the same one."""
    names = list(LOOKS)
    seed = 100 * names.index(instrument) + number
    rng = np.random.default_rng(seed)
    scene = _scene(SCENES[(number + names.index(instrument)) % len(SCENES)], rng)
    drawing = cut_out(instrument, number)
    alpha = np.asarray(drawing.getchannel("A"), dtype=float) / 255
    shadow = Image.fromarray((alpha * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(9))
    cast = np.roll(np.asarray(shadow, dtype=float) / 255, (14, 12), axis=(0, 1))[..., None]
    pixels = scene * (1 - 0.55 * cast)
    light = _light(rng)[..., None]
    pixels = pixels * (1 - alpha[..., None]) + np.asarray(drawing.convert("RGB"), dtype=float) * alpha[..., None]
    pixels = pixels * light + rng.normal(0, 3.0, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.5))


def cut_out(instrument: str, number: int) -> Image.Image:
    """The drawing of picture `number` alone, RGBA on nothing, `SIZE` pixels both ways."""
    look = LOOKS[instrument][number]
    if instrument == "xylophone" and number in _RAINBOW_PICTURES:
        shapes = draw_boxes.xylophone(look.body, look.accent, rainbow=True)
    else:
        shapes = DRAWINGS[instrument](look.body, look.accent)
    return painted(shapes, look, wider=_WIDER.get(instrument, 1.0))


def painted(shapes: str, look: Look, *, wider: float = 1.0) -> Image.Image:
    """Shapes of SVG turned and flipped as the look says, RGBA on nothing, `SIZE` pixels both ways."""
    flip = -1 if look.is_flipped else 1
    across, down = wider * flip * look.scale * 0.92, look.scale * 0.92
    turned = f"rotate({look.turn_degrees}) scale({across:.3f},{down:.3f})"
    move = f"translate(0,500) {turned} translate(0,-500)"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-550 -50 1100 1100" width="{2 * SIZE}" height="{2 * SIZE}">'
        f'<g transform="{move}">{shapes}</g></svg>'
    )
    return _pixels(svg).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def _pixels(svg: str) -> Image.Image:
    try:
        import cairosvg
    except ImportError as error:
        raise ProgramError(
            "The drawings are painted by the Python package cairosvg. Install it: `pip install cairosvg`."
        ) from error
    return Image.open(io.BytesIO(cairosvg.svg2png(bytestring=svg.encode()))).convert("RGBA")


def _light(rng: np.random.Generator) -> NDArray[np.float64]:
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    cx, cy = rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.5)
    return np.asarray(1.12 - 0.42 * np.hypot(x - cx, y - cy))


def _noise(rng: np.random.Generator, across: int, down: int) -> NDArray[np.float64]:
    """Soft noise [H, W] between 0 and 1, coarse in both directions as asked."""
    small = Image.fromarray((rng.random((down, across)) * 255).astype(np.uint8))
    return np.asarray(small.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=float) / 255


def _scene(kind: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """A background [H, W, 3] from 0 to 255."""
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    flat = np.ones((SIZE, SIZE, 3))
    if kind == "studio":
        tint = np.array([225, 222, 215]) + rng.uniform(-18, 18, 3)
        return flat * tint * (1 - 0.25 * y[..., None])
    if kind == "planks":
        row = np.floor(x * 5 + rng.random())
        tone = 0.75 + 0.12 * np.sin(row * 12.9) + 0.22 * _noise(rng, 160, 5) - 0.5 * ((x * 5 + 0.3) % 1 < 0.015)
        return flat * np.array([150, 108, 70]) * tone[..., None] * rng.uniform(0.85, 1.2)
    if kind == "room":
        wall = np.array([188, 194, 190]) + rng.uniform(-16, 16, 3)
        floor = np.array([128, 92, 62]) * (0.8 + 0.4 * _noise(rng, 10, 90))[..., None]
        return np.where((y > 0.78)[..., None], floor, flat * wall * (1.05 - 0.2 * x[..., None]))
    if kind == "cloth":
        folds = 0.75 + 0.18 * np.sin(18 * x + 7 * y + 6 * _noise(rng, 4, 4)) + 0.12 * _noise(rng, 200, 200)
        return flat * (np.array([60, 70, 105]) + rng.uniform(-25, 45, 3)) * folds[..., None]
    spots = np.exp(-(((x - 0.35) / 0.25) ** 2 + ((y - 0.3) / 0.5) ** 2)) + np.exp(
        -(((x - 0.75) / 0.2) ** 2 + ((y - 0.4) / 0.4) ** 2)
    )
    return flat * 26 + spots[..., None] * (np.array([110, 80, 90]) + rng.uniform(-30, 30, 3))
