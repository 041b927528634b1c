"""Eight fruits."""

import numpy as np

from sage.images.objects.parts import FRUSTUM, Part, Point, ball, both, ring, tube

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
