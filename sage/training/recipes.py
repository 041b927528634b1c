"""The paper's training recipes, scaled to a number of epochs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from math import cos, pi

import torch
from torch import Tensor, nn

from sage.images import preprocessing
from sage.images.image_files import Labelled


@dataclass(frozen=True)
class Recipe(ABC):
    """A training recipe: stochastic gradient descent with Nesterov momentum."""

    epochs: float  # passes over the training images
    batch_size: int
    published_epochs: float  # before the recipe was scaled to `epochs`
    learning_rate: float
    weight_decay: float  # of all trained values
    momentum: float = 0.9
    clip: float | None = None  # longest gradient over all trained values; None means any
    # Probability that the last cell's paths stay; it falls linearly over training, from 1 to this.
    drop_path_keep: float = 1.0
    auxiliary_weight: float = 0.0  # of the loss of a network's second output, if it has one

    @abstractmethod
    def rate(self, done: float) -> float:
        """Return a step's learning rate; `done` in [0, 1) is the part of training before it."""

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return an optimizer whose learning rate the trainer sets before every step."""
        rate, momentum, decay = self.learning_rate, self.momentum, self.weight_decay
        return torch.optim.SGD(parameters, rate, momentum, weight_decay=decay, nesterov=True)

    def standardiser(self, images: Labelled) -> Callable[[Tensor], Tensor]:
        """Return what makes input of images [B, 3, H, W] uint8, given those of training."""
        return preprocessing.standardise

    @property
    def description(self) -> dict:
        """All that determines the recipe, JSON-ready."""
        return {"schedule": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Steps(Recipe):
    """A recipe that divides the learning rate by 10 after each of `drops`, parts of training."""

    drops: tuple[float, ...]

    def rate(self, done: float) -> float:
        return self.learning_rate * 0.1 ** sum(done >= drop for drop in self.drops)


@dataclass(frozen=True)
class Cosine(Recipe):
    """A recipe whose learning rate falls to 0 as a cosine (Loshchilov and Hutter 2017, SGDR)."""

    def rate(self, done: float) -> float:
        return self.learning_rate * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class NASBench201(Cosine):
    """A recipe for images in memory, standardised by the training images' channels."""

    def standardiser(self, images: Labelled) -> Callable[[Tensor], Tensor]:
        return preprocessing.by_channel(images.images)


@dataclass(frozen=True, kw_only=True)
class ImageNet(Steps):
    """A recipe with RMSProp, for crops of large images.

    The paper gives decay and momentum; `epsilon` is that of NASNet's authors (tensorflow/models,
    slim). Torch adds it to the root of the mean square; theirs stands under the root.
    """

    decay: float = 0.9
    epsilon: float = 1.0

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        rate, alpha, epsilon = self.learning_rate, self.decay, self.epsilon
        decay, momentum = self.weight_decay, self.momentum
        return torch.optim.RMSprop(parameters, rate, alpha, epsilon, decay, momentum)


def candidate_recipe(epochs: float, batch_size: int) -> Recipe:
    """Return the paper's recipe for the CNN space: 300 epochs, drops every 100, scaled."""
    drops = (1 / 3, 2 / 3)  # weight decay is not stated there, but by Zoph and Le 2017
    return Steps(epochs, batch_size, 300, learning_rate=0.1, weight_decay=1e-4, drops=drops)


def teacher_recipe(epochs: float, batch_size: int) -> Recipe:
    """Return the recipe of He et al. 2016, section 4.2: 64k steps, drops at 32k and 48k, scaled."""
    published, drops = 64_000 * 128 / 45_000, (1 / 2, 3 / 4)
    return Steps(epochs, batch_size, published, learning_rate=0.1, weight_decay=1e-4, drops=drops)


def cell_recipe(
    epochs: float, batch_size: int, *, drop_path_keep: float = 0.6, auxiliary_weight: float = 0.4
) -> Recipe:
    """Return the paper's recipe for cells on CIFAR: 600 epochs with one cosine, scaled.

    Drop-path and auxiliary weight are not stated there: the values are those of Zoph et al. 2018.
    """
    kept = {"drop_path_keep": drop_path_keep, "auxiliary_weight": auxiliary_weight}
    return Cosine(epochs, batch_size, 600, learning_rate=0.025, weight_decay=5e-4, clip=5.0, **kept)


def nasbench201_recipe(
    epochs: float = 200, batch_size: int = 256, *, learning_rate: float = 0.1
) -> Recipe:
    """Return the recipe of NAS-Bench-201's published accuracies: 200 epochs with one cosine.

    A candidate sees the beginning of that, or with fewer `epochs` a cosine that ends with them.

    Source: Dong and Yang 2020, arXiv:2001.00326, table 1, and their configuration: no warm-up.
    """
    return NASBench201(epochs, batch_size, 200, learning_rate=learning_rate, weight_decay=5e-4)


def imagenet_recipe(epochs: float, batch_size: int) -> Recipe:
    """Return the paper's recipe for cells on ImageNet: 40 epochs, drops every 15, scaled."""
    rates, drops = {"learning_rate": 0.1, "weight_decay": 4e-5, "clip": 10.0}, (15 / 40, 30 / 40)
    return ImageNet(epochs, batch_size, 40, drops=drops, **rates)
