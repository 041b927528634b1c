"""Recordings of a brain's regions: their RDMs, and how reliable these are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from sage.images.stimuli import StimulusSet
from sage.rsa import rdm

SIMULATED = "simulated "  # begins the names of regions that nobody recorded
SPLITS = 20  # random halves of the trials behind a reliability: its mean settles to 0.01


@dataclass(frozen=True)
class _Region(ABC):
    region: str
    path: Path
    stimuli: StimulusSet

    @property
    def simulated(self) -> bool:
        return self.region.startswith(SIMULATED)

    @abstractmethod
    def reliability(self, level: str) -> float: ...

    def ceiling(self, level: str) -> float:
        """Return the correlation [0, 1] of the RDM with that of a true model without noise."""
        return self.reliability(level) ** 0.5


@dataclass(frozen=True)
class Recording(_Region):
    """Responses of a region's sites, trial by trial."""

    trials: np.ndarray  # [N, U, R] float32, NaN where an image was presented less often than others

    @property
    def size(self) -> tuple[int, int]:
        """The number of sites, and the most trials of an image that a site has."""
        return self.trials.shape[1], int(self._counts.max())

    @property
    def extent(self) -> str:
        sites, most = self.size
        return f"{sites} sites, " + (f"up to {most} trials" if most > 1 else "mean responses")

    @property
    def levels(self) -> tuple[str, ...]:
        return tuple(self.stimuli.conditions)

    def check(self) -> None:
        """Raise ValueError for a single site, and sites that miss images or never vary."""
        count = self.trials.shape[1]
        if count < 2:
            raise ValueError(f"region {self.region} has {count} site, expected 2 or more")
        for problem, sites in (
            ("no response to some image", np.isnan(self.responses).any(0)),
            ("the same response to every image", np.ptp(self.responses, axis=0) == 0),
        ):
            if sites.any():
                numbers = np.flatnonzero(sites).tolist()
                told = f"region {self.region} has {len(numbers)} sites with {problem}"
                some = ", ".join(map(str, numbers[:10])) + ", ..." * (len(numbers) > 10)
                raise ValueError(f"{told}, expected none; leave out sites {some} (counted from 0)")

    @cached_property
    def responses(self) -> np.ndarray:
        """Mean over trials, [N, U]."""
        return _mean(self.trials)

    def rdm(self, level: str) -> np.ndarray:
        """Return the condensed RDM of the mean responses to a level's conditions, in [0, 2]."""
        return _rdm(self.responses, self.stimuli.conditions[level])

    def reliability(self, level: str) -> float:
        """Return the RDM's correlation [0, 1] with one of as many other trials; NaN without trials.

        Each site's trials of each image are halved at random, `SPLITS` times. The mean correlation
        of the halves' RDMs, where defined, is corrected for the whole by `_spearman_brown`.
        """
        if (self._counts < 2).any():
            return float("nan")
        rng, conditions = np.random.default_rng(0), self.stimuli.conditions[level]
        found = []
        for _ in range(SPLITS):
            first, second = (_rdm(_mean(half), conditions)[None] for half in self._halves(rng))
            found.append(rdm.correlate_rdms(first, second).item())
        defined = [r for r in found if np.isfinite(r)]
        return _spearman_brown(float(np.mean(defined)), 2) if defined else float("nan")

    def sample(self, sites: int, trials: int, rng: np.random.Generator) -> "Recording":
        """Return a recording of so many random sites, and up to so many trials of each image."""
        chosen = np.sort(rng.choice(self.size[0], sites, replace=False))
        return replace(self, trials=self._shuffled(rng)[:, chosen, :trials])

    @cached_property
    def _counts(self) -> np.ndarray:
        """Trials of each image that a site has, [N, U]."""
        return np.isfinite(self.trials).sum(2)

    def _shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Return each image's trials in random order, alike for all sites; missing ones go last."""
        images, _, trials = self.trials.shape
        drawn = rng.random((images, 1, trials))
        order = np.argsort(np.where(np.isfinite(self.trials), drawn, 2.0), axis=2)
        return np.take_along_axis(self.trials, order, axis=2)

    def _halves(self, rng: np.random.Generator) -> list[np.ndarray]:
        shuffled = self._shuffled(rng)
        first = np.arange(shuffled.shape[2]) < (self._counts // 2)[:, :, None]
        return [np.where(half, shuffled, np.nan) for half in (first, ~first)]


@dataclass(frozen=True)
class PublishedRdm(_Region):
    """A region's RDMs of single images, where responses were not published."""

    rdms: np.ndarray  # [K, P] float64 condensed, one for each person or session
    levels = ("image",)

    @property
    def extent(self) -> str:
        if len(self.rdms) == 1:
            return "1 published RDM"
        low, high = self.noise_ceiling()
        return f"{len(self.rdms)} published RDMs, noise ceiling of one {low:.2f} to {high:.2f}"

    def check(self) -> None:
        """Raise ValueError for RDMs of other images than there are, with NaN, or constant."""
        count, expected = rdm.stimulus_count(self.rdms.shape[1]), len(self.stimuli.images)
        if count != expected:
            problem = f"RDMs of {count} images, the file has {expected} images"
        elif not np.isfinite(self.rdms).all():
            problem = "NaN or infinite values in its RDMs"
        elif (np.ptp(self.rdms, axis=1) == 0).any():
            problem = "an RDM in which all pairs are alike, expected differences"
        else:
            return
        raise ValueError(f"region {self.region} has {problem}")

    def rdm(self, level: str) -> np.ndarray:
        """Return the mean RDM over people or sessions, of the images that have rows."""
        return self._shown(level).mean(0)

    def reliability(self, level: str) -> float:
        """Return the mean RDM's correlation [0, 1] with that of as many others; NaN for one alone.

        It is `_spearman_brown` of the mean correlation of two people's RDMs.
        """
        count = len(self.rdms)
        if count < 2:
            return float("nan")
        r = np.corrcoef(self._shown(level))[np.triu_indices(count, 1)].mean()
        return _spearman_brown(float(r), count)

    def noise_ceiling(self) -> tuple[float, float]:
        """Return bounds of a true model's mean correlation with single RDMs; NaN for one alone.

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
        """Return the RDMs [K, P] of the images that have rows at this level."""
        rows, columns = np.triu_indices(len(self.stimuli.images), 1)
        shown = self.stimuli.conditions[level].numpy() >= 0
        return self.rdms[:, shown[rows] & shown[columns]]


Region = Recording | PublishedRdm  # what a file tells of one region


def ceilings(regions: Sequence[Region], level: str) -> xr.DataArray:
    """Return the noise ceiling of each region's RDM, [teacher_layer], NaN where it is unknown."""
    names = [one.region for one in regions]
    found = [one.ceiling(level) for one in regions]
    return xr.DataArray(found, {"teacher_layer": names}, "teacher_layer")


def _spearman_brown(r: float, times: int) -> float:
    """Return the reliability [0, 1] of `times` parts together, any two of which correlate by r."""
    r = max(r, 0.0)
    return times * r / (1 + (times - 1) * r)


def _mean(trials: np.ndarray) -> np.ndarray:
    """Return the mean over trials that there are, [N, U] float64; NaN where there are none."""
    present = np.isfinite(trials)
    with np.errstate(invalid="ignore"):
        return np.where(present, trials, 0).sum(2, dtype=np.float64) / present.sum(2)


def _rdm(responses: np.ndarray, conditions: Tensor) -> np.ndarray:
    means = rdm.ConditionMeans(conditions)
    means.add(0, [torch.from_numpy(responses)])
    return means.rdms()[0]
