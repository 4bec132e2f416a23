"""Drawings of the accordion and the xylophone, in a box x -500..500, y 0..1000."""

import itertools

import numpy as np

from demo.vector import ball, box, darker, gradient, lighter, line, path, shiny_box


def accordion(colour: str, accent: str) -> str:
    """A piano accordion: keyboard at the left, bellows drawn out, bass buttons at the right."""
    folds = ""
    edges = np.linspace(-130, 210, 15)
    for i, (x1, x2) in enumerate(itertools.pairwise(edges)):
        lift = 40 * np.sin(np.pi * (i + 0.5) / 14)
        up, down = 215 - lift, 820 - lift * 0.4
        inward = 16 if i % 2 else 0
        shade = darker(colour, 0.55) if i % 2 else lighter(colour, 0.12)
        folds += path(
            f"M{x1},{up + inward} L{x2},{up + 16 - inward} L{x2},{down - 16 + inward} L{x1},{down - inward} Z",
            shade,
            darker(colour, 0.75),
            2,
        )
        folds += line(x1, up + inward, x1, up + inward + 24, "#d9d9df", 4) + line(
            x1, down - inward - 24, x1, down - inward, "#d9d9df", 4
        )
    definition, fill = gradient(
        [(0, darker(colour, 0.35)), (0.25, lighter(colour, 0.4)), (0.6, colour), (1, darker(colour, 0.45))]
    )
    treble = definition + path(
        "M-330,180 C-250,150 -150,170 -130,190 L-130,840 C-160,860 -270,860 -330,830 Z", fill, darker(colour, 0.7), 5
    )
    bass = path("M210,190 C240,165 330,170 365,210 L380,800 C340,850 250,850 210,830 Z", fill, darker(colour, 0.7), 5)
    grille = "".join(path(f"M-240,{y} Q-190,{y - 24} -150,{y}", "none", accent, 7) for y in range(260, 800, 34))
    switches = "".join(box(-262, y, 20, 28, "#f4efe2", 5, "#33302c") for y in range(300, 760, 64))
    keyboard = box(-440, 190, 130, 640, "#1b1715", 8)
    tops = np.linspace(200, 820, 18)
    white = "".join(box(-436, y, 122, tops[1] - tops[0] - 2, "#fbf9f2", 5, "#8a857a") for y in tops[:-1])
    black = "".join(box(-390, tops[k] - 11, 78, 21, "#141213", 4) for k in range(1, 17) if k % 7 not in (3, 0))
    buttons = "".join(
        ball(x + (y - 240) * 0.03, y + k * 9, 9, 9, "#f2eee4")
        for k, x in enumerate(range(236, 350, 24))
        for y in range(260, 780, 32)
    )
    strap = path("M-250,172 C-300,40 -140,20 -120,180", "none", "#2a211c", 22) + path(
        "M250,180 C240,60 340,60 345,190", "none", "#2a211c", 18
    )
    badge = box(-226, 500, 82, 26, accent, 12, darker(accent, 0.5))
    return strap + folds + treble + bass + grille + switches + keyboard + white + black + buttons + badge


RAINBOW = ("#d8322e", "#ea7a23", "#f0c52c", "#57a83c", "#2e9fb8", "#2f58b5", "#7a3fa8", "#c23a86")


def xylophone(colour: str, accent: str, *, rainbow: bool = False) -> str:
    """A xylophone of thirteen bars on a wooden frame, with two mallets."""
    legs = "".join(shiny_box(x, 560, 26, 400 - drop, accent) for x, drop in ((-470, 0), (430, 60)))
    legs += shiny_box(-470, 880, 920, 22, accent, vertical=True)
    out = legs + "".join(
        shiny_box(x - 20, 560, 40, 300 - 15 * k, "#b9a878") for k, x in enumerate(np.linspace(-430, 430, 13))
    )
    for y1, y2 in ((360, 440), (680, 590)):
        out += path(f"M-480,{y1} L480,{y2} L480,{y2 + 34} L-480,{y1 + 40} Z", accent, darker(accent, 0.5), 3)
    out += shiny_box(-490, 330, 22, 410, accent) + shiny_box(470, 420, 20, 220, accent)
    for k, x in enumerate(np.linspace(-430, 430, 13)):
        half = 250 - 10.5 * k
        tint = RAINBOW[k % 8] if rainbow else darker(colour, 0.03 * (k % 3))
        definition, fill = gradient(
            [(0, darker(tint, 0.4)), (0.25, lighter(tint, 0.45)), (0.6, tint), (1, darker(tint, 0.5))]
        )
        out += definition + box(x - 29, 530 - half, 58, 2 * half, fill, 8, darker(tint, 0.65))
        for y in (380 + (x + 480) / 960 * 80, 700 - (x + 480) / 960 * 90):
            out += ball(x, y, 8, 8, "#d8d8de")
    for x1, y1, x2, y2 in ((-330, 60, -60, 470), (330, 90, 200, 500)):
        out += line(x1, y1, x2, y2, darker(accent, 0.3), 15) + line(x1, y1, x2, y2, lighter(accent, 0.3), 8)
        out += ball(x2, y2, 36, 34, "#c8283a" if not rainbow else "#f3efe6")
    return out
