"""Eight tables."""

from sage.images.objects.parts import ball, both, box, legs, ring, tube

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
