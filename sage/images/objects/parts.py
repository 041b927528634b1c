"""The solids that the `objects` data is built from, and how they are put together.

An object is a tuple of parts. Every object faces +x with y up and z to its side, in units of its
own; the renderer brings all objects to the same size.
"""

from typing import NamedTuple

import numpy as np

ELLIPSOID, BLOCK, FRUSTUM = range(3)

# One palette for all categories, so that a colour alone does not give the class away.
PALETTE = {
    "red": (0.85, 0.15, 0.12),
    "orange": (0.95, 0.52, 0.12),
    "yellow": (0.95, 0.85, 0.20),
    "green": (0.20, 0.62, 0.22),
    "blue": (0.15, 0.35, 0.85),
    "purple": (0.50, 0.20, 0.62),
    "brown": (0.45, 0.25, 0.12),
    "tan": (0.86, 0.66, 0.46),
    "white": (0.96, 0.95, 0.92),
    "grey": (0.55, 0.57, 0.60),
    "black": (0.10, 0.10, 0.12),
}


class Part(NamedTuple):
    """A solid of one of three unit shapes.

    Args:
        colour: name in `PALETTE`.
        axes: three half-axes, as columns.
        taper: what a block or frustum shrinks to along its third axis, as parts of the others.
    """

    kind: int
    colour: str
    centre: np.ndarray
    axes: np.ndarray
    taper: tuple[float, float] = (1.0, 1.0)


Point = tuple[float, float, float]


def _turn(axis: str, degrees: float) -> np.ndarray:
    """Return the rotation about an axis, counter-clockwise seen from its positive end."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.eye(3)
    rotation[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return rotation


def _middle_and_half(start: Point, end: Point) -> tuple[np.ndarray, np.ndarray]:
    return np.add(start, end) / 2, np.subtract(end, start) / 2


def ball(colour: str, at: Point, half: Point, axis: str = "z", degrees: float = 0.0) -> Part:
    """Make an ellipsoid with half-axes `half`, turned about one axis."""
    return Part(ELLIPSOID, colour, np.array(at, float), _turn(axis, degrees) @ np.diag(half))


def box(colour: str, at: Point, half: Point, axis: str = "z", degrees: float = 0.0) -> Part:
    """Make a block with half-sides `half`, turned about one axis."""
    return Part(BLOCK, colour, np.array(at, float), _turn(axis, degrees) @ np.diag(half))


def wedge(
    colour: str, start: Point, end: Point, first: Point, second: Point, taper: tuple[float, float]
) -> Part:
    """Make a tapered block from the middle of its base, of two half-axes, to that of its tip."""
    centre, along = _middle_and_half(start, end)
    return Part(BLOCK, colour, centre, np.stack([first, second, along], 1), taper)


def tube(colour: str, start: Point, end: Point, radius: float, tip: float | None = None) -> Part:
    """Make a round rod between two points; `tip` is the radius at its end, at most `radius`."""
    centre, along = _middle_and_half(start, end)
    upright = abs(along[2]) < 0.9 * np.linalg.norm(along)
    across = np.cross(along, (0, 0, 1) if upright else (1, 0, 0))
    across *= radius / np.linalg.norm(across)
    third = np.cross(along, across) / np.linalg.norm(along)
    taper = 1.0 if tip is None else tip / radius
    return Part(FRUSTUM, colour, centre, np.stack([across, third, along], 1), (taper, taper))


def both(*parts: Part) -> tuple[Part, ...]:
    """Return the parts and their mirror images on the other side (z to -z)."""
    flip = np.diag([1.0, 1.0, -1.0])
    mirrored = (p._replace(centre=flip @ p.centre, axes=flip @ p.axes) for p in parts)
    return (*parts, *mirrored)


def legs(
    colour: str,
    x: float,
    z: float,
    top: float,
    radius: float,
    tip: float | None = None,
    splay: float = 1.0,
) -> tuple[Part, ...]:
    """Make four upright legs down to y = 0 at (+-x, +-z); `splay` widens the stand of the feet."""
    ends = [((x, top, z), (x * splay, 0, z * splay)) for x in (x, -x)]
    return both(*(tube(colour, *each, radius, tip) for each in ends))


def eyes(x: float, y: float, z: float, size: float = 0.05) -> tuple[Part, ...]:
    """Make two black eyes at (x, y, +-z)."""
    return both(ball("black", (x, y, z), (size, size, size)))


def ring(count: int, radius: float, y: float, offset: float = 0.0) -> list[Point]:
    """Return points on a level circle."""
    angles = offset + 2 * np.pi / count * np.arange(count)
    return [(radius * np.cos(a), y, radius * np.sin(a)) for a in angles]
