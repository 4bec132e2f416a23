"""Drawings of the violin, cello, double bass, acoustic guitar and erhu, upright, centred on x = 0."""

import numpy as np

from demo.vector import ball, box, clipped, darker, gradient, group, lighter, line, mirrored, oval, path, shiny_box

_BOUTS = [(0, 430), (55, 432), (104, 452), (126, 498), (124, 545), (108, 578), (113, 598), (92, 622), (82, 665)]
_BOUTS += [(92, 710), (116, 736), (113, 752), (140, 785), (160, 835), (158, 895), (122, 955), (55, 978), (0, 982)]


_SLOPING = [(0, 408), (26, 412), (40, 440), (62, 474), (98, 510), (118, 550), (112, 590), (98, 622), (88, 666)]
_SLOPING += [(100, 712), (126, 740), (156, 790), (174, 848), (166, 910), (122, 960), (55, 980), (0, 983)]
"""The shoulders of a viol, as the double bass has them."""


def violin(colour: str, accent: str) -> str:
    """A violin with its chin rest, and its bow beside it."""
    return group(_fiddle(colour, accent, chin_rest=True) + _bow(215, 40, 960, accent), "translate(-40,0)")


def cello(colour: str, accent: str) -> str:
    """A cello on its end pin."""
    pin = shiny_box(-5, 970, 10, 170, "#9a9aa2")
    body = group(_fiddle(colour, accent, chin_rest=False), "scale(1.22,1) translate(0,0)")
    return group(pin + body, "translate(0,-20) scale(0.88)")


def double_bass(colour: str, accent: str) -> str:
    """A double bass with its sloping shoulders, on its end pin."""
    pin = shiny_box(-7, 975, 14, 70, "#9a9aa2")
    body = group(_fiddle(colour, accent, chin_rest=False, outline=_SLOPING), "scale(1.3,1)")
    return group(pin + body, "translate(0,-10) scale(0.96)")


def wood(outline: str, colour: str, half_width: float, top: float, bottom: float, seed: int) -> str:
    """A body of varnished wood: an outline, its shading, its grain and its purfling."""
    stops = [
        (0, darker(colour, 0.5)),
        (0.18, colour),
        (0.42, lighter(colour, 0.32)),
        (0.7, colour),
        (1, darker(colour, 0.6)),
    ]
    definition, fill = gradient(stops)
    rng = np.random.default_rng(seed)
    grain = "".join(
        line(x, top, x + rng.normal(0, 4), bottom, darker(colour, 0.4), 1.1)
        for x in np.arange(-half_width, half_width, 6.5)
        + rng.normal(0, 1.5, len(np.arange(-half_width, half_width, 6.5)))
    )
    return (
        definition
        + path(outline, fill, darker(colour, 0.75), 7)
        + clipped(f'<g opacity="0.28">{grain}</g>', outline)
        + group(
            path(outline, "none", darker(colour, 0.7), 3),
            f"translate(0,{0.05 * (top + bottom) / 2:.1f}) scale(0.925,0.95)",
        )
    )


def _fiddle(colour: str, accent: str, *, chin_rest: bool, outline: list[tuple[int, int]] = _BOUTS) -> str:
    ebony = "#1b1716"
    f_hole = "M52,640 C36,640 36,664 50,676 C72,694 76,716 78,736 C80,758 60,760 62,744"
    hole = path(f_hole, "none", "#160d08", 8) + oval(53, 644, 8, 8, "#160d08") + oval(66, 748, 9, 9, "#160d08")
    neck = shiny_box(-17, 130, 34, 310, darker(colour, 0.1))
    pegs = "".join(
        ball(side * 46, y, 26, 10, ebony) + line(0, y, side * 24, y, ebony, 7)
        for side, y in ((-1, 62), (1, 78), (-1, 98), (1, 114))
    )
    scroll = path(
        "M-15,150 C-20,90 -18,60 -12,40 C-24,30 -22,0 0,-4 C22,0 24,30 12,40 C18,60 20,90 15,150 Z",
        darker(colour, 0.15),
        darker(colour, 0.7),
        4,
    )
    scroll += ball(0, 20, 13, 13, darker(colour, 0.2)) + box(-7, 52, 14, 84, "#20130d", 4)
    definition, board_fill = gradient([(0, "#050505"), (0.35, "#57504c"), (1, "#0a0908")])
    board = definition + path("M-13,140 L13,140 L25,650 L-25,650 Z", board_fill)
    tail = path("M-24,775 L24,775 L14,950 L-14,950 Z", ebony, "#443c38", 3) + oval(0, 968, 9, 9, ebony)
    bridge = path("M-40,720 C-30,690 30,690 40,720 L32,722 L24,708 L-24,708 L-32,722 Z", "#e8c48a", "#7c5a2a", 2)
    strings = "".join(
        line(x, 140, 2 * x, 700, "#dfe3ea", 2) + line(2 * x, 700, 1.4 * x, 780, "#dfe3ea", 2) for x in (-9, -3, 3, 9)
    )
    rest = (
        path("M-30,905 C-60,860 -150,850 -158,900 C-160,950 -110,975 -40,960 Z", ebony, accent, 2) if chin_rest else ""
    )
    body = wood(mirrored(outline), colour, 165, 430, 985, 3)
    shine = (
        '<g opacity="0.35">' + path("M-95,470 C-70,450 -40,450 -34,452 C-60,500 -70,540 -80,560 Z", "#ffffff") + "</g>"
    )
    return (
        neck + pegs + scroll + body + shine + hole + group(hole, "scale(-1,1)") + rest + board + tail + bridge + strings
    )


def _bow(x: float, top: float, bottom: float, accent: str) -> str:
    stick = path(f"M{x},{top} C{x - 12},{top + 300} {x - 12},{bottom - 300} {x},{bottom}", "none", "#5a2a14", 9)
    hair = path(f"M{x + 20},{top + 22} L{x + 24},{bottom - 60}", "none", "#f3ecd8", 7)
    tip = path(f"M{x - 5},{top - 4} L{x + 24},{top + 8} L{x + 22},{top + 26} L{x + 2},{top + 30} Z", "#3a1c10")
    frog = box(x - 3, bottom - 80, 34, 46, "#17110e", 5) + ball(x + 14, bottom - 58, 6, 6, accent)
    return stick + hair + tip + frog + shiny_box(x - 6, bottom - 20, 12, 30, "#b9b9c0")


def acoustic_guitar(colour: str, accent: str) -> str:
    """A guitar with six strings, rosette and bridge."""
    half = [(0, 455), (70, 455), (128, 480), (150, 535), (138, 590), (122, 632), (132, 680), (178, 740), (198, 815)]
    half += [(184, 900), (132, 960), (60, 982), (0, 985)]
    body = wood(mirrored(half), colour, 200, 455, 985, 5)
    rose = oval(0, 640, 66, 66, accent) + oval(0, 640, 60, 60, lighter(colour, 0.5)) + oval(0, 640, 55, 55, accent)
    rose += oval(0, 640, 50, 50, "#140b06")
    definition, fill = gradient([(0, "#1d110b"), (0.4, "#5d4030"), (1, "#1d110b")])
    board = definition + path("M-24,170 L24,170 L31,600 L-31,600 Z", fill, "#0d0805", 2)
    frets = "".join(line(-26, y, 26, y, "#d8d2c4", 3) for y in 170 + 430 * (1 - 0.5 ** (np.arange(1, 17) / 12)) * 1.55)
    dots = "".join(oval(0, y, 5, 5, "#f2eede") for y in (275, 330, 385, 470))
    head = path("M-24,172 L-40,150 L-44,20 C-20,0 20,0 44,20 L40,150 L24,172 Z", darker(colour, 0.45), "#20120a", 4)
    tuners = "".join(
        ball(s * 60, y, 15, 10, "#e4e1d6") + line(s * 36, y, s * 46, y, "#c0c0c8", 6)
        for s in (-1, 1)
        for y in (48, 88, 128)
    )
    posts = "".join(ball(s * 26, y, 7, 7, "#cfcfd6") for s in (-1, 1) for y in (48, 88, 128))
    bridge = box(-85, 812, 170, 34, "#2b170d", 8) + box(-44, 820, 88, 6, "#f4efe0", 3)
    pins = "".join(oval(x, 836, 4.5, 4.5, "#f4efe0") for x in np.linspace(-36, 36, 6))
    strings = "".join(line(0.5 * x, 172, x, 822, "#efe6c8", 2) for x in np.linspace(-36, 36, 6))
    guard = path("M48,690 C110,670 130,730 108,790 C80,780 40,740 48,690 Z", darker(accent, 0.2))
    shine = (
        '<g opacity="0.3">' + path("M-120,500 C-90,470 -60,470 -50,472 C-80,520 -95,560 -110,590 Z", "#ffffff") + "</g>"
    )
    return head + tuners + posts + body + shine + guard + rose + board + frets + dots + bridge + pins + strings


def erhu(colour: str, accent: str) -> str:
    """An erhu: a thin neck, two long pegs at the side, a six-sided drum of python skin, and the bow in its strings."""
    neck = shiny_box(-10, 60, 20, 860, colour, round_=4)
    head = path("M-12,75 C-14,30 0,8 34,2 C48,0 52,16 38,20 C16,26 12,50 12,75 Z", colour, darker(colour, 0.6), 3)
    pegs = ""
    for y in (130, 215):
        pegs += path(f"M-150,{y - 17} L-10,{y - 7} L-10,{y + 7} L-150,{y + 17} Z", darker(colour, 0.1), "#0b0605", 2)
        pegs += "".join(line(-148 + k, y - 12, -148 + k, y + 12, lighter(colour, 0.25), 2) for k in range(0, 60, 10))
        pegs += ball(-156, y, 10, 18, "#efe6d2") + line(-10, y, 26, y, darker(colour, 0.3), 9)
    corners = [(112 * np.cos(a), 838 + 112 * np.sin(a)) for a in np.radians(np.arange(0, 360, 60))]
    drum = "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in corners) + " Z"
    side = group(path(drum, darker(colour, 0.25), "#0b0605", 4), "translate(34,-16)")
    skin = "M" + " L".join(f"{x * 0.86:.1f},{838 + (y - 838) * 0.86:.1f}" for x, y in corners) + " Z"
    face = path(drum, colour, "#0b0605", 5) + path(skin, "#d9cba6", "#3a2a1a", 3) + clipped(_scales(), skin)
    qianjin = box(-14, 336, 46, 12, "#c7262b", 5)
    strings = line(14, 130, 20, 342, "#e8e8ee", 2.5) + line(20, 215, 25, 342, "#e8e8ee", 2.5)
    strings += line(20, 342, 4, 820, "#f4f4f8", 2.5) + line(25, 342, 10, 820, "#f4f4f8", 2.5)
    bridge = path("M-12,838 L22,838 L14,818 L-4,818 Z", "#e2b878", "#5a3a14", 2)
    base = path("M-70,935 L70,935 L84,972 L-84,972 Z", darker(colour, 0.1), "#0b0605", 3) + box(
        -60, 928, 120, 12, accent, 3
    )
    bow = path("M-330,770 C-200,640 190,650 330,720", "none", "#b98d4f", 11)
    bow += path("M-318,768 L318,728", "none", "#fbf6e8", 8) + ball(326, 722, 16, 16, "#2a1a10")
    return group(side + neck + head + pegs + face + base + strings + qianjin + bridge + bow, "translate(40,5)")


def _scales() -> str:
    rows = []
    for j, y in enumerate(np.arange(730, 950, 18)):
        for x in np.arange(-120, 121, 22) + (11 if j % 2 else 0):
            dark = (int(x // 44) + j // 3) % 3 == 0
            rows.append(oval(float(x), float(y), 9, 7.5, "#54432c" if dark else "#b49c6c"))
    return "".join(rows)
