"""The paper's training recipes, scaled to a number of epochs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import cos, pi

import torch
from torch import Tensor, nn

from sage.images import preprocessing
from sage.images.preprocessing import Crop


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """How a network is trained: stochastic gradient descent with Nesterov momentum, here without a learning rate.

    Args:
        epochs: passes over the training images. published_epochs: of the recipe before it was scaled to `epochs`.
        weight_decay: of all trained values. clip: longest gradient over all of them, None for any.
        drop_path_keep: probability with which the last cell's paths stay, see `CellNetwork.set_drop_path`; falls
            linearly over training, from 1 to this.
        auxiliary_weight: of the loss of a network's second output, if it has one.
    """

    epochs: float
    batch_size: int
    published_epochs: float
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    clip: float | None = None
    drop_path_keep: float = 1.0
    auxiliary_weight: float = 0.0

    @abstractmethod
    def rate(self, done: float) -> float:
        """Learning rate of a step, `done` is the part of training before it, in [0, 1)."""

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Of a network's parameters; the trainer sets its learning rate before every step."""
        return torch.optim.SGD(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=True,
        )

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Of images [B, 3, H, W] what the network is shown, see `preprocessing`."""
        return preprocessing.augment(images, generator)

    def crops(self, count: int, generator: torch.Generator) -> list[Crop]:
        """What the network is shown of `count` images of any size.

        Raises:
            ValueError: the recipe is for images of one size.
        """
        raise ValueError(
            f"{type(self).__name__} is a recipe for images of one size, expected one for files: ImageNet"
        )

    @property
    def description(self) -> dict:
        """All that determines the recipe, JSON-ready."""
        return {"schedule": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Steps(Recipe):
    """The learning rate is divided by 10 after each of `drops`, fractions of training."""

    drops: tuple[float, ...]

    def rate(self, done: float) -> float:
        return self.learning_rate * 0.1 ** sum(done >= drop for drop in self.drops)


@dataclass(frozen=True, kw_only=True)
class Cosine(Recipe):
    """The learning rate falls to 0 as half a period of the cosine (Loshchilov and Hutter 2017)."""

    def rate(self, done: float) -> float:
        return self.learning_rate * (1 + cos(pi * done)) / 2


@dataclass(frozen=True, kw_only=True)
class ImageNet(Steps):
    """RMSProp, and crops of large images.

    The paper gives decay and momentum; `epsilon` is that of NASNet's authors (tensorflow/models, slim). It is added to
    the root of the mean square here, as torch does, where theirs stands under the root.
    """

    decay: float = 0.9
    epsilon: float = 1.0

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(
            parameters,
            lr=self.learning_rate,
            alpha=self.decay,
            eps=self.epsilon,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return preprocessing.scaled_crop(images, generator)

    def crops(self, count: int, generator: torch.Generator) -> list[Crop]:
        return preprocessing.scaled_crops(count, generator)


def candidate_recipe(epochs: float, batch_size: int) -> Recipe:
    """The paper's for networks of the convolutional space: 300 epochs, dropping after every 100, scaled.

    Weight decay is not stated there: 1e-4 is the value of Zoph and Le 2017.
    """
    return Steps(
        epochs=epochs,
        batch_size=batch_size,
        published_epochs=300,
        learning_rate=0.1,
        weight_decay=1e-4,
        drops=(1 / 3, 2 / 3),
    )


def teacher_recipe(epochs: float, batch_size: int) -> Recipe:
    """He et al. 2016, section 4.2: 64k steps with drops at 32k and 48k, scaled."""
    return Steps(
        epochs=epochs,
        batch_size=batch_size,
        published_epochs=64_000 * 128 / 45_000,
        learning_rate=0.1,
        weight_decay=1e-4,
        drops=(1 / 2, 3 / 4),
    )


def cell_recipe(
    epochs: float, batch_size: int, *, drop_path_keep: float = 0.6, auxiliary_weight: float = 0.4
) -> Recipe:
    """The paper's for cells on CIFAR: 600 epochs with one cosine, scaled.

    Drop-path and auxiliary classifier are not stated there: the values are those of Zoph et al. 2018.
    """
    return Cosine(
        epochs=epochs,
        batch_size=batch_size,
        published_epochs=600,
        learning_rate=0.025,
        weight_decay=5e-4,
        clip=5.0,
        drop_path_keep=drop_path_keep,
        auxiliary_weight=auxiliary_weight,
    )


def imagenet_recipe(epochs: float, batch_size: int) -> Recipe:
    """The paper's for cells on ImageNet: 40 epochs in batches of 128, dropping after every 15, scaled."""
    return ImageNet(
        epochs=epochs,
        batch_size=batch_size,
        published_epochs=40,
        learning_rate=0.1,
        weight_decay=4e-5,
        clip=10.0,
        drops=(15 / 40, 30 / 40),
    )
