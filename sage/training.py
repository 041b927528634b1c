"""Training of one network: the recipe, and a trainer that stops and goes on at any step."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sage import devices
from sage.preprocessing import augment, standardise


class Diverged(RuntimeError):
    """The training loss is no longer finite."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum and a learning rate that drops in steps.

    `drops` are the fractions of training after which the rate is divided by 10.
    """

    epochs: float
    batch_size: int
    drops: tuple[float, ...]
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4


def candidate_recipe(epochs: int, batch_size: int) -> Recipe:
    """The paper's for networks of the convolutional space: 300 epochs, dropping after every 100, scaled.

    Weight decay is not stated there: 1e-4 is the value of Zoph and Le 2017.
    """
    return Recipe(epochs=epochs, batch_size=batch_size, drops=(1 / 3, 2 / 3))


def teacher_recipe(epochs: int, batch_size: int) -> Recipe:
    """He et al. 2016, section 4.2: 64k steps with drops at 32k and 48k, scaled."""
    return Recipe(epochs=epochs, batch_size=batch_size, drops=(1 / 2, 3 / 4))


class Trainer:
    """Trains a network up to a given epoch, again and again.

    Every step draws its images and their augmentation from (seed, step) alone. So nothing that
    happens between two calls disturbs the training, and the state to resume from is small.

    Args:
        model: moved to `device`. images: [N, 3, H, W] uint8. labels: [N] int64.

    Raises:
        ValueError: fewer images than one batch.
    """

    def __init__(
        self, model: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe, *, seed: int, device: torch.device
    ):
        if len(images) < recipe.batch_size:
            raise ValueError(f"{len(images)} training images, expected at least one batch of {recipe.batch_size}")
        self.model = model.to(device, memory_format=torch.channels_last)
        self.images, self.labels = images.to(device), labels.to(device)
        self.recipe, self.seed, self.device = recipe, seed, device
        self.optimizer = torch.optim.SGD(
            model.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        self.steps_per_epoch = len(images) // recipe.batch_size
        self.step = 0
        self._ordered = -1
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)

    @property
    def examples(self) -> int:
        """Training examples processed so far."""
        return self.step * self.recipe.batch_size

    def advance(self, epoch: float) -> None:
        """Train up to `epoch`, a fraction allowed.

        Raises:
            Diverged: the loss became infinite or NaN on the way; checked once per epoch, as a look
                at the device's numbers waits for the device.
        """
        last = round(epoch * self.steps_per_epoch)
        self.model.train()
        with devices.deterministic():
            while self.step < last:
                self._step()
                if self.step % self.steps_per_epoch == 0 or self.step == last:
                    if not torch.isfinite(self.loss_sum):
                        raise Diverged(f"training loss is {self.loss_sum.item()} by step {self.step}")

    def state_dict(self) -> dict:
        """All that a resumed training needs."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "loss_sum": self.loss_sum,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on where another trainer of the same network, images, recipe and seed stood."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.loss_sum = state["loss_sum"].to(self.device)

    def _step(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        chosen, generator = self._batch()
        batch = standardise(augment(self.images[chosen], generator))
        with devices.autocast(self.device):
            scores = self.model(batch)
        loss = nn.functional.cross_entropy(scores.float(), self.labels[chosen])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.loss_sum += loss.detach()
        self.step += 1

    def _learning_rate(self) -> float:
        done = self.step / (self.recipe.epochs * self.steps_per_epoch)
        return self.recipe.learning_rate * 0.1 ** sum(done >= drop for drop in self.recipe.drops)

    def _batch(self) -> tuple[Tensor, torch.Generator]:
        """Indices [B] of the step's images, and the generator of its augmentation."""
        epoch, within = divmod(self.step, self.steps_per_epoch)
        if self._ordered != epoch:
            generator = self._generator("order", epoch)
            self._order = torch.randperm(len(self.images), generator=generator, device=self.device)
            self._ordered = epoch
        size = self.recipe.batch_size
        return self._order[within * size : (within + 1) * size], self._generator("augment", self.step)

    def _generator(self, purpose: str, index: int) -> torch.Generator:
        """Torch's CPU generator keeps 32 bits of a seed, so that they have to be mixed beforehand."""
        entropy = [self.seed, ("order", "augment").index(purpose), index]
        state = np.random.SeedSequence(entropy).generate_state(1)[0]
        return torch.Generator(self.device).manual_seed(int(state))
