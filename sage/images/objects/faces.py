"""Eight faces."""

from sage.images.objects.parts import Part, ball, both, box, tube, wedge


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
