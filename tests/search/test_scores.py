import numpy as np

from sage.rsa.teacher import Teacher, TeacherLayer
from sage.search.scores import SCORES


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
    assert SCORES["P+TG"].label(1) == "P + TG"
