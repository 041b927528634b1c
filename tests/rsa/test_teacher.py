"""Teachers as such: their controls, what they are known by, and one that is replaced."""

from dataclasses import replace

import numpy as np
import pytest

from sage.rsa import guidance
from sage.rsa.alignment import GRAM
from sage.rsa.teacher import BestSoFar, Teacher, TeacherLayer


def test_shuffling_moves_stimuli_and_not_pairs():
    """Of a teacher that tells two groups apart, the shuffled one tells two other groups of the same
    sizes apart.
    """
    group = np.array([0] * 4 + [1] * 6)
    first, second = np.triu_indices(10, 1)
    layer = TeacherLayer("L", "set", {"class": (group[first] != group[second]).astype(float)})
    shuffled = Teacher("two", (layer,)).shuffled(seed=3).layers[0].rdms["class"]
    whole = np.zeros((10, 10))
    whole[first, second] = shuffled
    whole += whole.T
    assert sorted({tuple(row) for row in whole}) == sorted({tuple(whole[0]), tuple(1 - whole[0])})
    assert sorted({int((whole[0] == value).sum()) for value in (0, 1)}) == [4, 6]


def test_layers_are_shuffled_alike():
    """What they have in common stays, so that a control differs in nothing else."""
    rdms = np.random.default_rng(0).random((2, 45))
    rdms[1] += rdms[0]
    teacher = Teacher(
        "two", tuple(TeacherLayer(f"{n}", "set", {"class": r}) for n, r in enumerate(rdms))
    )
    moved = [one.rdms["class"] for one in teacher.shuffled(seed=1).layers]
    assert np.corrcoef(*moved)[0, 1] == pytest.approx(np.corrcoef(*rdms)[0, 1])
    assert abs(np.corrcoef(moved[0], rdms[0])[0, 1]) < 0.5
    again, other = (teacher.shuffled(seed=seed).identity for seed in (1, 2))
    assert again == teacher.shuffled(seed=1).identity != other != teacher.identity


def test_identity_is_of_the_rdms_without_gram_matrices():
    """These describe the same responses once more, and came later."""
    layer = TeacherLayer("L", "set", {"image": np.arange(6.0)})
    grams = replace(layer, rdms=layer.rdms | {GRAM: np.arange(10.0)})
    plain, more = Teacher("one", (layer,)), Teacher("one", (grams,))
    changed = Teacher("one", (replace(layer, rdms={"image": np.arange(1.0, 7)}),))
    assert plain.identity == more.identity != changed.identity


def test_a_candidate_without_a_score_never_teaches():
    teacher = BestSoFar("best-so-far", every=2)
    asked = []

    def network(place: int) -> Teacher:
        asked.append(place)
        return Teacher(f"network {place}", ())

    nan = float("nan")
    assert teacher.after([0.3], network) is teacher.after([nan, nan], network) is teacher
    assert teacher.after([nan, 0.2, 0.1, nan, 0.9], network).name == "network 1"
    assert asked == [1]


@pytest.mark.parametrize(
    "method, level", [("CKA", "class"), ("pearson", GRAM), ("cosine", "class")]
)
def test_a_measure_of_another_level_is_refused(method, level):
    layer = TeacherLayer("L", "set", {"class": np.arange(3.0)})
    with pytest.raises(ValueError, match=f"method '{method}' at level '{level}', expected CKA"):
        guidance.compare([], Teacher("one", (layer,)), level=level, method=method)


def test_a_teacher_without_layers_compares_with_nothing():
    with pytest.raises(ValueError, match="teacher none has no layers to compare with"):
        guidance.compare([], Teacher("none", ()), level="class")
