"""TPE, against hyperopt's own."""

import math

import hyperopt
import numpy as np
import pytest

from sage import spaces
from sage.search.searchers import TPE, Random
from sage.spaces import Architecture, Choice, SearchSpace
from tests.support.searching import CNN, FLAT, STEPS, everything, run, score


def test_tpe_starts_as_random_search_and_then_departs():
    both = [run(searcher, 24) for searcher in (TPE(CNN, seed=1), Random(CNN, seed=1))]
    assert both[0][:20] == both[1][:20] and both[0][20] != both[1][20]


@pytest.mark.parametrize("space", [FLAT, STEPS], ids=lambda space: space.name)
@pytest.mark.parametrize("told", [True, False])
def test_tpe_repeats_nothing_until_all_was_proposed(space, told):
    searcher = TPE(space, seed=0, starts=1)
    for _ in range(space.size):
        number, architecture = searcher.ask()
        if told:
            searcher.tell(number, score(architecture))
    assert set(searcher.proposed) == everything(space)
    for _ in range(3):
        assert searcher.ask()[1] in everything(space)


def test_tpe_repeats_nothing_while_many_are_in_flight():
    searcher = TPE(CNN, seed=0)
    run(searcher, 30)
    for _ in range(25):
        searcher.ask()
    assert len(set(searcher.proposed[20:]) - set(searcher.proposed[:20])) == 35


def test_tpe_draws_repeated_suggestions_again_and_turns_to_random_ones(monkeypatch):
    searcher = TPE(FLAT, seed=0, starts=1)
    _, first = searcher.ask()
    calls = []

    def suggest(densities, draws, seed):
        calls.append((draws, seed))
        return first

    monkeypatch.setattr(searcher, "_suggest", suggest)
    _, second = searcher.ask()
    assert second != first
    assert [draws for draws, _ in calls] == [24, 12, 6, 3, 1, 1, 1, 1]
    assert len({seed for _, seed in calls}) == 8


class Plain(TPE):
    """Suggests by hyperopt's own `suggest`, which reads a document of each trial; slow."""

    def _densities(self) -> tuple[hyperopt.Domain, hyperopt.Trials]:
        choices, trials = self.space.choices, hyperopt.Trials()
        domain = hyperopt.Domain(
            None, {one.name: hyperopt.hp.randint(one.name, len(one.options)) for one in choices}
        )
        for number, architecture in enumerate(self.proposed):
            used = list(zip(choices, architecture, self.space.active(architecture)))
            misc = {
                "tid": number,
                "cmd": domain.cmd,
                "idxs": {choice.name: [number] * active for choice, _, active in used},
                "vals": {choice.name: [option] * active for choice, option, active in used},
            }
            told = number in self._losses
            result = {"status": hyperopt.STATUS_OK if told else hyperopt.STATUS_RUNNING}
            if told:
                result["loss"] = self._losses[number]
            (document,) = trials.new_trial_docs([number], [None], [result], [misc])
            state = hyperopt.JOB_STATE_DONE if told else hyperopt.JOB_STATE_RUNNING
            trials.insert_trial_doc(document | {"state": state})
        trials.refresh()
        return domain, trials

    def _suggest(
        self, densities: tuple[hyperopt.Domain, hyperopt.Trials], draws: int, seed: int
    ) -> Architecture:
        (document,) = hyperopt.tpe.suggest(
            [len(self.proposed)],
            *densities,
            seed,
            prior_weight=1.0,
            gamma=0.25,
            n_startup_jobs=0,
            n_EI_candidates=draws,
            verbose=False,
        )
        values = document["misc"]["vals"]
        return self.space.canonical(
            tuple(int(values[choice.name][0]) for choice in self.space.choices)
        )


@pytest.mark.parametrize(
    "space, count, every",
    [(FLAT, 150, 10), (STEPS, 150, 10)] + [(spaces.cells(), 300, 25), (CNN, 300, 75)],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("seed", range(2))
def test_tpe_proposes_what_plain_hyperopt_does(space, count, every, seed):
    """Whatever is in flight, failed, has a score that others have too, or was proposed before."""
    starts = 20 * seed
    searcher, rng = TPE(space, seed=seed, starts=starts), np.random.default_rng(seed)
    flying, told, compared = [], [], 0
    while len(searcher.proposed) < count:
        if len(searcher.proposed) % every == 0:
            plain = Plain(space, seed=seed, starts=starts)
            plain.restore(searcher.proposed, told)
            expected = plain.ask()
            flying.append(searcher.ask()[0])
            assert (flying[-1], searcher.proposed[-1]) == expected
            compared += 1
        elif flying and (len(flying) == 20 or rng.random() < 0.45):
            number = flying.pop(int(rng.integers(len(flying))))
            # Of both signs, and rounded so that many are equal: their sorting says which are good.
            each = round(score(searcher.proposed[number]) - 4, seed)
            told.append((number, math.nan if rng.random() < 0.2 else each))
            searcher.tell(*told[-1])
        else:
            flying.append(searcher.ask()[0])
    assert compared == count / every


def best_options(searcher: TPE, told: dict[int, float]) -> list[set[int]]:
    """Count each choice's options most frequent among good trials against the others.

    Takes no more than 25 trials: of more, older ones would count less.
    """
    ranking = sorted(range(len(searcher.proposed)), key=lambda number: -told.get(number, -math.inf))
    good = ranking[: math.ceil(0.25 * math.sqrt(len(ranking)))]
    options = []
    for position, choice in enumerate(searcher.space.choices):
        counts = {True: [1] * len(choice.options), False: [1] * len(choice.options)}
        for number, architecture in enumerate(searcher.proposed):
            if searcher.space.active(architecture)[position]:
                counts[number in good][architecture[position]] += 1
        ratios = [
            (in_good / sum(counts[True])) / (in_bad / sum(counts[False]))
            for in_good, in_bad in zip(*counts.values())
        ]
        options.append(
            {option for option, ratio in enumerate(ratios) if ratio == pytest.approx(max(ratios))}
        )
    return options


@pytest.mark.parametrize("seed", range(8))
def test_tpe_suggests_what_sets_good_trials_apart(seed):
    """With many draws the suggestion is the maximum; trials in flight are among the bad ones."""
    space = SearchSpace(
        "wide", tuple(Choice(str(number), (0, 1, 2, 3)) for number in range(6)) + FLAT.choices
    )
    searcher, told = TPE(space, seed=seed, starts=24, draws=2000), {}
    for _ in range(24):
        searcher.ask()
    for number in range(3, 24):
        told[number] = score(searcher.proposed[number])
        searcher.tell(number, told[number])
    expected = best_options(searcher, told)
    assert sum(len(options) == 1 for options in expected) > len(expected) / 2
    _, architecture = searcher.ask()
    for option, active, options in zip(architecture, space.active(architecture), expected):
        assert option in options or not active


def test_the_number_of_draws_matters():
    history, asked = Random(CNN, seed=0), {}
    run(history, 30)
    told = [(number, score(architecture)) for number, architecture in enumerate(history.proposed)]
    for draws in (1, 24):
        searcher = TPE(CNN, seed=0, draws=draws)
        searcher.restore(history.proposed, told)
        asked[draws] = searcher.ask()[1]
        assert searcher.description["draws"] == draws
    assert asked[1] != asked[24]
    for wrong in ({"draws": 0}, {"starts": -1}):
        with pytest.raises(ValueError, match="expected"):
            TPE(CNN, seed=0, **wrong)


def test_tpe_beats_random_search():
    """200 trials of 20 independent choices: the last 50 are better than nearly any random one."""
    space = SearchSpace(
        "separable", tuple(Choice(str(number), (0, 1, 2, 3)) for number in range(20))
    )
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=(20, 4))
        searcher, scores = TPE(space, seed=seed), []
        for _ in range(200):
            number, architecture = searcher.ask()
            scores.append(values[range(20), architecture].sum())
            searcher.tell(number, scores[-1])
        spread = np.sqrt(values.var(1).sum())
        assert np.mean(scores[-50:]) > values.mean(1).sum() + 2 * spread
