"""Regularised evolution."""

import numpy as np
import pytest

from sage import spaces
from sage.config.profiles import PROFILES
from sage.search import searchers
from sage.search.searchers import Evolution, Random
from tests.support.searching import CNN, FLAT, STEPS, lead, run, score, taste


def test_evolution_changes_one_choice_of_the_best_of_a_few_that_live():
    """With as many draws as this, the parent is the best of the four that were told last."""
    searcher = Evolution(CNN, seed=0, population=4, sample=100)
    run(searcher, 4)
    assert searcher.proposed == run(Random(CNN, seed=0), 4)
    for number in range(4, 40):
        parent = max(searcher.proposed[number - 4 : number], key=score)
        (child,) = run(searcher, 1)
        both = zip(CNN.active(parent), CNN.active(child), parent, child)
        assert sum(one != other for before, now, one, other in both if before and now) == 1


def test_evolutions_children_draw_the_choices_that_their_parents_lack():
    """A network with one layer has a child with three: the new ones are drawn, not all first."""
    searcher = Evolution(STEPS, seed=0, population=1)
    parent, drawn = (0, 1, 0, 0, 0, 0, 0, 0), set()
    for seed in range(200):
        child = STEPS.canonical(searcher._mutate(parent, np.random.default_rng(seed)))
        drawn |= {child} if child[0] == 2 else set()
    assert len(drawn) > 20 and {child[1] for child in drawn} == {1}


def test_evolution_prefers_better_parents_and_lets_the_oldest_die():
    """The best of all, told first, has no children once as many as live were told after it."""
    searcher = Evolution(FLAT, seed=0, population=3)
    for told in (9.0, 0.0, 0.0, 0.0):
        searcher.tell(searcher.ask()[0], told)
    assert [score for score, _ in searcher._living] == [0.0, 0.0, 0.0]


def test_evolution_takes_no_more_random_ones_than_a_budget_starts_with():
    for name, population in (("smoke", 3), ("paper", 10)):
        budget = PROFILES[name].search
        searcher = searchers.within(budget, "evolution", CNN, seed=0)
        assert searcher.description == {"name": "evolution", "population": population, "sample": 3}
    for wrong in ({"population": 0}, {"sample": 0}):
        with pytest.raises(ValueError, match="expected 1 or more"):
            Evolution(CNN, seed=0, **wrong)


@pytest.mark.parametrize("space", [CNN, spaces.cells(), spaces.nasbench201()])
def test_evolution_beats_random_search(space):
    """200 candidates in each kind of space: the last 50 are better than most random ones."""
    assert lead(Evolution(space, seed=0), 200, 50, taste(space, 0)) > 1.5
