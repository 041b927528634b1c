"""Batches of training images, drawn for each step from memory or from files."""

from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sage.compute import parallel
from sage.images import preprocessing
from sage.images.image_files import Cut, Labelled, read_batches


class Batches:
    """Images and labels of every step of a training, drawn from (seed, step) alone.

    Args:
        images: tensors, augmented in batches on the training device, or files, which other
            processes read and cut, see `preprocessing`.
        size: images in a batch, of all ranks together.
    """

    def __init__(self, images: Labelled, *, size: int, seed: int, device: torch.device):
        in_memory = isinstance(images.images, Tensor)
        self.images = images.images.to(device) if in_memory else images.images
        # Crops are drawn here and not where files are read, so that any number of processes may.
        self.drawn_on = device if in_memory else torch.device("cpu")
        self.labels = images.labels.to(self.drawn_on)
        self.generator = partial(generator, seed, device=self.drawn_on)
        self.size, self.device = size, device
        self.steps_per_epoch = len(images) // size
        self._order, self._ordered = torch.empty(0), -1  # and the epoch that it is of

    def steps(self, first: int, last: int) -> Generator[tuple[Tensor, Tensor]]:
        """Yield images [B, 3, H, W] uint8 and labels [B] of the steps from first to before last."""
        steps = range(first, last)
        if isinstance(self.images, Tensor):
            for step in steps:
                chosen, drawn = self.indices(step), self.generator("augment", step)
                yield preprocessing.augment(self.images[chosen], drawn), self.labels[chosen]
        elif steps:
            every = list(map(self.indices, steps))
            with closing(read_batches(map(self._cuts, steps, every))) as batches:
                for chosen, shown in zip(every, batches):
                    labels = self.labels[chosen].to(self.device)
                    yield shown.to(self.device, non_blocking=True), labels

    def indices(self, step: int) -> Tensor:
        """Draw a step's images, this rank's share [B]: each is shown at most once in an epoch."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if self._ordered != epoch:
            drawn = self.generator("order", epoch)
            self._order = torch.randperm(len(self.labels), generator=drawn, device=self.drawn_on)
            self._ordered = epoch
        return parallel.share(self._order[within * self.size : (within + 1) * self.size])

    def _cuts(self, step: int, chosen: Tensor) -> list[Cut]:
        drawn = self.generator("augment", step)
        crops: list[Any] = preprocessing.scaled_crops(len(chosen), drawn)
        return [(self.images[place], crop) for place, crop in zip(chosen.tolist(), crops)]


def generator(seed: int, purpose: str, index: int, device: torch.device) -> torch.Generator:
    """Return a generator for one purpose: "order" (of an epoch), "augment" or "drop" (of a step).

    Torch's CPU generator keeps 32 bits of a seed, so that they have to be mixed beforehand.
    """
    entropy = [seed, ("order", "augment", "drop").index(purpose), index]
    state = np.random.SeedSequence(entropy).generate_state(1)[0]
    return torch.Generator(device).manual_seed(int(state))
