"""Drawings of the French horn and the trombone, in a box x -500..500, y 0..1000."""

import numpy as np
from numpy.typing import NDArray

from demo.vector import ball, darker, gradient, group, lighter, line, oval, shiny_box, tube


def french_horn(colour: str, accent: str) -> str:
    """A French horn: tubes wound in circles, rotary valves in the middle, the wide bell below."""
    big = tube(_arc(-20, 430, 290, 180, 400, 32, 17), colour, smooth=False)
    flare = [
        (-296, 540, 30),
        (-250, 640, 34),
        (-150, 726, 40),
        (-30, 770, 52),
        (80, 806, 80),
        (150, 838, 140),
        (186, 852, 205),
    ]
    throat = tube(flare, colour)
    definition, fill = gradient([(0, darker(colour, 0.7)), (0.5, darker(colour, 0.3)), (1, lighter(colour, 0.25))])
    mouth = oval(0, 0, 64, 212, fill, lighter(colour, 0.4), 12) + oval(-6, 0, 34, 122, darker(colour, 0.68))
    bell = definition + group(mouth, "translate(200,856) rotate(18)")
    inner = tube(_arc(-20, 430, 236, 180, 370, 15, 15), lighter(colour, 0.06), smooth=False)
    inner += tube(_arc(-14, 440, 188, 60, 300, 14, 14), colour, smooth=False)
    loops = "".join(
        tube([(60, y, 12), (-80, y, 12), (-118, y + 21, 12), (-80, y + 42, 12), (60, y + 42, 12)], lighter(colour, 0.1))
        for y in (332, 410, 488)
    )
    lead = tube([(-440, 150, 8), (-330, 136, 10), (-180, 130, 12), (-20, 140, 15), (90, 162, 17)], colour)
    cup = tube([(-492, 156, 26), (-480, 155, 24), (-462, 152, 12), (-430, 149, 9)], accent)
    valves = "".join(
        ball(x, y, 44, 44, accent)
        + oval(x, y, 27, 27, lighter(accent, 0.4), darker(accent, 0.5), 3)
        + line(x - 22, y, x + 22, y, darker(accent, 0.35), 6)
        for x, y in ((70, 350), (96, 440), (70, 530))
    )
    levers = "".join(
        line(66, y + 110, -60, y + 30, accent, 9) + ball(-74, y + 24, 24, 13, "#e9e6dc") for y in (222, 252, 282)
    )
    return lead + inner + big + cup + loops + levers + valves + throat + bell


def trombone(colour: str, accent: str) -> str:
    """A trombone: the bell before, the tuning bow behind, and the long slide below."""
    slide = tube([(-240, 560, 10), (100, 560, 10), (440, 560, 10)], accent)
    slide += tube([(-130, 640, 10), (100, 640, 10), (440, 640, 10)], accent)
    slide += tube([(430, 560, 12), (470, 566, 12), (488, 600, 12), (470, 634, 12), (430, 640, 12)], colour)
    sleeves = shiny_box(60, 547, 360, 26, lighter(accent, 0.15), vertical=True) + shiny_box(
        60, 627, 360, 26, lighter(accent, 0.15), vertical=True
    )
    stays = "".join(shiny_box(x, 556, 14, 88, colour) for x in (-110, 60))
    bow = tube([(-120, 640, 15), (-250, 642, 16), (-360, 636, 17), (-440, 590, 18), (-462, 520, 19)], colour)
    bow += tube([(-462, 524, 19), (-452, 446, 20), (-400, 402, 21), (-300, 392, 22)], colour)
    bell = tube(
        [(-310, 392, 22), (-100, 390, 26), (60, 386, 34), (150, 382, 52), (204, 380, 84), (232, 378, 132)], colour
    )
    definition, fill = gradient([(0, darker(colour, 0.6)), (0.7, colour), (1, lighter(colour, 0.5))], vertical=True)
    rim = definition + oval(234, 378, 27, 137, fill, lighter(colour, 0.4), 8)
    cup = tube([(-320, 560, 29), (-306, 560, 27), (-284, 560, 13), (-240, 560, 11)], lighter(accent, 0.2))
    rings = (
        shiny_box(-300, 366, 16, 52, accent)
        + shiny_box(-136, 622, 18, 36, accent)
        + shiny_box(-216, 546, 16, 28, colour)
    )
    brace = shiny_box(-200, 410, 14, 236, accent) + shiny_box(-60, 410, 12, 150, accent)
    return brace + slide + sleeves + stays + bow + bell + rim + cup + rings


def _arc(
    x: float, y: float, radius: float, start: float, span: float, half_first: float, half_last: float
) -> NDArray[np.float64]:
    """Rows (x, y, half width) of a tube along a circle, backwards from `start` over `span`, degrees from the right."""
    angles = np.radians(start - np.linspace(0, span, 90))
    half = np.linspace(half_first, half_last, 90)
    return np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles), half])
