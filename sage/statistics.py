"""Correlations over networks, with bootstrap intervals."""

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


METHODS = {"pearson": pearson, "spearman": spearman}


def correlation(
    predictor: np.ndarray, target: np.ndarray, *, resamples: int, seed: int, method: str = "pearson"
) -> Estimate:
    """Correlation [-1, 1] of two samples [n] with its percentile bootstrap interval over the n pairs.

    Pairs with a NaN are left out. With fewer than four pairs, or a constant sample, all is NaN.
    """
    correlate = METHODS[method]
    return _bootstrap(correlate, (predictor, target), resamples, seed)


def difference(
    first: np.ndarray, second: np.ndarray, target: np.ndarray, *, resamples: int, seed: int, method: str = "pearson"
) -> Estimate:
    """Correlation of `first` with the target minus that of `second`, resampled together; as `correlation`."""
    correlate = METHODS[method]

    def gain(x, y, z, axis=-1):
        return correlate(x, z, axis) - correlate(y, z, axis)

    return _bootstrap(gain, (first, second, target), resamples, seed)


def mean(values: np.ndarray) -> Estimate:
    """Mean of a sample [n] with its 95 % t interval, which is NaN for a single value; NaNs are left out."""
    finite = values[np.isfinite(values)]
    value, n = (float(finite.mean()) if len(finite) else np.nan), len(finite)
    if n < 2:
        return Estimate(value, np.nan, np.nan, n)
    half = stats.t.ppf(0.975, n - 1) * stats.sem(finite)
    return Estimate(value, float(value - half), float(value + half), n)


def _bootstrap(statistic: Callable, samples: tuple[np.ndarray, ...], resamples: int, seed: int) -> Estimate:
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
