"""Training of one network: the paper's recipes, and a trainer that stops and goes on at any step."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from math import cos, pi

import torch
from torch import Tensor, nn

from sage import batches, devices, parallel, preprocessing, replicas
from sage.batches import FromFiles, FromMemory
from sage.preprocessing import Crop


class Diverged(RuntimeError):
    """The training loss is no longer finite."""


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


class Trainer:
    """Trains a network up to a given epoch, again and again.

    Every step draws its images, their augmentation and dropped paths from (seed, step) alone. So nothing that
    happens between two calls disturbs the training, and the state to resume from is small. The ranks of a group (see
    `parallel`) have a trainer each, all of the same arguments, and share its batches: the training is the same up to
    rounding, and so is its state, on however many ranks.

    Args:
        model: moved to `device`; gives scores [B, C], and in training mode a pair with those of an auxiliary
            classifier if it has one. images: [N, 3, H, W] uint8, or paths of N files. labels: [N] int64.

    Raises:
        ValueError: fewer images than one batch, a batch that ranks cannot share, or as `replicas.joined`.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Tensor | Sequence[str],
        labels: Tensor,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
    ):
        if len(images) < recipe.batch_size:
            raise ValueError(
                f"{len(images)} training images, expected at least one batch of {recipe.batch_size}"
            )
        if recipe.batch_size % parallel.size():
            raise ValueError(
                f"batch size is {recipe.batch_size}, expected a multiple of {parallel.size()} processes"
            )
        self.model = model.to(device, memory_format=torch.channels_last)
        self._replica = replicas.joined(self.model)
        self.recipe, self.seed, self.device = recipe, seed, device
        kind, shown = (
            (FromMemory, recipe.augment)
            if isinstance(images, Tensor)
            else (FromFiles, recipe.crops)
        )
        self.batches = kind(images, labels, shown, size=recipe.batch_size, seed=seed, device=device)
        self.optimizer = recipe.optimizer(model.parameters())
        self.steps_per_epoch = self.batches.steps_per_epoch
        self.step = 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        # On the device, as a look at each would wait for it.
        self._losses = torch.full(
            (round(recipe.epochs * self.steps_per_epoch),), torch.nan, device=device
        )

    @property
    def examples(self) -> int:
        """Training examples processed so far."""
        return self.step * self.recipe.batch_size

    @property
    def losses(self) -> Tensor:
        """Mean loss [steps] float32 of each step so far, in nats; NaN for those of a training that this one resumed."""
        return self._losses[: self.step]

    def advance(self, epoch: float) -> None:
        """Train up to `epoch`, a fraction allowed.

        Raises:
            Diverged: the loss became infinite or NaN on the way; checked once per epoch, as a look
                at the device's numbers waits for the device. Files raise as `read_batches`.
        """
        last = round(epoch * self.steps_per_epoch)
        self.model.train()
        with devices.deterministic(), closing(self.batches.steps(self.step, last)) as steps:
            for images, labels in steps:
                self._step(images, labels)
                if self.step % self.steps_per_epoch == 0 or self.step == last:
                    if not torch.isfinite(self.loss_sum):
                        raise Diverged(
                            f"training loss is {self.loss_sum.item()} by step {self.step}"
                        )

    def state_dict(self) -> dict:
        """All that a resumed training needs."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "loss_sum": self.loss_sum,
            "seed": self.seed,
            "recipe": self.recipe.description,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on where another trainer of the same network and images stood.

        Raises:
            ValueError: the state is of another recipe or seed.
        """
        for name, own in (("seed", self.seed), ("recipe", self.recipe.description)):
            if state[name] != own:
                raise ValueError(
                    f"the state to resume from has {name} {state[name]}, expected {own}"
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.loss_sum = state["loss_sum"].to(self.device)

    def _step(self, images: Tensor, labels: Tensor) -> None:
        done = self.step / (self.recipe.epochs * self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(done)
        if self.recipe.drop_path_keep < 1:
            keep = 1 - done * (1 - self.recipe.drop_path_keep)
            drawn = batches.generator(self.seed, "drop", self.step, self.device)
            self.model.set_drop_path(keep=keep, generator=drawn)
        batch = preprocessing.standardise(images)
        with devices.autocast(self.device):
            outputs = self._replica(batch)
        scores, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = nn.functional.cross_entropy(scores.float(), labels)
        self._losses[self.step] = mean = parallel.mean(loss.detach())
        self.loss_sum += mean
        for side in auxiliary:
            loss = loss + self.recipe.auxiliary_weight * nn.functional.cross_entropy(
                side.float(), labels
            )
        self.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.step += 1
