"""Networks of cells: the published ones to the digit, and all of the search space."""

import numpy as np
import pytest
import torch

from sage import spaces
from sage.models import complexity, genotypes
from sage.models.cells import OPERATIONS, SKELETONS, CellNetwork
from sage.models.genotypes import Step

SPACE = spaces.cells(5)
PUBLISHED = [  # filters, repeats, classes, image size, parameters, millions of multiply-adds
    ("NASNet-A", "cifar", 32, 6, 10, 32, 3_346_538, 544.3),
    ("NASNet-A", "imagenet mobile", 44, 4, 1000, 224, 5_289_978, 563.6),
    ("NASNet-A", "imagenet large", 168, 6, 1000, 331, 88_753_150, 23_780),
    ("PNASNet-5", "cifar", 48, 3, 10, 32, 3_189_082, 574.9),
    # Of the 27 filters of a factorized reduction the odd one is in the second path, as in the
    # authors' code.
    ("PNASNet-5", "imagenet mobile", 54, 3, 1000, 224, 5_064_487, 587.2),
    ("PNASNet-5", "imagenet large", 216, 4, 1000, 331, 86_057_668, 24_940),
    ("AmoebaNet-A", "cifar", 36, 6, 10, 32, 3_155_518, 499.5),
]


def network(genotype, *, filters=4, repeats=1, classes=3, device="meta", **options) -> CellNetwork:
    with torch.device(device):
        return CellNetwork(genotype, classes=classes, filters=filters, repeats=repeats, **options)


def shapes(model: CellNetwork, size: int) -> list[tuple[int, int]]:
    """Channels and pixels a side of every cell's output."""
    found = []
    for cell in model.cells:
        cell.register_forward_hook(
            lambda module, inputs, output: found.append((output.shape[1], output.shape[3]))
        )
    model.eval()(torch.zeros(1, 3, size, size, device="meta"))
    return found


@pytest.mark.parametrize(
    "name, skeleton, filters, repeats, classes, size, parameters, millions", PUBLISHED
)
def test_published_networks_have_their_size(
    name, skeleton, filters, repeats, classes, size, parameters, millions
):
    model = network(
        genotypes.load_genotype(name),
        filters=filters,
        repeats=repeats,
        classes=classes,
        skeleton=skeleton,
    )
    assert complexity.parameters(model) == parameters
    assert complexity.multiply_adds(model, size) / 1e6 == pytest.approx(millions, rel=0.005)


def test_published_networks_have_their_shapes():
    cifar = shapes(network(genotypes.NASNET_A, filters=32, repeats=2), 32)
    reduced = [(256, 16)], [(512, 8)]
    assert cifar == [(192, 32)] * 2 + reduced[0] + [(384, 16)] * 2 + reduced[1] + [(768, 8)] * 2
    mobile = shapes(
        network(genotypes.NASNET_A, filters=44, repeats=4, skeleton="imagenet mobile"), 224
    )
    assert [mobile[place] for place in (5, 10, 15)] == [(264, 28), (528, 14), (1056, 7)]
    search = shapes(
        network(genotypes.NASNET_A, filters=8, repeats=2, skeleton="imagenet search"), 64
    )
    assert len(search) == 8 and [size for _, size in search] == [31, 31, 16, 16, 16, 8, 8, 8]


@pytest.mark.parametrize(
    "name, skeleton, repeats, reads",
    [
        ("NASNet-A", "cifar", 1, [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)]),
        ("NASNet-A", "imagenet large", 1, [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 4), (6, 4)]),
        ("PNASNet-5", "cifar", 2, [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]),
        # Its reductions are in line: there is none of its own to skip.
        (
            "PNASNet-5",
            "imagenet large",
            2,
            [(0, 0)] + [(place, place - 1) for place in range(1, 8)],
        ),
    ],
)
def test_cells_read_the_two_before_them(name, skeleton, repeats, reads):
    assert (
        network(genotypes.load_genotype(name), filters=8, repeats=repeats, skeleton=skeleton).reads
        == reads
    )


@pytest.mark.parametrize("name", spaces.OPERATIONS)
def test_operations_keep_or_halve_the_size(name):
    for stride, size in ((1, 9), (2, 5)):
        assert OPERATIONS[name](3, 6, stride)(torch.randn(2, 3, 9, 9)).shape == (2, 6, size, size)


def test_padding_does_not_count_in_averages():
    assert (OPERATIONS["avg3"](2, 2, 1)(torch.ones(1, 2, 4, 4)) == 1).all()


def test_random_cells_train():
    rng = np.random.default_rng(0)
    images, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 1])
    for _ in range(100):
        genotype = genotypes.from_architecture(SPACE, SPACE.sample(rng))
        model = network(genotype, filters=2, device="cpu")
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        assert torch.isfinite(loss)
        # A state of the space's cells that nothing reads is put out: every parameter has its part
        # in the loss.
        assert all(parameter.grad is not None for parameter in model.parameters())


def test_random_cells_build_on_every_skeleton():
    rng = np.random.default_rng(1)
    for number in range(40):
        skeleton = list(SKELETONS)[number % len(SKELETONS)]
        genotype = genotypes.from_architecture(SPACE, SPACE.sample(rng))
        model = network(genotype, filters=8, skeleton=skeleton)
        assert shapes(model, 64)[-1][0] == 32 * len(genotype.normal.outputs)


def test_the_auxiliary_classifier_is_there_in_training_only():
    model = network(genotypes.NASNET_A, device="cpu", auxiliary_size=32)
    added = sum(value.numel() for value in model.auxiliary.parameters())
    # It reads the 16 x 16 maps of 6 x 8 channels, pooled to 4 x 4.
    assert added == 48 * 128 + 2 * 128 + 128 * 768 * 4 * 4 + 2 * 768 + 768 * 3 + 3
    images = torch.randn(2, 3, 32, 32)
    scores, auxiliary = model(images)
    assert scores.shape == auxiliary.shape == (2, 3)
    assert model.eval()(images).shape == (2, 3)
    with pytest.raises(ValueError, match="reads maps of 4 x 4, expected 5 x 5"):
        network(genotypes.NASNET_A, auxiliary_size=8)


def test_paths_are_dropped_image_by_image():
    model = network(genotypes.NASNET_A, device="cpu")
    generator = torch.Generator().manual_seed(0)
    model.set_drop_path(keep=0.5, generator=generator)
    assert [cell.keep for cell in model.cells] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    last, step = model.cells[-1], Step("sep3", 0)
    dropped = last._drop(step, torch.ones(2000, 1, 1, 1))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1, abs=0.1)
    last.generator = torch.Generator().manual_seed(1)
    first = last._drop(step, torch.ones(50, 1, 1, 1))
    last.generator = torch.Generator().manual_seed(1)
    assert torch.equal(first, last._drop(step, torch.ones(50, 1, 1, 1)))
    assert (
        last._drop(Step("id", 0), torch.ones(50, 1, 1, 1)) == 1
    ).all()  # as the authors' code has it
    model.eval()
    assert (last._drop(step, torch.ones(50, 1, 1, 1)) == 1).all()


def test_weights_are_drawn_for_what_reads_them():
    model = network(genotypes.NASNET_A, filters=32, device="cpu")
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {module.groups > 1 for module in convolutions} == {False, True}
    for module in convolutions:
        height, width = module.kernel_size
        readers = module.out_channels // module.groups * height * width
        # Of n draws the deviation is off by 1 / sqrt(2n) of itself: five times that.
        tolerance = 5 / (2 * module.weight.numel()) ** 0.5
        assert module.weight.std().item() == pytest.approx((2 / readers) ** 0.5, rel=tolerance)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"skeleton": "mnist"}, "unknown skeleton 'mnist', expected one of cifar"),
        ({"filters": 4, "skeleton": "imagenet mobile"}, "filters is 4, expected 8 or more"),
        ({"repeats": 0}, "repeats is 0, expected 1 or more"),
    ],
)
def test_impossible_networks_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        network(genotypes.NASNET_A, **wrong)
