"""Shapes for drawing instruments as SVG: gradients, tubes of metal or wood, mirrored outlines.

Every function returns a fragment of SVG; lengths are in units of a drawing 1000 wide and 1000 high, y downwards.
"""

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ids = itertools.count()


def blend(first: str, second: str, share: float) -> str:
    """The colour between two of '#rrggbb', `share` (0 to 1) of the way to the second."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def lighter(colour: str, share: float) -> str:
    """The colour mixed with white."""
    return blend(colour, "#ffffff", share)


def darker(colour: str, share: float) -> str:
    """The colour mixed with black."""
    return blend(colour, "#000000", share)


def gradient(stops: list[tuple[float, str]], *, vertical: bool = False, radial: bool = False) -> tuple[str, str]:
    """A definition and the `url(#...)` that fills a shape with it; stops are (0 to 1, colour)."""
    name = f"g{next(_ids)}"
    inner = "".join(f'<stop offset="{at}" stop-color="{colour}"/>' for at, colour in stops)
    if radial:
        return f'<radialGradient id="{name}" cx=".42" cy=".38" r=".75">{inner}</radialGradient>', f"url(#{name})"
    ends = 'x1="0" y1="0" x2="0" y2="1"' if vertical else 'x1="0" y1="0" x2="1" y2="0"'
    return f'<linearGradient id="{name}" {ends}>{inner}</linearGradient>', f"url(#{name})"


def path(d: str, fill: str, stroke: str = "none", width: float = 0.0, more: str = "") -> str:
    """A path from SVG's own commands."""
    return (
        f'<path d="{d}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round" '
        f'stroke-linecap="round" {more}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float) -> str:
    """A straight line with round ends."""
    return path(f"M{x1:.1f},{y1:.1f} L{x2:.1f},{y2:.1f}", "none", stroke, width)


def box(x: float, y: float, wide: float, high: float, fill: str, round_: float = 0.0, stroke: str = "none") -> str:
    """A rectangle with rounded corners and a thin edge."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="{round_}" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="2"/>'
    )


def oval(x: float, y: float, rx: float, ry: float, fill: str, stroke: str = "none", width: float = 2.0) -> str:
    """An ellipse."""
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{width}"/>'
    )


def group(inner: str, transform: str = "", more: str = "") -> str:
    """Shapes moved together."""
    return f'<g transform="{transform}" {more}>{inner}</g>'


def shiny_box(
    x: float, y: float, wide: float, high: float, colour: str, *, round_: float = 6, vertical: bool = False
) -> str:
    """A cylinder seen from the side: shaded across, or from top to bottom when `vertical`."""
    stops = [(0, darker(colour, 0.45)), (0.3, lighter(colour, 0.55)), (0.55, colour), (1, darker(colour, 0.6))]
    definition, fill = gradient(stops, vertical=vertical)
    return definition + box(x, y, wide, high, fill, round_, darker(colour, 0.65))


def ball(x: float, y: float, rx: float, ry: float, colour: str) -> str:
    """A shaded knob, key or button."""
    definition, fill = gradient([(0, lighter(colour, 0.65)), (0.5, colour), (1, darker(colour, 0.55))], radial=True)
    return definition + oval(x, y, rx, ry, fill, darker(colour, 0.6), 1.5)


def curve(points: ArrayLike, steps: int = 24) -> NDArray[np.float64]:
    """A smooth line (Catmull-Rom) through rows of numbers, every column interpolated alike."""
    p = np.asarray(points, dtype=float)
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*pieces, p[-2:-1]])


def tube(points: ArrayLike, colour: str, *, layers: int = 9, smooth: bool = True) -> str:
    """A bent tube through rows (x, y, half width), shaded like polished metal, lit from the upper left."""
    way = curve(points) if smooth else np.asarray(points, dtype=float)
    xy, half = way[:, :2], np.maximum(way[:, 2:], 0.5)
    ahead = np.gradient(xy, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    toward_light = np.sign(normal @ np.array([-0.55, -0.83]))[:, None]
    facing = np.abs(normal @ np.array([-0.55, -0.83]))[:, None] * toward_light
    out = [path(_outline(xy, normal, half + 2.5), darker(colour, 0.72))]
    for i in range(layers):
        share = i / (layers - 1)
        centre = xy + normal * facing * half * 0.45 * share
        shade = blend(darker(colour, 0.5), colour, min(1.0, share * 1.8))
        shade = lighter(shade, max(0.0, share - 0.55) * 1.7)
        out.append(path(_outline(centre, normal, half * (1 - 0.94 * share)), shade))
    return "".join(out)


def _outline(xy: NDArray[np.float64], normal: NDArray[np.float64], half: NDArray[np.float64]) -> str:
    edge = np.vstack([xy + normal * half, (xy - normal * half)[::-1]])
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in edge) + " Z"


def mirrored(right_half: ArrayLike) -> str:
    """A closed outline from the smooth right half of it (rows x, y, from top to bottom), mirrored at x = 0."""
    right = curve(right_half, steps=10)
    whole = np.vstack([right, (right * [-1, 1])[::-1]])
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in whole) + " Z"


def clipped(inner: str, outline: str) -> str:
    """Only that part of the shapes which lies inside the outline (a path's commands)."""
    name = f"c{next(_ids)}"
    return f'<clipPath id="{name}"><path d="{outline}"/></clipPath><g clip-path="url(#{name})">{inner}</g>'
