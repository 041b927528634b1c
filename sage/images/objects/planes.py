"""Eight planes."""

from sage.images.objects.parts import Part, ball, both, box, tube, wedge


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
