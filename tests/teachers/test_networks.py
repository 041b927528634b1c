"""Networks that are trained here to be teachers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from sage import teachers
from sage.compute import devices
from sage.config import paths, profiles, provenance
from sage.config.run import Run
from sage.experiments import pool
from sage.models import complexity
from sage.models.cells import CellNetwork
from sage.models.resnet import ResNet
from sage.teachers import networks, sources
from tests.support.made_up_teachers import load

# By profile, under what a ResNet of seed 0 is stored since it was the only network trained here, or
# since the profile has its sizes.
RESNET_KEYS = {
    "smoke": "fc66ba6f3d61ab99",
    "quick": "03482e5b92c28fa0",
    "cpu": "613158ef34e3c283",
    "gpu": "698f5f2c498babac",
    "paper": "f8aa1ea62017e7c0",
}


@pytest.mark.parametrize("name", RESNET_KEYS)
def test_a_trained_resnet_is_found_where_it_always_was(name, monkeypatch):
    device = {"device": "cpu", "convolutions": "float32"}
    monkeypatch.setattr(devices, "description", lambda: device)
    parts = {part: SimpleNamespace(identity=part) for part in ("train", "validation")}
    monkeypatch.setattr(networks, "load_images", lambda run: SimpleNamespace(**parts))
    assert networks.state_key("resnet", Run(profile=name)) == RESNET_KEYS[name]


def test_two_classes_are_refused_before_a_teacher_is_trained(tiny_run):
    archive = paths.raw() / "mine.npz"
    arrays = dict(np.load(archive))
    two = {part: arrays[part][arrays[f"y{part[1:]}"] < 2] for part in ("x_train", "x_test")}
    two |= {part: arrays[part][arrays[part] < 2] for part in ("y_train", "y_test")}
    np.savez(archive.with_name("pair.npz"), **two, classes=np.array(["a", "b"]))
    run = replace(tiny_run, dataset="pair", level="class")
    message = "pair has 2 classes among its .* validation images.*expected 3 or more, or the parame"
    for begin in (teachers.load_images, teachers.load_teacher):
        with pytest.raises(ValueError, match=message):
            begin(run)
    assert not (paths.cache() / "teachers").exists()
    assert len(teachers.load_images(replace(run, level="image")).classes) == 2


def test_a_resnet_keeps_its_files_and_its_description(tiny_run):
    model, curve = teachers.train_network("resnet", tiny_run)
    state = networks.state_key("resnet", tiny_run)
    load(tiny_run, "resnet")
    stimuli = teachers.load_images(tiny_run).stimuli(20).identity
    shown = {"stimuli": stimuli, "units": tiny_run.settings.rdm_units}
    key = provenance.key(revision=sources.BANK_REVISION, state=state, **shown)
    expected = {f"resnet-{state}.pt", f"resnet-{key}.nc"}
    assert {path.name for path in (paths.cache() / "teachers").iterdir()} == expected
    assert isinstance(model, ResNet) and curve.attrs["teacher"] == "ResNet-8 (n = 1), width 8"


def test_nasnet_a_is_the_papers_at_its_size():
    network = teachers.NETWORKS["nasnet-a"](profiles.PROFILES["paper"])
    with torch.device("meta"):
        model = network.build(classes=10)
        count, whole = (complexity.parameters(one) for one in (model, nn.ModuleList([model])))
        assert count == 3_346_538 < whole  # the auxiliary classifier
    assert network.title == "NASNet-A (N = 6, F = 32)" and len(model.cells) == 20
    assert network.layers == ("cells.5", "cells.12", "cells.19")
    recipe = network.recipe.description
    names = ("schedule", "epochs", "published_epochs", "drop_path_keep", "auxiliary_weight")
    assert [recipe[name] for name in names] == ["Cosine", 182, 600, 0.6, 0.4]


@pytest.mark.parametrize("name", ["smoke", "cpu"])
def test_nasnet_as_layers_end_where_the_maps_are_halved(name):
    network = teachers.NETWORKS["nasnet-a"](profiles.PROFILES[name])
    sizes: dict[int, int] = {}
    with torch.device("meta"):
        model = network.build(classes=5).eval()
        for place, cell in enumerate(model.cells):
            cell.register_forward_hook(
                lambda cell, read, out, place=place: sizes.__setitem__(place, out.shape[-1])
            )
        model(torch.zeros(2, 3, 32, 32))
    ends = [place for place in sizes if sizes.get(place + 1, 0) < sizes[place]]
    assert [sizes[place] for place in ends] == [32, 16, 8]
    assert network.layers == tuple(f"cells.{place}" for place in ends)


def test_nasnet_a_is_trained_and_measured(tiny_run, tmp_path, monkeypatch):
    model, curve = teachers.train_network("nasnet-a", tiny_run)
    assert isinstance(model, CellNetwork) and curve.attrs["teacher"] == "NASNet-A (N = 1, F = 2)"
    assert curve.examples.values.tolist() == [0, 128, 256]
    assert curve.attrs["parameters"] == complexity.parameters(model)
    names = ("nasnet-a", "nasnet-a-untrained")
    trained, untrained = (load(tiny_run, name) for name in names)
    for one in (trained, untrained):
        assert [layer.name for layer in one.layers] == ["L1", "L2", "L3"]
        for layer in one.layers:
            lengths = {level: len(values) for level, values in layer.rdms.items()}
            assert lengths == {"class": 10, "image": 190, "gram": 210}
            assert all(np.isfinite(values).all() for values in layer.rdms.values())
        pool.check_teacher(tiny_run, one)
    assert not np.allclose(trained.layers[2].rdms["image"], untrained.layers[2].rdms["image"])
    (tmp_path / "data").mkdir()
    paths.raw().rename(tmp_path / "data" / "raw")
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / "data"))  # nothing is stored there
    again = [load(tiny_run, name).identity for name in names]
    assert again == [trained.identity, untrained.identity]
