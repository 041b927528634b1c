"""Statistics of predictors with intervals from resamples of networks (percentile bootstrap).

`pearson` to `partial_correlation` take counts [R, n], how often each of R samples holds each of n
networks; predictors [K, n] and a target [n], all finite. They return [R, K], NaN where a sample
does not vary. As matrix products they take a fiftieth of the time of one predictor after the other,
and differences between predictors are paired.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

OUTSIDE = 5.0  # percentage of resamples that intervals leave out
FEWEST = 4  # networks, below which there are no numbers
REGRET_TOP = 5  # networks among which `regret` looks for the best


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval, over `n` networks or runs."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.n})"


@dataclass(frozen=True)
class Bootstrap:
    """How many resamples of networks intervals are made of, and the seed that draws them."""

    resamples: int
    seed: int

    def members(self, n: int) -> np.ndarray:
        """Return the networks [1 + resamples, n] of the sample, the first row, and of resamples."""
        drawn = np.random.default_rng(self.seed).integers(n, size=(self.resamples, n))
        return np.concatenate([np.arange(n)[None], drawn])

    def counts(self, n: int) -> np.ndarray:
        """Return how often [1 + resamples, n] `members` has each network."""
        members = self.members(n)
        places = members + n * np.arange(len(members))[:, None]
        held = np.bincount(places.ravel(), minlength=members.size)
        return held.reshape(members.shape).astype(np.float64)


def interval(drawn: np.ndarray, *, tests: int = 1) -> np.ndarray:
    """Return value, low and high [K, 3] of statistics.

    Args:
        drawn: [1 + R, K], the sample's first; where that is NaN all is.
        tests: how many such intervals are to hold at once (Bonferroni).
    """
    outside = OUTSIDE / tests
    found, defined = np.full((drawn.shape[1], 3), np.nan), np.isfinite(drawn[0])
    if defined.any():  # a resample that holds one network only has no correlation
        ends = np.nanpercentile(drawn[1:, defined], (outside / 2, 100 - outside / 2), axis=0)
        found[defined] = np.stack([drawn[0, defined], *ends], 1)
    return found


def correlation(predictor: np.ndarray, target: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Return Pearson's r of two samples [n]; all NaN for fewer than four pairs without a NaN."""
    both = np.stack([predictor, target])
    x, y = both[:, np.isfinite(both).all(0)]
    few = len(x) < FEWEST
    return _estimate(None if few else pearson(bootstrap.counts(len(x)), x[None], y), len(x))


def seed_ceiling(values: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Return how well one training's accuracy can correlate with a network's expected accuracy.

    It is the root of the accuracies' reliability, ICC(1) = (B - W) / (B + (k - 1) W) with the mean
    squares B between and W within networks, 0 where that is negative. P sees the very training that
    it predicts, knows a part of its chance and can lie above.

    Args:
        values: [networks, k] accuracy by training seed; networks with a NaN are left out.

    Returns:
        In [0, 1]; NaN for fewer than four networks, or if all values are equal.

    Raises:
        ValueError: no table, or fewer than two seeds.

    Source: Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, ICC(1,1); its root as the bound,
        Spearman 1904, doi:10.2307/1412159.
    """
    if np.ndim(values) != 2 or np.shape(values)[1] < 2:
        expected = "expected [networks, seeds] with two seeds or more"
        raise ValueError(f"values have shape {np.shape(values)}, {expected}")
    values = values[np.isfinite(values).all(1)]
    n, seeds = values.shape
    if n < FEWEST:
        return _estimate(None, n)
    tables = values[bootstrap.members(n)]  # [1 + R, n, seeds]
    scaled = _scaled(tables.reshape(len(tables), -1), by=np.linalg.norm)
    tables, varies = scaled.reshape(tables.shape), scaled.any(-1)
    between = seeds * tables.mean(-1).var(-1, ddof=1)
    within = tables.var(-1, ddof=1).mean(-1)
    reliability = (between - within) / np.where(varies, between + (seeds - 1) * within, 1)
    return _estimate(np.where(varies, np.sqrt(np.maximum(reliability, 0)), np.nan)[:, None], n)


def _estimate(drawn: np.ndarray | None, n: int) -> Estimate:
    """Return an estimate from a statistic [1 + R, 1]; NaN if there is none."""
    value, low, high = [np.nan] * 3 if drawn is None else interval(drawn)[0].tolist()
    return Estimate(value, low, high, n)


def t_interval(values: np.ndarray) -> Estimate:
    """Return the mean of a sample with its 95 % t interval; NaNs are left out."""
    finite = values[np.isfinite(values)]
    value, n = (float(finite.mean()) if len(finite) else np.nan), len(finite)
    if n < 2:
        return Estimate(value, np.nan, np.nan, n)
    half = stats.t.ppf(0.975, n - 1) * stats.sem(finite)
    return Estimate(value, float(value - half), float(value + half), n)


def correlate(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return Pearson's r along an axis; NaN where a sample is constant but for rounding."""
    x, y = (_scaled(one, axis, by=np.linalg.norm) for one in (x, y))
    return np.where(x.any(axis) & y.any(axis), (x * y).sum(axis), np.nan)


def pearson(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Pearson's r."""
    return _cosine(*_moments(counts, predictors, target))


def spearman(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rank correlation, ranked anew in each resample, ties at their mean rank."""
    total = counts.sum(1, keepdims=True)

    def centred_ranks(values: np.ndarray) -> np.ndarray:  # [R, n]
        below, tied = (
            compare(values[:, None], values).astype(np.float64) for compare in (np.less, np.equal)
        )
        ranks = counts @ below + (counts @ tied + 1) / 2
        return ranks - (counts * ranks).sum(1, keepdims=True) / total

    y, found = centred_ranks(target), []
    for predictor in predictors:
        x = centred_ranks(predictor)
        found.append(_cosine(*((counts * product).sum(1) for product in (x * x, y * y, x * y))))
    return np.stack(found, -1)


def kendall(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b, corrected for ties: Kendall 1945, doi:10.1093/biomet/33.3.239."""

    def pair_sum(matrix: np.ndarray) -> np.ndarray:  # [n, n] over all pairs in each sample, [R]
        return ((counts @ matrix) * counts).sum(1)

    signs = np.sign(target[:, None] - target)
    untied, found = pair_sum(np.abs(signs)), []
    for predictor in predictors:
        own = np.sign(predictor[:, None] - predictor)
        found.append(_cosine(pair_sum(np.abs(own)), untied, pair_sum(own * signs)))
    return np.stack(found, -1)


def regret(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the target of the best network minus that of the best among the predictor's first.

    The first are its `REGRET_TOP`. In the target's unit, 0 or more, the less the better. Of
    networks that the predictor ties at the edge those with the lower target are taken, so that it
    gains nothing by not deciding. A resample holds some networks more than once, and its top fewer
    different ones: the interval lies somewhat high.
    """
    drawn, found = counts > 0, []
    best = np.where(drawn, target, -np.inf).max(1)
    for predictor in predictors:
        order = np.lexsort((target, -predictor))
        held = counts[:, order]
        top = (held > 0) & (held.cumsum(1) - held < REGRET_TOP)
        chosen = np.where(top, target[order], -np.inf).max(1)
        highest = np.where(drawn, predictor, -np.inf).max(1)
        varies = highest > np.where(drawn, predictor, np.inf).min(1)
        found.append(np.where(varies, best - chosen, np.nan))
    return np.stack(found, -1)


def partial_correlation(
    counts: np.ndarray, predictors: np.ndarray, target: np.ndarray, covariates: np.ndarray
) -> np.ndarray:
    """Return Pearson's r of what the covariates leave of predictors and target by least squares.

    There is an intercept. NaN too where the covariates explain one of them but for rounding.

    Args:
        covariates: [n, k].
    """
    given, number = _scaled(np.transpose(covariates)), np.shape(covariates)[1]
    samples = np.concatenate([given, _scaled(predictors), _scaled(target[None])])
    weights = counts / counts.sum(1, keepdims=True)
    means = weights @ samples.T
    products = np.concatenate([one * samples for one in given])
    squares = (weights @ products.T).reshape(-1, number, len(samples))
    covariances = squares - means[:, :number, None] * means[:, None]  # [R, k, k + K + 1]
    among, with_x, with_y = np.split(covariances, [number, len(samples) - 1], axis=-1)
    inverse = np.linalg.pinv(among, rtol=1e-10, hermitian=True)
    slopes_x, slopes_y = inverse @ with_x, inverse @ with_y  # [R, k, K] and [R, k, 1]
    variance_x, variance_y, covariance = _moments(counts, predictors, target)

    def rest(variance: np.ndarray, explained: np.ndarray) -> np.ndarray:
        left = variance - explained.sum(1)
        return np.where(left > 1e-12 * variance, left, 0)  # else only rounding is left

    rests = rest(variance_x, slopes_x * with_x), rest(variance_y, slopes_y * with_y)
    return _cosine(*rests, covariance - (slopes_x * with_y).sum(1))


METHODS = {"pearson": pearson, "spearman": spearman, "kendall": kendall, "regret": regret}


def _scaled(values: np.ndarray, axis: int = -1, *, by: Callable = np.std) -> np.ndarray:
    """Return values centred and scaled to 1 by s.d. or norm; 0 where constant but for rounding."""
    centred = values - values.mean(axis, keepdims=True)
    length, whole = (np.linalg.norm(one, axis=axis, keepdims=True) for one in (centred, values))
    varies = length > 1e-13 * whole
    unit = by(centred, axis=axis, keepdims=True)
    return np.where(varies, centred / np.where(varies, unit, 1), 0)


def _moments(
    counts: np.ndarray, predictors: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return variances [R, K] and [R, 1] and covariances [R, K] of standardised samples."""
    x, y = _scaled(predictors), _scaled(target[None])
    weights = counts / counts.sum(1, keepdims=True)
    mean_x, mean_y = weights @ x.T, weights @ y.T
    variance_x, variance_y = (
        np.where(square - mean**2 > 1e-13 * square, square - mean**2, 0)
        for square, mean in ((weights @ (x**2).T, mean_x), (weights @ (y**2).T, mean_y))
    )
    return variance_x, variance_y, weights @ (x * y).T - mean_x * mean_y


def _cosine(variance_x: np.ndarray, variance_y: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    length = np.sqrt(variance_x * variance_y)
    return np.divide(covariance, length, np.full_like(covariance, np.nan), where=length > 0)
