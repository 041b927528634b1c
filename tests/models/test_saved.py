"""Trained networks as files."""

import numpy as np
import pytest
import torch

from sage import models, spaces
from sage.images import preprocessing
from sage.models import saved
from sage.models.cells import CellNetwork
from sage.models.cnn import ConvolutionalNetwork
from sage.models.genotypes import NASNET_A
from sage.models.nasbench201 import NASBench201Network

PIXELS = torch.randint(0, 256, (6, 3, 8, 8), generator=torch.manual_seed(0), dtype=torch.uint8)


def _convolutional() -> ConvolutionalNetwork:
    space = spaces.cnn(4)
    layers = spaces.cnn_layers(space, space.sample(np.random.default_rng(1)))
    return ConvolutionalNetwork(layers, classes=3, width=0.1)


NETWORKS = {
    "cnn": _convolutional,
    "cells": lambda: CellNetwork(NASNET_A, classes=3, filters=2, repeats=1, auxiliary_size=16),
    "nasbench201": lambda: NASBench201Network((3, 2, 4, 1, 3, 0), classes=3, cells=1),
}


def classifier(name: str, **about) -> models.Classifier:
    network = NETWORKS[name]()
    for value in network.buffers():  # as if it had been trained
        value += 1
    return models.Classifier(network, ("a", "b", "ö"), 8, about).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_with_all_that_it_needs(name, tmp_path):
    saved = classifier(name, accuracy=0.5, dataset="mine")
    if name == "nasbench201":
        saved.network.standardise = preprocessing.by_channel(PIXELS)
    path = models.save(saved, tmp_path / "best.pt")
    torch.manual_seed(0)
    loaded, drawn = models.load(path), torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(3))  # loading draws from no generator of the caller's
    assert not loaded.training
    assert (loaded.classes, loaded.image_size) == (("a", "b", "ö"), 8)
    assert loaded.about == {"accuracy": 0.5, "dataset": "mine"}
    shown = preprocessing.as_shown(PIXELS, saved.network)
    expected = saved.network(shown).detach()
    torch.testing.assert_close(loaded(PIXELS).detach(), expected)
    assert (loaded(PIXELS).argmax(1) == expected.argmax(1)).all()
    found = loaded.predict(PIXELS)
    assert found.predicted.tolist() == [loaded.classes[one] for one in expected.argmax(1)]
    np.testing.assert_allclose(found.probability, expected.softmax(1).amax(1), rtol=1e-4)


def test_larger_images_are_averaged_down_and_smaller_ones_refused():
    network = classifier("cnn")
    larger = PIXELS.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(network(larger), network(PIXELS))
    with pytest.raises(ValueError, match="image size 8 is above the images' own 4 x 4"):
        network(PIXELS[:, :, :4, :4])


def test_a_network_of_another_kind_is_not_saved(tmp_path, monkeypatch):
    other = models.Classifier(torch.nn.Linear(2, 2), ("a", "b"), 8, {})
    with pytest.raises(ValueError, match="cannot save a Linear, expected one of Convolutional"):
        models.save(other, tmp_path / "best.pt")
    monkeypatch.setitem(saved.KINDS, "Linear", torch.nn.Linear)
    with pytest.raises(ValueError, match="cannot save a Linear without settings"):
        models.save(other, tmp_path / "best.pt")
    assert not list(tmp_path.iterdir())


class _Code:
    def __reduce__(self):
        return print, ("this runs",)


def test_what_is_no_saved_network_is_refused_and_not_run(tmp_path, capsys):
    path = tmp_path / "other.pt"
    for content, message in (
        (_Code(), "is no saved network, or is damaged"),
        ([1], "has format None of a None, expected format 1 of ConvolutionalNetwork, Cell"),
        ({"format": 2}, "has format 2 .*expected format 1"),
        ({"format": 1, "kind": "Mine"}, "has format 1 of a Mine, expected format 1 of Conv"),
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match=message):
            models.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="is no saved network, or is damaged"):
        models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "none.pt")
    assert not capsys.readouterr().out
