"""Networks from elsewhere as teachers."""

import sys
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
from torch import nn

from sage import teachers
from sage.compute import devices
from sage.config import paths
from sage.experiments import pool
from sage.rsa import activations
from sage.teachers import external, networks
from tests.support.made_up_teachers import load


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


def test_a_torchvision_model_by_its_name(tiny_run, monkeypatch):
    name = "torchvision:resnet18:layer1,layer2.0"
    teacher = load(tiny_run, name)
    assert teacher.name == name
    assert [layer.name for layer in teacher.layers] == ["layer1", "layer2.0"]
    pool.check_teacher(tiny_run, teacher)
    before = torch.random.get_rng_state()
    first, same, other = (
        external.identity(name, external.load_network(name, seed=seed)[0]) for seed in (0, 0, 1)
    )
    assert first == same != other
    assert torch.equal(before, torch.random.get_rng_state())
    monkeypatch.setattr(
        activations, "show", lambda *arguments, **options: pytest.fail("measured again")
    )
    assert load(tiny_run, name).identity == teacher.identity


def test_a_network_whose_forward_has_changed_is_another(tmp_path, monkeypatch):
    text = """
from torch import nn

class Scaled(nn.Conv2d):
    def forward(self, images):
        return super().forward({factor} * images)

def make():
    made = Scaled(3, 4, 3)
    nn.init.ones_(made.weight)
    nn.init.zeros_(made.bias)
    return nn.Sequential(made)
"""
    monkeypatch.syspath_prepend(tmp_path)
    name, found = "python:changing.make:0", []
    for factor in (1, 1, 2.5):  # of another length, as bytecode is kept by size and second
        (tmp_path / "changing.py").write_text(text.format(factor=factor))
        monkeypatch.delitem(sys.modules, "changing", raising=False)
        model, _ = external.load_network(name, seed=0)
        assert model(torch.ones(1, 3, 3, 3)).unique().item() == 27 * factor
        found.append(external.identity(name, model))
    first, same, other = found
    assert first == same != other
    (tmp_path / "changing.py").write_text(text.format(factor=3))  # not what is imported
    with pytest.raises(RuntimeError, match="changing.py has changed since it was imported"):
        external.identity(name, model)


@pytest.fixture
def stand_in_timm(monkeypatch):
    """The part of timm that is used, with one model and one set of weights, not fetched yet."""

    def create(what, pretrained):
        assert what in ("small", "small.best")
        if pretrained:
            raise RuntimeError("no route to host")
        return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.Flatten(), nn.Linear(64, 5))

    made = SimpleNamespace(list_models=lambda: ["small", "large"], create_model=create)
    made.list_pretrained = lambda pattern: [pattern.replace("*", "best")]
    monkeypatch.setitem(sys.modules, "timm", made)


def test_a_model_of_timm_by_its_name(tiny_run, stand_in_timm):
    teacher = load(tiny_run, "timm:small:0,2")
    assert [layer.name for layer in teacher.layers] == ["0", "2"]
    pool.check_teacher(tiny_run, teacher)


@pytest.mark.parametrize(
    "name, message",
    [
        ("timm:smal:0", "unknown timm model 'smal' .*small.*, another of timm.list_models"),
        ("timm:small.worst:0", "unknown weights 'small.worst' .*expected one of small.best"),
        ("timm:small.best:conv", "names layers conv, expected submodules.*: 0, 1, 2"),
        ("timm:small", "names layers none"),
    ],
)
def test_what_timm_has_not_is_refused_without_weights(stand_in_timm, name, message):
    with pytest.raises(ValueError, match=message):
        external.check(name)


def test_weights_that_timm_cannot_fetch(tiny_run, stand_in_timm):
    external.check("timm:small.best:0")
    with pytest.raises(FileNotFoundError, match="timm's weights small.best .*no route to host"):
        load(tiny_run, "timm:small.best:0")


def test_timm_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match="timm cannot be imported .* pip install timm"):
        external.check("timm:resnet18:layer1")


def test_timm_itself(tiny_run):
    pytest.importorskip("timm")
    external.check("timm:resnet18.a1_in1k:layer1")
    for name, message in (("19", "model 'resnet19'"), ("18.no", "weights 'resnet18.no'.*a1_in1k")):
        with pytest.raises(ValueError, match=message):
            external.check(f"timm:resnet{name}:layer1")
    pool.check_teacher(tiny_run, load(tiny_run, "timm:resnet18:layer1,layer2.0"))


def test_a_function_of_ones_own_makes_the_teacher(tiny_run, own):
    name = "python:own.networks.make:0,2"
    teacher = load(tiny_run, name)
    with devices.weights_from(0):
        model = own.make()
    expected = teachers.from_network(name, model, ("0", "2"), tiny_run)
    assert teacher.identity == expected.identity
    own.weight = 2.0  # as if it had been trained further
    assert load(tiny_run, name).identity != teacher.identity
    own.weight = 1.0
    assert load(tiny_run, name).identity == teacher.identity
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
        return external.identity("timm:small:0", model)

    changed = torch.logical_not(value).to(value.dtype)
    assert made(value) == made(value.clone()) and made(value) != made(changed)
    assert made(value) != made(value, nn.Identity) and made(value) != made(value[None])


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "resnett",
            r"unknown teacher 'resnett' \(did you mean 'resnet'\?\), expected one of resnet, "
            "resnet-untrained, .*, torchvision:MODEL.*files of recordings.* any can have -sh",
        ),
        ("resnett-shuffled", "unknown teacher 'resnett' .*, expected one of resnet"),
        (
            "torchvision:resnet19:layer1",
            "unknown torchvision model 'resnet19' .did you mean 'resnet1.*expected .*resnet18, ",
        ),
        (
            "torchvision:resnet18/BEST:layer1",
            "unknown weights 'resnet18/BEST' .*expected one of resnet18/IMAGENET1K_V1",
        ),
        (
            "torchvision:resnet18:layer9,fc",
            "names layers layer9, fc, expected submodules.*: conv1, bn1, relu, .*layer4, av",
        ),
        ("torchvision:resnet18", "names layers none, expected submodules.*: conv1, .*layer4"),
        ("torchvision:resnet18:fc,fc", "names layers fc, fc, expected submodules, each once"),
        ("python:own.networks.make", "make' names layers none, .* commas between: 0, 1, 2, or"),
        (
            "python:own.networks.build:0",
            "python:own.networks.build cannot be imported .*'build'.*in PYTHONPATH",
        ),
        ("python:no_such.networks.make:0", "cannot be imported .No module named 'no_such'"),
        ("python:make:0", "python:make cannot be imported .*, expected PACKAGE.MODULE.FUNCTION"),
        ("python:own.networks.number:0", "number gave no torch module, expected a function"),
        ("python:own.networks.make_number:0", "make_number gave no torch module"),
    ],
)
def test_unknown_teachers_are_refused_before_images_are_loaded(
    tiny_run, own, monkeypatch, name, message
):
    monkeypatch.setattr(networks, "load_images", lambda run: pytest.fail("loads images"))
    with pytest.raises(ValueError, match=message):
        load(tiny_run, name)


def test_weights_that_cannot_be_fetched_say_where_they_belong(tiny_run, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    message = (
        f"resnet18/IMAGENET1K_V1 are not in {tmp_path}.*no route to host.*"
        "put https://.*resnet18.*pth there"
    )
    with pytest.raises(FileNotFoundError, match=message):
        load(tiny_run, "torchvision:resnet18/IMAGENET1K_V1:layer1")
