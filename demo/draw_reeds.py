"""Drawings of bassoon, oboe and harmonica, in a box x -500..500, y 0..1000."""

import numpy as np

from demo.vector import ball, box, darker, gradient, lighter, line, oval, path, shiny_box, tube


def bassoon(colour: str, accent: str) -> str:
    """A bassoon: the long joint and the wing beside each other in the boot, the crook with its reed aside."""
    long_joint = tube([(-26, 30, 27), (-26, 110, 24), (-26, 300, 26), (-26, 640, 29)], colour)
    bell = shiny_box(-56, 12, 60, 26, "#f1ead8", round_=8) + shiny_box(-54, 118, 56, 14, accent)
    wing = tube([(32, 330, 21), (32, 480, 24), (32, 640, 27)], colour)
    boot = tube([(3, 636, 60), (3, 800, 62), (3, 962, 60)], colour, smooth=False)
    caps = shiny_box(-62, 626, 130, 22, accent) + shiny_box(-60, 948, 126, 40, accent, round_=14)
    crook = tube([(32, 336, 10), (36, 270, 10), (76, 222, 9), (140, 222, 8), (196, 262, 7), (228, 310, 6)], accent)
    reed = path("M222,302 L238,296 L276,356 L252,370 Z", "#e3c07e", "#7c5a2a", 3) + line(
        230, 312, 242, 306, "#a5342a", 7
    )
    rods = line(-8, 170, -8, 620, darker(accent, 0.35), 10) + line(-8, 170, -8, 620, lighter(accent, 0.3), 4)
    rods += line(58, 400, 60, 620, darker(accent, 0.35), 9) + line(58, 400, 60, 620, lighter(accent, 0.3), 3)
    rods += line(-38, 670, -38, 930, darker(accent, 0.35), 9) + line(-38, 670, -38, 930, lighter(accent, 0.3), 3)
    keys = "".join(ball(-32, y, 21, 21, accent) for y in (180, 280, 390))
    keys += "".join(ball(34, y, 10, 10, "#120a08") for y in (420, 480, 540))
    keys += "".join(ball(x, y, 22, 22, accent) for x, y in ((14, 700), (28, 764), (10, 828), (30, 890)))
    levers = ""
    for x, y, tip in ((-50, 450, -92), (-50, 510, -96), (-50, 570, -92), (60, 450, 96), (62, 560, 102), (64, 720, 108)):
        levers += line(x, y, tip, y + 16, accent, 10) + ball(tip, y + 18, 17, 11, accent)
    return long_joint + wing + boot + bell + caps + crook + reed + rods + levers + keys


def oboe(colour: str, accent: str) -> str:
    """An oboe, upright: its double reed, a slim cone with many keys, a small round bell."""
    pipe = tube([(0, 150, 15), (0, 400, 18), (0, 640, 22), (0, 800, 26), (0, 860, 31)], colour)
    bell = tube([(0, 850, 29), (0, 888, 43), (0, 925, 47), (0, 962, 41), (0, 985, 37)], colour)
    mouth = oval(0, 985, 37, 9, darker(colour, 0.5), accent, 5)
    reed = path("M-11,8 L11,8 L6,86 L-6,86 Z", "#e8c98a", "#7c5a2a", 3) + line(0, 10, 0, 60, "#a5793a", 2)
    reed += shiny_box(-8, 62, 16, 44, "#a5342a", round_=3) + shiny_box(-9, 104, 18, 52, "#c89b62", round_=3)
    top = tube([(0, 148, 20), (0, 176, 23), (0, 206, 16)], colour)
    rings = "".join(
        shiny_box(-half, y, 2 * half, 11, accent, round_=3) for y, half in ((148, 21), (505, 25), (838, 33))
    )
    rods = shiny_box(17, 240, 7, 260, accent) + shiny_box(22, 520, 7, 300, accent) + shiny_box(-29, 540, 6, 250, accent)
    keys = "".join(
        ball(0, y, r, r, accent) + oval(0, y, 0.45 * r, 0.45 * r, darker(accent, 0.25))
        for y, r in (
            (250, 12),
            (296, 14),
            (342, 15),
            (388, 15),
            (434, 15),
            (550, 16),
            (600, 17),
            (650, 17),
            (702, 18),
            (756, 18),
        )
    )
    levers = ""
    for x, y, tip in (
        (22, 225, 50),
        (24, 452, 56),
        (28, 690, 62),
        (28, 742, 66),
        (-24, 320, -52),
        (-30, 700, -66),
        (-30, 752, -68),
    ):
        levers += line(0.6 * x, y, tip, y + 16, accent, 9) + ball(tip, y + 18, 15, 10, accent)
    return pipe + bell + mouth + reed + top + rods + levers + rings + keys + ball(4, 812, 23, 20, accent)


def harmonica(colour: str, accent: str) -> str:
    """A harmonica, its ten holes in front, its cover plates above and below."""
    definition, fill = gradient(
        [(0, lighter(colour, 0.2)), (0.25, lighter(colour, 0.75)), (0.6, colour), (1, darker(colour, 0.45))],
        vertical=True,
    )
    upper = definition + path(
        "M-430,470 C-430,380 -400,345 -360,340 L360,340 C400,345 430,380 430,470 Z", fill, darker(colour, 0.65), 6
    )
    definition, fill = gradient(
        [(0, darker(colour, 0.25)), (0.4, lighter(colour, 0.5)), (1, darker(colour, 0.6))], vertical=True
    )
    lower = definition + path(
        "M-430,560 C-430,640 -405,668 -365,672 L365,672 C405,668 430,640 430,560 Z", fill, darker(colour, 0.65), 6
    )
    comb = box(-462, 462, 924, 106, accent, 20, darker(accent, 0.7)) + box(
        -462, 462, 924, 20, lighter(accent, 0.25), 10
    )
    holes = "".join(
        box(x - 26, 488, 52, 62, "#120d0a", 6) + box(x - 26, 488, 52, 10, "#000000", 4)
        for x in np.linspace(-378, 378, 10)
    )
    plates = box(-450, 456, 900, 14, "#d9b45a", 5) + box(-450, 560, 900, 14, "#b98d3f", 5)
    screws = "".join(ball(x, y, 13, 13, "#e6e8ee") for x in (-440, 440) for y in (448, 584))
    engraved = path("M-230,398 C-120,366 120,366 230,398 C120,430 -120,430 -230,398 Z", "none", darker(colour, 0.4), 5)
    engraved += "".join(line(x, 386, x, 410, darker(colour, 0.4), 4) for x in np.linspace(-150, 150, 13))
    return upper + lower + plates + comb + holes + screws + engraved
