"""What was recorded from a region of a brain: its RDMs, and how reliable they are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sage.images.stimuli import StimulusSet
from sage.rsa import rdm

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

    @property
    @abstractmethod
    def levels(self) -> tuple[str, ...]:
        """Levels of description that it has RDMs of."""

    @abstractmethod
    def check(self) -> None:
        """Raises ValueError if RDMs of what the file has would mean nothing."""

    @abstractmethod
    def rdm(self, level: str) -> np.ndarray:
        """Condensed RDM of the conditions of a level, in [0, 2]."""

    @abstractmethod
    def reliability(self, level: str) -> float:
        """Correlation [0, 1] that the RDM would have with another one made alike; NaN where the file does not tell."""

    def ceiling(self, level: str) -> float:
        """Highest correlation [0, 1] with the RDM that a true model's can be expected to have: that without noise."""
        return self.reliability(level) ** 0.5


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
        most = self._counts.max()
        return f"{self.trials.shape[1]} sites, {f'up to {most} trials' if most > 1 else 'mean responses'}"

    @property
    def levels(self) -> tuple[str, ...]:
        return tuple(self.stimuli.conditions)

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
        """Correlation [0, 1] that the RDM would have with one from as many other trials; NaN without trials.

        Each site's trials of each image are split in halves at random, `SPLITS` times; the halves' RDMs correlate by r
        in the mean, which is corrected by `_spearman_brown` for the whole. Splits that leave an RDM undefined do not
        count.
        """
        if (self._counts < 2).any():
            return float("nan")
        rng = np.random.default_rng(0)
        conditions = self.stimuli.conditions[level]
        found = []
        for _ in range(SPLITS):
            halves = [_rdm(_mean(half), conditions) for half in self._halves(rng)]
            found.append(rdm.correlate_rdms(halves[0][None], halves[1][None]).item())
        defined = [r for r in found if np.isfinite(r)]
        return _spearman_brown(float(np.mean(defined)), 2) if defined else float("nan")

    def sample(self, sites: int, trials: int, rng: np.random.Generator) -> "Recording":
        """A poorer recording: so many random sites, and random trials of each image, as many as there are up to that.

        Raises:
            ValueError: more sites or trials than there are.
        """
        every, most = self.trials.shape[1], self._counts.max()
        if not 2 <= sites <= every or not 1 <= trials <= most:
            raise ValueError(
                f"region {self.region}: {sites} sites and {trials} trials asked for, expected 2 to {every} and 1 to {most}"
            )
        chosen = np.sort(rng.choice(every, sites, replace=False))
        return replace(self, trials=self._shuffled(rng)[:, chosen, :trials])

    @cached_property
    def _counts(self) -> np.ndarray:
        """Trials of each image that a site has, [N, U]."""
        return np.isfinite(self.trials).sum(2)

    def _shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Trials of each image in random order, the same for all sites but that a site's missing ones are last."""
        images, _, trials = self.trials.shape
        drawn = rng.random((images, 1, trials))
        order = np.argsort(np.where(np.isfinite(self.trials), drawn, 2.0), axis=2)
        return np.take_along_axis(self.trials, order, axis=2)

    def _halves(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shuffled = self._shuffled(rng)
        first = np.arange(shuffled.shape[2]) < (self._counts // 2)[:, :, None]
        return tuple(np.where(half, shuffled, np.nan) for half in (first, ~first))


@dataclass(frozen=True)
class PublishedRdm(Region):
    """A region's RDMs of single images, one per person or session, where responses were not published.

    Args:
        rdms: [K, P] float64 condensed.
    """

    rdms: np.ndarray

    @property
    def extent(self) -> str:
        if len(self.rdms) == 1:
            return "1 published RDM"
        low, high = self.noise_ceiling()
        return f"{len(self.rdms)} published RDMs, noise ceiling of one {low:.2f} to {high:.2f}"

    @property
    def levels(self) -> tuple[str, ...]:
        return ("image",)

    def check(self) -> None:
        """Raises ValueError for RDMs of another number of images than there are, with NaN, or that are constant."""
        count, expected = rdm.stimulus_count(self.rdms.shape[1]), len(self.stimuli.images)
        if count != expected:
            raise ValueError(
                f"region {self.region} has RDMs of {count} images, the file has {expected} images"
            )
        if not np.isfinite(self.rdms).all():
            raise ValueError(f"region {self.region} has NaN or infinite values in its RDMs")
        if (np.ptp(self.rdms, axis=1) == 0).any():
            raise ValueError(
                f"region {self.region} has an RDM in which all pairs are alike, expected differences"
            )

    def rdm(self, level: str) -> np.ndarray:
        """Condensed RDM, the mean over people or sessions, of the images that have rows at this level."""
        return self._shown(level).mean(0)

    def reliability(self, level: str) -> float:
        """Correlation [0, 1] that the mean RDM would have with that of as many other people; NaN for one RDM alone.

        It is `_spearman_brown` of the mean correlation r of two of them.
        """
        count = len(self.rdms)
        if count < 2:
            return float("nan")
        r = np.corrcoef(self._shown(level))[np.triu_indices(count, 1)].mean()
        return _spearman_brown(float(r), count)

    def noise_ceiling(self) -> tuple[float, float]:
        """Bounds of a true model's mean correlation with single people's or sessions' RDMs; NaN for one RDM alone.

        Source: Nili et al. 2014, doi:10.1371/journal.pcbi.1003553.
        """
        if len(self.rdms) < 2:
            return float("nan"), float("nan")
        rdms = self._shown("image")
        z = (rdms - rdms.mean(1, keepdims=True)) / rdms.std(1, keepdims=True)
        others = (z.sum(0) - z) / (len(z) - 1)
        lower = [rdm.correlate_rdms(one[None], rest[None]).item() for one, rest in zip(z, others)]
        return float(np.mean(lower)), float(rdm.correlate_rdms(z, z.mean(0)[None]).mean())

    def _shown(self, level: str) -> np.ndarray:
        """[K, P] of the images that have rows at this level."""
        rows, columns = np.triu_indices(len(self.stimuli.images), 1)
        shown = self.stimuli.conditions[level].numpy() >= 0
        return self.rdms[:, shown[rows] & shown[columns]]


def _spearman_brown(r: float, times: int) -> float:
    """Reliability [0, 1] of what is so many times as much as two parts that correlate by r; 0 for a negative r."""
    r = max(r, 0.0)
    return times * r / (1 + (times - 1) * r)


def _mean(trials: np.ndarray) -> np.ndarray:
    """Over trials that there are, [N, U] float64; NaN where there are none."""
    present = np.isfinite(trials)
    with np.errstate(invalid="ignore"):
        return np.where(present, trials, 0).sum(2, dtype=np.float64) / present.sum(2)


def _rdm(responses: np.ndarray, conditions: Tensor) -> np.ndarray:
    means = rdm.ConditionMeans(conditions)
    means.add(0, [torch.from_numpy(responses)])
    return means.rdms()[0]
