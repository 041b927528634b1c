import numpy as np
import pytest
import torch
from torch import nn

from sage.images import preprocessing
from sage.images.stimuli import StimulusSet
from sage.models import complexity
from sage.models.resnet import ResNet
from sage.rsa import activations, rdm

CPU = torch.device("cpu")


@pytest.fixture
def model() -> ResNet:
    torch.manual_seed(0)
    return ResNet(blocks=1, width=4, classes=6)


@pytest.fixture
def shown() -> StimulusSet:
    images = torch.randint(
        0, 256, (30, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    single = torch.arange(30)
    single[8:] = -1
    return StimulusSet("some", images, {"class": torch.arange(30) % 6, "image": single}, {})


def test_one_pass_gives_what_all_features_at_once_give(model, shown, monkeypatch):
    monkeypatch.setattr(activations, "BATCH", 7)
    found = activations.show(model, ("stages.0", "stages.2"), shown, units=10_000, seed=0)
    model.eval()
    with torch.inference_mode(), activations.devices.autocast(CPU):
        stage = model.stem(preprocessing.standardise(shown.images))
        features = []
        for module in model.stages:
            stage = module(stage)
            features.append(stage.float().flatten(1))
    assert found.rdms["class"].shape == (2, 15) and found.rdms["image"].shape == (2, 28)
    for row, layer in ((0, features[0]), (1, features[2])):
        means = torch.stack([layer[torch.arange(30) % 6 == label].mean(0) for label in range(6)])
        # bfloat16 rounds differently for another batch size.
        np.testing.assert_allclose(found.rdms["class"][row], rdm.condensed_rdm(means), atol=0.02)
        np.testing.assert_allclose(
            found.rdms["image"][row], rdm.condensed_rdm(layer[:8]), atol=0.02
        )


def test_the_network_is_left_as_it_was(model, shown):
    model.train()
    model.stages[1].eval()  # as a frozen layer is
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    activations.show(model, ("stages.0",), shown, units=10, seed=0)
    assert [module.training for module in model.modules()] == modes
    assert not model.stages[0]._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_units_depend_on_the_seed_alone(model, shown):
    first, again, other = (
        activations.show(model, ("stages.0",), shown, units=20, seed=seed).rdms["class"]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("value", [float("nan"), 0.0])
def test_a_broken_layer_has_no_rdm_and_breaks_no_other(model, shown, value):
    class Broken(nn.Module):
        def forward(self, x):
            return torch.full_like(x, value)

    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Sequential(Broken()), nn.Flatten(), nn.Linear(784, 6)
    )
    found = activations.show(network, ("0", "1"), shown, units=50, seed=0)
    assert np.isfinite(found.rdms["class"][0]).all() and np.isnan(found.rdms["class"][1]).all()


@pytest.mark.parametrize("behind", [nn.ReLU(inplace=True), nn.Hardswish(inplace=True)])
def test_a_layer_is_measured_before_the_next_one_overwrites_it(shown, behind):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), behind, nn.Flatten(), nn.Linear(784, 6))
    found = activations.show(network, ("0", "1"), shown, units=50, seed=0)
    (features, _) = activations.features(network, ("0", "1"), shown, units=50, seed=0)
    network[1] = type(behind)()
    expected = activations.show(network, ("0", "1"), shown, units=50, seed=0)
    for level, rdms in expected.rdms.items():
        np.testing.assert_array_equal(found.rdms[level], rdms)
        assert not np.array_equal(*rdms)
    assert (features < 0).any()


def test_torchvisions_layer_before_an_activation_in_place(shown):
    from torchvision import models

    torch.manual_seed(0)
    network = models.resnet18(num_classes=6)
    found = activations.show(network, ("bn1",), shown, units=50, seed=0)
    network.relu = nn.ReLU()
    expected = activations.show(network, ("bn1",), shown, units=50, seed=0)
    np.testing.assert_array_equal(found.rdms["class"], expected.rdms["class"])


@pytest.mark.parametrize("name", ["1", "3"])
def test_a_module_that_is_called_more_than_once_is_refused(shown, name):
    shared = nn.ReLU()
    network = nn.Sequential(nn.Conv2d(3, 4, 3), shared, nn.Conv2d(4, 4, 3), shared, nn.Flatten())
    message = f"layer '{name}' of Sequential is called more than once for a batch, expected once"
    with pytest.raises(ValueError, match=message):
        activations.show(network, ("0", name), shown, units=10, seed=0)
    assert not shared._forward_hooks and network.training
    assert (
        activations.show(network, ("0", "2"), shown, units=10, seed=0).rdms["class"].shape[0] == 2
    )


def test_a_layer_without_units_is_refused(shown):
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(768, 1), nn.Flatten(0), nn.Unflatten(0, (-1, 1))
    )
    with pytest.raises(ValueError, match=r"layer '2' .* put out \[30\] for 30 images, expected"):
        activations.show(network, ("2",), shown, units=10, seed=0)


def test_unknown_layers_are_named(model, shown):
    with pytest.raises(ValueError, match=r"no layer \['stages.7'\] in ResNet, it has: stem"):
        activations.show(model, ("stages.0", "stages.7"), shown, units=10, seed=0)


def test_accuracy_and_loss_by_hand():
    scores = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [float("nan"), 1.0]])
    labels = torch.tensor([0, 1, 1, 0])
    assert activations.accuracy(scores, labels) == 0.5
    expected = np.mean([np.log(1 + np.exp(-2)), np.log(1 + np.exp(-1)), np.log(1 + np.exp(3))])
    assert activations.loss(scores[:3], labels[:3]) == pytest.approx(expected, rel=1e-6)


def test_identity_follows_the_content(shown):
    other = shown.images.clone()
    other[0, 0, 0, 0] ^= 1
    same = StimulusSet("some", shown.images.clone(), shown.conditions, {})
    assert same.identity == shown.identity
    assert StimulusSet("some", other, shown.conditions, {}).identity != shown.identity
    assert (
        StimulusSet("some", shown.images, {"class": torch.arange(30) % 5}, {}).identity
        != shown.identity
    )


def test_cost_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10)
    )
    assert complexity.parameters(network) == 3 * 8 * 9 + 8 + 128 * 10 + 10
    assert complexity.multiply_adds(network, 8) == 3 * 8 * 9 * 16 + 128 * 10
    assert complexity.multiply_adds(ResNet(blocks=9, width=16, classes=10), 32) == pytest.approx(
        125.75e6, rel=5e-3
    )
