"""Zero-cost proxies: by hand, against plain loops and differences, and on candidates of both
spaces.
"""

import copy
from dataclasses import replace
from math import isnan, log, nan, sqrt

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from sage.compute import devices
from sage.config import profiles
from sage.images import loaders, preprocessing
from sage.models import genotypes, zero_cost
from sage.models.cells import CellNetwork
from sage.models.cnn import ConvolutionalNetwork
from sage.models.zero_cost import PROXIES
from sage.search import evaluation
from sage.search.builders import Builder, CellBuilder, ConvolutionalBuilder
from sage.search.evaluation import EvaluationProtocol
from sage.spaces import Layer

K = 1e-5
CPU = torch.device("cpu")


def convolutional(*shapes: tuple[str, str]) -> ConvolutionalNetwork:
    """Layers of these activations and normalizations; each reads all before it, every second one
    has stride 2.
    """
    layers = tuple(
        Layer(3, (3, 1), 1 + index % 2, activation, normalization, tuple(range(index + 1)))
        for index, (activation, normalization) in enumerate(shapes)
    )
    return ConvolutionalNetwork(layers, classes=3)


def of_cells(text: str) -> CellNetwork:
    cell = genotypes.parse_cell(text)
    return CellNetwork(genotypes.Genotype("some", cell, cell), classes=3, filters=2, repeats=1)


NETWORKS = {
    "rectified": lambda: convolutional(("relu", "none"), ("relu", "none")),
    "normalized": lambda: convolutional(("relu", "batch norm"), ("relu", "batch norm")),
    "unrectified end": lambda: convolutional(("relu", "none"), ("identity", "batch norm")),
    "separable cells": lambda: of_cells("sep3(0)+max3(1) -> 2"),
    "other cells": lambda: of_cells("avg3(0)+dil3(1); id(2)+1x7-7x1(0) -> 1 3"),
}


def network(name: str) -> nn.Module:
    with devices.weights_from(0):
        return NETWORKS[name]()


@pytest.fixture(params=NETWORKS)
def model(request) -> nn.Module:
    return network(request.param)


def batch(count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return preprocessing.standardise(images), torch.arange(count) % 3


def linear(weight: list, bias: list | None = None) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def perceptron(first: list, second: list, bias: list | None = None) -> nn.Module:
    """Of images of one pixel: a layer, rectified, and a second one."""
    return nn.Sequential(nn.Flatten(), linear(first), nn.ReLU(), linear(second, bias))


def pixels(*values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, :, None, None]


def in_float64(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model).double()


def test_synflow_by_hand():
    images, labels = pixels((1, 2, 3), (4, 5, 6)), torch.tensor([0, 1])
    first, second = [[1.0, -2, 0], [0, 3, -1]], [[1.0, -1], [2, 0]]
    # Ones give 3 and 4 with absolute weights, then 7 and 6. The sum is linear in each of both
    # layers.
    assert zero_cost.synflow(perceptron(first, second), images, labels) == pytest.approx(
        log(2 * 13)
    )
    biased = perceptron(first, second, [-0.5, 0.25])
    assert zero_cost.synflow(biased, images, labels) == pytest.approx(log(2 * 13 + 0.75))


def test_naswot_by_hand():
    model = perceptron([[1.0, 0, 0], [0, 1, 0]], [[1.0, 2], [3, 4]])
    images, labels = pixels((1, 1, 0), (1, -1, 0), (-1, -1, 0)), torch.tensor([0, 1, 0])
    # Codes 11, 10 and 00: the kernel is 2 1 0, 1 2 1, 0 1 2.
    assert zero_cost.naswot(model, images, labels) == pytest.approx(log(4))
    same_code = pixels((1, 1, 0), (2, 1, 0), (-1, -1, 0))
    assert isnan(zero_cost.naswot(model, same_code, labels))


def test_images_beyond_the_number_of_units_have_a_singular_kernel():
    """Codes of n units span n + 1 dimensions at most; in floating point, 0 is positive half of the
    time.
    """
    images, labels = batch(12)
    for seed in range(10):
        with devices.weights_from(seed):
            model = nn.Sequential(nn.Flatten(), nn.Linear(192, 10), nn.ReLU(), nn.Linear(10, 3))
        assert isnan(zero_cost.naswot(model, images, labels))


def test_jacob_cov_by_hand():
    # Gradients of the two units are orthogonal with mean 0; each image activates one.
    model = perceptron([[1.0, -1, 0], [1, 1, -2]], [[1.0, 0], [2, 5]])
    images, labels = pixels((1, -1, 1), (-1, 0, -1)), torch.tensor([0, 1])
    expected = -2 * (log(1 + K) + 1 / (1 + K))
    assert zero_cost.jacob_cov(model, images, labels) == pytest.approx(expected)
    # All of one sign: images activate the same unit, and the correlation is all ones.
    expected = -(log(2 + K) + 1 / (2 + K) + log(K) + 1 / K)
    assert zero_cost.jacob_cov(model, images[:1] * torch.ones(2, 1, 1, 1), labels) == pytest.approx(
        expected
    )
    # An image that activates none has no gradient.
    assert isnan(zero_cost.jacob_cov(model, pixels((1, -1, 1), (-1, 0, 1)), labels))


def test_gradients_by_hand():
    # Both classes have probability 1/2. Weights have the gradient -+1/4 of the images' sum, biases
    # -+1/2.
    model = nn.Sequential(nn.Flatten(), linear([[1.0, 2, 0], [1, 2, 0]], [3.0, 3]))
    images, labels = pixels((2, 0, 0), (0, 4, 0)), torch.tensor([0, 0])
    assert zero_cost.grad_norm(model, images, labels) == pytest.approx(
        sqrt(2 * (0.25 + 1)) + sqrt(2 * 0.25)
    )
    assert zero_cost.snip(model, images, labels) == pytest.approx(
        2 * (1 * 0.5 + 2 * 1) + 2 * 3 * 0.5
    )


def test_synflow_is_what_scaling_of_parameters_changes(model):
    """The sum of |theta dR/dtheta| over a tensor is the derivative of R by a factor on it; no
    gradients here.
    """
    positive = in_float64(model).eval()
    for module in normalizations(positive):
        module.eps = 0  # at its initial values it does nothing then
    parameters = [
        parameter
        for module in positive.modules()
        if not isinstance(module, nn.BatchNorm2d)
        for parameter in module.parameters(recurse=False)
    ]
    flow, step = 0.0, 1e-5
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(parameter.abs())
        for parameter in parameters:
            kept, totals = parameter.clone(), []
            for factor in (1 + step, 1 - step):
                parameter.copy_(factor * kept)
                totals.append(positive(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum().item())
            parameter.copy_(kept)
            flow += (totals[0] - totals[1]) / (2 * step)
    assert zero_cost.synflow(model, *batch()) == pytest.approx(log(flow), rel=1e-6)


def test_naswot_counts_units_on_which_images_agree(model):
    images, labels = batch()
    observed, units = in_float64(model).train(), []
    for module in observed.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(
                lambda module, inputs, output: units.append(output.flatten(1))
            )
    if isinstance(model, CellNetwork):  # which rectifies what its last cell gives without a module
        observed.cells[-1].register_forward_hook(
            lambda module, inputs, output: units.append(output.flatten(1))
        )
    with torch.no_grad():
        observed(images.double())
    codes = (torch.cat(units, 1) > 0).numpy()
    kernel = [
        [sum(one == two for one, two in zip(left, right)) for right in codes] for left in codes
    ]
    sign, expected = np.linalg.slogdet(np.array(kernel, float))
    assert sign == 1 and zero_cost.naswot(model, images, labels) == pytest.approx(expected)


def test_jacob_cov_correlates_the_gradients_of_single_images(model):
    images, labels = batch()
    alone, jacobians = in_float64(model).eval(), []
    for image in images.double():
        by_class = torch.autograd.functional.jacobian(alone, image[None])
        jacobians.append(by_class.sum((0, 1, 2)).flatten().numpy())
    centred = [values - values.mean() for values in jacobians]
    correlation = [
        [one @ two / sqrt((one @ one) * (two @ two)) for two in centred] for one in centred
    ]
    values = scipy.linalg.eigvals(np.array(correlation)).real
    expected = -sum(log(value + K) + 1 / (value + K) for value in values)
    assert zero_cost.jacob_cov(model, images, labels) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["rectified", "normalized", "unrectified end"])
def test_gradients_are_what_differences_give(name):
    model, (images, labels) = network(name), batch()
    shaken, step, norms, sensitivity = in_float64(model).train(), 1e-6, 0.0, 0.0
    with torch.no_grad():
        for parameter in shaken.parameters():
            squares, values = 0.0, parameter.view(-1)
            for place in range(len(values)):
                kept, losses = values[place].item(), []
                for value in (kept + step, kept - step):
                    values[place] = value
                    losses.append(
                        nn.functional.cross_entropy(shaken(images.double()), labels).item()
                    )
                values[place] = kept
                gradient = (losses[0] - losses[1]) / (2 * step)
                squares += gradient**2
                sensitivity += abs(kept * gradient)
            norms += sqrt(squares)
    assert zero_cost.grad_norm(model, images, labels) == pytest.approx(norms, rel=1e-5)
    assert zero_cost.snip(model, images, labels) == pytest.approx(sensitivity, rel=1e-5)


@pytest.mark.parametrize("name", ["separable cells", "other cells"])
def test_gradients_of_cells_are_those_of_a_step_of_training(name):
    model, (images, labels) = network(name), batch()
    stepped = in_float64(model).train()
    before = [parameter.detach().clone() for parameter in stepped.parameters()]
    optimizer = torch.optim.SGD(stepped.parameters(), lr=1.0)
    nn.functional.cross_entropy(stepped(images.double()), labels).backward()
    optimizer.step()
    pairs = [
        (old.numpy().ravel(), (old - new.detach()).numpy().ravel())
        for old, new in zip(before, stepped.parameters())
    ]
    norms = sum(np.linalg.norm(gradient) for _, gradient in pairs)
    assert zero_cost.grad_norm(model, images, labels) == pytest.approx(norms)
    sensitivity = sum(np.abs(old) @ np.abs(gradient) for old, gradient in pairs)
    assert zero_cost.snip(model, images, labels) == pytest.approx(sensitivity)


def test_measure_has_every_proxy(model):
    found = zero_cost.measure(model, *batch())
    assert list(found) == list(PROXIES) == ["synflow", "naswot", "jacob_cov", "grad_norm", "snip"]
    assert np.isfinite(list(found.values())).all()
    assert found == {name: proxy(model, *batch()) for name, proxy in PROXIES.items()}


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(model, training):
    model.train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn, (images, labels) = torch.get_rng_state(), batch()
    zero_cost.measure(model, images, labels)
    assert all(module.training is training for module in model.modules())
    assert all(
        parameter.grad is None and parameter.requires_grad for parameter in model.parameters()
    )
    assert all(value.dtype == before[name].dtype for name, value in model.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert not images.requires_grad and torch.equal(torch.get_rng_state(), drawn)


def test_values_do_not_depend_on_the_mode(model):
    assert zero_cost.measure(model.train(), *batch()) == zero_cost.measure(model.eval(), *batch())


def test_values_do_not_depend_on_the_number_of_threads():
    model, (images, labels) = network("normalized"), batch()
    found, before = zero_cost.measure(model, images, labels), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert zero_cost.measure(model, images, labels) == pytest.approx(found, rel=1e-9)
    finally:
        torch.set_num_threads(before)


def test_a_network_without_rectified_units_has_no_codes():
    with devices.weights_from(0):
        model = convolutional(("identity", "batch norm"), ("identity", "none"))
    found = zero_cost.measure(model, *batch())
    assert [name for name, value in found.items() if isnan(value)] == ["naswot"]


def test_batch_norm_has_no_part_in_synflow():
    model = network("normalized")
    expected = zero_cost.synflow(model, *batch())
    for module in normalizations(model):
        for values in (
            module.weight.data,
            module.bias.data,
            module.running_mean,
            module.running_var,
        ):
            values.fill_(7.0)
    assert zero_cost.synflow(model, *batch()) == expected


def test_batch_norm_goes_by_the_batch_but_in_jacob_cov():
    model = network("normalized")
    before = zero_cost.measure(model, *batch())
    for module in normalizations(model):
        module.running_mean.fill_(0.5)
    after = zero_cost.measure(model, *batch())
    assert [name for name in PROXIES if after[name] != before[name]] == ["jacob_cov"]


def normalizations(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("value", [nan, float("inf"), -float("inf")])
def test_scores_that_are_not_finite_have_no_proxies(model, value):
    with torch.no_grad():
        model.classifier.bias[1] = value
    found = zero_cost.measure(model, *batch())
    assert list(found) == list(PROXIES) and all(isnan(value) for value in found.values())


def test_a_flow_beyond_float64_has_no_logarithm():
    model = nn.Sequential(nn.Flatten(), *(linear([[1e30] * 3] * 3) for _ in range(11)))
    images, labels = pixels((1, 2, 3), (3, 1, 2)), torch.tensor([0, 1])
    assert isnan(zero_cost.synflow(model, images, labels))
    # Of 8 layers each has the whole flow, three scores of (3e30)^8.
    assert zero_cost.synflow(model[:9], images, labels) == pytest.approx(log(8 * 3) + 8 * log(3e30))


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (
            torch.ones(2, 3, 8, 8, dtype=torch.uint8),
            torch.zeros(2).long(),
            r"uint8 \[2, 3, 8, 8\], expected",
        ),
        (
            torch.ones(2, 8, 8),
            torch.zeros(2).long(),
            r"\[2, 8, 8\], expected two or more, float \[B, 3, H, W\]",
        ),
        (torch.ones(1, 3, 8, 8), torch.zeros(1).long(), r"\[1, 3, 8, 8\], expected two or more"),
        (
            torch.ones(2, 3, 8, 8),
            torch.zeros(3).long(),
            r"labels are torch.int64 \[3\], expected int64 \[2\]",
        ),
        (torch.ones(2, 3, 8, 8), torch.zeros(2), r"labels are torch.float32 \[2\], expected"),
    ],
)
def test_batches_of_another_form_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        zero_cost.naswot(network("rectified"), images, labels)


def protocol(networks: Builder) -> EvaluationProtocol:
    smoke = replace(profiles.PROFILES["smoke"], train_images=128)
    return replace(EvaluationProtocol.of(smoke, "mine"), networks=networks, snapshots=(0,))


@pytest.mark.parametrize(
    "networks",
    [ConvolutionalBuilder(layers=3, width=0.05), CellBuilder(blocks=1, repeats=1, filters=2)],
    ids=["layers", "cells"],
)
def test_candidates_are_measured_on_the_first_batch_of_their_training(networks, images):
    of = protocol(networks)
    architecture, seed = networks.space.sample(np.random.default_rng(2)), 5
    found = evaluation.evaluate(of, architecture, seed).proxies
    train = of.load_images().train
    drawn, augmented = (
        loaders.generator(seed, purpose, 0, CPU) for purpose in ("order", "augment")
    )
    first = torch.randperm(len(train), generator=drawn)[: of.batch_size]
    shown = preprocessing.standardise(preprocessing.augment(train.images[first], augmented))
    with devices.weights_from(seed):
        model = networks.build(architecture, classes=5)
    expected = zero_cost.measure(model, shown, train.labels[first])
    assert found == pytest.approx(expected, nan_ok=True)
    assert evaluation.evaluate(of, architecture, seed).proxies == pytest.approx(
        found, rel=0, abs=0, nan_ok=True
    )
    assert evaluation.evaluate(of, architecture, seed + 1).proxies != pytest.approx(
        found, nan_ok=True
    )
