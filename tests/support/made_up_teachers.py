"""A teacher of two layers with random RDMs."""

import numpy as np

from sage.rsa.guidance import Teacher, TeacherLayer

PAIRS = 45


def make_teacher(stimuli: str = "set a") -> Teacher:
    rng = np.random.default_rng(0)
    return Teacher(
        "made up",
        tuple(
            TeacherLayer(name, stimuli, {"class": rng.random(PAIRS), "image": rng.random(6)})
            for name in "AB"
        ),
    )
