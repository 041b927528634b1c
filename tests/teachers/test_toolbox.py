"""RDMs in and out of rsatoolbox."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy.spatial.distance import squareform

from sage import teachers
from sage.experiments import checks, pool
from sage.rsa import guidance
from sage.teachers import toolbox
from tests.support.made_up_teachers import load


def stand_in(rdms: list, pattern: dict, rdm: dict | None = None) -> SimpleNamespace:
    matrices = np.array(rdms)
    own = {"index": [*range(len(matrices))]} | (rdm or {})
    patterns = {"index": [*range(matrices.shape[1])]} | pattern
    told = {"rdm_descriptors": own, "pattern_descriptors": patterns}
    return SimpleNamespace(n_rdm=len(matrices), get_matrices=lambda: matrices, **told)


def test_rows_are_put_in_the_order_of_classes_and_others_left_out(tiny_run):
    tiny = replace(tiny_run, level="class")
    matrix = squareform(np.arange(15.0))
    patterns = {"shown": ["e", "x", "c", "a", "b", "d"], "half": [0, 0, 0, 1, 1, 1]}
    told = {"subject": [1, 1], "area": ["V4", "IT"]}
    teacher = toolbox.from_rdms("mine", stand_in([matrix, 2 * matrix], patterns, told), tiny)
    assert [layer.name for layer in teacher.layers] == ["V4", "IT"]
    order = [3, 4, 2, 5, 0]
    expected = squareform(matrix[np.ix_(order, order)])
    np.testing.assert_array_equal(teacher.layers[0].rdms["class"], expected)
    np.testing.assert_array_equal(teacher.layers[1].rdms["class"], 2 * expected)
    pool.check_teacher(tiny, teacher)


@pytest.mark.parametrize(
    "patterns, message",
    [
        (
            {},
            "descriptors .there are none. names the run's stimuli.* classes of mine .missing.*: a",
        ),
        ({"class": list("abcdx")}, r"descriptors \(class\) .*the 5 classes .*twice: e\) or the 20"),
        ({"class": list("abcdd")}, "the 5 classes of mine .missing, or there twice: d, e"),
    ],
)
def test_stimuli_that_cannot_be_matched_are_refused(tiny_run, patterns, message):
    with pytest.raises(ValueError, match=message):
        toolbox.from_rdms("mine", stand_in([squareform(np.arange(10.0))], patterns), tiny_run)


def test_the_number_of_a_row_is_no_name(tiny_run, monkeypatch):
    names = {"class": [*"01234"], "image": ["other"]}
    monkeypatch.setattr(toolbox, "stimulus_names", lambda run: names)
    with pytest.raises(ValueError, match="there are none"):
        toolbox.from_rdms("mine", stand_in([squareform(np.arange(10.0))], {}), tiny_run)


def test_alike_images_and_classes_have_names_of_their_own(tiny_run):
    names = toolbox.stimulus_names(tiny_run)
    assert names["class"] == [*"abcde"]
    assert len(set(names["image"])) == len(names["image"]) == tiny_run.settings.rdm_images == 20


def test_without_the_package_it_says_how_to_get_it(tiny_run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "rsatoolbox.rdm", None)
    (tmp_path / "mine.hdf5").touch()
    message = "rsatoolbox cannot be imported .*, expected after pip install rsatoolbox"
    with pytest.raises(ValueError, match=message):
        load(tiny_run, str(tmp_path / "mine.hdf5"))


@pytest.mark.parametrize("level", ["class", "image"])
def test_a_teacher_comes_back_from_a_file_of_rsatoolbox(tiny_run, level, tmp_path):
    pytest.importorskip("rsatoolbox")
    tiny = replace(tiny_run, level=level)
    teacher = load(tiny, "torchvision:resnet18:layer1,layer2")
    rdms, path = toolbox.teacher_rdms(teacher, tiny), tmp_path / "mine.hdf5"
    np.testing.assert_array_equal(rdms.dissimilarities[1], teacher.layers[1].rdms[level])
    assert rdms.rdm_descriptors["layer"] == ["layer1", "layer2"]
    rdms.reorder(np.random.default_rng(0).permutation(rdms.n_cond))
    rdms.save(str(path), "hdf5")
    back = replace(tiny, teacher=str(path))
    checks.check_run(back)
    found = teachers.load_teacher(back)
    pool.check_teacher(back, found)
    assert found.name == "mine" and np.isnan(teachers.training_multiply_adds(back))
    for one, own in zip(found.layers, teacher.layers, strict=True):
        assert (one.name, one.stimuli) == (own.name, own.stimuli)
        np.testing.assert_array_equal(one.rdms[level], own.rdms[level])
    shuffled = load(tiny, f"{path}-shuffled")
    assert not np.array_equal(shuffled.layers[0].rdms[level], found.layers[0].rdms[level])


def test_a_pools_rdms_for_rsatoolbox_are_compared_there_as_here(tiny_run):
    compare = pytest.importorskip("rsatoolbox.rdm").compare
    teacher = load(tiny_run, "pixels")
    kind = teacher.layers[0].stimuli, "image"
    rows = np.random.default_rng(0).random((2, 2, 190)).astype(np.float16)
    rows[1, 1] = np.nan  # no such layer
    snapshots = [(7, 0.5, {kind: rows[0]}), (9, 0.5, {kind: rows[1], ("other", "image"): rows[0]})]
    rdms = toolbox.pool_rdms(snapshots, tiny_run)
    told = {"network": [7, 7, 9], "epoch": [0.5] * 3, "layer": [1, 2, 1], "index": [0, 1, 2]}
    assert rdms.rdm_descriptors == told
    theirs = compare(toolbox.teacher_rdms(teacher, tiny_run), rdms, method="corr")
    ours = guidance.compare(snapshots, teacher, level="image").values.ravel()
    np.testing.assert_allclose(theirs[0], ours[np.isfinite(ours)], rtol=1e-9)
    with pytest.raises(ValueError, match="no network has RDMs of level 'image' on validation"):
        toolbox.pool_rdms([(1, 1, {("other", "image"): rows[0]})], tiny_run)


def test_what_is_no_file_of_rdms_is_named_before_images_are_loaded(tiny_run, tmp_path):
    pytest.importorskip("rsatoolbox")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["values"] = [1, 2]
    (tmp_path / "text.hdf5").write_text("no")
    for name in ("other.h5", "text.hdf5"):
        message = f"{tmp_path / name} holds no RDMs of rsatoolbox .*; expected a file by RDMs.save"
        with pytest.raises(ValueError, match=message):
            checks.check_run(replace(tiny_run, teacher=str(tmp_path / name)))
    with pytest.raises(ValueError, match="no file of RDMs .*gone.hdf5"):
        checks.check_run(replace(tiny_run, teacher=str(tmp_path / "gone.hdf5")))


def test_layers_on_other_stimuli_are_not_written_as_the_runs(tiny_run):
    teacher = load(tiny_run, "labels")
    with pytest.raises(ValueError, match="layers labels: expected RDMs of level 'class'"):
        toolbox.teacher_rdms(teacher, replace(tiny_run, level="class"))
    other = replace(teacher, layers=(replace(teacher.layers[0], stimuli="monkey's"),))
    with pytest.raises(ValueError, match="layers labels: measured on other stimuli than the run"):
        toolbox.teacher_rdms(other, tiny_run)
