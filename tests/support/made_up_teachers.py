"""Teachers for tests: one of two layers with random RDMs, and a run's by name."""

from dataclasses import replace

import numpy as np

from sage import teachers
from sage.config.run import Run
from sage.rsa.teacher import Teacher, TeacherLayer

PAIRS = 45


def make_teacher(stimuli: str = "set a") -> Teacher:
    rng = np.random.default_rng(0)
    layers = (
        TeacherLayer(name, stimuli, {"class": rng.random(PAIRS), "image": rng.random(6)})
        for name in "AB"
    )
    return Teacher("made up", tuple(layers))


def load(run: Run, name: str) -> Teacher:
    return teachers.load_teacher(replace(run, teacher=name))
