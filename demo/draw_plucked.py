"""Drawings of plucked strings: banjo, mandolin, harp, electric guitar and bass, in a box x -500..500, y 0..1000."""

import numpy as np
from numpy.typing import ArrayLike

from demo.draw_strings import wood
from demo.vector import (
    ball,
    box,
    clipped,
    curve,
    darker,
    gradient,
    group,
    lighter,
    line,
    mirrored,
    oval,
    path,
    shiny_box,
    tube,
)

_METAL = "#d4d6dc"
_STRING = "#eceae2"


def banjo(colour: str, accent: str) -> str:
    """A five-string banjo: a drum of white skin with its hooks, and the short string's peg at the neck."""
    hooks = ""
    for angle in np.radians(np.arange(0, 360, 15)):
        across, down = np.sin(angle), -np.cos(angle)
        hooks += line(195 * across, 765 + 195 * down, 226 * across, 765 + 226 * down, darker(accent, 0.3), 11)
        hooks += ball(226 * across, 765 + 226 * down, 10, 10, accent)
    rim = ball(0, 765, 216, 216, colour) + oval(0, 765, 199, 199, accent, darker(accent, 0.5), 4)
    definition, skin = gradient([(0, "#ffffff"), (0.6, "#f6f1e4"), (1, "#d8cfba")], radial=True)
    head = definition + oval(0, 765, 184, 184, skin, "#8d8674", 3)
    bridge = box(-46, 828, 92, 15, "#c08a4a", 4, "#5a3a1a")
    tail = path("M-22,966 L22,966 L12,906 L-12,906 Z", accent, darker(accent, 0.6), 3)
    peg = line(-22, 290, -50, 284, _METAL, 8) + ball(-62, 282, 15, 11, "#f4efe2")
    strings = "".join(line(0.62 * x, 150, x, 832, "#8f8f94", 2.2) for x in (-18, -6, 6, 18))
    strings += line(-22, 290, -30, 832, "#8f8f94", 2.2) + "".join(
        line(x, 840, 0.4 * x, 912, "#8f8f94", 2.2) for x in (-30, -18, -6, 6, 18)
    )
    neck = _neck(150, 600, 24, 30, frets=16)
    return hooks + rim + head + _head(colour, 2) + peg + neck + bridge + tail + strings


def mandolin(colour: str, accent: str) -> str:
    """A mandolin: a body like a drop, four double strings, an oval sound hole."""
    half = [(0, 468), (34, 470), (62, 500), (112, 580), (172, 680), (204, 780), (192, 880), (136, 950), (60, 982)]
    body = wood(mirrored([*half, (0, 986)]), colour, 210, 460, 985, 9)
    rose = oval(0, 672, 76, 50, accent) + oval(0, 672, 66, 42, lighter(colour, 0.45)) + oval(0, 672, 60, 37, "#140b06")
    guard = path("M44,690 C110,690 142,740 132,806 C96,800 52,770 44,690 Z", "#2b1812", "#120a06", 2)
    bridge = path("M-74,832 L74,832 L66,812 L-66,812 Z", "#2b170d", "#0d0603", 2)
    tail = path("M-34,900 L34,900 L26,984 L-26,984 Z", _METAL, "#77797f", 3)
    pairs = [x + side for x in (-30, -10, 10, 30) for side in (-3, 3)]
    strings = "".join(
        line(0.6 * x, 190, x, 818, _STRING, 1.8) + line(x, 818, 0.7 * x, 904, _STRING, 1.8) for x in pairs
    )
    shine = (
        '<g opacity="0.28">' + path("M-128,680 C-108,640 -84,610 -66,600 C-78,650 -96,690 -112,720 Z", "#fff") + "</g>"
    )
    neck = _neck(190, 632, 27, 33, frets=16)
    return body + shine + guard + rose + group(_head(colour, 4), "translate(0,44)") + neck + bridge + tail + strings


def harp(colour: str, accent: str) -> str:
    """A concert harp: the column at the left, the curved neck above, the sound box aslant, its strings upright."""
    top = curve([(-250, 96), (-180, 60), (-110, 110), (-10, 225), (90, 262), (180, 222), (262, 250)])
    strings = ""
    for number, x in enumerate(np.linspace(-205, 205, 30)):
        start = float(np.interp(x, top[:, 0], top[:, 1]))
        end = 905 - 595 * (x + 240) / 500
        tint = "#c03a3a" if number % 7 == 0 else "#33363f" if number % 7 == 3 else "#a49b83"
        strings += line(x, start, x + 6, end, tint, 3.2)
    sound = path("M-214,930 L-150,930 L300,318 L246,268 Z", darker(colour, 0.25), darker(colour, 0.7), 5)
    sound += path("M-226,918 L-196,930 L272,296 L250,272 Z", lighter(colour, 0.25), darker(colour, 0.6), 3)
    neck = tube(
        [(-252, 92, 30), (-180, 56, 28), (-110, 104, 25), (-10, 220, 24), (90, 258, 26), (180, 216, 32)], colour
    )
    shoulder = tube([(165, 222, 31), (220, 212, 38), (266, 246, 44), (280, 300, 34)], colour)
    pins = "".join(
        ball(x, float(np.interp(x, top[:, 0], top[:, 1])) - 2, 6, 6, "#e9e4d2") for x in np.linspace(-200, 200, 22)
    )
    column = shiny_box(-276, 120, 52, 800, colour, round_=10)
    crown = shiny_box(-292, 26, 84, 34, accent, round_=8) + ball(-250, 14, 30, 22, accent)
    crown += path("M-286,60 L-214,60 L-224,140 L-276,140 Z", colour, darker(colour, 0.7), 3)
    rings = "".join(shiny_box(-286, y, 72, 18, accent, round_=6) for y in (140, 190, 800, 850))
    foot = path("M-316,985 L-300,912 L-140,912 L-80,985 Z", colour, darker(colour, 0.7), 5)
    foot += shiny_box(-326, 968, 256, 26, accent, round_=8)
    return strings + sound + column + rings + neck + shoulder + pins + crown + foot


def electric_guitar(colour: str, accent: str) -> str:
    """A solid electric guitar with two horns, three pickups, six tuners in line."""
    right = [(30, 606), (66, 588), (104, 532), (136, 512), (150, 548), (126, 616), (124, 670), (160, 742), (192, 820)]
    left = [(-60, 984), (-152, 944), (-192, 862), (-174, 768), (-134, 690), (-128, 624), (-152, 548), (-170, 480)]
    outline = _closed(
        [*right, (188, 896), (132, 962), (40, 986), *left, (-142, 462), (-98, 520), (-60, 590), (-30, 606)]
    )
    around = [(26, 628), (70, 616), (96, 590), (104, 640), (96, 700), (130, 770), (150, 840), (96, 850), (66, 800)]
    around += [(0, 800), (-84, 804), (-108, 770), (-92, 700), (-104, 640), (-110, 560), (-80, 600), (-26, 628)]
    guard = _closed(around)
    pickups = "".join(_pickup(y, 92, tilt) for y, tilt in ((652, 0), (712, 0), (776, -8)))
    knobs = "".join(ball(x, y, 15, 15, "#f2efe6") for x, y in ((92, 790), (116, 836), (132, 886)))
    bridge = shiny_box(-50, 836, 100, 38, _METAL) + "".join(
        box(x - 5, 842, 10, 26, "#8d9097", 2) for x in np.linspace(-36, 36, 6)
    )
    bridge += line(44, 850, 70, 800, _METAL, 7) + line(70, 800, 62, 740, _METAL, 7) + ball(62, 732, 9, 16, "#f2efe6")
    strings = "".join(line(0.5 * x, 140, x, 850, _STRING, 2) for x in np.linspace(-34, 34, 6))
    neck = _neck(140, 640, 23, 29, frets=21, board="#e2b673", fret="#8b7a55", dot="#3a2a1a")
    inline = _inline_head(6, "#e2b673")
    body = _lacquer(outline, colour) + path(guard, accent, darker(accent, 0.35), 3)
    return body + inline + pickups + neck + knobs + bridge + strings


def bass(colour: str, accent: str) -> str:
    """An electric bass: four strings, a long neck, large tuners, two pickups."""
    right = [(28, 676), (60, 662), (100, 610), (130, 590), (146, 622), (124, 686), (122, 728), (152, 786), (182, 850)]
    left = [(-60, 986), (-146, 952), (-184, 884), (-170, 810), (-132, 742), (-126, 680), (-160, 588), (-182, 520)]
    outline = _closed(
        [*right, (178, 916), (126, 966), (36, 988), *left, (-154, 500), (-100, 566), (-58, 648), (-28, 676)]
    )
    around = [(24, 700), (80, 690), (92, 740), (124, 800), (140, 862), (100, 890), (74, 836), (0, 834), (-76, 838)]
    around += [(-96, 806), (-84, 740), (-92, 690), (-108, 610), (-70, 660), (-24, 700)]
    guard = _closed(around)
    pickups = _pickup(742, 96, 0) + _pickup(816, 96, 0)
    knobs = "".join(ball(x, y, 15, 15, _METAL) for x, y in ((104, 826), (120, 872), (104, 916)))
    bridge = shiny_box(-48, 868, 96, 62, _METAL) + "".join(
        box(x - 8, 876, 16, 44, "#8d9097", 3) for x in np.linspace(-30, 30, 4)
    )
    strings = "".join(line(0.6 * x, 146, x, 884, "#f4f2ea", 3.4) for x in np.linspace(-29, 29, 4))
    neck = _neck(146, 706, 22, 28, frets=20)
    body = _lacquer(outline, colour) + path(guard, accent, darker(accent, 0.5), 3)
    return body + _inline_head(4, "#7a4a26") + pickups + neck + knobs + bridge + strings


def _closed(points: ArrayLike) -> str:
    """A smooth closed outline through points (x, y)."""
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in curve(points, steps=10)) + " Z"


def _lacquer(outline: str, colour: str) -> str:
    """A solid body: burst of light in its middle, dark towards its edge, and a gleam."""
    stops = [(0, lighter(colour, 0.5)), (0.45, colour), (0.8, darker(colour, 0.35)), (1, darker(colour, 0.6))]
    definition, fill = gradient(stops, radial=True)
    gleam = path("M-150,860 C-150,800 -120,740 -104,716 C-112,780 -112,840 -96,910 Z", "#ffffff")
    return definition + path(outline, fill, darker(colour, 0.75), 7) + clipped(f'<g opacity="0.3">{gleam}</g>', outline)


def _pickup(y: float, wide: float, turn_degrees: float) -> str:
    poles = "".join(oval(x, 0, 4.5, 4.5, "#c9ccd2") for x in np.linspace(-wide / 2 + 14, wide / 2 - 14, 6))
    return group(box(-wide / 2, -14, wide, 28, "#1b1a1c", 12) + poles, f"translate(0,{y}) rotate({turn_degrees})")


def _neck(
    top: float,
    bottom: float,
    half_top: float,
    half_bottom: float,
    *,
    frets: int,
    board: str = "#33201a",
    fret: str = "#d8d2c4",
    dot: str = "#f2eede",
) -> str:
    """A fingerboard with its frets, twelve to the octave, and its dots."""
    definition, fill = gradient([(0, darker(board, 0.45)), (0.4, lighter(board, 0.18)), (1, darker(board, 0.45))])
    shape = f"M{-half_top},{top} L{half_top},{top} L{half_bottom},{bottom} L{-half_bottom},{bottom} Z"
    places = 1 - 0.5 ** (np.arange(frets + 1) / 12)
    y = top + (bottom - 12 - top) * places / places[-1]
    wires = "".join(line(-half_top, at, half_top, at, fret, 3) for at in y[1:])
    dots = "".join(oval(0, (y[k - 1] + y[k]) / 2, 5.5, 5.5, dot) for k in (3, 5, 7, 9, 12, 15) if k <= frets)
    return (
        definition
        + path(shape, fill, darker(board, 0.6), 3)
        + wires
        + dots
        + box(-half_top, top - 6, 2 * half_top, 10, "#f4efe0", 2)
    )


def _head(colour: str, num_a_side: int) -> str:
    """A head with as many tuners at either side."""
    plate = "M-25,156 L-46,130 L-48,40 C-30,4 -14,22 0,6 C14,22 30,4 48,40 L46,130 L25,156 Z"
    head = path(plate, darker(colour, 0.45), "#20120a", 4)
    for y in np.linspace(52, 120, num_a_side):
        for side in (-1, 1):
            head += line(side * 40, y, side * 52, y, "#c0c0c8", 6) + ball(side * 66, y, 15, 9, "#f0ece0")
            head += ball(side * 24, y, 7, 7, "#cfcfd6")
    return head


def _inline_head(num_tuners: int, colour: str) -> str:
    """A head whose tuners stand in a line at the left."""
    plate = "M-24,160 C-30,130 -52,126 -54,100 L-40,14 C-24,-8 20,-10 36,10 C56,36 42,62 20,76 C14,100 22,130 24,160 Z"
    head = path(plate, colour, darker(colour, 0.6), 4)
    for y in np.linspace(22, 112, num_tuners):
        x = -42 - 14 * (y - 14) / 100
        head += line(x + 8, y, x - 14, y, "#b8bac0", 6) + ball(x - 26, y, 60 / num_tuners, 40 / num_tuners + 2, _METAL)
        head += ball(x + 26, y, 7, 7, "#dadce2")
    return head
