"""Bootstrap of many predictors at once: statistics of resamples from how often each holds a network.

The resamples are those of `statistics.bootstrap`. Computed by matrix products for all predictors alike they take a
fiftieth of the time of one predictor after the other, and differences between predictors are paired.

All functions take counts [R, n] with a row per resample, see `counts`, predictors [K, n] and a target [n], all finite,
and return [R, K]; NaN where a sample does not vary.
"""

import numpy as np

REGRET_TOP = 5  # networks among which `regret` looks for the best


def counts(n: int, *, resamples: int, seed: int) -> np.ndarray:
    """How often each of `n` networks is in the sample, the first row, and in each resample: [1 + resamples, n]."""
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    places = drawn + n * np.arange(resamples)[:, None]
    held = np.bincount(places.ravel(), minlength=resamples * n).reshape(resamples, n)
    return np.concatenate([np.ones((1, n)), held])


def pearson(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Pearson's r."""
    return _cosine(*_moments(counts, predictors, target))


def spearman(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rank correlation, ranked anew in each resample, ties at their mean rank."""
    target_ranks = _ranks(counts, target)
    found = [_correlation(counts, _ranks(counts, one), target_ranks) for one in predictors]
    return np.stack(found, -1)


def kendall(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Kendall's tau-b, which corrects for ties: Kendall 1945, doi:10.1093/biomet/33.3.239."""
    signs = np.sign(target[:, None] - target)
    untied_target = _pairs(counts, np.abs(signs))
    found = []
    for one in predictors:
        own = np.sign(one[:, None] - one)
        untied = np.sqrt(_pairs(counts, np.abs(own)) * untied_target)
        found.append(
            np.divide(
                _pairs(counts, own * signs), untied, np.full_like(untied, np.nan), where=untied > 0
            )
        )
    return np.stack(found, -1)


def regret(counts: np.ndarray, predictors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """What choosing by the predictor costs: the best target of all minus the best of the `REGRET_TOP` by it.

    In the target's unit, 0 or more, the less the better. Of networks that the predictor ties at the edge of the top those
    with the lower target are taken, so that a predictor gains nothing by not deciding. A resample holds some networks
    more than once, and its top fewer different ones: the interval lies somewhat high.
    """
    best = np.where(counts > 0, target, -np.inf).max(1)
    found = []
    for one in predictors:
        order = np.lexsort((target, -one))
        held = counts[:, order]
        before = held.cumsum(1) - held
        chosen = np.where((held > 0) & (before < REGRET_TOP), target[order], -np.inf).max(1)
        varies = (
            np.ptp(
                np.where(held > 0, one[order], one[order[np.argmax(held > 0, axis=1)]][:, None]),
                axis=1,
            )
            > 0
        )
        found.append(np.where(varies, best - chosen, np.nan))
    return np.stack(found, -1)


def partial_correlation(
    counts: np.ndarray, predictors: np.ndarray, target: np.ndarray, covariates: np.ndarray
) -> np.ndarray:
    """Pearson's r of what least squares on the covariates, with an intercept, leaves of predictors and target.

    NaN too where the covariates explain one of them but for rounding.

    Args:
        covariates: [n, k].
    """
    given, number = _unit(np.transpose(covariates)), np.shape(covariates)[1]
    samples = np.concatenate([given, _unit(predictors), _unit(target[None])])
    weights = counts / counts.sum(1, keepdims=True)
    means = weights @ samples.T
    products = np.concatenate([one * samples for one in given])
    shared = (weights @ products.T).reshape(-1, number, len(samples)) - means[
        :, :number, None
    ] * means[:, None]
    among, shared_x, shared_y = (
        shared[..., :number],
        shared[..., number:-1],
        shared[..., -1:],
    )  # covariances
    inverse = np.linalg.pinv(among, rtol=1e-10, hermitian=True)
    slopes_x, slopes_y = (
        inverse @ shared_x,
        inverse @ shared_y,
    )  # of least squares, [R, k, K] and [R, k, 1]
    variance_x, variance_y, covariance = _moments(counts, predictors, target)
    rest_x, rest_y = (
        np.where(rest > 1e-12 * variance, rest, 0)  # else only rounding is left
        for variance, rest in (
            (variance_x, variance_x - (slopes_x * shared_x).sum(1)),
            (variance_y, variance_y - (slopes_y * shared_y).sum(1)),
        )
    )
    return _cosine(rest_x, rest_y, covariance - (slopes_x * shared_y).sum(1))


METHODS = {"pearson": pearson, "spearman": spearman, "kendall": kendall, "regret": regret}


def _unit(values: np.ndarray) -> np.ndarray:
    """Rows centred, with s.d. 1; 0 where they are constant but for rounding."""
    centred = values - values.mean(1, keepdims=True)
    scale = centred.std(1, keepdims=True)
    varies = scale > 1e-13 * np.sqrt((values**2).mean(1, keepdims=True))
    return np.where(varies, centred / np.where(varies, scale, 1), 0)


def _moments(
    counts: np.ndarray, predictors: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Variances of the predictors [R, K] and the target [R, 1], and covariances [R, K], of standardised samples."""
    x, y = _unit(predictors), _unit(target[None])
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


def _ranks(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of each network in each resample [R, n], ties at their mean rank."""
    below, tied = (
        compare(values[:, None], values).astype(np.float64) for compare in (np.less, np.equal)
    )
    return counts @ below + (counts @ tied + 1) / 2


def _correlation(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's r [R] of values [R, n] of each resample's own."""
    total = counts.sum(1, keepdims=True)
    x, y = (values - (counts * values).sum(1, keepdims=True) / total for values in (x, y))
    return _cosine(*((counts * product).sum(1) for product in (x * x, y * y, x * y)))


def _pairs(counts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Sum of a symmetric matrix [n, n] over all pairs of members of each resample [R]."""
    return ((counts @ matrix) * counts).sum(1)
