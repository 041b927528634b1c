"""The pool: evaluation, resumption and re-scoring, at a size below the smoke profile's."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import xarray as xr

from sage import datasets, devices, evaluation, explorer, guidance, paths, profiles, spaces, teachers
from sage.evaluation import Protocol
from sage.run import Run
from sage.tracker import Tracker

TINY = replace(profiles.PROFILES["smoke"], pool=5, train_images=128, teacher_images=128)
CHANGING = ["seconds", "measurement_seconds"]


@pytest.fixture
def run(monkeypatch, images) -> Run:
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    return Run(profile="tiny", dataset="mine")


@pytest.fixture
def images() -> None:
    """A data set `mine` of 5 classes."""
    rng = np.random.default_rng(0)
    classes, count = np.array(list("abcde")), 2600
    labels = np.arange(count) % 5
    pixels = rng.integers(0, 128, (count, 16, 16, 3), dtype=np.uint8)
    colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], np.uint8)
    pixels += 60 * colours[labels][:, None, None]
    paths.raw().mkdir(parents=True)
    np.savez(paths.raw() / "mine.npz", x_train=pixels, y_train=labels, x_test=pixels[:9], y_test=labels[:9],
             classes=classes)  # fmt: skip
    datasets.load_reduced.cache_clear()


def protocol(run: Run) -> Protocol:
    return Protocol.of(run.settings, run.dataset)


def test_evaluation_measures_every_snapshot(run):
    architecture, seed = explorer.propose(protocol(run), 0, 0)
    found = evaluation.evaluate(protocol(run), architecture, seed)
    depth = len(spaces.cnn_layers(protocol(run).space, architecture))
    assert found.state == "finished" and [point.epoch for point in found.snapshots] == [0, 0.5, 1, 2]
    assert [point.examples for point in found.snapshots] == [0, 64, 128, 256]
    for point in found.snapshots:
        assert {level for _, level in point.rdms} == {"class", "image"}
        for (_, level), rdms in point.rdms.items():
            assert rdms.dtype == np.float16
            assert rdms.shape == (depth, {"class": 10, "image": 2016}[level])
    again = evaluation.evaluate(protocol(run), architecture, seed)
    for first, second in zip(found.snapshots, again.snapshots):
        assert (first.accuracy, first.loss) == (second.accuracy, second.loss)
        assert all(np.array_equal(first.rdms[key], second.rdms[key], equal_nan=True) for key in first.rdms)


def test_candidates_learn_what_the_labels_say(run):
    easy = replace(protocol(run), mature_epochs=8, snapshots=(0, 8), train_images=640)
    options = {"activation 1": 1, "normalization 1": 1}  # one layer of 1 x 1 filters, which see colours
    architecture = tuple(options.get(choice.name, 0) for choice in easy.space.choices)
    first, last = evaluation.evaluate(easy, architecture, 0).snapshots
    assert first.accuracy < 0.5 and last.accuracy > 0.9 and last.loss < first.loss


def test_numbers_are_those_of_this_revision(run, monkeypatch):
    """Whoever changes what training or measuring gives has to raise evaluation.REVISION, then this number."""
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    found = evaluation.evaluate(protocol(run), *explorer.propose(protocol(run), 0, 0)).snapshots
    values = np.concatenate([rdms.astype(float).ravel() for rdms in found[-1].rdms.values()])
    assert evaluation.REVISION == 1
    assert found[-1].training_loss_sum == pytest.approx(5.9198, rel=1e-3)
    assert np.nanmean(values) == pytest.approx(0.92491, rel=1e-3)


def test_snapshots_on_the_way_do_not_change_the_outcome(run):
    architecture, seed = explorer.propose(protocol(run), 0, 0)
    many = evaluation.evaluate(protocol(run), architecture, seed).snapshots[-1]
    (only,) = evaluation.evaluate(replace(protocol(run), snapshots=(2,)), architecture, seed).snapshots
    assert (many.accuracy, many.loss, many.training_loss_sum) == (only.accuracy, only.loss, only.training_loss_sum)


def test_divergence_is_recorded_and_the_pool_goes_on(run, monkeypatch):
    plain = evaluation.candidate_recipe
    monkeypatch.setattr(evaluation, "candidate_recipe", lambda *sizes: replace(plain(*sizes), learning_rate=1e30))
    found = evaluation.evaluate(protocol(run), *explorer.propose(protocol(run), 0, 0))
    assert found.state == "diverged" and "loss is" in found.failure and len(found.snapshots) < 4


def test_pool_is_the_same_however_many_are_trained_side_by_side_and_wherever_it_stopped(run, monkeypatch):
    together = explorer.train_pool(run, jobs=2)
    assert together.state.values.tolist() == ["finished"] * 5
    tracker = paths.cache() / "tracker.sqlite"
    tracker.rename(tracker.with_name("first"))
    evaluations = explorer._evaluate_all

    def stopped(*arguments):
        for count, finished in enumerate(evaluations(*arguments), 1):
            yield finished
            if count == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(explorer, "_evaluate_all", stopped)
    with pytest.raises(KeyboardInterrupt):
        explorer.train_pool(run, jobs=1)
    monkeypatch.setattr(explorer, "_evaluate_all", evaluations)
    resumed = explorer.train_pool(run, jobs=1)
    xr.testing.assert_identical(
        together.drop_vars(CHANGING).drop_attrs(), resumed.drop_vars(CHANGING).drop_attrs()
    )
    study = resumed.attrs["study"]
    stored = [Tracker(tracker.with_name(name)).rdms(study, 5, "class") for name in ("first", tracker.name)]
    for (*first, rdms), (*second, others) in zip(*stored, strict=True):
        assert first == second and rdms.keys() == others.keys()
        assert all(np.array_equal(rdms[key], others[key], equal_nan=True) for key in rdms)


SCRIPT = """
import dataclasses, sys
from sage import explorer, profiles
from sage.run import Run
profiles.PROFILES["tiny"] = dataclasses.replace(profiles.PROFILES["smoke"], **{changes})
if __name__ == "__main__":
    explorer.train_pool(Run(profile="tiny", dataset="mine"), jobs=2)
"""


def test_killed_pool_loses_nothing_on_record_and_leaves_no_process(run, tmp_path):
    changes = {"pool": 40, "train_images": 128, "teacher_images": 128}
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(changes=changes))
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL, start_new_session=True)
    tracker, study = explorer._open(run, protocol(run))
    deadline = time.monotonic() + 120
    while len(tracker.finished(study)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    finished = tracker.finished(study)
    assert 2 <= len(finished) < 40
    before = tracker.results(study, 40)
    whole = explorer.train_pool(run, jobs=2)
    assert set(whole.network.values) == set(range(5))
    before = before.sel(network=before.network < 5)
    kept = whole.sel(network=before.network)
    assert kept.seconds.equals(before.seconds)  # measured anew, it would be another


def test_a_dead_worker_ends_the_run_with_an_explanation(run, monkeypatch):
    monkeypatch.setattr(explorer.evaluation, "evaluate", _die)
    with pytest.raises(RuntimeError, match="a training process died.*fewer jobs"):
        explorer.train_pool(run, jobs=1)


def _die(*arguments):
    os._exit(9)


def test_negative_jobs_are_refused(run):
    with pytest.raises(ValueError, match="jobs is -1"):
        explorer.train_pool(run, jobs=-1)


def test_changing_what_determines_a_result_starts_another_study(run):
    _, study = explorer._open(run, protocol(run))
    others = [
        explorer._open(run, replace(protocol(run), rdm_units=100))[1],
        explorer._open(replace(run, seed=1), protocol(run))[1],
    ]
    assert len({study, *others}) == 3
    assert explorer._open(replace(run, alpha=3.0, teacher="pixels"), protocol(run))[1] == study


def test_another_teacher_re_scores_the_stored_pool_without_training(run, monkeypatch):
    explorer.train_pool(run, jobs=1)
    monkeypatch.setattr(explorer, "ProcessPoolExecutor", lambda *arguments: pytest.fail("trains again"))
    explorer.train_pool(run)
    scores = {}
    for name in teachers.TEACHERS:
        teacher = teachers.load(name, run.settings, run.dataset, seed=0)
        similarity = explorer.compare_pool(run, teacher)
        scores[name] = guidance.teacher_guidance(similarity)
        assert similarity.sizes["network"] == 5 and np.abs(similarity).max() <= 1
    assert not np.allclose(scores["resnet"], scores["pixels"])
    bank = teacher.save(paths.figures() / "bank.nc")
    stored = explorer.compare_pool(run, teachers.load(str(bank), run.settings, run.dataset, seed=0))
    np.testing.assert_array_equal(guidance.teacher_guidance(stored), scores[name])


def test_unknown_teachers_are_refused_with_the_valid_ones(run):
    with pytest.raises(ValueError, match="'resnett', expected one of resnet, resnet-untrained, pixels"):
        teachers.load("resnett", run.settings, run.dataset, seed=0)


def test_teacher_that_was_stopped_goes_on_to_the_same_network(run, monkeypatch):
    model, curve = teachers.train_resnet(run.settings, run.dataset, seed=0)
    again, same = teachers.train_resnet(run.settings, run.dataset, seed=0)
    assert len(json.loads(same.attrs["provenance"])) == 1
    (stored,) = (paths.cache() / "teachers").iterdir()
    stored.unlink()
    saves = []

    def stop_after_two(*arguments):
        saves.append(save(*arguments))
        if len(saves) == 2:
            raise KeyboardInterrupt

    save = teachers.torch.save
    monkeypatch.setattr(teachers.torch, "save", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        teachers.train_resnet(run.settings, run.dataset, seed=0)
    resumed, resumed_curve = teachers.train_resnet(run.settings, run.dataset, seed=0)
    xr.testing.assert_equal(curve, resumed_curve)
    for name, value in model.state_dict().items():
        assert value.equal(resumed.state_dict()[name]) and value.equal(again.state_dict()[name])


def test_damaged_teacher_is_named(run):
    teachers.train_resnet(run.settings, run.dataset, seed=0)
    (stored,) = (paths.cache() / "teachers").iterdir()
    stored.write_bytes(stored.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"{stored.name} is damaged.*remove it"):
        teachers.train_resnet(run.settings, run.dataset, seed=0)


def test_hundred_networks_with_all_snapshots_stay_under_500_megabytes():
    for profile in profiles.PROFILES.values():
        classes, images = 100, profile.rdm_images
        pairs = classes * (classes - 1) // 2 + images * (images - 1) // 2
        mean_depth = (profile.layers + 1) / 2  # the depth is drawn evenly
        size = 2 * pairs * mean_depth * len(profile.snapshots) * 100
        assert size < 500e6
