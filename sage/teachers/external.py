"""Networks from elsewhere as teachers: torchvision's, timm's, or of a function of one's own."""

import hashlib
import importlib
import re
from collections.abc import Callable
from difflib import get_close_matches
from types import ModuleType

import torch
from torch import Tensor, nn

from sage.compute import devices
from sage.config import provenance
from sage.config.run import Refused, unknown

OWN = "python:"
FORMS = "torchvision:MODEL[/WEIGHTS]:LAYERS, timm:MODEL[.WEIGHTS]:LAYERS, "
FORMS += "python:PACKAGE.MODULE.FUNCTION:LAYERS"


def load_network(spec: str, *, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network of a text such as "torchvision:resnet18:layer1,layer4", and its layers.

    Args:
        spec: of the `FORMS`. Models of torchvision and timm have initial weights, drawn from
            `seed`, where none are named. A function takes nothing and returns a module with its
            weights loaded. Layers are names as in `model.named_modules()`, with commas between,
            of modules that are called once for a batch.

    Raises:
        ValueError: an unknown model, weights, module, function or layer, or no layer or network.
        FileNotFoundError: weights that are neither here nor can be fetched.
    """
    kind, what, layers = _parts(spec)
    with devices.weights_from(seed):
        model = LOADERS[kind](what)
    _check_layers(spec, model, layers)
    return model, layers


def check(spec: str) -> None:
    """Raise an error as `load_network` does, as far as can be told without weights or own code."""
    kind, what, layers = _parts(spec)
    if kind == OWN:
        if not layers or "." not in what:
            told = f"teacher {spec!r} names no layers, or no function of a module"
            raise ValueError(f"{told}; expected {FORMS}")
        return
    with torch.device("meta"):
        _check_layers(spec, LOADERS[kind](what, fetch=False), layers)


def _parts(spec: str) -> tuple[str, str, tuple[str, ...]]:
    """Return kind, model or function, and layers."""
    kind, colon, rest = spec.partition(":")
    what, _, named = rest.partition(":")
    return kind + colon, what, tuple(named.split(",")) if named else ()


def _check_layers(spec: str, model: nn.Module, layers: tuple[str, ...]) -> None:
    known = {name for name, _ in model.named_modules(remove_duplicate=False) if name}
    if not layers or len(set(layers)) < len(layers) or not set(layers) <= known:
        told = f"teacher {spec!r} names layers {', '.join(layers) or 'none'}, expected submodules"
        children = ", ".join(name for name, _ in model.named_children()) or "it has none"
        raise ValueError(f"{told}, each once, with commas between: {children}, or any within these")


def optional(module: str) -> ModuleType:
    """Return a module of a package that is not needed otherwise; Refused says how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        package = module.partition(".")[0]
        told = f"{package} cannot be imported ({problem}), expected after pip install {package}"
        raise Refused(told) from problem


def identity(spec: str, model: nn.Module) -> str:
    """Return a hash of a network's state and printed structure, and of the code that made it.

    Code is the files that define the function and the modules' classes, but for torch's. What
    these import is not seen.
    """
    printed = re.sub(" at 0x[0-9a-f]+", "", str(model))  # where a function lies in memory
    digest = hashlib.sha256(printed.encode())
    kind, what, _ = _parts(spec)
    files = {type(one).__module__ for one in model.modules()}
    files |= {what.rpartition(".")[0]} if kind == OWN else set()
    for name in sorted(one for one in files if one.partition(".")[0] != "torch"):
        digest.update(provenance.code(name).encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        if isinstance(value, Tensor):
            digest.update(f"{value.dtype} {list(value.shape)}".encode())
            flat = value.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy().data)
        else:  # a module's extra state
            digest.update(repr(value).encode())
    return digest.hexdigest()[:16]


def _published(what: str) -> tuple:
    """Return the name of a model of torchvision, and its weights or None."""
    from torchvision import models  # slow to import

    name, _, wanted = what.partition("/")
    if name not in (known := models.list_models()):
        raise unknown("torchvision model", name, known)
    every = models.get_model_weights(name).__members__
    if wanted and wanted not in every:
        raise unknown("weights", what, [f"{name}/{one}" for one in every])
    return name, every.get(wanted)


def _torchvision(what: str, *, fetch: bool = True) -> nn.Module:
    from torchvision import models  # slow to import

    name, weights = _published(what)
    try:
        return models.get_model(name, weights=weights if fetch else None)
    except OSError as problem:
        told = f"torchvision's weights {what} are not in {torch.hub.get_dir()}/checkpoints and"
        files = weights.url if weights else "them"
        raise FileNotFoundError(f"{told} not fetched ({problem}): put {files} there") from problem


def _timm(what: str, *, fetch: bool = True) -> nn.Module:
    timm = optional("timm")
    name, _, weights = what.partition(".")
    if name not in (known := timm.list_models()):
        near = get_close_matches(name, known, n=5)
        raise unknown("timm model", name, near, "another of timm.list_models()")
    if weights and what not in (known := timm.list_pretrained(f"{name}.*")):
        raise unknown("weights", what, known)
    try:
        return timm.create_model(what, pretrained=bool(weights) and fetch)
    except (OSError, RuntimeError) as problem:
        if not weights:
            raise
        told = f"timm's weights {what} are not in its cache and not fetched ({problem})"
        raise FileNotFoundError(f"{told}: create the model once where there is a network") from None


def _python(what: str) -> nn.Module:
    module, _, function = what.rpartition(".")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as problem:
        wanted = "PACKAGE.MODULE.FUNCTION in the working directory or in PYTHONPATH"
        told = f"teacher python:{what} cannot be imported ({problem}), expected {wanted}"
        raise ValueError(told) from problem
    if not callable(make) or not isinstance(model := make(), nn.Module):
        raise ValueError(
            f"teacher python:{what} gave no torch module, expected a function that does"
        )
    return model


# By what a spec begins with.
LOADERS: dict[str, Callable] = {"torchvision:": _torchvision, "timm:": _timm, OWN: _python}
