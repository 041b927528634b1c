"""Eight boats."""

from sage.images.objects.parts import Part, ball, both, box, tube, wedge


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
