"""How well a predictor of networks does, with bootstrap intervals over networks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval, over `n` networks or runs."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.n})"


def pearson(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Pearson correlation along an axis; NaN where a sample is constant but for rounding."""
    (x, varies_x), (y, varies_y) = (_unit(values, axis) for values in (x, y))
    return np.where(varies_x & varies_y, (x * y).sum(axis), np.nan)


def _unit(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Values centred and scaled to length 1, and whether they vary by more than their own rounding."""
    centred = values - values.mean(axis, keepdims=True)
    length = np.linalg.norm(centred, axis=axis, keepdims=True)
    varies = length > 1e-13 * np.linalg.norm(values, axis=axis, keepdims=True)
    return centred / np.where(varies, length, 1), varies.squeeze(axis)


def spearman(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Rank correlation along an axis, ties at their mean rank."""
    return pearson(stats.rankdata(x, axis=axis), stats.rankdata(y, axis=axis), axis)


def correlation(
    predictor: np.ndarray, target: np.ndarray, *, resamples: int, seed: int
) -> Estimate:
    """Pearson correlation of two samples [n] with its percentile bootstrap interval over the n pairs.

    Pairs with a NaN are left out. With fewer than four pairs, or a constant sample, all is NaN.
    """
    return bootstrap(pearson, (predictor, target), resamples=resamples, seed=seed)


def seed_ceiling(values: np.ndarray, *, resamples: int, seed: int) -> Estimate:
    """How well one training's accuracy can correlate with a perfect predictor of a network's expected accuracy.

    It is the square root of the accuracies' reliability, ICC(1) = (B - W) / (B + (k - 1) W) with the mean squares B
    between and W within networks, 0 where that is negative. A predictor that sees the very training it predicts,
    as P does, knows a part of that training's chance and can lie above.

    Args:
        values: [networks, k] accuracy by training seed; networks with a NaN are left out.

    Returns:
        In [0, 1], with the percentile bootstrap interval over networks; NaN for fewer than four networks, or if all
        values are equal.

    Raises:
        ValueError: no table, or fewer than two seeds.

    Source: Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, ICC(1,1); its root as the bound, Spearman 1904,
    doi:10.2307/1412159.
    """
    if np.ndim(values) != 2 or np.shape(values)[1] < 2:
        raise ValueError(
            f"values have shape {np.shape(values)}, expected [networks, seeds] with two seeds or more"
        )

    def ceiling(*trainings):
        table = np.stack(trainings, -1)
        networks, seeds = table.shape[-2:]
        table, varies = _unit(table.reshape(*table.shape[:-2], -1), -1)
        table = table.reshape(*table.shape[:-1], networks, seeds)
        means = table.mean(-1)
        between = seeds * means.var(-1, ddof=1)
        within = table.var(-1, ddof=1).mean(-1)
        reliability = (between - within) / np.where(varies, between + (seeds - 1) * within, 1)
        return np.where(varies, np.sqrt(np.maximum(reliability, 0)), np.nan)

    return bootstrap(ceiling, tuple(np.transpose(values)), resamples=resamples, seed=seed)


def mean(values: np.ndarray) -> Estimate:
    """Mean of a sample [n] with its 95 % t interval, which is NaN for a single value; NaNs are left out."""
    finite = values[np.isfinite(values)]
    value, n = (float(finite.mean()) if len(finite) else np.nan), len(finite)
    if n < 2:
        return Estimate(value, np.nan, np.nan, n)
    half = stats.t.ppf(0.975, n - 1) * stats.sem(finite)
    return Estimate(value, float(value - half), float(value + half), n)


def bootstrap(
    statistic: Callable, samples: tuple[np.ndarray, ...], *, resamples: int, seed: int
) -> Estimate:
    """A statistic of samples [n] of the same networks, with its percentile bootstrap interval over these.

    Args:
        statistic: of as many arrays as there are samples, along their last axis, as `pearson`.

    Returns:
        Networks with a NaN in any sample are left out. All NaN for fewer than four, or where the statistic is NaN.
    """
    table = np.stack([np.asarray(sample, dtype=np.float64) for sample in samples])
    table = table[:, np.isfinite(table).all(0)]
    n = table.shape[1]
    value = float(statistic(*table)) if n >= 4 else np.nan
    if np.isnan(value):
        return Estimate(np.nan, np.nan, np.nan, n)
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    # A resample that holds one network only has no correlation.
    low, high = np.nanpercentile(statistic(*table[:, drawn]), (2.5, 97.5))
    return Estimate(value, float(low), float(high), n)
