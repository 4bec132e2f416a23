"""Drawings of the wind instruments: clarinet, flute, saxophone, trumpet and tuba, in a box x -500..500, y 0..1000."""

import numpy as np

from demo.vector import ball, blend, darker, gradient, lighter, line, oval, path, shiny_box, tube


def clarinet(colour: str, accent: str) -> str:
    """A clarinet, upright: mouthpiece, ligature, barrel, keys, bell."""
    wood = tube(
        [(0, 190, 17), (0, 400, 18), (0, 650, 20), (0, 820, 22), (0, 900, 30), (0, 955, 48), (0, 985, 62)], colour
    )
    bell = oval(0, 985, 63, 14, darker(colour, 0.5), accent, 5)
    mouth = path("M-6,20 C2,14 12,40 15,110 L-15,110 C-14,70 -12,40 -6,20 Z", "#141416", "#46464a", 2)
    ligature = shiny_box(-17, 72, 34, 30, accent) + line(-17, 80, 17, 80, darker(accent, 0.4), 2)
    barrel = tube([(0, 105, 15), (0, 145, 21), (0, 190, 18)], colour)
    rings = "".join(shiny_box(-22 - y / 220, y, 44 + y / 110, 9, accent, round_=3) for y in (108, 186, 500, 800))
    keys = "".join(ball(0, y, 11, 11, accent) + oval(0, y, 6, 6, "#0c0c0e") for y in (300, 345, 390, 560, 605, 650))
    rods = shiny_box(17, 250, 6, 240, accent) + shiny_box(19, 520, 6, 260, accent) + shiny_box(-25, 560, 5, 190, accent)
    levers = ""
    for x, y, tip in (
        (30, 235, 46),
        (30, 430, 48),
        (34, 690, 58),
        (34, 735, 60),
        (-32, 700, -56),
        (-32, 745, -58),
        (-24, 270, -40),
    ):
        levers += line(np.sign(x) * 16, y, tip, y + 14, accent, 8) + ball(tip, y + 16, 13, 9, accent)
    pads = ball(4, 835, 22, 20, accent) + ball(-6, 775, 19, 17, accent) + ball(6, 262, 12, 10, accent)
    return wood + bell + barrel + mouth + ligature + rods + levers + rings + keys + pads


def flute(colour: str, accent: str) -> str:
    """A concert flute, upright: crown, lip plate, a row of cups on rods, foot joint."""
    pipe = tube([(0, 10, 17), (0, 300, 17), (0, 700, 16), (0, 990, 16)], colour)
    crown = (
        shiny_box(-20, 4, 40, 26, colour) + shiny_box(-20, 236, 40, 30, colour) + shiny_box(-20, 810, 40, 24, colour)
    )
    plate = ball(0, 130, 36, 50, lighter(colour, 0.1)) + oval(4, 130, 11, 16, "#1c1d22", darker(colour, 0.5))
    rods = shiny_box(16, 290, 8, 500, colour) + shiny_box(20, 840, 7, 140, colour) + shiny_box(-26, 520, 6, 110, colour)
    cups = ""
    for y, r in (
        (305, 12),
        (345, 15),
        (385, 19),
        (430, 19),
        (474, 19),
        (530, 20),
        (576, 20),
        (622, 20),
        (672, 21),
        (722, 21),
        (772, 21),
    ):
        cups += (
            line(0, y, 22, y, darker(colour, 0.3), 9)
            + ball(2, y, r, r, colour)
            + oval(2, y, r * 0.55, r * 0.55, "none", accent, 2.5)
        )
    foot = "".join(ball(2, y, 20, 20, colour) for y in (864, 910, 956))
    levers = "".join(line(20, y, 52, y + 30, colour, 10) + ball(54, y + 34, 12, 17, colour) for y in (690, 815)) + ball(
        -32, 560, 11, 24, colour
    )
    return pipe + crown + plate + rods + levers + cups + foot


def saxophone(colour: str, accent: str) -> str:
    """An alto saxophone in its S: mouthpiece, neck, body with keys, bow and bell."""
    neck = [(-215, 150, 11), (-170, 118, 13), (-110, 92, 16), (-50, 96, 19), (-20, 130, 22), (-14, 190, 24)]
    body = [(-14, 180, 23), (-6, 350, 28), (6, 550, 35), (16, 720, 42), (30, 850, 47), (80, 925, 51), (150, 925, 54)]
    body += [(202, 850, 57), (216, 740, 62), (226, 640, 74), (238, 560, 100), (250, 512, 132)]
    pipe = tube(body, colour)
    hole, fill = gradient([(0, darker(colour, 0.75)), (0.6, darker(colour, 0.45)), (1, colour)])
    bell = hole + oval(252, 508, 135, 44, fill, lighter(colour, 0.35), 9)
    mouth = tube([(-300, 190, 5), (-255, 176, 17), (-222, 155, 18), (-205, 145, 16)], "#232326") + shiny_box(
        -262, 150, 26, 44, "#c9c9cf"
    )
    keys = ""
    for y, r in ((230, 20), (285, 22), (340, 25), (400, 28), (470, 30), (545, 33), (620, 35), (695, 38)):
        x = -14 + 30 * (y - 190) / 530
        keys += ball(x - 6, y, r, r, blend(colour, "#ffffff", 0.12)) + oval(
            x - 8, y - 2, r * 0.42, r * 0.42, "#f6f1e6", darker(colour, 0.4)
        )
    rod = line(34, 215, 74, 690, darker(colour, 0.45), 11) + line(34, 215, 74, 690, lighter(colour, 0.3), 5)
    rod += line(-52, 250, -44, 660, darker(colour, 0.45), 9) + line(-52, 250, -44, 660, lighter(colour, 0.3), 4)
    side = "".join(ball(x, y, 33, 29, colour) for x, y in ((200, 740), (178, 830), (250, 640)))
    guards = "".join(
        path(f"M{x - 44},{y} Q{x},{y - 40} {x + 44},{y}", "none", accent, 6) for x, y in ((200, 740), (178, 830))
    )
    palm = "".join(line(-20, y, -74, y - 26, colour, 11) + ball(-78, y - 28, 14, 9, accent) for y in (250, 300, 520))
    cork = tube([(-215, 150, 13), (-180, 124, 13)], "#c89b62", smooth=False)
    return (
        pipe
        + bell
        + side
        + guards
        + tube(neck, colour)
        + cork
        + mouth
        + rod
        + keys
        + palm
        + shiny_box(-46, 170, 66, 22, colour)
    )


def trumpet(colour: str, accent: str) -> str:
    """A trumpet, bell to the right: mouthpiece, lead pipe, tuning slide, three valves, bell."""
    far = tube(
        [
            (-120, 590, 13),
            (-250, 588, 13),
            (-300, 560, 13),
            (-300, 500, 13),
            (-250, 466, 13),
            (0, 462, 14),
            (150, 458, 16),
        ],
        colour,
    )
    bell = tube(
        [(100, 460, 16), (230, 452, 20), (320, 446, 30), (385, 440, 48), (425, 436, 78), (448, 434, 112)], colour
    )
    definition, fill = gradient([(0, darker(colour, 0.6)), (0.7, colour), (1, lighter(colour, 0.5))], vertical=True)
    rim = definition + oval(450, 434, 24, 115, fill, lighter(colour, 0.4), 7)
    lead = tube(
        [
            (-470, 470, 9),
            (-380, 470, 11),
            (-100, 476, 13),
            (180, 480, 13),
            (262, 490, 13),
            (290, 532, 13),
            (262, 580, 13),
            (100, 590, 13),
        ],
        colour,
    )
    mouth = tube([(-492, 470, 27), (-480, 470, 25), (-462, 470, 12), (-420, 470, 9), (-380, 470, 12)], accent)
    valves = ""
    for x in (-75, 0, 75):
        valves += (
            shiny_box(x - 6, 322, 12, 60, "#c8c8d0")
            + shiny_box(x - 24, 312, 48, 14, accent)
            + shiny_box(x - 33, 376, 66, 22, accent)
        )
        valves += (
            shiny_box(x - 30, 396, 60, 240, colour)
            + shiny_box(x - 33, 632, 66, 18, accent)
            + shiny_box(x - 12, 648, 24, 14, colour)
        )
        valves += shiny_box(x - 31, 452, 62, 8, accent) + shiny_box(x - 31, 585, 62, 8, accent)
    slide = tube([(100, 610, 12), (180, 612, 12), (200, 570, 12), (180, 530, 12), (100, 528, 12)], colour)
    third = tube(
        [(-100, 540, 12), (-190, 540, 12), (-215, 566, 12), (-190, 592, 12), (-100, 592, 12)], lighter(colour, 0.1)
    )
    hook = path("M170,466 C170,430 215,430 212,462", "none", colour, 9) + path(
        "M-150,610 a24,24 0 1 0 1,0", "none", accent, 8
    )
    braces = shiny_box(255, 460, 12, 30, accent) + shiny_box(-250, 470, 12, 100, accent)
    return far + braces + bell + rim + lead + third + slide + valves + mouth + hook


def tuba(colour: str, accent: str) -> str:
    """A tuba, upright: the wide bell above, the great bow below, coils and four valves in front."""
    main = [(60, 130, 190), (56, 190, 124), (70, 270, 96), (96, 400, 84), (112, 560, 74), (110, 720, 68), (60, 850, 64)]
    main += [
        (-60, 900, 60),
        (-170, 850, 54),
        (-210, 720, 48),
        (-214, 560, 43),
        (-196, 430, 38),
        (-120, 350, 34),
        (-30, 380, 30),
        (0, 470, 27),
    ]
    big = tube(main, colour)
    definition, fill = gradient([(0, darker(colour, 0.7)), (0.55, darker(colour, 0.35)), (1, lighter(colour, 0.2))])
    bell = definition + oval(60, 112, 205, 66, fill, lighter(colour, 0.4), 11)
    bell += oval(60, 124, 120, 34, darker(colour, 0.62)) + oval(60, 132, 70, 18, darker(colour, 0.8))
    inner = tube(
        [
            (0, 460, 26),
            (24, 600, 24),
            (20, 720, 23),
            (-30, 790, 22),
            (-100, 770, 21),
            (-120, 680, 20),
            (-118, 560, 18),
            (-90, 520, 17),
            (-40, 560, 17),
        ],
        colour,
    )
    lead = tube([(-290, 330, 8), (-250, 345, 10), (-170, 410, 12), (-110, 470, 14), (-84, 540, 15)], colour)
    mouth = tube([(-330, 318, 24), (-318, 322, 22), (-302, 327, 12), (-270, 338, 9)], accent)
    loops = "".join(
        tube([(-40, y, 13), (30, y, 13), (56, y + 26, 13), (30, y + 52, 13), (-40, y + 52, 13)], lighter(colour, 0.08))
        for y in (600, 670)
    )
    valves = ""
    for k in range(4):
        x = -100 + 52 * k
        valves += shiny_box(x - 5, 478 + 6 * k, 10, 44, "#c8c8d0") + ball(x, 474 + 6 * k, 21, 9, accent)
        valves += (
            shiny_box(x - 22, 516 + 6 * k, 44, 20, accent)
            + shiny_box(x - 20, 534 + 6 * k, 40, 150, colour)
            + shiny_box(x - 22, 680 + 6 * k, 44, 14, accent)
        )
    return big + bell + inner + loops + lead + mouth + valves
