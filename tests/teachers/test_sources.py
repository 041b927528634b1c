"""Teachers by name, and what their training took."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import squareform
from torch import nn

from sage import teachers
from sage.config import profiles
from sage.experiments import pool
from sage.models import complexity
from sage.teachers import networks, sources
from tests.support.made_up_teachers import load


def test_a_network_that_is_not_trained_is_not_charged_for(tiny_run):
    for name, examples in {
        "resnet": 256,
        "nasnet-a": 256,
        "nasnet-a-shuffled": 256,
        "nasnet-a-untrained": 0,
        "labels": 0,
        "pixels-shuffled": 0,
        "mine.nc": math.nan,
        "torchvision:resnet18:layer1": math.nan,
    }.items():
        found = teachers.training_examples(replace(tiny_run, teacher=name))
        np.testing.assert_equal(found, float(examples))


def test_a_teachers_examples_cost_its_own_multiply_adds(tiny_run, tmp_path):
    model = networks.untrained_network("resnet", tiny_run)
    each = complexity.multiply_adds(model, tiny_run.settings.image_size)
    attributes = {"training_examples": 256.0, "multiply_adds": 10.0}
    told = str(load(tiny_run, "resnet").save(tmp_path / "told.nc", **attributes))
    amounts = {"resnet": 256 * each, "resnet-shuffled": 256 * each, "pixels": 0, told: 2560}
    for name, expected in amounts.items():
        assert teachers.training_multiply_adds(replace(tiny_run, teacher=name)) == expected
    own = tmp_path / "another-shuffled" / "told.nc"  # only what ends the name is no part of it
    own.parent.mkdir()
    load(tiny_run, "resnet").save(own, **attributes)
    assert teachers.training_multiply_adds(replace(tiny_run, teacher=f"{own}-shuffled")) == 2560
    untold = str(load(tiny_run, "resnet").save(tmp_path / "untold.nc", training_examples=256.0))
    assert math.isnan(teachers.training_multiply_adds(replace(tiny_run, teacher=untold)))


def test_a_bank_says_what_its_training_took(tiny_run, tmp_path):
    teacher = load(tiny_run, "resnet")
    for name, attributes in (("is told.nc", {"training_examples": 256.0}), ("untold.nc", {})):
        path = teacher.save(tmp_path / name, **attributes)
        for named in (str(path), f"'{path}'-shuffled"):
            found = teachers.training_examples(replace(tiny_run, teacher=named))
            np.testing.assert_equal(found, attributes.get("training_examples", math.nan))


def test_a_bank_of_another_profile_says_so(tiny_run, tmp_path, monkeypatch):
    """Also one that was published, which has the run's parameters on it."""
    other = replace(profiles.PROFILES["tiny"], validation_images=100)
    monkeypatch.setitem(profiles.PROFILES, "other", other)
    teacher = load(replace(tiny_run, profile="other"), "pixels")
    for name, one in (("own.nc", teacher), ("published.nc", replace(teacher, shown=""))):
        asked = json.dumps({"dataset": "mine", "profile": "other", "seed": 0})
        path = one.save(tmp_path / name, **({} if one.shown else {"run_parameters": asked}))
        bank = teachers.load_teacher(replace(tiny_run, teacher=str(path)))
        assert bank.identity == teacher.identity
        told = "the validation images of mine at profile other"
        message = f"was measured on {teacher.layers[0].stimuli} .{told}., which the candidates were"
        with pytest.raises(ValueError, match=f"{message} never shown; .* as notebook 00 does"):
            pool.check_teacher(tiny_run, bank)


def test_labels_by_hand(tiny_run, monkeypatch):
    conditions = {"class": torch.tensor([1, 0, 1, 2, 0]), "image": torch.tensor([0, 1, 2, 3, -1])}
    stimuli = SimpleNamespace(conditions=conditions, identity="four images of five")
    images = SimpleNamespace(stimuli=lambda count: stimuli)
    monkeypatch.setattr(networks, "load_images", lambda run: images)
    (layer,) = sources.TEACHERS["labels"](tiny_run).layers
    assert (layer.name, layer.stimuli) == ("labels", "four images of five")
    assert list(layer.rdms) == ["image"]
    expected = [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]]
    np.testing.assert_array_equal(squareform(layer.rdms["image"]), expected)


def test_labels_are_of_single_images_only(tiny_run):
    teacher = load(tiny_run, "labels")
    labels = teachers.load_images(tiny_run).validation.labels[:20].tolist()
    expected = [[float(one != other) for other in labels] for one in labels]
    np.testing.assert_array_equal(squareform(teacher.layers[0].rdms["image"]), expected)
    pool.check_teacher(tiny_run, teacher)
    message = "teacher labels, layer labels has no RDM of level 'class', it has: image"
    with pytest.raises(ValueError, match=message):
        pool.check_teacher(replace(tiny_run, level="class"), teacher)


@pytest.mark.parametrize("name", ["labels", "bank.nc", "my bank.nc", "'my bank.nc'"])
def test_any_teacher_can_be_shuffled(tiny_run, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for bank in ("bank.nc", "my bank.nc"):
        load(tiny_run, "pixels").save(bank)
    teacher, shuffled = load(tiny_run, name), load(tiny_run, f"{name}-shuffled")
    values, others = (one.layers[0].rdms["image"] for one in (teacher, shuffled))
    assert not np.array_equal(values, others) and np.array_equal(np.sort(values), np.sort(others))
    assert shuffled.identity == teacher.shuffled(seed=0).identity != teacher.identity
    assert shuffled.identity != load(replace(tiny_run, seed=1), f"{name}-shuffled").identity
    pool.check_teacher(tiny_run, shuffled)


class _Odd(nn.Module):
    """Its layers put out what no RDM can be made of, and one is never called."""

    def __init__(self):
        super().__init__()
        self.pair, self.turned = nn.MaxPool2d(2, return_indices=True), nn.Flatten(0, 1)
        self.idle = nn.Identity()

    def forward(self, images):
        return self.turned(self.pair(images)[0])


@pytest.mark.parametrize(
    "model, layers, message",
    [
        (_Odd(), ("pair",), r"'pair' of _Odd put out a tuple for 128 .* a tensor \[128, U, ...\]"),
        (_Odd(), ("turned",), r"'turned' of _Odd put out \[384, 8, 8\] for 128 images"),
        (_Odd(), ("idle",), "layer 'idle' of _Odd put out nothing for 128 images"),
        (_Odd().pair, (), r"MaxPool2d put out a tuple, expected scores \[B, C\]"),
    ],
)
def test_what_is_no_response_or_score_is_named(tiny_run, model, layers, message):
    with pytest.raises(ValueError, match=message):
        teachers.from_network("odd", model, layers, tiny_run)
