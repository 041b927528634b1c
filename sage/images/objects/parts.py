"""Solids of the `objects` data; each object faces +x with y up and z to its side."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

ELLIPSOID, BLOCK, FRUSTUM = range(3)


class Part(NamedTuple):
    """A solid of one of three unit shapes.

    Args:
        colour: name in the palette of `objects.toml`.
        axes: three half-axes, as columns.
        taper: what a block or frustum shrinks to along its third axis, as parts of the others.
    """

    kind: int
    colour: str
    centre: np.ndarray
    axes: np.ndarray
    taper: tuple[float, float] = (1.0, 1.0)


Parts = tuple[Part, ...]
Point = tuple[float, float, float] | np.ndarray


def _turn(axis: str, degrees: float) -> np.ndarray:
    """Return the rotation about an axis, counter-clockwise seen from its positive end."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.eye(3)
    rotation[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return rotation


def solid(
    kind: int, colour: str, at: Point, half: Point, axis: str = "z", degrees: float = 0.0
) -> Part:
    """Make an ellipsoid, block or round disc of half-axes `half`, turned about one axis."""
    return Part(kind, colour, np.array(at, float), _turn(axis, degrees) @ np.diag(half))


ball, box, disc = (partial(solid, kind) for kind in (ELLIPSOID, BLOCK, FRUSTUM))


def wedge(
    colour: str, start: Point, end: Point, first: Point, second: Point, taper: tuple[float, float]
) -> Part:
    """Make a tapered block from the middle of its base, of two half-axes, to that of its tip."""
    axes = np.stack([first, second, np.subtract(end, start) / 2], 1)
    return Part(BLOCK, colour, np.add(start, end) / 2, axes, taper)


def tube(colour: str, start: Point, end: Point, radius: float, tip: float | None = None) -> Part:
    """Make a round rod between two points; `tip` is the radius at its end, at most `radius`."""
    along = np.subtract(end, start)
    upright = abs(along[2]) < 0.9 * np.linalg.norm(along)
    across = np.cross(along, (0, 0, 1) if upright else (1, 0, 0))
    across = across * (radius / np.linalg.norm(across))
    third = np.cross(along, across) / np.linalg.norm(along)
    taper = 1.0 if tip is None else tip / radius
    return wedge(colour, start, end, across, third, (taper, taper))._replace(kind=FRUSTUM)


def both(*parts: Part) -> Parts:
    """Return the parts and their mirror images on the other side (z to -z)."""
    flip = np.diag([1.0, 1.0, -1.0])
    return (*parts, *(p._replace(centre=flip @ p.centre, axes=flip @ p.axes) for p in parts))


def legs(
    colour: str, x: float, z: float, top: float, radius: float, tip: float | None = None
) -> Parts:
    """Make four upright legs from (+-x, top, +-z) down to y = 0."""
    return both(*(tube(colour, (x, top, z), (x, 0, z), radius, tip) for x in (x, -x)))


def eyes(x: float, y: float, z: float, size: float = 0.05) -> Parts:
    """Make two black eyes at (x, y, +-z)."""
    return both(ball("black", (x, y, z), (size, size, size)))


def ring(count: int, radius: float, y: float, offset: float = 0.0) -> list[Point]:
    """Return points on a level circle."""
    angles = offset + 2 * np.pi / count * np.arange(count)
    return [(radius * np.cos(a), y, radius * np.sin(a)) for a in angles]


def hull(colour: str, length: float, width: float, height: float, deck: str) -> Parts:
    """Make a hull from y = 0 up: a trough that narrows downwards, a pointed bow and a deck."""
    x, half = -0.3 * length, 0.7 * length
    back, tip = (0.39 * length, height / 2, 0), (0.85 * length, height * 0.65, 0)
    return (
        wedge(colour, (x, height, 0), (x, 0, 0), (half, 0, 0), (0, 0, width), (0.95, 0.6)),
        wedge(colour, back, tip, (0, height / 2, 0), (0, 0, width * 0.98), (0.7, 0.02)),
        box(deck, (x, 1.05 * height, 0), (half, 0.05 * height, width)),
    )


def sail(colour: str, x: float, low: float, high: float, reach: float) -> Part:
    """Make a triangular sail standing at x, whose foot reaches to x + reach."""
    half = reach / 2
    return wedge(colour, (x + half, low, 0), (x, high, 0), (half, 0, 0), (0, 0, 0.035), (0.03, 1))


def wheels(front: float, back: float, side: float, radius: float, hub: str = "grey") -> Parts:
    """Make four wheels with hubs, standing on y = 0."""
    rods = (
        tube(colour, (x, radius, side - 0.1), (x, radius, side + out), radius * share)
        for x in (front, back)
        for colour, out, share in (("black", 0.03, 1.0), (hub, 0.05, 0.55))
    )
    return both(*rods)


def cabin(
    glass: str, roof: str, back: float, front: float, low: float, high: float, z: float, lean: float
) -> Parts:
    """Make a windowed cabin that narrows upwards, with a roof of its own colour."""
    middle, half = (front + back) / 2, (front - back) / 2
    return (
        wedge(glass, (middle, low, 0), (middle, high, 0), (half, 0, 0), (0, 0, z), (lean, 0.85)),
        box(roof, (middle, high, 0), (half * lean, 0.04, z * 0.86)),
    )


def lamps(x: float, y: float, z: float) -> Parts:
    """Make two headlamps at (x, y, +-z)."""
    return both(ball("yellow", (x, y, z), (0.05, 0.08, 0.1)))


def head(
    skin: str, width: float = 0.74, height: float = 1.0, nose: float = 0.13, mouth: float = 0.26
) -> Parts:
    """Make a head with all its parts and a neck, facing +x; its chin is at y = -height."""
    return (
        ball(skin, (0, 0, 0), (0.85, height, width)),
        tube(skin, (-0.1, -1.35, 0), (-0.1, -0.6, 0), 0.36),
        wedge(skin, (0.81, -0.28, 0), (0.8, 0.15, 0), (0.22, 0, 0), (0, 0, nose), (0.2, 0.4)),
        *both(
            ball("white", (0.72, 0.17, 0.28), (0.1, 0.1, 0.15)),
            ball("black", (0.81, 0.17, 0.27), (0.06, 0.08, 0.08)),
            ball(skin, (-0.02, -0.02, width), (0.14, 0.24, 0.1)),
        ),
        ball("red", (0.69, -0.5 * height, 0), (0.13, 0.08, mouth)),
    )


def brows(colour: str, tilt: float = 0.0) -> Parts:
    """Make two eyebrows; a positive tilt raises their inner ends."""
    return both(box(colour, (0.77, 0.37, 0.28), (0.05, 0.045, 0.18), "x", tilt))


def wings(
    colour: str, x: float, y: float, span: float, chord: float, sweep: float, tip: float
) -> Parts:
    """Make two wings from the root at (x, y), swept back, each tapering to `tip` of its chord."""
    end, thick = (x - sweep, y, span), max(0.03, 0.12 * chord)
    return both(wedge(colour, (x, y, 0), end, (chord, 0, 0), (0, thick, 0), (tip, 0.6)))


def fin(colour: str, x: float, y: float, height: float, chord: float, sweep: float) -> Part:
    """Make an upright tail fin from its root at (x, y), swept back."""
    end = x - sweep, y + height, 0
    return wedge(colour, (x, y, 0), end, (chord, 0, 0), (0, 0, 0.04), (0.5, 0.7))


def body(colour: str, back: float, front: float, radius: float, nose: float, tail: float) -> Parts:
    """Make a fuselage along x with a rounded nose and a tapering tail."""
    return (
        tube(colour, (back, 0, 0), (front, 0, 0), radius),
        ball(colour, (front, 0, 0), (nose, radius, radius)),
        tube(colour, (back + 0.01, 0, 0), (back - tail, 0.05, 0), radius, radius * 0.3),
    )


def propeller(x: float, y: float, z: float, blade: float) -> Parts:
    """Make two blades and a hub."""
    blades = box("black", (x, y, z), (0.03, blade, 0.06), "x", 20)
    return blades, ball("red", (x, y, z), (0.12, 0.08, 0.08))


def bend(colour: str, start: float, end: float, points: int, radius: float, joint: float) -> Parts:
    """Make a bent rod along the unit circle above the origin, between two angles."""
    along = [(np.sin(a), 1 - np.cos(a), 0) for a in np.linspace(start, end, points)]
    rods = [tube(colour, a, b, radius) for a, b in zip(along[:-1], along[1:])]
    return (*rods, *(ball(colour, at, (joint, joint, joint)) for at in along[1:-1]))


SHAPES: dict[str, Callable[..., Part | Parts]] = dict(ball=ball, box=box, disc=disc, wedge=wedge)
SHAPES |= dict(tube=tube, bend=bend, legs=legs, eyes=eyes, hull=hull, sail=sail, wheels=wheels)
SHAPES |= dict(cabin=cabin, lamps=lamps, head=head, brows=brows, wings=wings, fin=fin, body=body)
SHAPES |= dict(propeller=propeller)


def assemble(solids: Iterable[list[Any]]) -> Parts:
    """Return the parts of an object.

    Args:
        solids: name and arguments of each. "both" adds the mirror images of the solids it holds;
            "ring" repeats a solid on a circle (count, radius, y, offset), in place of its "at".

    Raises:
        KeyError: a name that is none of `SHAPES`.
    """
    found: list[Part] = []
    for name, *arguments in solids:
        if name == "both":
            found += both(*assemble(arguments))
        elif name == "ring":
            *circle, solid = arguments
            found += assemble([at if one == "at" else one for one in solid] for at in ring(*circle))
        else:
            made = SHAPES[name](*arguments)
            found += [made] if isinstance(made, Part) else made
    return tuple(found)
