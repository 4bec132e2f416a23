"""Drawings of the piano and the organ, in a box x -500..500, y 0..1000."""

import numpy as np

from demo.vector import ball, box, clipped, darker, gradient, group, lighter, line, path, shiny_box


def piano(colour: str, accent: str) -> str:
    """A grand piano from its curved side: the keys at the left, the lid raised."""
    curved = "L-70,620 C60,620 120,556 220,536 C330,514 440,506 450,440"
    inside = f"M-370,620 {curved} L-300,440 Z"
    definition, gold = gradient([(0, darker(accent, 0.35)), (0.5, accent), (1, darker(accent, 0.2))])
    strings = "".join(line(-360 + 26 * k, 640, 60 + 30 * k, 430, "#fbf3da", 2) for k in range(24))
    harp = definition + path(inside, gold, darker(colour, 0.4), 4) + clipped(f'<g opacity="0.65">{strings}</g>', inside)
    definition, gloss = gradient(
        [(0, colour), (0.35, lighter(colour, 0.38)), (0.5, lighter(colour, 0.12)), (1, colour)]
    )
    lid = definition + path(
        "M-300,440 L-352,96 L-70,64 C60,64 130,190 220,226 C340,276 442,300 450,440 Z", gloss, darker(colour, 0.6), 6
    )
    lid += path("M-288,428 L-334,114 L-72,84 C50,86 118,206 208,244 C320,290 424,318 436,428 Z", "none", accent, 3)
    prop = line(130, 566, 60, 190, darker(accent, 0.3), 12) + line(130, 566, 60, 190, accent, 6)
    definition, side = gradient(
        [(0, lighter(colour, 0.1)), (0.3, lighter(colour, 0.42)), (0.6, colour), (1, darker(colour, 0.3))]
    )
    rim = definition + path(
        "M-490,626 L-370,626 L-370,620 L-70,620 C60,620 120,556 220,536 C330,514 440,506 450,440 L452,528 "
        "C442,600 330,606 220,628 C120,650 60,716 -70,716 L-490,716 Z",
        side,
        darker(colour, 0.6),
        6,
    )
    board = path("M-490,626 L-370,626 L-300,440 L-420,440 Z", darker(colour, 0.2), darker(colour, 0.6), 4)
    fall = path("M-378,626 L-364,596 L-292,410 L-300,440 L-372,640 Z", darker(colour, 0.1), darker(colour, 0.5), 2)
    legs = "".join(
        path(f"M{x - 26},{y} L{x + 26},{y} L{x + 14},930 L{x - 14},930 Z", colour, darker(colour, 0.6), 4)
        + ball(x, 946, 17, 17, accent)
        for x, y in ((-420, 714), (-90, 714), (400, 590))
    )
    lyre = line(-250, 714, -250, 880, colour, 16) + line(-210, 714, -210, 880, colour, 16)
    lyre += box(-272, 872, 84, 26, colour, 6) + "".join(shiny_box(x, 888, 16, 30, accent) for x in (-262, -238, -214))
    return legs + lyre + lid + harp + prop + board + _slanted_keys() + fall + rim


def _slanted_keys() -> str:
    """The keyboard of the grand piano, running away from who looks at it."""
    num_keys = 22
    near, far = np.array([-484.0, 622.0]), np.array([-410.0, 446.0])
    keys = ""
    for k in range(num_keys):
        (x1, y1), (x2, y2) = near + (far - near) * k / num_keys, near + (far - near) * (k + 1) / num_keys
        keys += path(f"M{x1},{y1} L{x1 + 100},{y1} L{x2 + 100},{y2} L{x2},{y2} Z", "#fbf9f2", "#77736a", 1.5)
    for k in range(1, num_keys):
        x, y = near + (far - near) * k / num_keys
        keys += line(x + 52, y, x + 94, y, "#141213", 5) if k % 7 not in (0, 3) else ""
    return keys


def organ(colour: str, accent: str) -> str:
    """A pipe organ: towers of pipes in a case of wood, and the console with its keys below."""
    definition, wood = gradient([(0, darker(colour, 0.35)), (0.5, lighter(colour, 0.18)), (1, darker(colour, 0.4))])
    back = definition + path(
        "M-400,640 L-400,170 L-250,130 L-130,240 L-130,70 L0,20 L130,70 L130,240 L250,130 L400,170 L400,640 Z",
        wood,
        darker(colour, 0.7),
        6,
    )
    pipes = "".join(
        _pipe(x, top, 600, 44, accent) for x, top in ((-100, 150), (-50, 104), (0, 76), (50, 104), (100, 150))
    )
    for side in (-1, 1):
        pipes += "".join(_pipe(side * x, top, 600, 32, accent) for x, top in ((152, 372), (186, 338), (220, 304)))
        pipes += "".join(_pipe(side * x, top, 600, 40, accent) for x, top in ((268, 214), (316, 188), (364, 214)))
    rails = shiny_box(-424, 590, 848, 36, colour, vertical=True)
    tops = "".join(
        path(
            f"M{x - half - 16},{y} Q{x},{y - 84} {x + half + 16},{y} L{x + half},{y + 34} L{x - half},{y + 34} Z",
            colour,
            darker(colour, 0.7),
            5,
        )
        + ball(x, y - 46, 15, 17, "#e0bd5c")
        for x, y, half in ((0, 50, 130), (-316, 156, 84), (316, 156, 84))
    )
    base = shiny_box(-400, 626, 800, 340, darker(colour, 0.1), round_=4)
    panels = "".join(box(x, 670, 130, 260, darker(colour, 0.35), 8, darker(colour, 0.7)) for x in (-376, 246))
    console = box(-222, 646, 444, 320, darker(colour, 0.5), 8, darker(colour, 0.75))
    manuals = "".join(_manual(-196 + 8 * k, 690 + 62 * k, 392 - 16 * k) for k in range(3))
    stops = "".join(ball(x, y, 9, 9, "#f4efe2") for x in (-208, 208) for y in (700, 730, 760, 790, 820, 850))
    pedals = "".join(box(x, 892, 16, 62, "#c99a5c", 3, "#4a2a14") for x in np.linspace(-180, 164, 13))
    return (
        back
        + pipes
        + rails
        + tops
        + base
        + panels
        + console
        + manuals
        + stops
        + pedals
        + shiny_box(-424, 960, 848, 30, colour, vertical=True)
    )


def _pipe(x: float, top: float, bottom: float, wide: float, colour: str) -> str:
    """A pipe with its mouth and its foot."""
    mouth = bottom - 90
    foot = path(
        f"M{x - wide / 2},{mouth + 22} L{x + wide / 2},{mouth + 22} L{x + 8},{bottom} L{x - 8},{bottom} Z",
        darker(colour, 0.25),
        darker(colour, 0.6),
        2,
    )
    lip = path(
        f"M{x - wide * 0.32},{mouth + 22} L{x},{mouth - 34} L{x + wide * 0.32},{mouth + 22} Z",
        lighter(colour, 0.5),
        darker(colour, 0.5),
        2,
    )
    return (
        foot
        + shiny_box(x - wide / 2, top, wide, mouth + 22 - top, colour, round_=3)
        + lip
        + box(x - wide * 0.3, mouth + 14, wide * 0.6, 11, "#1a1512", 2)
    )


def _manual(x: float, y: float, wide: float) -> str:
    num_keys = 21
    tops = np.linspace(x, x + wide, num_keys + 1)
    white = "".join(box(at, y, tops[1] - tops[0] - 1.5, 44, "#fbf9f2", 2, "#8a857a") for at in tops[:-1])
    black = "".join(box(tops[k] - 5, y, 10, 26, "#141213", 2) for k in range(1, num_keys) if k % 7 not in (0, 3))
    return group(white + black)
