"""Statistics of predictors with intervals from resamples of networks (percentile bootstrap).

`pearson` to `partial_correlation` take counts [R, n], how often each of R samples holds each of n
networks; predictors [K, n] and a target [n], all finite. They return [R, K], NaN where a sample
does not vary. As matrix products they take a fiftieth of the time of one predictor after the other,
and differences between predictors are paired. `by_epoch` applies them to a table of scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

OUTSIDE = 5.0  # percentage of resamples that intervals leave out
FEWEST = 4  # networks, below which there are no numbers
FEWEST_OF_INTERVALS = 5  # networks or runs, below which there are values without intervals
REGRET_TOP = 5  # networks among which `regret` looks for the best
PIECE = 500  # samples whose ranks stay in a processor's cache; all at once take 1.4 times as long
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval over `n` networks or runs, NaN for too few of them."""

    value: float
    low: float
    high: float
    n: int


UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True)
class Bootstrap:
    """Number of resamples of networks behind an interval, and the seed that draws them."""

    resamples: int
    seed: int

    def members(self, n: int) -> np.ndarray:
        """Return the networks [1 + resamples, n] of the sample, the first row, and of resamples.

        Of fewer than `FEWEST_OF_INTERVALS` there are no resamples.
        """
        count = self.resamples if n >= FEWEST_OF_INTERVALS else 0
        drawn = np.random.default_rng(self.seed).integers(n, size=(count, n))
        return np.concatenate([np.arange(n)[None], drawn])

    def counts(self, n: int) -> np.ndarray:
        """Return how often [1 + resamples, n] `members` has each network."""
        members = self.members(n)
        rows = n * np.arange(len(members))[:, None]  # all rows in one count, ten times as fast
        counted = np.bincount((members + rows).ravel(), minlength=members.size)
        return counted.reshape(members.shape) * 1.0


def interval(drawn: np.ndarray, *, tests: int = 1, errors: float = 0) -> np.ndarray:
    """Return value, low and high [K, 3] of statistics.

    Args:
        drawn: [1 + R, K], the sample's first; where that is NaN all is, and the ends if R is 0.
        tests: how many such intervals are to hold at once (Bonferroni).
        errors: standard errors of a percentile of R draws, by which the ends lie further out.
    """
    share = OUTSIDE / tests / 200  # beyond each end
    error = np.sqrt(share * (1 - share) / max(len(drawn) - 1, 1))
    outside = 200 * max(share - errors * error, 0)
    found, defined = np.full((drawn.shape[1], 3), np.nan), np.isfinite(drawn[0])
    found[:, 0] = np.where(defined, drawn[0], np.nan)
    if defined.any() and len(drawn) > 1:  # a resample of one network only has no correlation
        resampled, places = drawn[1:, defined], (outside / 2, 100 - outside / 2)
        percentile = np.nanpercentile if np.isnan(resampled).any() else np.percentile  # much faster
        found[defined, 1:] = percentile(resampled, places, axis=0).T
    return found


def cell(value: float, low: float, high: float, form: str = ".2f") -> str:
    """Return a value with its interval, if there is one, as in `0.91 [0.88, 0.93]`.

    Args:
        form: as of an f-string; a sign in it is the value's only.
    """
    ends = ", ".join(format(one, form.removeprefix("+")) for one in (low, high))
    interval = f" [{ends}]" if np.isfinite(low) else ""
    return f"{value:{form}}{interval}" if np.isfinite(value) else ""


def correlation(predictor: np.ndarray, target: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Return Pearson's r of two samples [n]; all NaN for fewer than four pairs without a NaN."""
    both = np.stack([predictor, target])
    x, y = both[:, np.isfinite(both).all(0)]
    n = len(x)
    drawn = pearson(bootstrap.counts(n), x[None], y) if n >= FEWEST else np.full((1, 1), np.nan)
    value, low, high = interval(drawn)[0].tolist()
    return Estimate(value, low, high, n)


def seed_ceiling(values: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Return how well one training's accuracy can correlate with a network's expected accuracy.

    It is the root of the accuracies' reliability, ICC(1) = (B - W) / (B + (k - 1) W) with the mean
    squares B between and W within networks, 0 where that is negative; NaN for fewer than four
    networks, or if all values are equal. P knows a part of the chance of the very training that it
    predicts, and can lie above.

    Args:
        values: [networks, k >= 2] accuracy by training seed; networks with a NaN are left out.

    Source: Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, ICC(1,1); its root as the bound,
        Spearman 1904, doi:10.2307/1412159.
    """
    if np.ndim(values) != 2 or np.shape(values)[1] < 2:
        raise ValueError(f"shape {np.shape(values)}, expected [networks, two seeds or more]")
    values = values[np.isfinite(values).all(1)]
    n, seeds = values.shape
    if n < FEWEST:
        return Estimate(np.nan, np.nan, np.nan, n)
    tables = values[bootstrap.members(n)]  # [1 + R, n, seeds]
    scaled = _scaled(tables.reshape(len(tables), -1), by=np.linalg.norm)
    tables, varies = scaled.reshape(tables.shape), scaled.any(-1)
    between = seeds * tables.mean(-1).var(-1, ddof=1)
    within = tables.var(-1, ddof=1).mean(-1)
    reliability = (between - within) / np.where(varies, between + (seeds - 1) * within, 1)
    drawn = np.where(varies, np.sqrt(np.maximum(reliability, 0)), np.nan)
    value, low, high = interval(drawn[:, None])[0].tolist()
    return Estimate(value, low, high, n)


def t_interval(values: np.ndarray) -> Estimate:
    """Return the mean of a sample with its 95 % t interval; NaNs are left out."""
    finite = values[np.isfinite(values)]
    n = len(finite)
    value = float(finite.mean()) if n else np.nan
    if n < FEWEST_OF_INTERVALS:
        return Estimate(value, np.nan, np.nan, n)
    half = float(stats.t.ppf(0.975, n - 1) * stats.sem(finite))
    return Estimate(value, value - half, value + half, n)


def over_runs(values: xr.DataArray) -> xr.Dataset:
    """Return `t_interval` over the dimension run, as value, low, high and n."""

    def measure(one: np.ndarray) -> tuple[float, float, float, int]:
        found = t_interval(one)
        return found.value, found.low, found.high, found.n

    names: dict[str, Any] = {"input_core_dims": [["run"]], "output_core_dims": [[]] * 4}
    found = xr.apply_ufunc(measure, values, vectorize=True, **names)
    return xr.Dataset(dict(zip(("value", "low", "high", "n"), found)))


def correlate(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return Pearson's r along an axis; NaN where a sample is constant but for rounding."""
    x, y = (_scaled(one, axis, by=np.linalg.norm) for one in (x, y))
    return np.where(x.any(axis) & y.any(axis), (x * y).sum(axis), np.nan)


def pearson(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Pearson's r."""
    return _cosine(*_moments(counts, predictors, target))


def spearman(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rank correlation, ranked anew in each resample, ties at their mean rank.

    It is NaN, as Pearson's r, for a predictor that has a NaN.
    """
    parts = np.array_split(counts, -(-len(counts) // PIECE))
    return np.concatenate([_spearman(part, predictors, target) for part in parts])


def _spearman(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    drawn = np.ascontiguousarray(counts.T)  # [n, R], as whole rows are moved faster
    half = drawn.sum(0) / 2

    def centred_ranks(values: np.ndarray) -> np.ndarray:  # [n, R]
        if np.isnan(values).any():  # they have no rank
            return np.full(drawn.shape, np.nan)
        order = np.argsort(values)
        changes = np.diff(values[order]) > 0
        tied = drawn[order]
        if not changes.all():
            tied = np.add.reduceat(tied, np.flatnonzero([True, *changes]))
        # In a group of equals the mean rank is the last one's minus half of the others.
        ranks = tied.cumsum(0) - tied / 2 - half
        return ranks[np.concatenate([[0], changes.cumsum()])[np.argsort(order)]]

    y, found = centred_ranks(target), []
    weighted_y = drawn * y
    variance_y = np.einsum("nr,nr->r", weighted_y, y)
    for predictor in predictors:
        x = centred_ranks(predictor)
        variance_x = np.einsum("nr,nr,nr->r", drawn, x, x)
        found.append(_cosine(variance_x, variance_y, np.einsum("nr,nr->r", weighted_y, x)))
    return np.stack(found, -1)


def kendall(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b, corrected for ties: Kendall 1945, doi:10.1093/biomet/33.3.239."""

    drawn = counts.astype(np.float32)  # whole numbers, exact up to 2^24: 4096 networks

    def pair_sum(matrix: np.ndarray) -> np.ndarray:  # [n, n] over all pairs in each sample, [R]
        return np.einsum("rn,rn->r", drawn @ matrix, drawn, dtype=np.float64)

    signs = np.sign(target[:, None] - target).astype(np.float32)
    untied, found = pair_sum(np.abs(signs)), []
    for predictor in predictors:
        own = np.sign(predictor[:, None] - predictor).astype(np.float32)
        found.append(_cosine(pair_sum(np.abs(own)), untied, pair_sum(own * signs)))
    return np.stack(found, -1)


def regret(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the best network's target minus that of the best of a predictor's `REGRET_TOP`, >= 0.

    Of networks that the predictor ties at the edge those with the lower target are taken, so that
    it gains nothing by not deciding. A resample holds some networks more than once, and its top
    fewer different ones: the interval lies somewhat high.
    """
    drawn, found = np.ascontiguousarray(counts.T), []  # [n, R], as for `spearman`
    best = np.where(drawn > 0, target[:, None], -np.inf).max(0)
    for predictor in predictors:
        order = np.lexsort((target, -predictor))
        held, places = drawn[order], np.arange(len(order))[:, None]
        top = (held > 0) & (held.cumsum(0) - held < REGRET_TOP)
        chosen = np.where(top, target[order, None], -np.inf).max(0)
        first, last = (held > 0).argmax(0), np.where(held > 0, places, 0).max(0)
        varies = predictor[order[first]] > predictor[order[last]]
        found.append(np.where(varies, best - chosen, np.nan))
    return np.stack(found, -1)


def partial_correlation(
    counts: np.ndarray, predictors: np.ndarray, target: np.ndarray, covariates: np.ndarray
) -> np.ndarray:
    """Return Pearson's r of what the covariates leave of predictors and target by least squares.

    There is an intercept. NaN too where the covariates [n, k] explain one but for rounding.
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
    rest_x = _rest(variance_x, (slopes_x * with_x).sum(1), rounding=1e-12)
    rest_y = _rest(variance_y, (slopes_y * with_y).sum(1), rounding=1e-12)
    return _cosine(rest_x, rest_y, covariance - (slopes_x * with_y).sum(1))


def by_epoch(
    table: xr.DataArray, mature: xr.DataArray, measure: Measure, **axes: Any
) -> xr.Dataset:
    """Return the statistics of each epoch before the mature one, and n.

    Networks for which a predictor is not defined are left out. A predictor that is defined for no
    network, such as an addition to a constant P, is set to 0, so that it drops no network.

    Args:
        table: scores [predictor, network, epoch].
        mature: target [network], its epoch a coordinate.
        measure: gives an array over `axes` of predictors [K, n], target [n] and places [n].
        axes: coordinates; epoch becomes the second, and the last, field, the variables.
    """
    early = table.sel(epoch=table.epoch < mature.epoch).transpose("epoch", "predictor", "network")
    found = np.full((len(early), *map(len, axes.values())), np.nan)
    sizes = np.zeros(len(early), dtype=int)
    for epoch, values in enumerate(early.values):
        values = np.where(np.isfinite(values).any(1, keepdims=True), values, 0)
        kept = np.isfinite(values).all(0) & np.isfinite(mature.values)
        sizes[epoch] = n = kept.sum()
        if n >= FEWEST:
            found[epoch] = measure(values[:, kept], mature.values[kept], np.flatnonzero(kept))
    by_field = xr.DataArray(found, {"epoch": early.epoch, **axes}, ("epoch", *axes))
    joined = by_field.to_dataset("field").assign(n=("epoch", sizes))
    return joined.transpose(next(iter(axes)), "epoch", ...)


METHODS = {"pearson": pearson, "spearman": spearman, "kendall": kendall, "regret": regret}


def _scaled(values: np.ndarray, axis: int = -1, *, by: Callable = np.std) -> np.ndarray:
    """Return values centred and scaled to 1 by s.d. or norm; 0 where constant but for rounding."""
    centred = values - values.mean(axis, keepdims=True)
    length, whole = (np.linalg.norm(one, axis=axis, keepdims=True) for one in (centred, values))
    varies = length > 1e-13 * whole
    unit = by(centred, axis=axis, keepdims=True)
    return np.where(varies, centred / np.where(varies, unit, 1), 0)


def _moments(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Return variances [R, K] and [R, 1] and covariances [R, K] of standardised samples."""
    x, y = _scaled(predictors), _scaled(target[None])
    weights = counts / counts.sum(1, keepdims=True)
    mean_x, mean_y = weights @ x.T, weights @ y.T
    variance_x = _rest(weights @ (x**2).T, mean_x**2, rounding=1e-13)
    variance_y = _rest(weights @ (y**2).T, mean_y**2, rounding=1e-13)
    return [variance_x, variance_y, weights @ (x * y).T - mean_x * mean_y]


def _rest(whole: np.ndarray, part: np.ndarray, *, rounding: float) -> np.ndarray:
    """Return the whole without a part, 0 where only rounding is left."""
    return np.where(whole - part > rounding * whole, whole - part, 0)


def _cosine(variance_x: np.ndarray, variance_y: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    length = np.sqrt(variance_x * variance_y)
    return np.divide(covariance, length, np.full_like(covariance, np.nan), where=length > 0)
