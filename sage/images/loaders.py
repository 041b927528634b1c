"""Where the images of a training's steps come from: memory, or files."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import numpy as np
import torch
from torch import Tensor

from sage.compute import parallel
from sage.images.image_files import read_batches
from sage.images.preprocessing import Crop


class Batches(ABC):
    """What every step of a training shows, drawn from (seed, step) alone.

    Args:
        labels: [N] int64. size: images in a batch, of all ranks. device: of the training. drawn_on: device that draws.
    """

    def __init__(
        self, labels: Tensor, *, size: int, seed: int, device: torch.device, drawn_on: torch.device
    ):
        self.labels, self.size, self.seed = labels.to(drawn_on), size, seed
        self.device, self.drawn_on = device, drawn_on
        self.steps_per_epoch = len(labels) // size
        self._ordered = -1

    @abstractmethod
    def steps(self, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Images [B, 3, H, W] uint8, as augmented, and labels [B] of the steps from first to before last."""

    def indices(self, step: int) -> Tensor:
        """Of the step's images, this rank's share [B]: each is shown at most once in an epoch."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if self._ordered != epoch:
            drawn = self.generator("order", epoch)
            self._order = torch.randperm(len(self.labels), generator=drawn, device=self.drawn_on)
            self._ordered = epoch
        return parallel.share(self._order[within * self.size : (within + 1) * self.size])

    def generator(self, purpose: str, index: int) -> torch.Generator:
        """As `generator`, of the training's seed."""
        return generator(self.seed, purpose, index, self.drawn_on)


class FromMemory(Batches):
    """Images [N, 3, H, W] uint8 that lie on the training device, augmented there in batches."""

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        augment: Callable[[Tensor, torch.Generator], Tensor],
        *,
        size: int,
        seed: int,
        device: torch.device,
    ):
        super().__init__(labels, size=size, seed=seed, device=device, drawn_on=device)
        self.images, self.augment = images.to(device), augment

    def steps(self, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        for step in range(first, last):
            chosen = self.indices(step)
            yield (
                self.augment(self.images[chosen], self.generator("augment", step)),
                self.labels[chosen],
            )


class FromFiles(Batches):
    """Images in files, which other processes read and cut; what to cut is drawn here, so that their number is free."""

    def __init__(
        self,
        files: Sequence[str],
        labels: Tensor,
        crops: Callable[[int, torch.Generator], list[Crop]],
        *,
        size: int,
        seed: int,
        device: torch.device,
    ):
        super().__init__(labels, size=size, seed=seed, device=device, drawn_on=torch.device("cpu"))
        self.files, self.crops = files, crops

    def steps(self, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        chosen = [self.indices(step) for step in range(first, last)]
        if not chosen:
            return
        with closing(read_batches(map(self._cuts, range(first, last), chosen))) as batches:
            for places, images in zip(chosen, batches):
                yield images.to(self.device, non_blocking=True), self.labels[places].to(self.device)

    def _cuts(self, step: int, chosen: Tensor) -> list[tuple[str, Crop]]:
        crops = self.crops(len(chosen), self.generator("augment", step))
        return [(self.files[place], crop) for place, crop in zip(chosen.tolist(), crops)]


def generator(seed: int, purpose: str, index: int, device: torch.device) -> torch.Generator:
    """Of the random numbers for one purpose, "order" (by epoch), "augment" or "drop" (by step).

    Torch's CPU generator keeps 32 bits of a seed, so that they have to be mixed beforehand.
    """
    entropy = [seed, ("order", "augment", "drop").index(purpose), index]
    state = np.random.SeedSequence(entropy).generate_state(1)[0]
    return torch.Generator(device).manual_seed(int(state))
