"""What was recorded from a region of a brain: its RDMs, and how reliable they are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sage import rdm
from sage.stimuli import StimulusSet

SIMULATED = "simulated "  # begins the names of regions that nobody recorded
SPLITS = 20  # random halves of the trials behind a reliability: its mean settles to 0.01


@dataclass(frozen=True)
class Region(ABC):
    """What a file tells of one region."""

    region: str
    path: Path
    stimuli: StimulusSet

    @property
    def simulated(self) -> bool:
        """Whether no animal was recorded: names of simulated regions say so."""
        return self.region.startswith(SIMULATED)

    @property
    @abstractmethod
    def extent(self) -> str:
        """How much was recorded, in words."""

    @abstractmethod
    def check(self) -> None:
        """Raises ValueError if RDMs of what the file has would mean nothing."""

    @abstractmethod
    def rdm(self, level: str) -> np.ndarray:
        """Condensed RDM of the conditions of a level, in [0, 2]."""

    @abstractmethod
    def noise_ceiling(self, level: str) -> tuple[float, float]:
        """Bounds in [-1, 1] of the correlation that a true model's RDM can reach; NaN where the file does not tell."""


@dataclass(frozen=True)
class Recording(Region):
    """Responses of a region's sites, trial by trial.

    Args:
        trials: [N, U, R] float32, the response of a site to each presentation of an image; NaN where an image was
            presented less often than another.
    """

    trials: np.ndarray

    @property
    def extent(self) -> str:
        _, sites, trials = self.trials.shape
        return f"{sites} sites, {f'up to {trials} trials' if trials > 1 else 'mean responses'}"

    def check(self) -> None:
        """Raises ValueError for fewer than two sites, one without response to some image, or with the same to all."""
        count = self.trials.shape[1]
        if count < 2:
            raise ValueError(f"region {self.region} has {count} site, expected 2 or more")
        for problem, sites in (
            ("no response to some image", np.isnan(self.responses).any(0)),
            ("the same response to every image", np.ptp(self.responses, axis=0) == 0),
        ):
            if sites.any():
                numbers = ", ".join(map(str, np.flatnonzero(sites)[:10]))
                raise ValueError(
                    f"region {self.region} has {sites.sum()} sites with {problem}, expected none; "
                    f"leave out the sites {numbers}{', ...' if sites.sum() > 10 else ''} (counted from 0)"
                )

    @cached_property
    def responses(self) -> np.ndarray:
        """Mean over trials, [N, U]."""
        return _mean(self.trials)

    def rdm(self, level: str) -> np.ndarray:
        """Condensed RDM of the mean responses to each condition of a level."""
        return _rdm(self.responses, self.stimuli.conditions[level])

    def reliability(self, level: str) -> float:
        """Correlation [-1, 1] that the RDM would have with one from as many other trials; NaN without trials.

        Trials of each image are split in halves at random, `SPLITS` times; the mean correlation r of the halves'
        RDMs becomes 2r / (1 + r), Spearman and Brown's correction for twice as many trials.
        """
        if (np.isfinite(self.trials).any(1).sum(1) < 2).any():
            return float("nan")
        rng = np.random.default_rng(0)
        conditions = self.stimuli.conditions[level]
        found = []
        for _ in range(SPLITS):
            halves = [_rdm(_mean(half), conditions) for half in self._halves(rng)]
            found.append(rdm.similarity(halves[0][None], halves[1][None]).item())
        r = float(np.mean(found))
        return 2 * r / (1 + r)

    def noise_ceiling(self, level: str) -> tuple[float, float]:
        """Both bounds are the root of the reliability: the correlation with an RDM without noise."""
        ceiling = max(self.reliability(level), 0.0) ** 0.5
        return ceiling, ceiling

    def sample(self, sites: int, trials: int, rng: np.random.Generator) -> "Recording":
        """A poorer recording: so many random sites, and random trials of each image, as many as there are up to that.

        Raises:
            ValueError: more sites or trials than there are.
        """
        _, every, most = self.trials.shape
        if not 2 <= sites <= every or not 1 <= trials <= most:
            raise ValueError(
                f"region {self.region}: {sites} sites and {trials} trials asked for, expected 2 to {every} and 1 to {most}"
            )
        chosen = np.sort(rng.choice(every, sites, replace=False))
        return replace(self, trials=self._shuffled(rng)[:, chosen, :trials])

    def _shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Trials of each image in random order, those that are missing last."""
        missing = np.isnan(self.trials).all(1)  # [N, R]
        order = np.argsort(np.where(missing, 2.0, rng.random(missing.shape)), axis=1)
        return np.take_along_axis(self.trials, order[:, None, :], axis=2)

    def _halves(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shuffled = self._shuffled(rng)
        present = np.isfinite(shuffled).any(1).sum(1)  # [N]
        first = np.arange(shuffled.shape[2]) < (present // 2)[:, None]
        return tuple(np.where(half[:, None, :], shuffled, np.nan) for half in (first, ~first))


@dataclass(frozen=True)
class PublishedRdm(Region):
    """A region's RDMs of single images, one per person or session, where responses were not published.

    Args:
        rdms: [K, P] float64 condensed.
    """

    rdms: np.ndarray

    @property
    def extent(self) -> str:
        return f"{len(self.rdms)} published RDM{'s' if len(self.rdms) > 1 else ''}"

    def check(self) -> None:
        """Raises ValueError for RDMs of another number of images than there are, or with NaN."""
        count, expected = rdm.stimulus_count(self.rdms.shape[1]), len(self.stimuli.images)
        if count != expected:
            raise ValueError(f"region {self.region} has RDMs of {count} images, the file has {expected} images")
        if not np.isfinite(self.rdms).all():
            raise ValueError(f"region {self.region} has NaN or infinite values in its RDMs")

    def rdm(self, level: str) -> np.ndarray:
        """Condensed RDM, the mean over people or sessions, of the images that have rows at this level."""
        rows, columns = np.triu_indices(len(self.stimuli.images), 1)
        shown = self.stimuli.conditions[level].numpy() >= 0
        return self.rdms.mean(0)[shown[rows] & shown[columns]]

    def noise_ceiling(self, level: str) -> tuple[float, float]:
        """Bounds of the mean correlation with single people's or sessions' RDMs; NaN if there is one RDM only.

        Source: Nili et al. 2014, doi:10.1371/journal.pcbi.1003553.
        """
        if len(self.rdms) < 2:
            return float("nan"), float("nan")
        z = (self.rdms - self.rdms.mean(1, keepdims=True)) / self.rdms.std(1, keepdims=True)
        others = (z.sum(0) - z) / (len(z) - 1)
        lower = [rdm.similarity(one[None], rest[None]).item() for one, rest in zip(z, others)]
        return float(np.mean(lower)), float(rdm.similarity(z, z.mean(0)[None]).mean())


def _mean(trials: np.ndarray) -> np.ndarray:
    """Over trials that there are, [N, U] float64; NaN where there are none."""
    present = np.isfinite(trials)
    with np.errstate(invalid="ignore"):
        return np.where(present, trials, 0).sum(2, dtype=np.float64) / present.sum(2)


def _rdm(responses: np.ndarray, conditions: Tensor) -> np.ndarray:
    means = rdm.ConditionMeans(conditions)
    means.add(0, [torch.from_numpy(responses)])
    return means.rdms()[0]
