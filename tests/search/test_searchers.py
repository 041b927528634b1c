"""Searchers: one contract for all of them, then what each promises by itself."""

import itertools
import json
import math
import random
import subprocess
import sys

import hyperopt
import numpy as np
import pytest
import torch

from sage import spaces
from sage.config import paths
from sage.config.profiles import PROFILES
from sage.search import searchers
from sage.search.searchers import SEARCHERS, TPE, Evolution, Random, Reinforce, Searcher
from sage.search.searchers.reinforce import Policy
from sage.spaces import Architecture, Choice, SearchSpace

FLAT = SearchSpace(
    "flat",
    (
        Choice("a", ("x", "y", "z")),
        Choice("b", (1, 2), needs=("a", 1)),
        Choice("c", (1, 2, 3, 4)),
        Choice("d", (False, True), needs=("b", 1)),
        Choice("e", (0.1, 0.2, 0.3)),
    ),
)
# Kinds, connections and dependencies as in the space of networks, and few enough to count.
STEPS = SearchSpace(
    "steps",
    (
        Choice("depth", (1, 2, 3)),
        Choice("width 1", (8, 16, 32), kind="width", step=1),
        Choice("width 2", (8, 16), ("depth", 1), kind="width", step=2),
        Choice("0 to 2", (False, True), ("depth", 1), kind="connection", step=2, source=0),
        Choice("1 to 2", (False, True), ("depth", 1), kind="connection", step=2, source=1),
        Choice("width 3", (8, 16), ("depth", 2), kind="width", step=3),
        Choice("1 to 3", (False, True), ("depth", 2), kind="connection", step=3, source=1),
        Choice("2 to 3", (False, True), ("depth", 2), kind="connection", step=3, source=2),
    ),
)
CNN = spaces.cnn(10)
SPACES = [spaces.cnn(4), CNN, FLAT, STEPS]
# Few starts, so that the contract covers suggestions and children.
SETTINGS = {"tpe": {"starts": 4}, "evolution": {"population": 4}}

over_searchers = pytest.mark.parametrize("name", SEARCHERS)
over_spaces = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def make(name: str, space: SearchSpace, seed: int = 3) -> Searcher:
    return searchers.make(name, space, seed=seed, **SETTINGS.get(name, {}))


def score(architecture: Architecture) -> float:
    """Something to learn: greater options are better, early ones more so."""
    return sum(option / (position + 1) for position, option in enumerate(architecture))


def run(searcher: Searcher, count: int) -> list[Architecture]:
    """The next proposals, each told at once."""
    for _ in range(count):
        number, architecture = searcher.ask()
        searcher.tell(number, score(architecture))
    return searcher.proposed[-count:]


def everything(space: SearchSpace) -> set[Architecture]:
    ranges = [range(len(choice.options)) for choice in space.choices]
    return {space.canonical(options) for options in itertools.product(*ranges)}


# The contract


@over_searchers
@over_spaces
def test_proposals_are_canonical_architectures_of_the_space(name, space):
    searcher = make(name, space)
    for expected in range(30):
        number, architecture = searcher.ask()
        assert number == expected and searcher.proposed[number] == architecture
        assert space.canonical(architecture) == architecture
        assert json.loads(json.dumps(architecture)) == list(architecture)
        searcher.tell(number, score(architecture))


def sequences() -> dict[str, list]:
    return {
        f"{name} {space.name}": run(make(name, space), 14) for name in SEARCHERS for space in SPACES
    }


def test_the_seed_alone_determines_the_sequence_in_any_process():
    code = "import json; from tests.search import test_searchers as tests; "
    code += "print(json.dumps(tests.sequences()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=paths.ROOT
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(sequences()))


@over_searchers
@over_spaces
def test_seeds_differ(name, space):
    assert len({tuple(run(make(name, space, seed), 8)) for seed in range(4)}) == 4


@over_searchers
def test_a_negative_seed_is_refused(name):
    with pytest.raises(ValueError, match="seed is -1"):
        make(name, FLAT, -1)


class Recorder(Searcher):
    """A user's own searcher, that keeps what it was told."""

    name = "recorder"

    def __init__(self, space: SearchSpace, *, seed: int):
        super().__init__(space, seed=seed)
        self.learned = []

    def _propose(self, rng):
        # Neither canonical nor Python's own integers.
        return rng.integers(2, size=len(self.space.choices))

    def _learn(self, number, score):
        self.learned.append((number, score))


@pytest.mark.parametrize("failure", [math.nan, math.inf, -math.inf])
def test_a_failure_counts_as_the_worst_score_so_far(failure):
    searcher = Recorder(FLAT, seed=0)
    for _ in range(8):
        searcher.ask()
    scores = {1: failure, 0: failure, 5: 0.7, 2: failure, 3: 0.2, 4: failure, 6: 0.9, 7: failure}
    for number, each in scores.items():
        searcher.tell(number, each)
    expected = [(5, 0.7), (1, 0.7), (0, 0.7), (2, 0.7), (3, 0.2), (4, 0.2), (6, 0.9), (7, 0.2)]
    assert searcher.learned == expected


def test_own_searchers_may_propose_numpy_integers_and_options_without_effect():
    searcher = Recorder(FLAT, seed=0)
    for _ in range(20):
        _, architecture = searcher.ask()
        assert FLAT.canonical(architecture) == architecture and all(
            type(option) is int for option in architecture
        )


@over_searchers
@pytest.mark.parametrize("failures", [1, 4, 9])
def test_failures_first_are_as_good_as_the_first_score(name, failures):
    """Proposals after failures equal those after the score that they count as."""
    failing, scoring = make(name, STEPS), make(name, STEPS)
    for searcher in (failing, scoring):
        for _ in range(12):
            searcher.ask()
    for number in range(failures):
        failing.tell(number, math.nan)
    for number in (failures, *range(failures)):
        scoring.tell(number, 0.5)
    failing.tell(failures, 0.5)
    for searcher, told in ((failing, math.inf), (scoring, 0.5)):
        searcher.tell(failures + 1, told)
    for searcher in (failing, scoring):
        run(searcher, 8)
    assert failing.proposed == scoring.proposed


@over_searchers
def test_what_cannot_be_told_is_refused(name):
    searcher = make(name, FLAT)
    run(searcher, 2)
    searcher.ask()
    for number in (3, -1):
        with pytest.raises(ValueError, match=f"candidate {number} was never proposed"):
            searcher.tell(number, 0.5)
    for told in (0.5, math.nan):
        with pytest.raises(ValueError, match="candidate 1 was told before"):
            searcher.tell(1, told)
    searcher.tell(2, 0.5)


def interleaved(
    searcher: Searcher, rng: np.random.Generator, told: list[tuple[int, float]], moves: int
) -> None:
    """Ask and tell at random with up to five in flight, some of them failures; adds to `told`."""
    for _ in range(moves):
        flying = sorted(set(range(len(searcher.proposed))) - {number for number, _ in told})
        if flying and (len(flying) == 5 or rng.random() < 0.5):
            number = int(rng.choice(flying))
            found = math.nan if rng.random() < 0.2 else score(searcher.proposed[number])
            told.append((number, found))
            searcher.tell(*told[-1])
        else:
            searcher.ask()


@over_searchers
@over_spaces
@pytest.mark.parametrize("seed", range(3))
def test_a_restored_searcher_goes_on_as_if_never_stopped(name, space, seed):
    searcher, told = make(name, space), []
    interleaved(searcher, np.random.default_rng(seed), told, moves=20 + 11 * seed)
    restored = make(name, space)
    restored.restore(json.loads(json.dumps(searcher.proposed)), iter(told))
    assert restored.proposed == searcher.proposed
    for each in (searcher, restored):
        interleaved(each, np.random.default_rng(seed + 100), list(told), moves=30)
    assert len(searcher.proposed) > 20 and restored.proposed == searcher.proposed


@over_searchers
def test_only_fresh_searchers_restore_and_only_their_space(name):
    searcher = make(name, FLAT)
    with pytest.raises(ValueError, match="expected"):
        searcher.restore([(0, 0, 0, 0, 0), (3, 0, 0, 0, 0)], [])
    assert searcher.proposed == []
    searcher.restore([(0, 0, 0, 0, 0)], [(0, 1.0)])
    with pytest.raises(ValueError, match="1 proposals, expected a fresh one"):
        searcher.restore([], [])


@over_searchers
def test_global_generators_are_untouched(name):
    def states() -> list:
        return [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()]

    before = states()
    run(make(name, STEPS), 12)
    assert states() == before


@over_searchers
def test_descriptions_are_json(name):
    description = make(name, FLAT).description
    assert json.loads(json.dumps(description)) == description and description["name"] == name


def test_unknown_searchers_and_settings_are_refused():
    with pytest.raises(
        ValueError, match="'annealing', expected one of random, reinforce, tpe, evolution"
    ):
        searchers.make("annealing", FLAT, seed=0)
    with pytest.raises(TypeError, match="draws"):
        searchers.make("random", FLAT, seed=0, draws=3)


def test_random_search_is_a_sample_per_number_whatever_is_in_flight():
    expected = [CNN.sample(np.random.default_rng([7, number])) for number in range(8)]
    searcher = Random(CNN, seed=7)
    assert [searcher.ask()[1] for _ in range(3)] + run(searcher, 5) == expected


# Evolution


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
    judge, scores = taste(space, 0), []
    searcher = Evolution(space, seed=0)
    for _ in range(200):
        number, architecture = searcher.ask()
        scores.append(judge(architecture))
        searcher.tell(number, scores[-1])
    chance = [judge(space.sample(np.random.default_rng(number))) for number in range(500)]
    assert np.mean(scores[-50:]) > np.mean(chance) + 1.5 * np.std(chance)


# TPE


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


# REINFORCE


def sharpened(space: SearchSpace, seed: int = 0) -> Policy:
    """A policy far from uniform."""
    policy = Reinforce(space, seed=seed).policy
    with torch.no_grad():
        policy.heads.weight.mul_(30)
    return policy


def log_probability(policy: Policy, space: SearchSpace, architecture: Architecture) -> float:
    """From the definition, a step, a unit layer and a choice at a time."""
    weights = {name: value.detach().numpy() for name, value in policy.named_parameters()}
    column, row = {}, {}
    for offsets, width in (
        (column, lambda choice: len(choice.options)),
        (row, lambda choice: len(choice.options) if choice.source is None else choice.source + 1),
    ):
        end = 0
        for kind in dict.fromkeys(choice.kind for choice in space.choices):
            offsets[kind] = end
            end += max(width(choice) for choice in space.choices if choice.kind == kind)
    used = [
        (choice, option)
        for choice, option, active in zip(space.choices, architecture, space.active(architecture))
        if active
    ]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    hidden, cell, outputs = [np.zeros(32)] * 2, [np.zeros(32)] * 2, []
    signal = weights["embeddings"][-1]
    for step in range(space.choices[-1].step + 1):
        for layer in range(2):
            gates = (
                weights[f"lstm.weight_ih_l{layer}"] @ signal
                + weights[f"lstm.bias_ih_l{layer}"]
                + weights[f"lstm.weight_hh_l{layer}"] @ hidden[layer]
                + weights[f"lstm.bias_hh_l{layer}"]
            )
            enter, keep, new, leave = np.split(gates, 4)
            cell[layer] = sigmoid(keep) * cell[layer] + sigmoid(enter) * np.tanh(new)
            hidden[layer] = signal = sigmoid(leave) * np.tanh(cell[layer])
        outputs.append(hidden[1])
        signal = np.zeros(32)
        for choice, option in used:
            if choice.step == step and choice.source is None:
                signal = signal + weights["embeddings"][row[choice.kind] + option]
            elif choice.step == step and option:
                signal = signal + weights["embeddings"][row[choice.kind] + choice.source]

    total = 0.0
    for choice, option in used:
        heads = weights["heads.weight"][column[choice.kind] :]
        if choice.source is None:
            odds = np.exp(heads[: len(choice.options)] @ outputs[choice.step])
            total += np.log(odds[option] / odds.sum())
        else:
            connected = sigmoid(heads[1] @ outputs[choice.step] - heads[0] @ outputs[choice.source])
            total += np.log(connected if option else 1 - connected)
    return total


@over_spaces
def test_log_probability_is_that_of_the_definition(space):
    policy, rng = sharpened(space), np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(12)]
    expected = [log_probability(policy, space, architecture) for architecture in architectures]
    assert policy.log_probability(architectures).tolist() == pytest.approx(expected, rel=1e-9)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize("space", [FLAT, STEPS], ids=lambda space: space.name)
def test_probabilities_sum_to_one_and_are_those_of_samples(space):
    policy, rng = sharpened(space), np.random.default_rng(0)
    architectures = sorted(everything(space))
    with torch.no_grad():
        probabilities = policy.log_probability(architectures).exp().numpy()
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities.max() > 5 / len(
        architectures
    )  # far from uniform, or samples would tell little
    count = 1500
    drawn = [policy.sample(rng) for _ in range(count)]
    for position, choice in enumerate(space.choices):
        for option in range(len(choice.options)):
            chosen = np.array([architecture[position] == option for architecture in architectures])
            p = probabilities[chosen].sum()
            found = sum(architecture[position] == option for architecture in drawn)
            assert abs(found - count * p) < 4.5 * math.sqrt(count * p * (1 - p)) + 1


@pytest.mark.parametrize("seed", range(4))
def test_an_update_per_five_makes_rewarded_candidates_likelier(seed):
    searcher = Reinforce(CNN, seed=seed)
    asked = [searcher.ask() for _ in range(7)]
    before = searcher.policy.log_probability([asked[2][1]]).item()
    for number, _ in asked[:4]:
        searcher.tell(number, float(number == 2))
    assert searcher.policy.log_probability([asked[2][1]]).item() == before
    searcher.tell(4, 0.0)
    assert searcher.policy.log_probability([asked[2][1]]).item() > before


def weights_after(searcher: Reinforce, scores: list[float]) -> torch.Tensor:
    for told in scores:
        searcher.tell(searcher.ask()[0], told)
    return torch.cat([parameter.detach().flatten() for parameter in searcher.policy.parameters()])


def test_scores_at_the_baseline_teach_nothing():
    """It starts at the first batch's mean, and moves a tenth of the way to each later one's."""
    searcher = Reinforce(STEPS, seed=0)
    batches = [], [0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], [0.9 * 0.5 + 0.1 * 0.3] * 5, [0.3] * 5
    states = [weights_after(searcher, scores) for scores in batches]
    changes = [(new - old).abs().max().item() for old, new in itertools.pairwise(states)]
    # The second of Adam's steps, and the first with a gradient: sqrt(2) of the rate.
    step, nothing = math.sqrt(2) * 1e-3, pytest.approx(0, abs=1e-12)
    assert changes[:3] == [0, pytest.approx(step, rel=1e-3), nothing]
    assert changes[3] > 1e-4


def test_gradients_are_clipped():
    searcher = Reinforce(STEPS, seed=0)
    for scores, norm in (([0.0, 0.0, 0.0, 0.0, 1e6], 1), ([2e5] * 4 + [2e5 + 1e-3], None)):
        weights_after(searcher, scores)
        gradients = [parameter.grad.flatten() for parameter in searcher.policy.parameters()]
        found = torch.cat(gradients).norm().item()
        assert found == pytest.approx(norm, rel=1e-3) if norm else found < 0.1


@pytest.mark.parametrize("space", [STEPS, CNN], ids=lambda space: space.name)
def test_every_weight_of_the_policy_learns(space):
    policy, rng = Policy(space), np.random.default_rng(0)
    policy.log_probability([space.sample(rng) for _ in range(60)]).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    # No step reads the connection to the last from the one before: all other embeddings take part.
    assert (policy.embeddings.grad.abs().sum(1) == 0).sum() == 1


def taste(space: SearchSpace, seed: int):
    """A score that depends on the mean value of each kind of choice, in random directions."""
    rng = np.random.default_rng(seed)
    values = {choice.kind: rng.normal(size=len(choice.options)) for choice in space.choices}

    def score(architecture: Architecture) -> float:
        found = {kind: [] for kind in values}
        for choice, option, active in zip(space.choices, architecture, space.active(architecture)):
            if active:
                found[choice.kind].append(values[choice.kind][option])
        return float(sum(np.mean(kind) for kind in found.values() if kind))

    return score


def test_reinforce_beats_random_search():
    """1000 candidates of the 10-layer space: the last 200 are better than most random ones."""
    for seed in range(2):
        judge = taste(CNN, seed)
        searcher, scores = Reinforce(CNN, seed=seed), []
        for _ in range(1000):
            number, architecture = searcher.ask()
            scores.append(judge(architecture))
            searcher.tell(number, scores[-1])
        chance = [judge(CNN.sample(np.random.default_rng(number))) for number in range(500)]
        assert np.mean(scores[-200:]) > np.mean(chance) + 1.5 * np.std(chance)
