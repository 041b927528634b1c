"""Whole searches compared: what is trained, what is chosen, and what the tables say."""

import importlib
import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import models, teachers
from sage.analysis import search_tables
from sage.config import paths, profiles
from sage.config.profiles import SearchBudget
from sage.config.run import CellRun, SearchRun
from sage.experiments.checks import check_searches
from sage.experiments.comparison import Comparison, Search
from sage.experiments.studies import make_study
from sage.rsa import guidance
from sage.rsa.teacher import Teacher, TeacherLayer
from sage.search import evaluation, scores
from sage.search.builders import CellBuilder, ConvolutionalBuilder, NASBench201Builder
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Study
from sage.search.searchers import SEARCHERS, tpe
from sage.search.tracker import Tracker

SMOKE = profiles.PROFILES["smoke"]
BUDGET = SearchBudget(
    layers=3,
    train_images=128,
    mature_epochs=3,
    epochs=(0.5, 1),
    samples=8,
    every=4,
    top=2,
    runs=2,
    starts=4,
)
TINY = replace(SMOKE, train_images=128, teacher_images=128, rdm_images=20, search=BUDGET)


@pytest.fixture
def run(monkeypatch, images) -> SearchRun:
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    return SearchRun(profile="tiny", dataset="mine")


@pytest.fixture
def guide(run) -> Teacher:
    return teachers.load_teacher(replace(run, teacher="pixels"))


@pytest.fixture
def trained(monkeypatch) -> list:
    """What was evaluated: protocol, architecture and seed."""
    calls = []
    evaluate = evaluation.evaluate

    def counted(*arguments, **described):
        calls.append(arguments)
        return evaluate(*arguments, **described)

    monkeypatch.setattr(evaluation, "evaluate", counted)
    return calls


def test_everything_is_trained_once_and_nothing_again(run, guide, trained):
    table = Comparison(run, guide).train(workers="0")
    twos = ("score", "epochs", "run", "samples", "candidate", "place")
    assert dict(table.sizes) == {"searcher": 3} | dict.fromkeys(twos, 2)
    assert max(Counter(trained).values()) == 1
    count = len(trained)
    again = Comparison(run, guide).train(workers="0")
    xr.testing.assert_identical(table, again)
    assert len(trained) == count
    Comparison(replace(run, alpha=5.0), guide).train(workers="0")
    assert len(trained) > count and len(set(trained)) == len(trained)
    by_accuracy = [arguments for arguments in trained[count:] if arguments[0].snapshots != (3,)]
    assert len(by_accuracy) <= 2 * 2 * (
        8 + 4
    )  # by P + TG only: reinforcement learning's, and TPE's after its starts
    # Random search proposes the same whatever the score: its P + TG needs no training of its own.
    only = replace(run, alpha=7.0, searchers="random")
    count = len(trained)
    Comparison(only, guide).train(workers="0")
    assert {arguments[0].snapshots for arguments in trained[count:]} <= {(3,)}


def stop_now_and_then(monkeypatch) -> list:
    """Begin another record, every fifth evaluation of which is stopped; return what it begins."""
    evaluate, calls = evaluation.evaluate, []

    def stopped(*arguments, **described):
        calls.append(arguments)
        if len(calls) % 5 == 0:
            raise KeyboardInterrupt
        return evaluate(*arguments, **described)

    monkeypatch.setenv("SAGE_TRACKER", f"sqlite:///{paths.data()}/another.sqlite")
    monkeypatch.setattr(evaluation, "evaluate", stopped)
    return calls


def test_the_best_so_far_teaches_the_next_as_the_record_says(run, monkeypatch):
    asked = replace(
        run, teacher="best-so-far", searchers="tpe", scores="P+TG", runs=1, epochs="1", samples=12
    )
    guide, every = teachers.load_teacher(asked), BUDGET.starts
    comparison, search = Comparison(asked, guide), Search("tpe", "P+TG", 1, 0)
    key = comparison.studies[search].key
    shuffled = Comparison(asked, guide.shuffled(seed=1)).studies[search].key
    often = Comparison(asked, replace(guide, every=2)).studies[search].key
    assert len({key, shuffled, often}) == 3

    def visited() -> list[tuple]:
        comparison = Comparison(asked, guide)
        comparison.train(workers="0")
        told = sorted(comparison.tracker.candidates(key), key=lambda one: one.told)
        return [(one.number, one.architecture, one.score) for one in told]

    whole = visited()
    rdms = {
        number: next(iter(of.values())).astype(float)
        for number, _, of in comparison.tracker.rdms(key, range(12), "class")
    }
    accuracy = comparison.tracker.results(key).accuracy.isel(epoch=0)
    for place, (number, _, score) in enumerate(whole):
        before = whole[: place // every * every]
        expected = accuracy.sel(network=number).item()
        if before:
            best = max(before, key=lambda one: one[2])[0]
            layers = [[row for row in rdms[one] if np.ptp(row)] for one in (best, number)]
            similar = np.corrcoef(*layers)[: len(layers[0]), len(layers[0]) :]
            expected += similar.max(axis=1).mean()
        assert score == pytest.approx(expected, abs=1e-6)
    calls = stop_now_and_then(monkeypatch)
    resumed = None
    while not resumed:
        with suppress(KeyboardInterrupt):
            resumed = visited()
    assert resumed == whole and len(calls) > len(set(calls))


def test_the_best_so_far_teaches_a_search_for_cells(run, monkeypatch):
    budget = replace(SMOKE.cells, train_images=128, samples=3, starts=2)
    monkeypatch.setitem(profiles.PROFILES, "tiny", replace(TINY, cells=budget))
    cells = CellRun(
        profile="tiny", dataset="mine", teacher="best-so-far-shuffled", searchers="random", runs=1
    )
    comparison = Comparison(cells, teachers.load_teacher(cells))
    comparison.train(workers="0")
    for search, study in comparison.studies.items():
        found = comparison.tracker.results(study.key)
        added = (found.score - found.accuracy.isel(epoch=0)).values
        assert (added[:2] == 0).all() and (added[2] != 0) == (search.score == "P+TG")


def test_the_best_by_the_searches_own_score_are_trained_to_maturity(run, guide):
    small = replace(run, searchers="random", runs=1, epochs="1")
    table = Comparison(small, guide).train(workers="0").sel(searcher="random", epochs=1).isel(run=0)
    protocol = replace(
        evaluation.EvaluationProtocol.of(TINY, "mine"),
        networks=ConvolutionalBuilder(layers=3, width=0.25),
        train_images=128,
        mature_epochs=3,
        snapshots=(1.0,),
    )
    searcher = Comparison(small, guide)._searcher(Search("random", "P", 1.0, 0))
    architectures = [searcher.ask()[1] for _ in range(8)]
    early = [
        evaluation.evaluate(protocol, architecture, 0).snapshots[-1]
        for architecture in architectures
    ]
    similarity = guidance.compare(
        [(number, 1.0, snapshot.rdms) for number, snapshot in enumerate(early)],
        guide,
        level="class",
    )
    accuracy = np.array([snapshot.accuracy for snapshot in early])
    guided = guidance.combined_score(
        accuracy, guidance.teacher_guidance(similarity).values[:, 0], 1.0
    )
    mature = [
        evaluation.evaluate(replace(protocol, snapshots=(3,), test=True), architecture, 0)
        for architecture in architectures
    ]
    reached = np.array([found.snapshots[-1].accuracy for found in mature])
    for name, score in (("P", accuracy), ("P+TG", guided)):
        for samples in (4, 8):
            top = np.argsort(-score[:samples], kind="stable")[:2]
            one = table.sel(score=name, samples=samples)
            assert one.mature_accuracy == reached[top].max()
            assert one.examples == samples * 128 and one.mature_examples == 2 * 3 * 128
            assert one.images_shown == samples * TINY.validation_images
        best = top[reached[top].argmax()]
        assert tuple(json.loads(one.architecture.item())) == architectures[best]
        assert one.test_accuracy == mature[best].test_accuracy
    np.testing.assert_array_equal(table.random_accuracy, reached[:2])


@pytest.mark.parametrize("space", ["cnn", "nasbench201"])
def test_the_best_network_is_the_one_on_record(run, guide, space, tmp_path):
    """Its accuracies and its predictions are those of the candidate that was trained before."""
    small = replace(run, space=space, searchers="random tpe", scores="P", runs=1, epochs="1")
    comparison = Comparison(small, guide)
    table = comparison.train(workers="0")
    best = comparison.train_best(table, workers="0")
    about, images = best.about, comparison.protocol.load_images()
    assert about["accuracy"] == about["recorded_accuracy"] == table.mature_accuracy.max()
    assert (about["epochs"], about["premature_epochs"], about["score"]) == (3, 1, "P")
    found = table.sel(searcher=about["searcher"]).squeeze().test_accuracy.item()
    if comparison.protocol.device == "cpu":  # where the network is by now
        assert evaluation.accuracy(best.network, images.test) == found
    loaded = models.load(models.save(best, tmp_path / "best.pt"))
    expected = loaded(images.test.images).argmax(1)
    named = [loaded.classes[number] for number in expected]
    assert loaded.predict(images.test.images).predicted.tolist() == named
    other = table.assign(mature_accuracy=table.mature_accuracy + 0.1)
    with pytest.warns(UserWarning, match="trained again, the best network is right in .* another"):
        comparison.train_best(other, workers="0")
    nothing = table.assign(mature_accuracy=table.mature_accuracy * np.nan)
    with pytest.raises(ValueError, match="no search has found a network"):
        comparison.train_best(nothing, workers="0")


def test_cells_are_searched_alike_but_not_tested(run, guide, trained, monkeypatch):
    monkeypatch.setitem(
        profiles.PROFILES, "tiny", replace(TINY, cells=replace(TINY.cells, train_images=192))
    )
    cells = CellRun(profile="tiny", dataset="mine", searchers="tpe")
    table = Comparison(cells, guide).train(workers="0").isel(epochs=0, run=0, samples=0, searcher=0)
    assert {protocol.networks for protocol, _, _ in trained} == {
        CellBuilder(blocks=2, repeats=1, filters=2)
    }
    assert {protocol.test for protocol, _, _ in trained} == {
        False
    } and table.test_accuracy.isnull().all()
    assert max(Counter(trained).values()) == 1
    assert (table.top_accuracy.max("place") == table.mature_accuracy).all() and table.sizes[
        "place"
    ] == 2
    found = Tracker().rdms(
        Comparison(cells, guide).studies[Search("tpe", "P", 0.5, 0)].key,
        range(3),
        "class",
    )
    assert {len(next(iter(rdms.values()))) for _, _, rdms in found} == {
        5
    }  # a matrix for every cell, with N = 1
    frame = search_tables.summary(Comparison(cells, guide).results())
    assert "mature error" in frame and "test error" not in frame


def test_nasbench201_is_searched_by_all_searchers(run, guide, trained):
    every = {"searchers": " ".join(SEARCHERS), "space": "nasbench201"}
    asked = replace(run, scores="P", runs=1, epochs="0.5", samples=5, **every)
    check_searches(asked)
    comparison = Comparison(asked, guide)
    table = comparison.train(workers="0").isel(samples=-1)
    assert {protocol.networks for protocol, _, _ in trained} == {NASBench201Builder(cells=1)}
    assert list(table.searcher) == list(SEARCHERS) and table.failed.sum() == 0
    assert np.isfinite(table.mature_accuracy).all()
    found = json.loads(table.architecture.values.flat[0])
    assert comparison.protocol.networks.describe(tuple(found)).startswith("|")
    measured = next(
        Tracker().rdms(comparison.studies[Search("tpe", "P", 0.5, 0)].key, [0], "class")
    )
    assert len(next(iter(measured[2].values()))) == 3  # a matrix for every cell, with N = 1


def test_networks_of_nasbench201_are_measured_before_and_in_training(run):
    networks = NASBench201Builder(cells=1, learning_rate=0.05)
    protocol = replace(EvaluationProtocol.of(TINY, "mine"), networks=networks, mature_epochs=1)
    protocol = replace(protocol, snapshots=(0, 0.5, 1))
    cells = [(3, 3, 3, 1, 2, 4), (0, 3, 2, 4, 0, 0)]  # in the second one operations are unread
    for found in (evaluation.evaluate(protocol, cell, 0) for cell in cells):
        assert found.state == "finished" and [one.epoch for one in found.snapshots] == [0, 0.5, 1]
        assert all(map(np.isfinite, found.proxies.values())) and len(found.proxies) == 5
        for snapshot in found.snapshots:
            assert {level for _, level in snapshot.rdms} == {"class", "image", "gram"}
            assert {len(rdms) for rdms in snapshot.rdms.values()} == {3}
    other = replace(protocol, networks=replace(networks, learning_rate=0.1))
    assert protocol.description() != other.description()


OWN = """
from sage.search.builders import ConvolutionalBuilder

print({printed!r})

class Narrow(ConvolutionalBuilder):
    def build(self, architecture, *, classes):
        return super().build(architecture, classes=classes + {added})
"""


def test_networks_of_a_builder_of_ones_own_are_found_by_its_class(run, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    sizes, asked = {"layers": 3, "width": 0.25}, EvaluationProtocol.of(TINY, "mine")

    def studied(kind) -> Study:
        return make_study(replace(asked, networks=kind(**sizes)), {}, lambda number: number)

    def own(**written) -> Study:
        (tmp_path / "narrow.py").write_text(OWN.format(**written))
        monkeypatch.delitem(sys.modules, "narrow", raising=False)
        return studied(importlib.import_module("narrow").Narrow)

    ours = studied(ConvolutionalBuilder)
    assert ours.description["networks"] == {"space": "cnn3"} | sizes
    assert "builder" not in ours.description
    first, same = own(printed="one", added=1), own(printed="another", added=1)
    other = own(printed="a longer one", added=20)
    assert first.protocol == same.protocol != other.protocol != ours.protocol
    chosen = ConvolutionalBuilder(**sizes).space.sample(np.random.default_rng(0))
    assert first.evaluate(chosen, 0).state == "finished"  # a worker does not compare the class


def test_test_images_count_where_they_are_shown(run):
    path = paths.raw() / "mine.npz"
    before = EvaluationProtocol.of(TINY, "mine")
    keys = [replace(before, test=test).description() for test in (False, True)]
    with np.load(path) as parts:
        np.savez(path, **{**parts, "x_test": 255 - parts["x_test"]})
    after = [replace(before, test=test).description() for test in (False, True)]
    assert keys[0] == after[0] and keys[1] != after[1]


def test_an_unknown_space_is_refused_before_anything_is_trained(run):
    with pytest.raises(ValueError, match="space is 'nas', expected one of cnn, nasbench201"):
        check_searches(replace(run, space="nas"))


def test_diverged_candidates_cost_in_full_and_are_not_chosen(run, guide, monkeypatch):
    evaluate = evaluation.evaluate

    def sometimes(protocol, architecture, seed, **described):
        found = evaluate(protocol, architecture, seed, **described)
        if architecture in lost or protocol.snapshots == lost_at:
            found = replace(found, state="diverged", failure="loss is inf", snapshots=())
        return found

    monkeypatch.setattr(evaluation, "evaluate", sometimes)
    small = replace(run, searchers="random", scores="P", runs=1, epochs="1")
    searcher = Comparison(small, guide)._searcher(Search("random", "P", 1, 0))
    lost, lost_at = {searcher.ask()[1] for _ in range(2)}, None
    table = Comparison(small, guide).train(workers="0").squeeze()
    assert table.examples.values.tolist() == [4 * 128, 8 * 128] and table.failed == 2
    assert np.isfinite(table.mature_accuracy).all() and np.isnan(table.random_accuracy).all()
    lost, lost_at = set(), (3,)
    table = Comparison(replace(small, seed=5), guide).train(workers="0").squeeze()
    assert np.isnan(table.mature_accuracy).all() and np.isnan(table.test_accuracy)


def test_every_setting_that_changes_a_search_changes_its_study(run, guide):
    search, other = Search("reinforce", "P+TG", 1, 0), replace(guide, name="other")
    studies = Comparison(run, guide).studies
    keys = {studies[search].key, Comparison(run, other).studies[search].key}
    keys |= {
        Comparison(replace(run, **change), guide).studies[search].key
        for change in ({"layers": 2}, {"alpha": 2.0})
    }
    keys |= {
        studies[replace(search, **change)].key
        for change in ({"searcher": "tpe"}, {"score": "P"}, {"epochs": 0.5}, {"run": 1})
    }
    assert len(keys) == 8
    plain = replace(search, score="P")
    same = {
        Comparison(replace(run, **change), other).studies[plain].key
        for change in ({"alpha": 2.0}, {"samples": 4})
    }
    assert same == {studies[plain].key}


def test_what_a_changed_searcher_chose_is_another_study(run, guide, monkeypatch):
    (first,), (again,) = (Comparison(run, guide).mature_studies[0] for _ in range(2))
    monkeypatch.setattr(tpe, "GAMMA", 0.5)
    (changed,) = Comparison(run, guide).mature_studies[0]
    assert first.key == again.key != changed.key


def test_scores_may_have_weights_and_epochs_of_their_own(run, guide, monkeypatch):
    """What the plan of the searches asks for in one command, twice to maturity."""
    twice = replace(TINY, search=replace(BUDGET, twice=True, samples=4))
    monkeypatch.setitem(profiles.PROFILES, "tiny", twice)
    words = "P P+0.2TG P+0.05parameters P@1"
    asked = replace(run, searchers="random", scores=words, epochs="0.5", runs=1)
    comparison = Comparison(asked, guide)
    table = comparison.train(workers="0")
    made = table.mature_examples.isel(samples=-1, run=0).sel(searcher="random").notnull()
    names = ["P", "P+0.2TG", "P+0.05parameters"]
    assert made.sel(score=names).values.tolist() == [[True, True], [True, False], [True, False]]
    assert len(search_tables.summary(table)) == 4
    assert search_tables.counts(table).startswith("16 candidates in 4 searches, ")
    assert "P + 0.2 TG after 0.5 epochs minus P after 1 epoch" in search_tables.reading(table)
    plain = Comparison(replace(asked, scores="P+TG", alpha=0.2), guide)
    search, tracker = Search("random", "P+0.2TG", 0.5, 0), Tracker()
    own = comparison.studies[search].key
    assert own == plain.studies[replace(search, score="P+TG")].key
    monkeypatch.setattr(scores, "REVISION", 1)
    revised = Comparison(comparison.run, guide)
    assert own != revised.studies[search].key
    assert comparison.mature_studies[0][0].key != revised.mature_studies[0][0].key
    sized = tracker.results(comparison.studies[replace(search, score=names[2])].key)
    expected = sized.accuracy.sel(epoch=0.5) + 0.05 * np.log(sized.parameters)
    np.testing.assert_allclose(sized.score, expected)
    first, second = (tracker.results(one.key) for one in comparison.mature_studies[0])
    assert (first.seed != second.seed).all() and (first.hash == second.hash).all()
    ranked = tracker.results(own).sortby("score", ascending=False).hash.values[:2]
    places = [list(first.hash.values).index(one) for one in ranked]
    found = table.sel(searcher="random", score="P+0.2TG", epochs=0.5).isel(run=0, samples=-1)
    for accuracy, study in ((found.top_accuracy, first), (found.again_accuracy, second)):
        assert accuracy.values.tolist() == study.accuracy.sel(epoch=3).values[places].tolist()
    best = places[int(found.top_accuracy.argmax("place"))]
    assert found.mature_accuracy == first.accuracy.sel(epoch=3)[best]
    assert found.test_accuracy == first.test_accuracy[best]
    assert found.mature_examples == first.examples.sel(epoch=3)[places].sum()
    paths.save_table(table, paths.data() / "table.nc")


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            {"searchers": "random annealing"},
            "searchers is 'random annealing', expected some of random, reinforce, tpe, evolution",
        ),
        ({"searchers": "tpe tpe"}, "searchers is 'tpe tpe'"),
        ({"scores": ""}, "scores is '', expected some of P, P\\+TG"),
        ({"scores": "P P@0.5"}, "scores is 'P P@0.5', expected some of P, P\\+TG"),
        ({"scores": "P+2speed"}, "scores is 'P\\+2speed', expected some of P, P\\+TG"),
        ({"scores": "P@0"}, "scores is 'P@0', expected numbers above 0 and up to 3 behind @"),
        ({"scores": "P@few"}, "scores is 'P@few', expected numbers above 0"),
    ],
)
def test_what_does_not_exist_is_refused_before_any_training(run, guide, trained, wrong, message):
    with pytest.raises(ValueError, match=message):
        Comparison(replace(run, **wrong), guide).train(workers="0")
    assert not trained


def test_a_teacher_of_other_stimuli_is_refused_before_any_training(run, trained):
    other = Teacher("other", (TeacherLayer("L1", "other stimuli", {"class": np.arange(10.0)}),))
    with pytest.raises(ValueError, match="other stimuli, which the candidates were never shown"):
        Comparison(run, other).train(workers="0")
    assert not trained
