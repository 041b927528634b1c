"""A trainer that stops and goes on at any step."""

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from sage.compute import devices, parallel, replicas
from sage.images import loaders, preprocessing
from sage.images.image_files import Labelled
from sage.images.loaders import Batches
from sage.models.cells import CellNetwork
from sage.training.recipes import Recipe


class Diverged(RuntimeError):
    """The training loss is no longer finite."""


class Trainer:
    """Trains a network up to a given epoch, again and again.

    Every step draws its images, their augmentation and dropped paths from (seed, step) alone: what
    happens between two calls disturbs nothing, and the state to resume from is small. The ranks of
    a group (see `parallel`) have a trainer each, all of the same arguments, and share its batches:
    training and state are the same up to rounding on however many ranks.

    Args:
        model: gives scores [B, C], and in training mode a pair with those of an auxiliary
            classifier if it has one; moved to `device`.
        images: of training, in memory or in files.

    Raises:
        ValueError: too few images, a batch that ranks cannot share, or as `replicas.joined`.
    """

    def __init__(
        self, model: nn.Module, images: Labelled, recipe: Recipe, *, seed: int, device: torch.device
    ):
        count, size, ranks = len(images), recipe.batch_size, parallel.size()
        if count < size:
            raise ValueError(f"{count} training images, expected at least one batch of {size}")
        if size % ranks:
            raise ValueError(f"batch size is {size}, expected a multiple of {ranks} processes")
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.model.standardise = recipe.standardiser(images)  # type: ignore[assignment]
        self._replica = replicas.joined(self.model)
        self.recipe, self.seed, self.device = recipe, seed, device
        self.batches = Batches(images, size=size, seed=seed, device=device)
        self.optimizer = recipe.optimizer(model.parameters())
        self.steps_per_epoch, self.step = self.batches.steps_per_epoch, 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        # On the device, as a look at each would wait for it.
        steps = round(recipe.epochs * self.steps_per_epoch)
        self._losses = torch.full((steps,), torch.nan, device=device)

    @classmethod
    def begin(
        cls, build: Callable[[], nn.Module], images: Labelled, recipe: Recipe, *, seed: int
    ) -> Self:
        """Return a trainer at its start, on the default device; the seed gives initial weights."""
        with devices.weights_from(seed):
            model = build()
        return cls(model, images, recipe, seed=seed, device=devices.default())

    @property
    def examples(self) -> int:
        return self.step * self.recipe.batch_size

    @property
    def losses(self) -> Tensor:
        """Mean loss [steps] float32 of each step so far, in nats; NaN before training resumed."""
        return self._losses[: self.step]

    def advance(self, epoch: float) -> None:
        """Train up to `epoch`, a fraction allowed.

        Raises:
            Diverged: the loss is not finite; checked once an epoch, as it waits for the device.
            ValueError: a damaged file.
        """
        last = round(epoch * self.steps_per_epoch)
        self.model.train()
        with devices.deterministic(), closing(self.batches.steps(self.step, last)) as steps:
            for images, labels in steps:
                self._step(images, labels)
                looked = self.step % self.steps_per_epoch == 0 or self.step == last
                if looked and not torch.isfinite(self.loss_sum):
                    raise Diverged(f"training loss is {self.loss_sum.item()} by step {self.step}")

    @torch.no_grad()
    def measured_model(self) -> nn.Module:
        """Return the network as it is measured: before the first step, a copy.

        The copy's batch normalisation has the statistics of the first step's images. The initial
        ones, a mean of 0 and a variance of 1, let activations grow or fade from layer to layer.
        """
        if self.step:
            return self.model
        ((images, _),) = self.batches.steps(0, 1)
        model = deepcopy(self.model).train()
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = None  # takes the batch's statistics whole
        with devices.deterministic(), devices.autocast(self.device):
            model(preprocessing.as_shown(images, model))
        return model

    def state_dict(self) -> dict:
        """Return all that a resumed training needs."""
        modules = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        reached = {"step": self.step, "loss_sum": self.loss_sum}
        return {**modules, **reached, "seed": self.seed, "recipe": self.recipe.description}

    def load_state_dict(self, state: dict) -> None:
        """Go on where another trainer of the same network, images, recipe and seed stood."""
        for name, own in (("seed", self.seed), ("recipe", self.recipe.description)):
            if state[name] != own:
                raise ValueError(
                    f"the state to resume from has {name} {state[name]}, expected {own}"
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.loss_sum = state["step"], state["loss_sum"].to(self.device)

    def _step(self, images: Tensor, labels: Tensor) -> None:
        recipe, done = self.recipe, self.step / (self.recipe.epochs * self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate(done)
        if recipe.drop_path_keep < 1:
            keep = 1 - done * (1 - recipe.drop_path_keep)
            drawn = loaders.generator(self.seed, "drop", self.step, self.device)
            cast(CellNetwork, self.model).set_drop_path(keep=keep, generator=drawn)
        batch = preprocessing.as_shown(images, self.model)
        with devices.autocast(self.device):
            outputs = self._replica(batch)
        scores, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = cross_entropy(scores.float(), labels)
        self._losses[self.step] = mean = parallel.mean(loss.detach())
        self.loss_sum += mean
        for side in auxiliary:
            loss = loss + recipe.auxiliary_weight * cross_entropy(side.float(), labels)
        self.optimizer.zero_grad()
        loss.backward()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.step += 1
