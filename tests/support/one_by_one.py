"""Statistics of one predictor and one resample after the other, to hold the fast ones against."""

import numpy as np
from scipy import stats

from sage.analysis.bootstrap import REGRET_TOP, Bootstrap

BOOTSTRAP = Bootstrap(resamples=300, seed=3)


def unless_constant(correlation):
    """A correlation of SciPy's, NaN of a constant sample without a warning."""
    return lambda x, y: correlation(x, y).statistic if np.ptp(x) and np.ptp(y) else np.nan


def regret(predictor: np.ndarray, target: np.ndarray) -> float:
    """By taking one network after the other, of those that tie the one with the lowest target."""
    if not np.ptp(predictor):
        return np.nan
    left, chosen = list(range(len(target))), []
    while left and len(chosen) < REGRET_TOP:
        highest = [i for i in left if predictor[i] == max(predictor[j] for j in left)]
        chosen.append(min(highest, key=lambda i: target[i]))
        left.remove(chosen[-1])
    return max(target) - max(target[i] for i in chosen)


# What `bootstrap.METHODS` are of one predictor and one sample [n].
ALONE = {
    "pearson": unless_constant(stats.pearsonr),
    "spearman": unless_constant(stats.spearmanr),
    "kendall": unless_constant(stats.kendalltau),
    "regret": regret,
}


def partial_correlation(predictor: np.ndarray, target: np.ndarray, covariates: np.ndarray) -> float:
    """By least squares; NaN where nothing but rounding is left."""
    design = np.column_stack([np.ones(len(target)), covariates])
    rest = [
        values - design @ np.linalg.lstsq(design, values, rcond=1e-10)[0]
        for values in (predictor, target)
    ]
    varies = all(
        np.std(left) > 1e-9 * max(np.std(whole), 1e-9)
        for left, whole in zip(rest, (predictor, target))
    )
    return stats.pearsonr(*rest).statistic if varies else np.nan


def one_by_one(statistic, *samples: np.ndarray) -> np.ndarray:
    """A statistic [1 + R] of samples [n, ...] and of each resample of `BOOTSTRAP`."""
    n = len(samples[0])
    rng = np.random.default_rng(BOOTSTRAP.seed)
    drawn = rng.integers(n, size=(BOOTSTRAP.resamples, n))
    return np.array(
        [statistic(*(values[rows] for values in samples)) for rows in (np.arange(n), *drawn)]
    )


def interval(drawn: np.ndarray) -> list[float]:
    """Value, low and high of what `one_by_one` gives."""
    return [drawn[0], *np.nanpercentile(drawn[1:], (2.5, 97.5))]
