"""Evaluation, and the pool: resumption and re-scoring, at a size below the smoke profile's."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import spaces, teachers
from sage.analysis import predictors
from sage.compute import devices
from sage.config import paths, profiles
from sage.config.run import PoolRun, Run
from sage.experiments import pool, stored_networks
from sage.rsa import activations, guidance, pool_bank
from sage.rsa.alignment import GRAM
from sage.search import evaluation, searchers
from sage.search.dask_workers import open_workers
from sage.search.evaluation import EvaluationProtocol
from sage.search.tracker import Tracker
from sage.spaces import cnn_space
from sage.teachers import sources
from sage.training import recipes
from tests.support import image_archives
from tests.support.waiting import PATIENCE

SIZES = {
    "train_images": 128,
    "teacher_images": 128,
    "validation_images": 256,
    "batch_size": 64,
}
TINY = replace(profiles.PROFILES["smoke"], pool=5, **SIZES)
CHANGING = ["seconds", "measurement_seconds", "attempts", "told", "proposed_at", "ended_at"]


@pytest.fixture
def run(monkeypatch, images) -> Run:
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    return Run(profile="tiny", dataset="mine")


def protocol(run: Run) -> EvaluationProtocol:
    return EvaluationProtocol.of(run.settings, run.dataset)


def first_candidate(run: Run) -> tuple[spaces.Architecture, int]:
    _, architecture = searchers.make("random", protocol(run).networks.space, seed=0).ask()
    return architecture, pool._seed(run, 0)


def study(run: Run) -> str:
    return pool._study(run, protocol(run), {}).key


def test_a_long_lived_worker_trains_on_the_images_that_a_study_is_of(run):
    """It loads a changed file anew, whatever it has in memory."""
    wrong, candidate = pool._study(run, protocol(run), {}), first_candidate(run)
    with open_workers("1") as workers:
        before = workers.submit(wrong.evaluate, *candidate).result(PATIENCE)
        image_archives.reverse_labels("mine")
        right = pool._study(run, protocol(run), {})
        assert right.key != wrong.key and right.protocol != wrong.protocol
        after = workers.submit(right.evaluate, *candidate).result(PATIENCE)
    here = right.evaluate(*candidate)
    np.testing.assert_array_equal(after.losses, here.losses)
    assert (after.losses != before.losses).any()


def test_a_study_of_images_that_are_no_longer_there_is_refused(run):
    wrong = pool._study(run, protocol(run), {})
    image_archives.reverse_labels("mine")
    right = pool._study(run, protocol(run), {})
    identities = (one.description["training"] for one in (right, wrong))
    told = "another study, .*training {} instead of {}: give all".format(*identities)
    with pytest.raises(RuntimeError, match=told):
        wrong.evaluate(*first_candidate(run))


def test_workers_of_another_revision_refuse(run, monkeypatch):
    study = pool._study(run, protocol(run), {})
    monkeypatch.setattr(evaluation, "REVISION", -1)
    with pytest.raises(RuntimeError, match="another study, revision -1 instead of [0-9]+: "):
        study.evaluate(*first_candidate(run))


def test_images_are_kept_until_their_file_changes(run, monkeypatch, tmp_path):
    first = protocol(run).load_images()
    assert protocol(run).load_images() is first
    image_archives.reverse_labels("mine")
    second = protocol(run).load_images()
    assert second is not first and second.train.identity != first.train.identity
    monkeypatch.setenv("SAGE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="unknown data set 'mine'"):
        protocol(run).load_images()


def test_evaluation_measures_every_snapshot(run):
    architecture, seed = first_candidate(run)
    found = evaluation.evaluate(protocol(run), architecture, seed)
    depth = len(spaces.cnn_layers(protocol(run).networks.space, architecture))
    assert found.state == "finished" and [point.epoch for point in found.snapshots] == [
        0,
        0.5,
        1,
        2,
    ]
    assert [point.examples for point in found.snapshots] == [0, 64, 128, 256]
    for point in found.snapshots:
        assert {level for _, level in point.rdms} == {"class", "image", "gram"}
        for (_, level), rdms in point.rdms.items():
            assert rdms.dtype == np.float16
            assert rdms.shape == (depth, {"class": 10, "image": 2016, "gram": 2080}[level])
    again = evaluation.evaluate(protocol(run), architecture, seed)
    for first, second in zip(found.snapshots, again.snapshots):
        assert (first.accuracy, first.loss) == (second.accuracy, second.loss)
        assert all(
            np.array_equal(first.rdms[key], second.rdms[key], equal_nan=True) for key in first.rdms
        )


def test_candidates_learn_what_the_labels_say(run):
    easy = replace(protocol(run), mature_epochs=8, snapshots=(0, 8), train_images=640)
    options = {
        "activation 1": 1,
        "normalization 1": 1,
    }  # one layer of 1 x 1 filters, which see colours
    architecture = tuple(options.get(choice.name, 0) for choice in easy.networks.space.choices)
    first, last = evaluation.evaluate(easy, architecture, 0).snapshots
    assert first.accuracy < 0.5 and last.accuracy > 0.9 and last.loss < first.loss


def test_numbers_are_those_of_this_revision(run, monkeypatch):
    """Whoever changes what training or measuring gives has to raise evaluation.REVISION, then this
    number.
    """
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    found = evaluation.evaluate(protocol(run), *first_candidate(run)).snapshots
    rdms = [rdms for (_, level), rdms in found[-1].rdms.items() if level != GRAM]
    values = np.concatenate([values.astype(float).ravel() for values in rdms])
    assert evaluation.REVISION == 4
    assert found[-1].training_loss_sum == pytest.approx(5.9198, rel=1e-3)
    assert np.nanmean(values) == pytest.approx(0.92491, rel=1e-3)


def test_a_worker_of_another_device_than_the_studys_is_refused(run, monkeypatch):
    monkeypatch.setenv("SAGE_DEVICE", "cuda float32")
    elsewhere = protocol(run)
    assert elsewhere.description()["device"] == "cuda"
    with pytest.raises(
        RuntimeError, match="computes on cpu .*, the study is of cuda float32: .*SAGE_DEVICE"
    ):
        evaluation.evaluate(elsewhere, *first_candidate(run))
    monkeypatch.setenv("SAGE_DEVICE", "gpu")
    with pytest.raises(ValueError, match="SAGE_DEVICE is 'gpu', expected cpu or cuda"):
        protocol(run)


def test_snapshots_on_the_way_do_not_change_the_outcome(run):
    architecture, seed = first_candidate(run)
    many = evaluation.evaluate(protocol(run), architecture, seed).snapshots[-1]
    (only,) = evaluation.evaluate(
        replace(protocol(run), snapshots=(2,)), architecture, seed
    ).snapshots
    assert (many.accuracy, many.loss, many.training_loss_sum) == (
        only.accuracy,
        only.loss,
        only.training_loss_sum,
    )


def test_divergence_is_recorded_and_the_pool_goes_on(run, monkeypatch):
    plain = recipes.candidate_recipe
    monkeypatch.setattr(
        recipes, "candidate_recipe", lambda *sizes: replace(plain(*sizes), learning_rate=1e30)
    )
    found = evaluation.evaluate(protocol(run), *first_candidate(run))
    assert found.state == "diverged" and "loss is" in found.failure and len(found.snapshots) < 4


def test_pool_is_the_same_however_many_are_trained_side_by_side_and_wherever_it_stopped(
    run, monkeypatch
):
    together = pool.train_pool(run, workers="2")
    assert together.state.values.tolist() == ["finished"] * 5
    file = paths.cache() / "tracker.sqlite"
    first = file.rename(file.with_name("first"))
    evaluate = evaluation.evaluate
    calls = []

    def stopped(*arguments, **described):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(*arguments, **described)

    monkeypatch.setattr(evaluation, "evaluate", stopped)
    with pytest.raises(KeyboardInterrupt):
        pool.train_pool(run, workers="0")
    resumed = pool.train_pool(run, workers="0")
    assert len(calls) == 6 and resumed.attempts.values.tolist() == [1, 1, 2, 1, 1]
    xr.testing.assert_identical(
        together.drop_vars(CHANGING).drop_attrs(), resumed.drop_vars(CHANGING).drop_attrs()
    )
    stored = [
        Tracker(f"sqlite:///{path}").rdms(study(run), range(5), "class") for path in (first, file)
    ]
    for (*first, rdms), (*second, others) in zip(*stored, strict=True):
        assert first == second and rdms.keys() == others.keys()
        assert all(np.array_equal(rdms[key], others[key], equal_nan=True) for key in rdms)


def test_workers_that_do_not_exist_are_refused(run):
    with pytest.raises(ValueError, match="workers is '-1'"):
        pool.train_pool(run, workers="-1")


def test_changing_what_determines_a_result_starts_another_study(run, monkeypatch):
    keys = {study(run), study(replace(run, seed=1))}
    assert study(replace(run, alpha=3.0, teacher="pixels")) in keys
    monkeypatch.setitem(profiles.PROFILES, "tiny", replace(TINY, rdm_units=100))
    assert len(keys | {study(run)}) == 3


def test_appended_options_start_another_study_but_no_other_training(run, monkeypatch):
    """What is on record of an architecture holds; that a search is finished does not."""
    key, trained = study(run), protocol(run).description()
    assert "appended options" not in pool._study(run, protocol(run), {}).description
    options = cnn_space.LAYER_OPTIONS | {"filters": (32, 64, 128, 256)}
    monkeypatch.setattr(cnn_space, "LAYER_OPTIONS", options)
    described = pool._study(run, protocol(run), {}).description
    assert described["appended options"] == {"filters": ["256"]}
    assert study(run) != key and protocol(run).description() == trained


def test_another_teacher_re_scores_the_stored_pool_without_training(run, monkeypatch):
    networks = pool.train_pool(run, workers="0")
    monkeypatch.setattr(evaluation, "evaluate", lambda *arguments: pytest.fail("trains again"))
    pool.train_pool(run, workers="0")
    scores = {}
    for name in ("resnet", "resnet-untrained", "pixels"):
        teacher = teachers.load_teacher(replace(run, teacher=name))
        similarity = pool.compare_pool(networks, teacher, level=run.level)
        scores[name] = guidance.teacher_guidance(similarity)
        assert similarity.sizes["network"] == 5 and np.abs(similarity).max() <= 1
    assert not np.allclose(scores["resnet"], scores["pixels"])
    bank = teacher.save(paths.figures() / "bank.nc")
    stored = pool.compare_pool(
        networks,
        teachers.load_teacher(replace(run, teacher=str(bank))),
        level=run.level,
    )
    np.testing.assert_array_equal(guidance.teacher_guidance(stored), scores[name])


def test_first_networks_are_trained_again_with_another_seed_up_to_maturity_alone(run, monkeypatch):
    networks = pool.train_pool(run, workers="0")
    again = pool.retrain_pool(run, workers="0")
    assert again.network.values.tolist() == [0, 1, 2, 3] and again.notnull().all()
    matured = replace(protocol(run), snapshots=(2,), rivals=False)
    stored = Tracker().results(pool._study(run, matured, {"again": True}, draw=1).key)
    same = networks.sel(network=again.network)
    assert (stored.architecture == same.architecture).all() and not (stored.seed == same.seed).any()
    assert stored.epoch.values.tolist() == [2] and "synflow" not in stored
    monkeypatch.setattr(evaluation, "evaluate", lambda *arguments: pytest.fail("trains again"))
    xr.testing.assert_identical(pool.retrain_pool(run, workers="0"), again)
    with pytest.raises(ValueError, match="workers is '-1'"):
        pool.retrain_pool(run, workers="-1")


def test_what_searches_by_accuracy_keep_is_trained_on_with_the_seed_it_had(run, monkeypatch):
    monkeypatch.setattr(pool, "TOP", 2)
    found, random = pool.search_pool(run, workers="0"), pool.train_pool(run, workers="0")
    assert found.state.values.tolist() == ["finished"] * found.sizes["network"]
    assert found.epoch.values.tolist() == [0, 0.5, 1, 2] and found.depth.min() >= 1
    premature = replace(protocol(run), snapshots=(1,), rivals=False)
    kept = {}
    for name in ("reinforce", "tpe"):
        description = {"searcher": pool._searcher(run, name).description, "score": "P"}
        visited = Tracker().results(pool._study(run, premature, description).key)
        assert visited.sizes["network"] == run.settings.searched
        np.testing.assert_array_equal(visited.score, visited.accuracy.sel(epoch=1))
        best = visited.isel(network=pool.kept(visited))
        for one in zip(
            best.architecture.values, best.seed.values, best.accuracy.sel(epoch=1).values
        ):
            kept.setdefault(one[0], one)
    assert list(kept.values()) == [
        *zip(found.architecture.values, found.seed.values, found.accuracy.sel(epoch=1).values)
    ]
    both = {*zip(random.hash.values, random.seed.values)} & {
        *zip(found.hash.values, found.seed.values)
    }
    assert both, "TPE starts with the first random networks"
    monkeypatch.setattr(evaluation, "evaluate", lambda *arguments: pytest.fail("trains again"))
    xr.testing.assert_identical(pool.search_pool(run, workers="0"), found)


def test_searches_that_keep_others_are_another_study(run, monkeypatch):
    monkeypatch.setattr(pool, "TOP", 2)
    first = pool.search_pool(run, workers="0")
    monkeypatch.setattr(pool, "CHECKPOINTS", 1)
    second = pool.search_pool(run, workers="0")
    assert first.attrs["study"] != second.attrs["study"]
    assert set(second.hash.values) < set(first.hash.values)


def test_searches_that_keep_nothing_say_so(run, monkeypatch):
    monkeypatch.setattr(pool, "TOP", 6)
    with pytest.raises(
        ValueError, match="searches of 6 candidates kept none: more than 6 are needed"
    ):
        pool.search_pool(run, workers="0")


@pytest.mark.parametrize("checkpoints, expected", [(4, [1, 2, 4, 7]), (1, [4, 7])])
def test_kept_by_hand(monkeypatch, checkpoints, expected):
    monkeypatch.setattr(pool, "TOP", 2)
    monkeypatch.setattr(pool, "CHECKPOINTS", checkpoints)
    # The best two after 2 are not a selection; after 4: 1 and 2; after 6: 4 and 1; after 8: 4 and
    # 7.
    visited = make_visited([0.1, 0.5, 0.3, np.nan, 0.9, 0.2, 0.4, 0.8])
    assert pool.kept(visited) == expected
    assert pool.kept(visited.isel(network=slice(2))) == []


def test_of_networks_that_tie_the_earlier_is_kept():
    assert pool.kept(make_visited([0.5] * 8)) == [0, 1, 2, 3, 4]


def test_of_the_same_architecture_the_best_alone_is_kept(monkeypatch):
    monkeypatch.setattr(pool, "CHECKPOINTS", 1)
    scores, hashes = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.95], ["a", "b", "c", "d", "e", "f", "a"]
    assert pool.kept(make_visited(scores, hashes)) == [1, 2, 3, 4, 6]


def make_visited(scores: list[float], hashes: list[str] | None = None) -> xr.Dataset:
    hashes = hashes or [str(number) for number in range(len(scores))]
    return xr.Dataset(
        {"score": ("network", scores), "hash": ("network", hashes)},
        {"network": np.arange(len(scores))},
    )


def test_controls_are_the_same_whatever_the_seed(run):
    networks = pool.train_pool(run, workers="0")
    teacher = teachers.load_teacher(replace(run, teacher="resnet"))
    first, second = (pool.controls(replace(run, seed=seed), networks, teacher) for seed in (0, 1))
    for kind, similarity in first.items():
        xr.testing.assert_identical(similarity, second[kind])


def test_every_predictor_of_a_stored_pool_is_there_and_finite(run):
    networks = pool.train_pool(run, workers="0")
    teacher = teachers.load_teacher(run)
    known = pool.measure_pool(run, networks, teacher)
    table = predictors.score_table(known)
    missing = predictors.PREDICTORS.keys() - set(table.predictor.values)
    assert missing == {predictors.BY_LAYER, "TG of class means"}  # a predictor a layer; it is TG
    assert table.sizes["network"] == 5 and np.isfinite(table).all()
    assert {
        kind: (one.attrs["level"], one.attrs["method"]) for kind, one in known.similarities.items()
    } == {
        "teacher": ("class", "pearson"),
        "spearman": ("class", "spearman"),
        "image": ("image", "pearson"),
        "CKA": ("gram", "CKA"),
        "SVCCA": ("gram", "SVCCA"),
        "labels": ("image", "pearson"),
        **dict.fromkeys(("shuffled", "pixels", "untrained"), ("class", "pearson")),
    }
    assert networks.depth.min() >= 1 and networks.depth.max() <= run.settings.layers
    assert not np.allclose(
        known.similarities["shuffled"], known.similarities["teacher"], equal_nan=True
    )


def test_a_pool_of_the_papers_deeper_space(run, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES, run.profile, replace(TINY, pool=2, width=0.1))
    deep = PoolRun(profile=run.profile, dataset=run.dataset, layers=20)
    networks = pool.train_pool(deep, workers="0")
    assert run.settings.layers < networks.depth.max() <= 20
    known = pool.measure_pool(deep, networks, teachers.load_teacher(deep))
    assert np.isfinite(predictors.score_table(known)).all()


def test_what_a_teacher_has_no_use_of_is_left_out(run):
    networks = pool.train_pool(run, workers="0")
    teacher = teachers.load_teacher(replace(run, teacher="resnet"))
    layers = (
        replace(one, rdms=one.rdms | {"image": np.full(190, np.nan)}) for one in teacher.layers
    )
    broken = replace(teacher, layers=tuple(layers))
    assert pool.similarities(run, networks, broken).keys() == {
        "teacher",
        "spearman",
        "CKA",
        "SVCCA",
    }
    shuffled = replace(run, teacher="labels-shuffled", level="image")
    guide = teachers.load_teacher(shuffled)
    assert (
        predictors.score_table(pool.measure_pool(shuffled, networks, guide))
        .indexes["predictor"]
        .is_unique
    )


def test_controls_leave_out_the_teacher_itself(run):
    networks = pool.train_pool(run, workers="0")
    images = replace(run, teacher="pixels", level="image")
    teacher = teachers.load_teacher(replace(run, teacher="pixels"))
    found = pool.controls(images, networks, teacher)
    assert found.keys() == {"shuffled", "labels", "untrained"}
    assert found["untrained"].attrs["teacher"] == "resnet-untrained"
    assert {one.attrs["level"] for one in found.values()} == {"image"}
    labels = teachers.load_teacher(replace(run, teacher="labels"))
    assert pool.similarities(replace(images, teacher="labels"), networks, labels).keys() == {
        "teacher",
        "spearman",
    }
    assert pool.similarities(run, networks, teacher).keys() == {
        "teacher",
        "spearman",
        "image",
        "CKA",
        "SVCCA",
    }


def test_a_teacher_is_measured_once(run, monkeypatch):
    first = {name: teachers.load_teacher(replace(run, teacher=name)) for name in sources.TEACHERS}
    monkeypatch.setattr(
        activations, "show", lambda *arguments, **options: pytest.fail("measured again")
    )
    for name, teacher in first.items():
        assert teachers.load_teacher(replace(run, teacher=name)).identity == teacher.identity
    assert len({teacher.identity for teacher in first.values()}) == len(first)


def test_unknown_teachers_are_refused_with_the_valid_ones(run):
    with pytest.raises(
        ValueError, match="'resnett' .*, expected one of resnet, resnet-untrained, nasnet-a"
    ):
        teachers.load_teacher(replace(run, teacher="resnett"))


def test_a_trained_teacher_is_read(run):
    model, curve = teachers.train_network("resnet", run)
    again, same = teachers.train_network("resnet", run)
    assert len(json.loads(same.attrs["provenance"])) == 1
    xr.testing.assert_equal(curve, same)
    for name, value in model.state_dict().items():
        assert value.equal(again.state_dict()[name])


def test_bank_of_a_pool_has_the_rdms_on_record(run, tmp_path):
    networks = pool.train_pool(run, workers="0")
    bank = stored_networks.make_bank(networks, networks.accuracy.isel(epoch=-1), (1, 2))
    read = xr.load_dataset(paths.save_table(bank, tmp_path / "bank.nc"))
    assert read.hash.values.tolist() == networks.hash.values.tolist()
    stored = Tracker().rdms(networks.attrs["study"], list(range(5)), "class")
    expected = [one for one in stored if one[1] in (1, 2)]
    found = list(pool_bank.unpack(read))
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    for (*_, rdms), (*_, exact) in zip(found, expected):
        for kind, values in exact.items():
            np.testing.assert_allclose(rdms[kind][: len(values)], values, atol=0.005)
