"""Drawings of what stands on a stage: a drum kit, and a singer's microphone; in a box x -500..500, y 0..1000."""

import numpy as np

from demo.vector import ball, box, clipped, darker, gradient, group, lighter, line, oval, path, shiny_box

_STEEL = "#b9bcc4"


def drums(colour: str, accent: str) -> str:
    """A drum kit from the front: bass drum, two toms, snare, floor tom, hi-hat and two cymbals."""
    stands = (
        line(-330, 190, -300, 900, _STEEL, 12)
        + line(-300, 800, -380, 960, _STEEL, 10)
        + line(-300, 800, -230, 960, _STEEL, 10)
    )
    stands += (
        line(330, 150, 300, 900, _STEEL, 12)
        + line(300, 800, 380, 960, _STEEL, 10)
        + line(300, 800, 230, 960, _STEEL, 10)
    )
    stands += (
        line(-420, 440, -420, 900, _STEEL, 11)
        + line(-420, 830, -480, 960, _STEEL, 9)
        + line(-420, 830, -366, 960, _STEEL, 9)
    )
    stands += line(0, 380, 0, 600, _STEEL, 20)
    toms = group(_drum(0, 0, 118, 150, colour, accent), "translate(-138,290) rotate(8)")
    toms += group(_drum(0, 0, 126, 160, colour, accent), "translate(140,284) rotate(-8)")
    snare = (
        line(-290, 660, -340, 950, _STEEL, 11)
        + line(-290, 660, -220, 950, _STEEL, 11)
        + _drum(-282, 560, 124, 92, _STEEL, accent)
    )
    legs = "".join(line(x, 640, x + 8 * np.sign(x - 300), 958, _STEEL, 11) for x in (190, 410))
    floor = legs + _drum(300, 540, 136, 270, colour, accent)
    hats = _cymbal(-420, 440, 116, 17) + group(_cymbal(-420, 462, 116, 14), "")
    cymbals = group(_cymbal(0, 0, 168, 26), "translate(-326,176) rotate(12)") + group(
        _cymbal(0, 0, 178, 27), "translate(330,136) rotate(-12)"
    )
    return stands + cymbals + floor + snare + toms + _bass_drum(colour, accent) + hats


def _drum(x: float, y: float, half: float, high: float, colour: str, accent: str) -> str:
    """A drum whose skin is seen from above a little; (x, y) is the middle of the skin."""
    flat = half * 0.24
    definition, fill = gradient(
        [(0, darker(colour, 0.5)), (0.3, lighter(colour, 0.45)), (0.55, colour), (1, darker(colour, 0.6))]
    )
    shell = definition + path(
        f"M{x - half},{y} L{x - half},{y + high} A{half},{flat} 0 0 0 {x + half},{y + high} L{x + half},{y} Z",
        fill,
        darker(colour, 0.7),
        4,
    )
    lugs = "".join(shiny_box(x + at * half - 7, y + flat + 18, 14, high * 0.45, _STEEL) for at in (-0.62, 0, 0.62))
    lower = path(f"M{x - half},{y + high - 8} A{half},{flat} 0 0 0 {x + half},{y + high - 8}", "none", _STEEL, 14)
    hoop = oval(x, y, half + 5, flat + 5, _STEEL, "#5c5f66", 4) + path(
        f"M{x - half},{y + 10} A{half},{flat} 0 0 0 {x + half},{y + 10}", "none", _STEEL, 12
    )
    return shell + lugs + lower + hoop + oval(x, y, half - 6, flat - 4, accent, "#8d8a82", 2)


def _bass_drum(colour: str, accent: str) -> str:
    ring = ball(0, 720, 236, 236, darker(colour, 0.15)) + oval(0, 720, 226, 226, "none", lighter(colour, 0.35), 5)
    definition, skin = gradient([(0, "#ffffff"), (0.6, accent), (1, darker(accent, 0.22))], radial=True)
    head = (
        definition
        + oval(0, 720, 200, 200, skin, "#55524c", 6)
        + oval(0, 720, 184, 184, "none", darker(accent, 0.15), 3)
    )
    star = (
        "M"
        + " L".join(
            f"{r * np.sin(a):.1f},{720 - r * np.cos(a):.1f}"
            for a, r in zip(np.radians(np.arange(0, 360, 36)), [74, 30] * 5, strict=True)
        )
        + " Z"
    )
    claws = ""
    for angle in np.radians(np.arange(22.5, 360, 45)):
        claws += ball(218 * np.sin(angle), 720 - 218 * np.cos(angle), 17, 17, _STEEL)
    feet = line(-190, 860, -240, 962, _STEEL, 13) + line(190, 860, 240, 962, _STEEL, 13)
    return feet + ring + head + path(star, colour, darker(colour, 0.5), 3) + claws


def _cymbal(x: float, y: float, half: float, flat: float) -> str:
    brass = "#d9b04a"
    definition, fill = gradient(
        [
            (0, darker(brass, 0.35)),
            (0.3, lighter(brass, 0.55)),
            (0.55, brass),
            (0.75, lighter(brass, 0.3)),
            (1, darker(brass, 0.45)),
        ]
    )
    return (
        definition
        + oval(x, y, half, flat, fill, darker(brass, 0.6), 4)
        + ball(x, y - 0.5 * flat, 0.24 * half, 0.8 * flat, brass)
        + line(x, y - flat, x, y - 2.4 * flat, _STEEL, 9)
    )


def voice(colour: str, accent: str) -> str:
    """A singer's microphone: a ball of wire mesh, its ring, a tapered handle with a switch, the cable."""
    ball_outline = (
        "M-150,190 C-150,80 -90,14 0,14 C90,14 150,80 150,190 "
        "C150,262 118,316 92,346 L-92,346 C-118,316 -150,262 -150,190 Z"
    )
    definition, fill = gradient([(0, "#fafbfd"), (0.45, accent), (1, darker(accent, 0.65))], radial=True)
    wires = "".join(
        path(f"M{x - 190},-20 L{x + 190},380", "none", darker(accent, 0.62), 5)
        + path(f"M{x + 190},-20 L{x - 190},380", "none", darker(accent, 0.62), 5)
        for x in range(-380, 381, 32)
    )
    mesh = (
        definition
        + path(ball_outline, fill, darker(accent, 0.7), 7)
        + clipped(f'<g opacity="0.6">{wires}</g>', ball_outline)
    )
    ring = shiny_box(-156, 176, 312, 46, accent, round_=16)
    collar = shiny_box(-98, 338, 196, 58, darker(colour, 0.1), round_=12) + shiny_box(
        -90, 392, 180, 20, accent, round_=8
    )
    stops = [(0, darker(colour, 0.5)), (0.3, lighter(colour, 0.5)), (0.5, colour), (1, darker(colour, 0.6))]
    definition, fill = gradient(stops)
    handle = definition + path(
        "M-84,410 L84,410 C78,560 62,760 54,890 L-54,890 C-62,760 -78,560 -84,410 Z", fill, darker(colour, 0.7), 6
    )
    switch = box(-20, 500, 40, 96, darker(colour, 0.5), 18, "#000000") + box(-14, 508, 28, 42, lighter(accent, 0.3), 12)
    plug = shiny_box(-54, 884, 108, 36, accent, round_=8) + shiny_box(-30, 918, 60, 36, "#1b1a1c", round_=6)
    cable = path("M0,950 C0,1010 -30,1020 -90,1000 C-150,980 -190,960 -200,1000", "none", "#1b1a1c", 20)
    return cable + plug + handle + switch + mesh + ring + collar
