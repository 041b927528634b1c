"""Eight cars."""

from sage.images.objects.parts import Part, ball, both, box, tube, wedge


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
