"""Trained networks as files: weights, classes and preprocessing, without code in them."""

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from torch import Tensor, nn

from sage.compute import devices
from sage.config import paths
from sage.images import preprocessing
from sage.images.datasets import averaged_down
from sage.images.preprocessing import ByChannel
from sage.models.cells import CellNetwork
from sage.models.cnn import ConvolutionalNetwork
from sage.models.genotypes import parse_genotype
from sage.models.nasbench201 import NASBench201Network
from sage.spaces import Layer

FORMAT = 1  # Raise it when files of before can no longer be read.


class Classifier(nn.Module):
    """A trained network that takes pixels, and knows its classes.

    Args:
        network: of one of `KINDS`, with the `standardise` that it was trained with.
        classes: names, in the order of its scores.
        image_size: pixels a side that it was trained at.
        about: what else is known of it, such as its accuracy; texts and numbers by name.
    """

    def __init__(self, network: nn.Module, classes: tuple[str, ...], image_size: int, about: dict):
        super().__init__()
        self.network, self.classes = network, classes
        self.image_size, self.about = image_size, about

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, C] of images [B, 3, H, W] uint8, averaged down to `image_size`.

        Raises:
            ValueError: smaller images.
        """
        if images.shape[2:] != (self.image_size, self.image_size):
            images = averaged_down(images, self.image_size)
        return self.network(preprocessing.as_shown(images, self.network))

    @torch.inference_mode()
    def predict(self, images: Tensor) -> pd.DataFrame:
        """Return a row for each image, with its most probable class and that one's probability."""
        place = next(self.parameters(), images).device
        most = self(images.to(place)).softmax(1).max(1)
        names = [self.classes[number] for number in most.indices.tolist()]
        return pd.DataFrame({"predicted": names, "probability": most.values.tolist()})


def kind_of(network: nn.Module) -> str:
    """Return which of `KINDS` a network is; ValueError for another, or one without `settings`."""
    if (kind := type(network).__name__) not in KINDS:
        raise ValueError(f"cannot save a {kind}, expected one of {', '.join(KINDS)}")
    if not hasattr(network, "settings"):
        raise ValueError(f"cannot save a {kind} without settings, expected what it is made with")
    return kind


def save(classifier: Classifier, path: Path | str) -> Path:
    """Write a classifier so that `load` reads it, whole or not at all, and return the path.

    Raises:
        ValueError: its network is none of `KINDS`.
    """
    network = classifier.network
    content = {"format": FORMAT, "kind": kind_of(network), "settings": network.settings}
    content |= {"weights": {name: one.cpu() for name, one in network.state_dict().items()}}
    content |= {name: getattr(classifier, name) for name in ("classes", "image_size", "about")}
    own = getattr(network, "standardise", None)
    content["by_channel"] = (own.shift, own.scale) if isinstance(own, ByChannel) else None
    return paths.replace(Path(path), partial(torch.save, content))


def load(path: Path | str) -> Classifier:
    """Return the network in a file that `save` wrote, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another file, or one of another version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as problem:
        raise ValueError(f"{path} is no saved network, or is damaged: {problem}") from problem
    known = content if isinstance(content, dict) else {}
    if known.get("format") != FORMAT or known.get("kind") not in KINDS:
        told = f"{path} has format {known.get('format')} of a {known.get('kind')}"
        raise ValueError(f"{told}, expected format {FORMAT} of {', '.join(KINDS)}")
    with devices.weights_from(0):  # which are replaced
        network = KINDS[content["kind"]](**content["settings"])
    network.load_state_dict(content["weights"])
    by_channel = content["by_channel"]
    standardise = ByChannel(*by_channel) if by_channel else preprocessing.standardise
    network.standardise = cast(nn.Module, standardise)
    network = network.to(memory_format=torch.channels_last)
    parts = (content[name] for name in ("classes", "image_size", "about"))
    return Classifier(network, *parts).eval()


def _convolutional(*, layers: list[dict], **settings) -> nn.Module:
    return ConvolutionalNetwork(tuple(Layer(**one) for one in layers), **settings)


def _cells(*, genotype: str, **settings) -> nn.Module:
    return CellNetwork(parse_genotype(genotype), **settings)


# How networks are made of their `settings`.
KINDS: dict[str, Callable[..., nn.Module]] = {
    ConvolutionalNetwork.__name__: _convolutional,
    CellNetwork.__name__: _cells,
    NASBench201Network.__name__: NASBench201Network,
}
