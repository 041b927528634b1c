"""Teachers by name: networks trained here or made elsewhere, and controls."""

import math
import sys
from dataclasses import replace
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch
from scipy.spatial.distance import squareform
from torch import nn

from sage import teachers
from sage.compute import devices
from sage.config import paths, profiles, provenance
from sage.config.run import Run
from sage.experiments import pool
from sage.models import complexity
from sage.models.cells import CellNetwork
from sage.models.resnet import ResNet
from sage.rsa import activations, guidance
from sage.teachers import external

SMOKE = profiles.PROFILES["smoke"]
TINY = replace(SMOKE, teacher_images=128, rdm_images=20)
STEPS = {
    "learning_rate": 0.1,
    "weight_decay": 1e-4,
    "momentum": 0.9,
    "clip": None,
    "drop_path_keep": 1.0,
}
# By profile, under what a ResNet of seed 0 was stored when it was the only network trained here.
RESNET_KEYS = {
    "smoke": "ec8e867ad66813d6",
    "quick": "45575bfc1943f22d",
    "cpu": "613158ef34e3c283",
    "gpu": "698f5f2c498babac",
    "paper": "f8aa1ea62017e7c0",
}


@pytest.fixture
def run(monkeypatch, images) -> Run:
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    return Run(profile="tiny", dataset="mine", level="image")


@pytest.fixture
def own(monkeypatch):
    """A module of the user's that makes networks."""
    module = SimpleNamespace(weight=1.0, number=3, make_number=lambda: 3)

    def make():
        first = nn.Conv2d(3, 4, 3, stride=4)
        nn.init.constant_(first.bias, module.weight)
        return nn.Sequential(first, nn.Flatten(), nn.Linear(64, 5))

    module.make = make
    monkeypatch.setitem(sys.modules, "own", SimpleNamespace(networks=module))
    monkeypatch.setitem(sys.modules, "own.networks", module)
    return module


def load(run: Run, name: str) -> guidance.Teacher:
    return teachers.load_teacher(name, run.settings, run.dataset, seed=run.seed)


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_a_trained_resnet_is_found_where_it_always_was(name, monkeypatch):
    device = {"device": "cpu", "convolutions": "float32"}
    monkeypatch.setattr(devices, "description", lambda: device)
    images = SimpleNamespace(
        train=SimpleNamespace(identity="train"), validation=SimpleNamespace(identity="validation")
    )
    profile = profiles.PROFILES[name]
    found = teachers.sources._state_key(teachers.NETWORKS["resnet"](profile), images, 0)
    recipe = {
        "schedule": "Steps",
        "epochs": profile.teacher_epochs,
        "batch_size": profile.batch_size,
    }
    recipe |= {
        "published_epochs": 64_000 * 128 / 45_000,
        "drops": (0.5, 0.75),
        "auxiliary_weight": 0.0,
        **STEPS,
    }
    assert (
        found
        == RESNET_KEYS[name]
        == provenance.key(
            revision=1,
            training="train",
            validation="validation",
            blocks=profile.teacher_blocks,
            width=profile.teacher_width,
            recipe=recipe,
            seed=0,
            **device,
        )
    )


def test_a_resnet_keeps_its_files_and_its_description(run):
    model, curve = teachers.train_resnet(run.settings, run.dataset, seed=0)
    images = teachers.load_images(run.settings, run.dataset)
    state = teachers.sources._state_key(teachers.NETWORKS["resnet"](run.settings), images, 0)
    stimuli = images.stimuli(TINY.rdm_images).identity
    load(run, "resnet")
    key = provenance.key(
        revision=teachers.sources.BANK_REVISION, state=state, stimuli=stimuli, units=TINY.rdm_units
    )
    expected = {f"resnet-{state}.pt", f"resnet-{key}.nc"}
    assert {path.name for path in (paths.cache() / "teachers").iterdir()} == expected
    assert isinstance(model, ResNet) and curve.attrs["teacher"] == "ResNet-8 (n = 1), width 8"


def test_nasnet_a_is_the_papers_at_its_size():
    network = teachers.NETWORKS["nasnet-a"](profiles.PROFILES["paper"])
    with torch.device("meta"):
        model = network.build(10)
        assert (
            complexity.parameters(model)
            == 3_346_538
            < complexity.parameters(nn.ModuleList([model]))
        )  # the auxiliary classifier
    assert network.title == "NASNet-A (N = 6, F = 32)" and len(model.cells) == 20
    assert network.layers == ("cells.5", "cells.12", "cells.19")
    recipe = network.recipe.description
    assert (recipe["schedule"], recipe["epochs"], recipe["published_epochs"]) == (
        "Cosine",
        182,
        600,
    )
    assert (recipe["drop_path_keep"], recipe["auxiliary_weight"]) == (0.6, 0.4)


@pytest.mark.parametrize("name", ["smoke", "cpu"])
def test_nasnet_as_layers_end_where_the_maps_are_halved(name):
    network = teachers.NETWORKS["nasnet-a"](profiles.PROFILES[name])
    with torch.device("meta"):
        model, sizes = network.build(5).eval(), {}
        for place, cell in enumerate(model.cells):
            cell.register_forward_hook(
                lambda cell, read, out, place=place: sizes.__setitem__(place, out.shape[-1])
            )
        model(torch.zeros(2, 3, 32, 32))
    ends = [place for place in sizes if sizes.get(place + 1, 0) < sizes[place]]
    assert [sizes[place] for place in ends] == [32, 16, 8]
    assert network.layers == tuple(f"cells.{place}" for place in ends)


def test_nasnet_a_is_trained_and_measured(run, tmp_path, monkeypatch):
    model, curve = teachers.train_network("nasnet-a", run.settings, run.dataset, seed=0)
    assert isinstance(model, CellNetwork) and curve.attrs["teacher"] == "NASNet-A (N = 1, F = 2)"
    assert curve.examples.values.tolist() == [0, 128, 256] and curve.attrs[
        "parameters"
    ] == complexity.parameters(model)
    teacher, untrained = load(run, "nasnet-a"), load(run, "nasnet-a-untrained")
    for one in (teacher, untrained):
        assert [layer.name for layer in one.layers] == ["L1", "L2", "L3"]
        for layer in one.layers:
            assert {level: len(values) for level, values in layer.rdms.items()} == {
                "class": 10,
                "image": 190,
                "gram": 210,
            }
            assert all(np.isfinite(values).all() for values in layer.rdms.values())
        pool.check_teacher(run, one)
    assert not np.allclose(teacher.layers[2].rdms["image"], untrained.layers[2].rdms["image"])
    (tmp_path / "data").mkdir()
    (paths.raw()).rename(tmp_path / "data" / "raw")
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / "data"))  # nothing is stored there
    assert (load(run, "nasnet-a").identity, load(run, "nasnet-a-untrained").identity) == (
        teacher.identity,
        untrained.identity,
    )


def test_a_network_that_is_not_trained_is_not_charged_for(run):
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
        found = teachers.training_examples(name, run.settings, run.dataset)
        np.testing.assert_equal(found, float(examples))


def test_a_bank_says_what_its_training_took(run, tmp_path):
    teacher = load(run, "resnet")
    for name, attributes, examples in (
        ("told.nc", {"training_examples": 256.0}, 256),
        ("untold.nc", {}, math.nan),
    ):
        path = str(teacher.save(tmp_path / name, **attributes))
        for named in (path, f"{path}-shuffled"):
            np.testing.assert_equal(
                teachers.training_examples(named, run.settings, run.dataset), float(examples)
            )


def test_labels_by_hand(run, monkeypatch):
    conditions = {"class": torch.tensor([1, 0, 1, 2, 0]), "image": torch.tensor([0, 1, 2, 3, -1])}
    stimuli = SimpleNamespace(conditions=conditions, identity="four images of five")
    monkeypatch.setattr(
        teachers.sources,
        "load_images",
        lambda *arguments: SimpleNamespace(stimuli=lambda count: stimuli),
    )
    (layer,) = teachers.sources._labels("labels", run.settings, run.dataset, 0).layers
    assert (layer.name, layer.stimuli, list(layer.rdms)) == (
        "labels",
        "four images of five",
        ["image"],
    )
    expected = [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]]
    np.testing.assert_array_equal(squareform(layer.rdms["image"]), expected)


def test_labels_are_of_single_images_only(run):
    teacher = load(run, "labels")
    labels = teachers.load_images(run.settings, run.dataset).validation.labels[:20].tolist()
    expected = [[float(one != other) for other in labels] for one in labels]
    np.testing.assert_array_equal(squareform(teacher.layers[0].rdms["image"]), expected)
    pool.check_teacher(run, teacher)
    with pytest.raises(
        ValueError, match="teacher labels, layer labels has no RDM of level 'class', it has: image"
    ):
        pool.check_teacher(replace(run, level="class"), teacher)


@pytest.mark.parametrize("name", ["labels", "bank.nc"])
def test_any_teacher_can_be_shuffled(run, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load(run, "pixels").save("bank.nc")
    teacher, shuffled = load(run, name), load(run, f"{name}-shuffled")
    values, others = (one.layers[0].rdms["image"] for one in (teacher, shuffled))
    assert not np.array_equal(values, others) and np.array_equal(np.sort(values), np.sort(others))
    assert shuffled.identity == guidance.shuffled(teacher, seed=0).identity != teacher.identity
    assert (
        shuffled.identity
        != teachers.load_teacher(f"{name}-shuffled", run.settings, run.dataset, seed=1).identity
    )
    pool.check_teacher(run, shuffled)


def test_a_torchvision_model_by_its_name(run, monkeypatch):
    name = "torchvision:resnet18:layer1,layer2.0"
    teacher = load(run, name)
    assert teacher.name == name and [layer.name for layer in teacher.layers] == [
        "layer1",
        "layer2.0",
    ]
    pool.check_teacher(run, teacher)
    before = torch.random.get_rng_state()
    assert external.identity(external.load_network(name, seed=0)[0]) == external.identity(
        external.load_network(name, seed=0)[0]
    )
    assert external.identity(external.load_network(name, seed=0)[0]) != external.identity(
        external.load_network(name, seed=1)[0]
    )
    assert torch.equal(before, torch.random.get_rng_state())
    monkeypatch.setattr(
        activations, "show", lambda *arguments, **options: pytest.fail("measured again")
    )
    assert load(run, name).identity == teacher.identity


def test_a_function_of_ones_own_makes_the_teacher(run, own):
    name = "python:own.networks.make:0,2"
    teacher = load(run, name)
    images = teachers.load_images(run.settings, run.dataset)
    with devices.weights_from(0):
        model = own.make()
    expected = teachers.from_network(
        name, model, ("0", "2"), images.stimuli(TINY.rdm_images), units=TINY.rdm_units, seed=0
    )
    assert teacher.identity == expected.identity
    own.weight = 2.0  # as if it had been trained further
    assert load(run, name).identity != teacher.identity
    own.weight = 1.0
    assert load(run, name).identity == teacher.identity
    assert len(list((paths.cache() / "teachers").iterdir())) == 2


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor(2),
        torch.tensor([2.0], dtype=torch.bfloat16),
        torch.tensor([True]),
        torch.zeros(2, 2).T,
    ],
)
def test_every_number_of_a_network_counts(value):
    def made(number, module=nn.Flatten) -> str:
        model = module()
        model.register_buffer("number", number)
        return external.identity(model)

    assert made(value) == made(value.clone()) and made(value) != made(
        torch.logical_not(value).to(value.dtype)
    )
    assert made(value) != made(value, nn.Identity) and made(value) != made(value[None])


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "resnett",
            "unknown teacher 'resnett', expected one of resnet, .*, torchvision:MODEL.* any of them can have -sh",
        ),
        ("resnett-shuffled", "unknown teacher 'resnett', expected one of resnet"),
        (
            "torchvision:resnet19:layer1",
            "unknown torchvision model 'resnet19', expected one of .*resnet18, ",
        ),
        (
            "torchvision:resnet18/BEST:layer1",
            "weights 'BEST' of torchvision's resnet18, .* IMAGENET1K_V1",
        ),
        (
            "torchvision:resnet18:layer9,fc",
            "names layers layer9, fc, expected some of .*: conv1, bn1, relu, .*layer4, av",
        ),
        (
            "torchvision:resnet18",
            "names layers none, expected some of its submodules, .*: conv1, .*layer4",
        ),
        (
            "torchvision:resnet18:fc,fc",
            "names layers fc, fc, expected some of its submodules, each once",
        ),
        (
            "python:own.networks.make",
            "'python:own.networks.make' names layers none, .* commas between: 0, 1, 2, or",
        ),
        (
            "python:own.networks.build:0",
            "python:own.networks.build cannot be imported .*'build'.*in PYTHONPATH",
        ),
        ("python:no_such.networks.make:0", "cannot be imported .No module named 'no_such'"),
        ("python:make:0", "python:make cannot be imported .*, expected PACKAGE.MODULE.FUNCTION"),
        (
            "python:own.networks.number:0",
            "python:own.networks.number gave no torch module, expected a function",
        ),
        (
            "python:own.networks.make_number:0",
            "python:own.networks.make_number gave no torch module",
        ),
    ],
)
def test_what_is_no_teacher_is_refused_before_images_are_loaded(
    run, own, monkeypatch, name, message
):
    monkeypatch.setattr(
        teachers.sources, "load_images", lambda *arguments: pytest.fail("loads images")
    )
    with pytest.raises(ValueError, match=message):
        load(run, name)


def test_weights_that_cannot_be_fetched_say_where_they_belong(run, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    message = f"resnet18/IMAGENET1K_V1 are not in {tmp_path}.*no route to host.*put https://.*resnet18.*pth there"
    with pytest.raises(FileNotFoundError, match=message):
        load(run, "torchvision:resnet18/IMAGENET1K_V1:layer1")


class _Odd(nn.Module):
    """Its layers put out what no RDM can be made of, and one is never called."""

    def __init__(self):
        super().__init__()
        self.pair, self.turned, self.idle = (
            nn.MaxPool2d(2, return_indices=True),
            nn.Flatten(0, 1),
            nn.Identity(),
        )

    def forward(self, images):
        return self.turned(self.pair(images)[0])


@pytest.mark.parametrize(
    "layer, message",
    [
        (
            "pair",
            r"layer 'pair' of _Odd put out a tuple for 250 images, expected a tensor \[250, ...\]",
        ),
        ("turned", r"layer 'turned' of _Odd put out \[750, 8, 8\] for 250 images"),
        ("idle", "layer 'idle' of _Odd put out nothing for 250 images"),
    ],
)
def test_layers_that_put_out_no_responses_are_named(run, layer, message):
    stimuli = teachers.load_images(run.settings, run.dataset).stimuli(TINY.rdm_images)
    with pytest.raises(ValueError, match=message):
        teachers.from_network("odd", _Odd(), (layer,), stimuli, units=10, seed=0)


def test_networks_that_put_out_no_scores_are_named(run):
    stimuli = teachers.load_images(run.settings, run.dataset).stimuli(TINY.rdm_images)
    with pytest.raises(ValueError, match=r"MaxPool2d put out a tuple, expected scores \[B, C\]"):
        teachers.from_network(
            "odd", nn.MaxPool2d(2, return_indices=True), (), stimuli, units=10, seed=0
        )
