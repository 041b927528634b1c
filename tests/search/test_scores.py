import numpy as np
import pytest

from sage.rsa.teacher import Teacher, TeacherLayer
from sage.search.scores import SCORES, find_score


def test_scores_add_the_guidance_of_their_teacher():
    teacher = Teacher("some", (TeacherLayer("L1", "stimuli", {"class": np.arange(45.0)}),))
    assert SCORES["P"].guide is None
    assert SCORES["P+TG"].guide(teacher, 3) is teacher
    shuffled = SCORES["P+shuffled"].guide(teacher, 3)
    assert shuffled.name == "some shuffled" and shuffled.identity != teacher.identity
    assert shuffled.identity != SCORES["P+shuffled"].guide(teacher, 4).identity


def test_scores_have_a_label_with_the_runs_alpha():
    labels = [score.label(0.5) for score in SCORES.values()]
    assert labels == ["P", "P + 0.5 TG", "P + 0.5 shuffled TG"]


def test_unknown_scores_are_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match=r"score 'TG', expected one of P, P\+TG, P\+shuffled"):
        find_score("TG")
