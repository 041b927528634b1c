"""The 64 solid shapes of the rendered `objects` data: eight categories of eight objects.

An object is a tuple of parts. Every object faces +x with y up and z to its side, in units of its own;
the renderer brings all objects to the same radius.
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
    """A solid: its unit shape, the colour's name, its centre, three half-axes (columns) and its taper.

    Blocks and frustums shrink along their third axis, to `taper` of their first two half-axes.
    """

    kind: int
    colour: str
    centre: np.ndarray
    axes: np.ndarray
    taper: tuple[float, float] = (1.0, 1.0)


Point = tuple[float, float, float]


def _turn(axis: str, degrees: float) -> np.ndarray:
    """Rotation about one axis, counter-clockwise seen from its positive end."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.eye(3)
    rotation[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return rotation


def _middle_and_half(start: Point, end: Point) -> tuple[np.ndarray, np.ndarray]:
    return np.add(start, end) / 2, np.subtract(end, start) / 2


def ball(colour: str, at: Point, half: Point, axis: str = "z", degrees: float = 0.0) -> Part:
    """An ellipsoid with half-axes `half`, turned about one axis."""
    return Part(ELLIPSOID, colour, np.array(at, float), _turn(axis, degrees) @ np.diag(half))


def box(colour: str, at: Point, half: Point, axis: str = "z", degrees: float = 0.0) -> Part:
    """A block with half-sides `half`, turned about one axis."""
    return Part(BLOCK, colour, np.array(at, float), _turn(axis, degrees) @ np.diag(half))


def wedge(
    colour: str, start: Point, end: Point, first: Point, second: Point, taper: tuple[float, float]
) -> Part:
    """A tapered block from the middle of its base to the middle of its tip, with the base's half-axes."""
    centre, along = _middle_and_half(start, end)
    return Part(BLOCK, colour, centre, np.stack([first, second, along], 1), taper)


def tube(colour: str, start: Point, end: Point, radius: float, tip: float | None = None) -> Part:
    """A round rod between two points; `tip` is the radius at its end, at most `radius`."""
    centre, along = _middle_and_half(start, end)
    across = np.cross(along, (0, 0, 1) if abs(along[2]) < 0.9 * np.linalg.norm(along) else (1, 0, 0))
    across *= radius / np.linalg.norm(across)
    third = np.cross(along, across) / np.linalg.norm(along)
    taper = 1.0 if tip is None else tip / radius
    return Part(FRUSTUM, colour, centre, np.stack([across, third, along], 1), (taper, taper))


def both(*parts: Part) -> tuple[Part, ...]:
    """The parts and their mirror images on the other side (z to -z)."""
    flip = np.diag([1.0, 1.0, -1.0])
    mirrored = (p._replace(centre=flip @ p.centre, axes=flip @ p.axes) for p in parts)
    return (*parts, *mirrored)


def legs(
    colour: str, x: float, z: float, top: float, radius: float, tip: float | None = None, splay: float = 1.0
) -> tuple[Part, ...]:
    """Four upright legs down to y = 0 at (+-x, +-z); `splay` widens the stand of the feet."""
    sides = [tube(colour, (s * x, top, z), (s * x * splay, 0, z * splay), radius, tip) for s in (1, -1)]
    return both(*sides)


# --- animals ---------------------------------------------------------------------------------------


def eyes(x: float, y: float, z: float, size: float = 0.05) -> tuple[Part, ...]:
    """Two black eyes at (x, y, +-z)."""
    return both(ball("black", (x, y, z), (size, size, size)))


ANIMALS = (
    (  # elephant
        ball("grey", (0, 1.0, 0), (0.85, 0.55, 0.5)), *legs("grey", 0.5, 0.27, 0.9, 0.19),
        ball("grey", (0.95, 1.3, 0), (0.36, 0.38, 0.34)), *eyes(1.22, 1.42, 0.2),
        *both(ball("grey", (0.75, 1.35, 0.45), (0.1, 0.42, 0.32), "y", 30)),
        tube("grey", (1.2, 1.25, 0), (1.4, 0.7, 0), 0.15, 0.11),
        tube("grey", (1.4, 0.74, 0), (1.5, 0.3, 0), 0.11),
        *both(tube("white", (1.2, 1.1, 0.17), (1.6, 0.95, 0.2), 0.07, 0.02)),
    ),
    (  # giraffe
        ball("yellow", (0, 1.25, 0), (0.6, 0.33, 0.28)), *legs("yellow", 0.38, 0.15, 1.2, 0.09, 0.06),
        tube("yellow", (0.4, 1.3, 0), (0.85, 2.4, 0), 0.18, 0.1),
        ball("yellow", (1.0, 2.45, 0), (0.3, 0.14, 0.13), "z", -20), *eyes(1.0, 2.55, 0.1),
        *both(tube("brown", (0.85, 2.5, 0.06), (0.8, 2.75, 0.08), 0.04)),
        *both(
            ball("brown", (0.1, 1.35, 0.2), (0.2, 0.15, 0.09)),
            ball("brown", (-0.3, 1.3, 0.2), (0.14, 0.13, 0.07)),
        ),
        ball("brown", (0.62, 1.8, 0), (0.13, 0.14, 0.16)),
        tube("brown", (-0.55, 1.3, 0), (-0.75, 0.8, 0), 0.05, 0.03),
    ),
    (  # dog
        ball("brown", (0, 0.75, 0), (0.7, 0.28, 0.26)), *legs("brown", 0.5, 0.16, 0.7, 0.1, 0.08),
        tube("brown", (0.5, 0.8, 0), (0.78, 1.15, 0), 0.19, 0.15),
        ball("brown", (0.85, 1.2, 0), (0.27, 0.23, 0.22)),
        tube("white", (0.95, 1.13, 0), (1.3, 1.08, 0), 0.13, 0.09),
        ball("black", (1.3, 1.12, 0), (0.06, 0.06, 0.06)), *eyes(1.05, 1.28, 0.12),
        *both(ball("black", (0.78, 1.15, 0.22), (0.12, 0.25, 0.06))),
        tube("brown", (-0.6, 0.85, 0), (-0.95, 1.3, 0), 0.08, 0.03),
    ),
    (  # rabbit, sitting up
        ball("white", (-0.1, 0.55, 0), (0.48, 0.55, 0.42)), ball("white", (0.2, 1.2, 0), (0.34, 0.32, 0.31)),
        *both(ball("white", (0.1, 1.8, 0.15), (0.09, 0.45, 0.13), "x", 10)),
        *both(ball("tan", (0.17, 1.8, 0.16), (0.05, 0.36, 0.08), "x", 10)),
        *both(
            ball("white", (0.2, 0.1, 0.28), (0.35, 0.12, 0.14)),
            ball("white", (0.3, 0.55, 0.2), (0.12, 0.25, 0.1)),
        ),
        *eyes(0.46, 1.28, 0.17, 0.06), ball("red", (0.54, 1.15, 0), (0.05, 0.05, 0.06)),
        ball("white", (-0.6, 0.4, 0), (0.17, 0.17, 0.17)),
    ),
    (  # turtle
        ball("brown", (0, 0.4, 0), (0.85, 0.5, 0.68)), ball("green", (0, 0.25, 0), (0.95, 0.2, 0.78)),
        ball("green", (1.1, 0.5, 0), (0.26, 0.22, 0.2)), tube("green", (0.7, 0.3, 0), (1.05, 0.45, 0), 0.14),
        *eyes(1.25, 0.58, 0.12), *both(ball("green", (0.55, 0.05, 0.65), (0.3, 0.12, 0.2), "y", -30)),
        *both(ball("green", (-0.55, 0.05, 0.6), (0.28, 0.12, 0.18), "y", 30)),
        tube("green", (-0.85, 0.2, 0), (-1.2, 0.1, 0), 0.1, 0.02),
    ),
    (  # duck
        ball("yellow", (0, 0.5, 0), (0.75, 0.42, 0.45)), ball("green", (0.6, 1.15, 0), (0.3, 0.28, 0.27)),
        tube("green", (0.45, 0.6, 0), (0.57, 1.1, 0), 0.22, 0.18),
        ball("orange", (0.95, 1.08, 0), (0.25, 0.07, 0.15)), *eyes(0.78, 1.25, 0.17),
        *both(ball("white", (-0.1, 0.6, 0.38), (0.5, 0.25, 0.12), "z", -10)),
        tube("yellow", (-0.5, 0.6, 0), (-1.0, 0.9, 0), 0.25, 0.05),
        *both(
            tube("orange", (0, 0.2, 0.18), (0.05, -0.2, 0.18), 0.06),
            ball("orange", (0.15, -0.22, 0.18), (0.2, 0.05, 0.14)),
        ),
    ),
    (  # camel
        ball("tan", (0, 1.1, 0), (0.75, 0.32, 0.3)), *legs("tan", 0.5, 0.16, 1.0, 0.11, 0.07),
        ball("brown", (0.3, 1.42, 0), (0.22, 0.32, 0.2)), ball("brown", (-0.3, 1.42, 0), (0.22, 0.32, 0.2)),
        tube("tan", (0.6, 1.05, 0), (1.05, 1.15, 0), 0.18, 0.13),
        tube("tan", (1.02, 1.1, 0), (1.15, 1.75, 0), 0.14, 0.11),
        ball("tan", (1.3, 1.8, 0), (0.32, 0.15, 0.14), "z", -10), *eyes(1.25, 1.9, 0.11),
        tube("brown", (-0.7, 1.2, 0), (-0.85, 0.7, 0), 0.05, 0.04),
    ),
    (  # bear
        ball("black", (-0.05, 0.85, 0), (0.85, 0.52, 0.48)), *legs("black", 0.5, 0.26, 0.75, 0.2, 0.17),
        ball("black", (0.85, 1.2, 0), (0.36, 0.34, 0.34)), ball("tan", (1.15, 1.1, 0), (0.2, 0.15, 0.17)),
        ball("black", (1.34, 1.15, 0), (0.06, 0.05, 0.07)),
        *both(
            ball("black", (0.75, 1.52, 0.22), (0.08, 0.13, 0.13)),
            ball("white", (1.15, 1.3, 0.14), (0.05, 0.05, 0.05)),
        ),
        ball("white", (0.6, 0.8, 0), (0.2, 0.28, 0.25)),
    ),
)

# --- boats -----------------------------------------------------------------------------------------


def hull(colour: str, length: float, width: float, height: float, deck: str) -> tuple[Part, ...]:
    """A hull from y = 0 up: a trough that narrows downwards, a pointed bow and a lighter deck."""
    middle = -0.3 * length
    return (
        wedge(colour, (middle, height, 0), (middle, 0, 0), (0.7 * length, 0, 0), (0, 0, width), (0.95, 0.6)),
        wedge(
            colour, (0.39 * length, height / 2, 0), (0.85 * length, height * 0.65, 0),
            (0, height / 2, 0), (0, 0, width * 0.98), (0.7, 0.02),
        ),
        box(deck, (middle, 1.05 * height, 0), (0.7 * length, 0.05 * height, width)),
    )


def sail(colour: str, x: float, low: float, high: float, reach: float) -> Part:
    """A triangular sail standing at x, whose foot reaches to x + reach."""
    centre = x + reach / 2
    return wedge(colour, (centre, low, 0), (x, high, 0), (reach / 2, 0, 0), (0, 0, 0.035), (0.03, 1.0))


BOATS = (
    (  # sailing boat
        *hull("red", 1.0, 0.34, 0.3, "white"), tube("brown", (0.05, 0.3, 0), (0.05, 2.2, 0), 0.04),
        sail("white", -0.02, 0.5, 2.1, -0.85), sail("yellow", 0.12, 0.5, 1.9, 0.7),
    ),
    (  # speed boat
        *hull("yellow", 1.3, 0.42, 0.4, "black"),
        wedge("blue", (0.0, 0.42, 0), (-0.2, 0.8, 0), (0.45, 0, 0), (0, 0, 0.36), (0.5, 0.8)),
        box("black", (-1.25, 0.5, 0), (0.15, 0.22, 0.15)),
        *both(box("red", (-0.7, 0.5, 0.2), (0.2, 0.12, 0.12))),
    ),
    (  # steamer
        *hull("black", 1.5, 0.35, 0.38, "red"), box("white", (-0.35, 0.55, 0), (0.75, 0.15, 0.27)),
        box("white", (-0.3, 0.8, 0), (0.55, 0.13, 0.22)),
        *(tube("orange", (x, 0.9, 0), (x - 0.06, 1.4, 0), 0.12) for x in (-0.7, -0.3, 0.1)),
        *(tube("black", (x - 0.06, 1.36, 0), (x - 0.07, 1.52, 0), 0.125) for x in (-0.7, -0.3, 0.1)),
    ),
    (  # container ship
        *hull("blue", 1.6, 0.42, 0.38, "grey"), box("white", (-1.15, 0.9, 0), (0.16, 0.5, 0.38)),
        box("black", (-1.0, 1.25, 0), (0.03, 0.07, 0.36)),
        *(
            box(c, (x, y, 0), (0.27, 0.17, 0.36))
            for c, x, y in (
                ("red", -0.65, 0.6), ("green", -0.07, 0.6), ("orange", 0.51, 0.6), ("green", -0.65, 0.95),
                ("red", -0.07, 0.95),
            )
        ),
    ),
    (  # rowing boat
        *hull("brown", 1.1, 0.36, 0.3, "tan"),
        *both(tube("tan", (-0.1, 0.45, 0.2), (-0.4, 0.1, 1.25), 0.045)),
        *both(box("tan", (-0.42, 0.08, 1.3), (0.11, 0.05, 0.2))),
        box("red", (-0.3, 0.42, 0), (0.1, 0.07, 0.35)), box("red", (0.15, 0.42, 0), (0.1, 0.07, 0.3)),
        ball("orange", (-0.3, 0.7, 0), (0.15, 0.25, 0.18)), ball("tan", (-0.3, 1.02, 0), (0.13, 0.14, 0.13)),
    ),
    (  # tug
        *hull("green", 0.95, 0.45, 0.48, "brown"), box("white", (0.1, 0.85, 0), (0.3, 0.35, 0.3)),
        box("black", (0.12, 1.0, 0), (0.31, 0.1, 0.31)), box("brown", (0.1, 1.24, 0), (0.38, 0.05, 0.36)),
        tube("red", (-0.45, 0.5, 0), (-0.45, 1.35, 0), 0.17),
        tube("black", (-0.45, 1.3, 0), (-0.45, 1.48, 0), 0.18),
    ),
    (  # submarine
        ball("grey", (0, 0.3, 0), (1.4, 0.33, 0.33)),
        wedge("grey", (0.2, 0.5, 0), (0.2, 1.0, 0), (0.32, 0, 0), (0, 0, 0.14), (0.8, 0.8)),
        tube("black", (0.25, 0.9, 0), (0.25, 1.35, 0), 0.05),
        tube("black", (0.22, 1.32, 0), (0.42, 1.32, 0), 0.06),
        box("yellow", (-1.2, 0.3, 0), (0.13, 0.42, 0.04)), box("yellow", (-1.2, 0.3, 0), (0.13, 0.04, 0.42)),
        tube("yellow", (0.55, 0.3, 0), (0.7, 0.3, 0), 0.325),
    ),
    (  # schooner
        *hull("brown", 1.4, 0.32, 0.32, "yellow"),
        *(tube("black", (x, 0.3, 0), (x, 1.9, 0), 0.04) for x in (-0.7, 0.15)),
        *(
            box("purple", (x, y, 0.05), (0.045, h, w))
            for x in (-0.62, 0.23)
            for y, h, w in ((0.8, 0.27, 0.62), (1.42, 0.24, 0.45))
        ),
        sail("white", 0.35, 0.5, 1.6, 0.85), tube("brown", (0.9, 0.3, 0), (1.5, 0.55, 0), 0.04),
    ),
)

# --- cars ------------------------------------------------------------------------------------------


def wheels(front: float, back: float, side: float, radius: float, hub: str = "grey") -> tuple[Part, ...]:
    """Four wheels with hubs, standing on y = 0."""
    return both(*(
        tube(colour, (x, radius, side - 0.1), (x, radius, side + out), radius * share)
        for x in (front, back)
        for colour, out, share in (("black", 0.03, 1.0), (hub, 0.05, 0.55))
    ))


def cabin(
    glass: str, roof: str, back: float, front: float, low: float, high: float, side: float, lean: float = 0.65
) -> tuple[Part, ...]:
    """A windowed cabin that narrows upwards, with a roof of its own colour."""
    middle, half = (front + back) / 2, (front - back) / 2
    return (
        wedge(glass, (middle, low, 0), (middle, high, 0), (half, 0, 0), (0, 0, side), (lean, 0.85)),
        box(roof, (middle, high, 0), (half * lean, 0.04, side * 0.86)),
    )


def lamps(x: float, y: float, z: float) -> tuple[Part, ...]:
    """Two headlamps at (x, y, +-z)."""
    return both(ball("yellow", (x, y, z), (0.05, 0.08, 0.1)))


CARS = (
    (  # saloon
        box("red", (0, 0.42, 0), (1.15, 0.22, 0.48)), *cabin("black", "red", -0.75, 0.55, 0.6, 1.0, 0.45),
        *wheels(0.7, -0.7, 0.46, 0.25), *lamps(1.15, 0.48, 0.33),
    ),
    (  # van
        box("white", (-0.15, 0.8, 0), (1.0, 0.58, 0.5)),
        wedge("white", (0.84, 0.55, 0), (1.2, 0.45, 0), (0, 0.33, 0), (0, 0, 0.5), (0.7, 0.9)),
        box("blue", (-0.15, 0.55, 0), (1.01, 0.12, 0.51)), box("black", (0.55, 1.05, 0), (0.31, 0.2, 0.51)),
        *wheels(0.65, -0.75, 0.48, 0.25), *lamps(1.15, 0.45, 0.33),
    ),
    (  # pickup
        box("green", (0, 0.5, 0), (1.25, 0.2, 0.48)),
        *cabin("black", "green", -0.1, 0.65, 0.68, 1.12, 0.45, 0.75),
        *both(box("green", (-0.7, 0.78, 0.44), (0.55, 0.12, 0.04))),
        box("green", (-1.21, 0.78, 0), (0.04, 0.12, 0.46)), box("tan", (-0.65, 0.75, 0), (0.35, 0.13, 0.33)),
        *wheels(0.8, -0.75, 0.46, 0.3), *lamps(1.25, 0.55, 0.33),
    ),
    (  # beetle
        ball("yellow", (0, 0.5, 0), (1.0, 0.35, 0.5)), ball("yellow", (-0.1, 0.72, 0), (0.66, 0.46, 0.43)),
        *both(ball("black", (-0.08, 0.86, 0.26), (0.42, 0.2, 0.2))),
        ball("black", (0.32, 0.88, 0), (0.26, 0.2, 0.3)),
        *both(
            ball("yellow", (0.62, 0.4, 0.42), (0.35, 0.25, 0.15)),
            ball("yellow", (-0.62, 0.4, 0.42), (0.35, 0.25, 0.15)),
        ),
        *wheels(0.62, -0.62, 0.46, 0.25, "white"), *both(ball("white", (0.93, 0.5, 0.3), (0.08, 0.1, 0.1))),
    ),
    (  # bus
        box("orange", (0, 0.75, 0), (1.4, 0.5, 0.42)), box("white", (0, 1.27, 0), (1.36, 0.05, 0.38)),
        *both(
            *(box("black", (x, 0.93, 0.42), (0.19, 0.16, 0.02)) for x in (-1.05, -0.57, -0.09, 0.39, 0.87))
        ),
        box("black", (1.4, 0.93, 0), (0.02, 0.2, 0.34)), *wheels(0.85, -0.85, 0.4, 0.27),
        *lamps(1.4, 0.4, 0.3),
    ),
    (  # racing car
        wedge("blue", (-0.9, 0.3, 0), (1.4, 0.22, 0), (0, 0.2, 0), (0, 0, 0.28), (0.35, 0.35)),
        *wheels(0.95, -0.85, 0.55, 0.28, "red"), box("red", (-1.2, 0.72, 0), (0.2, 0.04, 0.6)),
        *both(box("blue", (-1.2, 0.6, 0.58), (0.2, 0.18, 0.03))),
        box("red", (1.35, 0.15, 0), (0.17, 0.04, 0.6)), ball("white", (-0.1, 0.55, 0), (0.17, 0.18, 0.16)),
        box("black", (-0.5, 0.5, 0), (0.25, 0.17, 0.15)),
        *both(
            tube("grey", (0.9, 0.25, 0.1), (0.95, 0.25, 0.55), 0.05),
            tube("grey", (-0.8, 0.25, 0.1), (-0.85, 0.25, 0.55), 0.05),
        ),
    ),
    (  # tank lorry
        box("purple", (0.95, 0.75, 0), (0.32, 0.45, 0.42)), box("black", (1.12, 0.95, 0), (0.16, 0.16, 0.43)),
        box("black", (-0.1, 0.38, 0), (1.25, 0.09, 0.35)),
        tube("white", (-1.35, 0.88, 0), (0.55, 0.88, 0), 0.44),
        tube("purple", (-0.5, 0.88, 0), (-0.3, 0.88, 0), 0.45), *wheels(0.9, -0.95, 0.4, 0.25),
        *both(tube("black", (-0.38, 0.25, 0.3), (-0.38, 0.25, 0.43), 0.25)), *lamps(1.27, 0.5, 0.3),
    ),
    (  # jeep
        box("brown", (0, 0.55, 0), (0.9, 0.22, 0.42)), box("brown", (0.55, 0.8, 0), (0.35, 0.06, 0.36)),
        *both(
            tube("black", (0.2, 0.7, 0.38), (0.1, 1.3, 0.38), 0.04),
            tube("black", (-0.85, 0.7, 0.38), (-0.85, 1.3, 0.38), 0.04),
        ),
        box("tan", (-0.37, 1.32, 0), (0.52, 0.05, 0.43)),
        *both(box("tan", (-0.2, 0.88, 0.2), (0.1, 0.2, 0.14))), *wheels(0.6, -0.6, 0.44, 0.32),
        tube("black", (-0.9, 0.7, 0), (-1.05, 0.7, 0), 0.28), *lamps(0.92, 0.6, 0.28),
    ),
)

# --- chairs ----------------------------------------------------------------------------------------

CHAIRS = (
    (  # kitchen chair
        *legs("brown", 0.42, 0.42, 0.9, 0.06), box("brown", (0, 0.92, 0), (0.5, 0.06, 0.5)),
        *both(tube("brown", (-0.44, 0.9, 0.42), (-0.55, 1.9, 0.42), 0.06)),
        box("brown", (-0.53, 1.75, 0), (0.04, 0.14, 0.42)), box("brown", (-0.5, 1.38, 0), (0.04, 0.09, 0.42)),
        box("red", (0, 1.0, 0), (0.42, 0.05, 0.42)),
    ),
    (  # armchair
        box("purple", (0, 0.4, 0), (0.55, 0.28, 0.6)),
        box("purple", (-0.5, 1.05, 0), (0.16, 0.75, 0.6), "z", 8),
        *both(
            box("purple", (0.03, 0.7, 0.62), (0.55, 0.3, 0.13)),
            tube("purple", (-0.5, 1.0, 0.62), (0.58, 1.0, 0.62), 0.16),
        ),
        box("tan", (0.08, 0.74, 0), (0.48, 0.1, 0.46)), *legs("black", 0.45, 0.55, 0.15, 0.07),
    ),
    (  # office chair
        *(
            tube("black", (0, 0.25, 0), (0.55 * np.cos(a), 0.08, 0.55 * np.sin(a)), 0.06)
            for a in 0.4 + 2 * np.pi / 5 * np.arange(5)
        ),
        tube("grey", (0, 0.1, 0), (0, 0.85, 0), 0.07), box("blue", (0, 0.92, 0), (0.46, 0.09, 0.46)),
        ball("blue", (-0.52, 1.5, 0), (0.1, 0.5, 0.42)), tube("grey", (-0.45, 0.9, 0), (-0.55, 1.3, 0), 0.05),
        *both(
            box("black", (0, 1.2, 0.5), (0.28, 0.04, 0.06)),
            tube("black", (0, 0.9, 0.46), (0, 1.18, 0.5), 0.04),
        ),
    ),
    (  # bar stool
        *legs("grey", 0.26, 0.26, 1.45, 0.05, splay=1.5), tube("red", (0, 1.42, 0), (0, 1.58, 0), 0.45),
        *(tube("grey", (s * 0.33, 0.55, -0.33), (s * 0.33, 0.55, 0.33), 0.035) for s in (1, -1)),
        *both(tube("grey", (-0.33, 0.55, 0.33), (0.33, 0.55, 0.33), 0.035)),
        *both(tube("grey", (-0.35, 1.5, 0.22), (-0.45, 1.95, 0.22), 0.04)),
        box("red", (-0.45, 1.95, 0), (0.05, 0.1, 0.36)),
    ),
    (  # deck chair
        box("yellow", (0.2, 0.5, 0), (0.55, 0.05, 0.42), "z", -12),
        box("yellow", (-0.75, 0.98, 0), (0.06, 0.68, 0.42), "z", 40),
        box("yellow", (1.0, 0.2, 0), (0.42, 0.05, 0.42), "z", -30),
        *both(
            tube("white", (-0.6, 0.0, 0.46), (0.3, 0.85, 0.46), 0.05),
            tube("white", (0.65, 0.0, 0.46), (-0.6, 0.85, 0.46), 0.05),
            box("white", (-0.15, 0.87, 0.46), (0.55, 0.04, 0.07)),
        ),
    ),
    (  # tub chair on a stem
        tube("white", (0, 0, 0), (0, 0.12, 0), 0.5), tube("white", (0, 0.1, 0), (0, 0.7, 0), 0.2, 0.08),
        ball("white", (0, 0.85, 0), (0.58, 0.28, 0.6)), ball("white", (-0.42, 1.25, 0), (0.24, 0.6, 0.58)),
        *both(ball("white", (0.0, 1.05, 0.52), (0.45, 0.22, 0.12))),
        ball("orange", (0.1, 1.05, 0), (0.42, 0.13, 0.42)),
    ),
    (  # high-backed throne
        box("black", (0, 0.45, 0), (0.45, 0.45, 0.48)), box("black", (-0.45, 1.2, 0), (0.09, 1.1, 0.48)),
        *both(
            tube("yellow", (-0.45, 2.2, 0.42), (-0.45, 2.55, 0.42), 0.1, 0.02),
            box("black", (0, 1.15, 0.44), (0.42, 0.06, 0.08)),
            tube("black", (0.36, 0.9, 0.44), (0.36, 1.15, 0.44), 0.06),
        ),
        box("green", (0.05, 0.95, 0), (0.42, 0.07, 0.36)), box("green", (-0.37, 1.6, 0), (0.04, 0.45, 0.32)),
    ),
    (  # sofa
        box("green", (0, 0.42, 0), (0.45, 0.24, 1.15)),
        box("green", (-0.45, 0.8, 0), (0.14, 0.55, 1.15), "z", 8),
        *both(
            box("green", (0, 0.65, 1.15), (0.5, 0.42, 0.14)),
            box("white", (0.05, 0.72, 0.5), (0.42, 0.1, 0.46)),
            box("orange", (-0.2, 1.0, 0.7), (0.09, 0.2, 0.22), "z", 20),
        ),
        *legs("brown", 0.38, 1.05, 0.2, 0.07),
    ),
)

# --- faces -----------------------------------------------------------------------------------------


def head(
    skin: str, width: float = 0.74, height: float = 1.0, nose: float = 0.13, mouth: float = 0.26
) -> tuple[Part, ...]:
    """A head with eyes, nose, ears, mouth and neck, looking along +x; its chin is at y = -height."""
    return (
        ball(skin, (0, 0, 0), (0.85, height, width)), tube(skin, (-0.1, -1.35, 0), (-0.1, -0.6, 0), 0.36),
        wedge(skin, (0.81, -0.28, 0), (0.8, 0.15, 0), (0.22, 0, 0), (0, 0, nose), (0.2, 0.4)),
        *both(
            ball("white", (0.72, 0.17, 0.28), (0.1, 0.1, 0.15)),
            ball("black", (0.81, 0.17, 0.27), (0.06, 0.08, 0.08)),
            ball(skin, (-0.02, -0.02, width), (0.14, 0.24, 0.1)),
        ),
        ball("red", (0.69, -0.5 * height, 0), (0.13, 0.08, mouth)),
    )


def brows(colour: str, tilt: float = 0.0) -> tuple[Part, ...]:
    """Two eyebrows; a positive tilt raises their inner ends."""
    return both(box(colour, (0.77, 0.37, 0.28), (0.05, 0.045, 0.18), "x", tilt))


FACES = (
    (  # short hair
        *head("tan"), *brows("brown"), ball("brown", (-0.18, 0.35, 0), (0.82, 0.78, 0.78)),
    ),
    (  # long fair hair
        *head("white", 0.68, 0.98), *brows("orange"), ball("yellow", (-0.2, 0.33, 0), (0.84, 0.82, 0.8)),
        *both(
            ball("yellow", (-0.15, -0.6, 0.7), (0.45, 1.0, 0.22)),
            ball("yellow", (0.45, 0.6, 0.4), (0.3, 0.22, 0.4), "x", 25),
        ),
    ),
    (  # bearded
        *head("brown", 0.78, 0.95, 0.16), *brows("black", 12),
        ball("black", (-0.2, 0.4, 0), (0.8, 0.65, 0.8)), ball("black", (0.35, -0.72, 0), (0.5, 0.5, 0.6)),
        ball("black", (0.8, -0.33, 0), (0.1, 0.07, 0.34)), ball("red", (0.85, -0.5, 0), (0.06, 0.06, 0.2)),
    ),
    (  # woollen hat
        *head("tan", 0.7, 0.95), *brows("black"), ball("blue", (-0.05, 0.55, 0), (0.84, 0.75, 0.76)),
        tube("white", (-0.05, 0.42, 0), (-0.05, 0.68, 0), 0.86),
        ball("white", (-0.05, 1.38, 0), (0.24, 0.24, 0.24)),
    ),
    (  # bald with glasses
        *head("tan", 0.86, 1.0, 0.17, 0.34),
        *both(
            tube("black", (0.8, 0.17, 0.32), (0.92, 0.17, 0.32), 0.27),
            tube("white", (0.85, 0.17, 0.32), (0.95, 0.17, 0.32), 0.2),
            ball("black", (0.95, 0.17, 0.32), (0.03, 0.07, 0.07)),
            tube("black", (0.8, 0.2, 0.55), (0.0, 0.2, 0.86), 0.04),
        ),
        tube("black", (0.9, 0.2, -0.1), (0.9, 0.2, 0.1), 0.04),
        ball("white", (0.8, -0.34, 0), (0.13, 0.1, 0.36)),
    ),
    (  # brimmed hat
        *head("brown", 0.66, 1.0), *brows("black"), tube("purple", (0, 0.5, 0), (0, 0.6, 0), 1.3),
        tube("purple", (-0.05, 0.58, 0), (-0.05, 1.25, 0), 0.82, 0.65),
        tube("yellow", (-0.05, 0.6, 0), (-0.05, 0.76, 0), 0.835),
        *both(ball("black", (-0.25, -0.2, 0.6), (0.4, 0.7, 0.2))),
    ),
    (  # red hair in bunches
        *head("white", 0.8, 0.85, 0.1, 0.34), *brows("red"), ball("red", (-0.2, 0.28, 0), (0.8, 0.74, 0.84)),
        *both(
            ball("red", (-0.2, 0.35, 1.12), (0.34, 0.45, 0.34)),
            ball("green", (-0.2, 0.45, 0.85), (0.2, 0.16, 0.1)),
        ),
    ),
    (  # old, grey bun
        *head("tan", 0.66, 1.08, 0.12, 0.18), *brows("white", -12),
        ball("grey", (-0.2, 0.35, 0), (0.82, 0.86, 0.74)), ball("grey", (-0.3, 1.3, 0), (0.4, 0.36, 0.4)),
        *both(ball("blue", (0.1, -0.38, 0.72), (0.12, 0.14, 0.1))),
        tube("blue", (0.0, -1.36, 0), (0.0, -1.1, 0), 0.5, 0.42),
    ),
)

# --- fruits ----------------------------------------------------------------------------------------


def ring(count: int, radius: float, y: float, offset: float = 0.0) -> list[Point]:
    """Points on a level circle."""
    angles = offset + 2 * np.pi / count * np.arange(count)
    return [(radius * np.cos(a), y, radius * np.sin(a)) for a in angles]


# The bend of a banana and the berries of a bunch of grapes.
ARC: list[Point] = [(np.sin(a), 1 - np.cos(a), 0) for a in np.linspace(-1.25, 1.25, 8)]
BUNCH = (*ring(6, 0.46, 0.9), (0, 1.05, 0), *ring(5, 0.36, 0.5, 0.3), *ring(3, 0.22, 0.12), (0.05, -0.2, 0))

FRUITS = (
    (  # apple
        *(ball("red", at, (0.62, 0.78, 0.62)) for at in ring(4, 0.3, 0)),
        tube("brown", (0, 0.5, 0), (0.12, 1.2, 0), 0.06),
        ball("green", (0.38, 1.02, 0), (0.32, 0.05, 0.16), "z", 20),
    ),
    (  # banana
        *(tube("yellow", a, b, 0.23) for a, b in zip(ARC[:-1], ARC[1:])),
        *(ball("yellow", at, (0.24, 0.24, 0.24)) for at in ARC[1:-1]),
        tube("brown", ARC[-1], (1.15, 0.98, 0), 0.16, 0.1),
        ball("black", ARC[0], (0.21, 0.21, 0.21)),
    ),
    (  # pear
        ball("green", (0, 0, 0), (0.75, 0.7, 0.75)), tube("green", (0, 0.25, 0), (0, 1.0, 0), 0.68, 0.34),
        ball("green", (0, 1.0, 0), (0.36, 0.34, 0.36)), tube("brown", (0, 1.2, 0), (0.12, 1.7, 0), 0.06),
    ),
    (  # orange with a leaf
        ball("orange", (0, 0, 0), (0.9, 0.86, 0.9)), tube("brown", (0, 0.8, 0), (0, 1.0, 0), 0.09),
        *both(ball("green", (0.12, 0.98, 0.36), (0.22, 0.06, 0.42), "x", -15)),
    ),
    (  # grapes
        *(ball("purple", at, (0.27, 0.27, 0.27)) for at in BUNCH),
        tube("brown", (0, 1.1, 0), (0.1, 1.7, 0), 0.06),
        ball("green", (0.25, 1.4, 0.15), (0.38, 0.06, 0.3), "z", 25),
    ),
    (  # pineapple
        ball("brown", (0, 0, 0), (0.62, 0.92, 0.62)),
        *(
            ball("yellow", at, (0.13, 0.16, 0.13))
            for y, r, o in ((-0.5, 0.48, 0.0), (-0.05, 0.57, 0.5), (0.4, 0.5, 0.0))
            for at in ring(7, r, y, o)
        ),
        *(
            tube("green", (0, 0.75, 0), at, 0.17, 0.02)
            for at in (*ring(5, 0.65, 1.45), *ring(4, 0.3, 1.75, 0.4))
        ),
    ),
    (  # cherries
        *both(ball("red", (0, 0, 0.6), (0.5, 0.48, 0.5)), tube("green", (0, 0.4, 0.6), (0.05, 1.6, 0), 0.06)),
        ball("green", (0.3, 1.6, 0), (0.45, 0.06, 0.22), "z", -10),
    ),
    (  # melon cut in half
        Part(FRUSTUM, "red", np.array([0, 0, 0.0]), np.diag([1.0, 1.0, 0.2])),
        Part(FRUSTUM, "white", np.array([0, 0, 0.0]), np.diag([1.1, 1.1, 0.19])),
        Part(FRUSTUM, "green", np.array([0, 0, 0.0]), np.diag([1.25, 1.25, 0.18])),
        *both(
            *(
                ball("black", (x, y, 0.2), (0.05, 0.09, 0.03))
                for x, y, _ in (
                    (0, 0.5, 0), (0.45, 0.25, 0), (-0.45, 0.25, 0), (0.3, -0.4, 0), (-0.3, -0.4, 0),
                )
            ),
        ),
    ),
)

# --- planes ----------------------------------------------------------------------------------------


def wings(
    colour: str, x: float, y: float, span: float, chord: float, sweep: float, tip: float
) -> tuple[Part, ...]:
    """A pair of wings from the root at (x, y), each tapering to `tip` of its chord and swept back."""
    thick = max(0.03, 0.12 * chord)
    return both(wedge(colour, (x, y, 0), (x - sweep, y, span), (chord, 0, 0), (0, thick, 0), (tip, 0.6)))


def fin(colour: str, x: float, y: float, height: float, chord: float, sweep: float) -> Part:
    """An upright tail fin from its root at (x, y), swept back."""
    return wedge(colour, (x, y, 0), (x - sweep, y + height, 0), (chord, 0, 0), (0, 0, 0.04), (0.5, 0.7))


def body(colour: str, back: float, front: float, radius: float, nose: float, tail: float) -> tuple[Part, ...]:
    """A fuselage along x with a rounded nose and a tapering tail."""
    return (
        tube(colour, (back, 0, 0), (front, 0, 0), radius),
        ball(colour, (front, 0, 0), (nose, radius, radius)),
        tube(colour, (back + 0.01, 0, 0), (back - tail, 0.05, 0), radius, radius * 0.3),
    )


def propeller(x: float, y: float, z: float, blade: float) -> tuple[Part, ...]:
    """Two blades and a hub."""
    return (box("black", (x, y, z), (0.03, blade, 0.06), "x", 20), ball("red", (x, y, z), (0.12, 0.08, 0.08)))


PLANES = (
    (  # airliner
        *body("white", -0.7, 1.0, 0.19, 0.4, 0.7), *wings("grey", 0.15, -0.08, 1.3, 0.32, 0.55, 0.35),
        *both(tube("blue", (-0.05, -0.2, 0.5), (0.4, -0.2, 0.5), 0.11)),
        fin("blue", -1.15, 0.1, 0.55, 0.25, 0.25), *wings("blue", -1.2, 0.08, 0.5, 0.17, 0.2, 0.5),
        ball("black", (1.2, 0.1, 0), (0.12, 0.07, 0.13)),
    ),
    (  # delta fighter
        *body("grey", -0.9, 0.5, 0.16, 0.9, 0.1), *wings("green", -0.35, -0.02, 0.95, 0.75, 0.6, 0.08),
        *both(wedge("green", (-0.8, 0.1, 0.15), (-1.0, 0.6, 0.25), (0.25, 0, 0), (0, 0, 0.03), (0.5, 1.0))),
        ball("black", (0.55, 0.14, 0), (0.32, 0.12, 0.1)), tube("black", (-0.9, 0, 0), (-1.12, 0, 0), 0.14),
    ),
    (  # biplane
        *body("red", -0.2, 0.6, 0.2, 0.1, 0.95),
        *both(
            box("yellow", (0.3, -0.22, 0.55), (0.22, 0.03, 0.55)),
            box("yellow", (0.35, 0.45, 0.55), (0.22, 0.03, 0.55)),
            tube("brown", (0.3, -0.2, 0.85), (0.35, 0.45, 0.85), 0.035),
            tube("brown", (0.3, 0, 0.15), (0.35, 0.45, 0.2), 0.035),
            tube("black", (0.45, -0.52, 0.22), (0.45, -0.52, 0.32), 0.14),
            tube("brown", (0.4, -0.15, 0.1), (0.45, -0.52, 0.27), 0.03),
        ),
        fin("yellow", -1.0, 0.0, 0.45, 0.18, 0.1), *wings("yellow", -0.95, 0.05, 0.42, 0.15, 0.05, 0.8),
        *propeller(0.75, 0, 0, 0.5),
    ),
    (  # high-wing light plane
        *body("yellow", -0.1, 0.45, 0.22, 0.3, 1.0), box("black", (0.15, 0.22, 0), (0.25, 0.12, 0.18)),
        *both(
            box("white", (0.15, 0.36, 0.65), (0.24, 0.04, 0.65)),
            tube("grey", (0.15, -0.1, 0.15), (0.15, 0.34, 0.75), 0.03),
            tube("black", (0.2, -0.45, 0.25), (0.2, -0.45, 0.37), 0.13),
            tube("grey", (0.15, -0.1, 0.1), (0.2, -0.45, 0.3), 0.03),
        ),
        fin("white", -0.95, 0.05, 0.45, 0.2, 0.12), *wings("white", -0.95, 0.08, 0.45, 0.15, 0.02, 0.8),
        *propeller(0.78, 0, 0, 0.42),
    ),
    (  # four-engined transport
        *body("green", -0.5, 0.8, 0.3, 0.35, 0.9), *wings("green", 0.15, 0.27, 1.45, 0.27, 0.1, 0.5),
        *both(*(tube("black", (0.0, 0.22, z), (0.55, 0.22, z), 0.11) for z in (0.5, 0.95))),
        *both(*(box("orange", (0.56, 0.22, z), (0.02, 0.26, 0.04)) for z in (0.5, 0.95))),
        fin("orange", -1.05, 0.1, 0.7, 0.25, 0.15), *wings("green", -1.1, 0.25, 0.6, 0.18, 0.1, 0.6),
        ball("black", (1.0, 0.14, 0), (0.12, 0.1, 0.2)),
    ),
    (  # flying wing
        *both(
            wedge("black", (0.15, 0, 0), (-0.75, 0.02, 1.5), (0.62, 0, 0), (0, 0.13, 0), (0.25, 0.25)),
            box("grey", (0.0, 0.14, 0.28), (0.3, 0.06, 0.08)),
        ),
        ball("grey", (0.2, 0.08, 0), (0.5, 0.18, 0.2)), ball("orange", (0.42, 0.18, 0), (0.16, 0.08, 0.12)),
    ),
    (  # seaplane
        *body("orange", -0.2, 0.5, 0.2, 0.35, 1.0), *wings("white", 0.2, 0.18, 1.25, 0.22, 0.0, 0.7),
        *both(
            ball("blue", (0.15, -0.5, 0.42), (0.75, 0.14, 0.14)),
            tube("grey", (0.4, -0.5, 0.42), (0.3, 0, 0.15), 0.035),
            tube("grey", (-0.2, -0.5, 0.42), (-0.1, 0, 0.15), 0.035),
        ),
        box("black", (0.3, 0.18, 0), (0.2, 0.1, 0.15)), fin("blue", -0.98, 0.05, 0.5, 0.2, 0.15),
        *wings("white", -1.0, 0.1, 0.48, 0.14, 0.0, 0.8), *propeller(0.87, 0, 0, 0.38),
    ),
    (  # supersonic airliner
        *body("white", -1.0, 0.9, 0.12, 0.75, 0.5), *wings("white", -0.5, -0.06, 0.7, 0.95, 0.65, 0.12),
        *both(box("grey", (-0.75, -0.16, 0.32), (0.32, 0.07, 0.1))),
        fin("purple", -1.1, 0.08, 0.45, 0.3, 0.25),
        *both(box("purple", (0.1, 0.02, 0.11), (1.1, 0.035, 0.03))),
        ball("black", (1.4, 0.05, 0), (0.13, 0.06, 0.07)),
    ),
)

# --- tables ----------------------------------------------------------------------------------------

TABLES = (
    (  # dining table with a runner
        *legs("brown", 0.95, 0.55, 0.9, 0.09), box("brown", (0, 0.93, 0), (1.1, 0.07, 0.68)),
        box("white", (0, 1.01, 0), (1.12, 0.02, 0.25)),
    ),
    (  # round on a pedestal
        tube("white", (0, 0.95, 0), (0, 1.07, 0), 1.0), tube("black", (0, 0.05, 0), (0, 0.95, 0), 0.12),
        tube("black", (0, 0, 0), (0, 0.16, 0), 0.5, 0.2),
    ),
    (  # desk with drawers
        box("tan", (0, 0.98, 0), (0.62, 0.06, 1.1)), *both(box("brown", (0, 0.46, 0.78), (0.52, 0.46, 0.28))),
        box("brown", (-0.45, 0.6, 0), (0.04, 0.33, 0.6)),
        *both(*(box("yellow", (0.53, y, 0.78), (0.03, 0.04, 0.12)) for y in (0.2, 0.48, 0.76))),
    ),
    (  # trestle table
        *(part for x in (-0.8, 0.8) for part in both(tube("red", (x, 0, 0.6), (x, 1.0, -0.5), 0.08))),
        tube("red", (-0.8, 0.5, 0), (0.8, 0.5, 0), 0.06), box("yellow", (0, 1.05, 0), (1.2, 0.06, 0.62)),
    ),
    (  # low, with a shelf
        *legs("black", 0.75, 0.55, 0.42, 0.08), box("black", (0, 0.18, 0), (0.82, 0.04, 0.6)),
        box("orange", (0, 0.46, 0), (1.05, 0.07, 0.75)),
        box("green", (0.25, 0.6, 0.1), (0.25, 0.06, 0.2), "y", 20),
        ball("purple", (-0.45, 0.66, -0.1), (0.24, 0.13, 0.24)),
    ),
    (  # picnic table
        box("green", (0, 1.0, 0), (1.3, 0.06, 0.4)),
        *both(
            box("green", (0, 0.55, 0.85), (1.3, 0.05, 0.18)),
            *(tube("grey", (x, 0, 0.75), (x, 1.0, 0.2), 0.07) for x in (-0.75, 0.75)),
        ),
        *(box("grey", (x, 0.48, 0), (0.06, 0.05, 0.9)) for x in (-0.75, 0.75)),
    ),
    (  # three-legged stand with a vase
        *(tube("purple", (x * 0.4, 1.2, z * 0.4), (x, 0, z), 0.1, 0.05) for x, _, z in ring(3, 0.8, 0, 0.4)),
        tube("tan", (0, 1.18, 0), (0, 1.3, 0), 0.75), tube("blue", (0, 1.3, 0), (0, 1.75, 0), 0.24, 0.12),
    ),
    (  # covered with a cloth, a bowl on top
        box("blue", (0, 0.8, 0), (0.85, 0.3, 1.0)), box("white", (0, 1.06, 0), (0.9, 0.07, 1.05)),
        *legs("tan", 0.72, 0.85, 0.6, 0.1), ball("yellow", (0, 1.2, 0), (0.3, 0.12, 0.3)),
    ),
)

OBJECTS = {
    "animal": ANIMALS,
    "boat": BOATS,
    "car": CARS,
    "chair": CHAIRS,
    "face": FACES,
    "fruit": FRUITS,
    "plane": PLANES,
    "table": TABLES,
}
