import numpy as np
import pytest

from sage.rsa.teacher import Teacher, TeacherLayer
from sage.search import scores
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
    assert labels == ["P", "P + 0.5 TG", "P + 0.5 shuffled TG", "P + 0.5 log parameters"]
    assert SCORES["P+TG"].label(1) == "P + TG"


def test_a_score_may_have_a_weight_of_its_own():
    own = scores.find("P+0.2TG")
    assert own.guide is SCORES["P+TG"].guide and own.weight(5) == 0.2
    assert own.label(5) == "P + 0.2 TG" and scores.find("P+TG").weight(5) == 5
    assert scores.split("P+0.05parameters") == ("P+parameters", 0.05)
    assert scores.join("P+parameters", 0.05) == "P+0.05parameters"
    for wrong in ("P+0.2", "P+0.2T", "P+.TG", "TG"):
        with pytest.raises(KeyError):
            scores.find(wrong)
