"""Weights of predictors, chosen on other networks than those that they are judged on."""

from collections.abc import Iterator

import numpy as np

from sage.analysis import bootstrap

FOLDS, REPEATS = 5, 20
TIE = 1e-9  # difference of r that is rounding, which varies with the machine
PER_WEIGHT = 5  # networks for each weight of a regression, fewer of which give no scores


def divisions(
    n: int, *, folds: int, repeats: int, seed: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Give repeat, fold and members of random folds of equal size, one division after the other."""
    rng = np.random.default_rng(seed)
    for repeat in range(repeats):
        for fold, held_out in enumerate(np.array_split(rng.permutation(n), folds)):
            yield repeat, fold, held_out


def regression(predictors: np.ndarray, target: np.ndarray, *, seed: int) -> np.ndarray:
    """Return the target as a linear regression on all other folds predicts it.

    Least squares with an intercept; the mean over `REPEATS` divisions into `FOLDS` folds.

    Args:
        predictors: [K, n]; one that does not vary counts for nothing.
        target: [n]; networks with a NaN are left out.

    Returns:
        [n], NaN for networks left out; for all if there are fewer than `PER_WEIGHT` networks in the
        other folds for each of the K + 1 weights.
    """
    known = np.flatnonzero(np.isfinite(predictors).all(0) & np.isfinite(target))
    scores, n = np.full(len(target), np.nan), len(known)
    if n * (1 - 1 / FOLDS) < PER_WEIGHT * (len(predictors) + 1):
        return scores
    x, y = predictors[:, known].T, target[known]
    centred = x - x.mean(0)  # so that units do not matter to the rank
    design = np.column_stack([np.ones(n), centred / np.maximum(np.abs(centred).max(0), 1e-300)])
    found = np.zeros((REPEATS, n))
    for repeat, _, held_out in divisions(n, folds=FOLDS, repeats=REPEATS, seed=seed):
        weights, *_ = np.linalg.lstsq(np.delete(design, held_out, 0), np.delete(y, held_out))
        found[repeat, held_out] = design[held_out] @ weights
    scores[known] = found.mean(0)
    return scores


def nested_alpha(
    *samples: np.ndarray, alphas: np.ndarray, folds: int, repeats: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores base + alpha addition, each with an alpha that its network had no say in.

    A division puts the networks into random folds of equal size. For each fold alpha is the one,
    the first of those that tie, whose score has the highest Pearson r with the target on all other
    networks. Folds differ in alpha, so that scores are standardised by mean and s.d. on those other
    networks. The result is the mean over divisions. With enough flexibility anything fits: judge
    rivals of an addition by this function, with the same alphas times the addition's s.d.

    Args:
        samples: base, addition and target, [n] each; networks with a NaN are left out.
        alphas: [A] weights to choose from, 0 among them if the addition may be left out.
        folds: number of parts of each division.
        repeats: number of divisions.

    Returns:
        Scores [n] in their s.d.: NaN for networks left out, for all if fewer than four or than
        `folds` remain, and for those on whose other networks no score correlates. Chosen alphas
        [repeats, folds], NaN where there is none.

    Source: nested cross-validation, Varma and Simon 2006, doi:10.1186/1471-2105-7-91.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    together = np.stack(samples)
    known = np.flatnonzero(np.isfinite(together).all(0))
    scores, chosen = np.full(together.shape[1], np.nan), np.full((repeats, folds), np.nan)
    if len(known) < max(folds, bootstrap.FEWEST):
        return scores, chosen
    base, addition, target = together[:, known]
    candidates = base + alphas[:, None] * addition  # [A, n]
    found = np.full((repeats, len(known)), np.nan)
    parts = list(divisions(len(known), folds=folds, repeats=repeats, seed=seed))
    others = np.ones((len(parts), len(known)))  # 1 for the networks on which alpha is chosen
    for row, (*_, held_out) in zip(others, parts):
        row[held_out] = 0
    fits = bootstrap.pearson(others, candidates, target)  # [divisions * folds, A]
    for fit, chosen_on, (repeat, fold, held_out) in zip(fits, others > 0, parts):
        if np.isnan(fit).all():
            continue
        best = np.argmax(fit > np.nanmax(fit) - TIE)
        chosen[repeat, fold] = alphas[best]
        known_values = candidates[best, chosen_on]
        scaled = candidates[best, held_out] - known_values.mean()
        found[repeat, held_out] = scaled / known_values.std()
    scores[known] = found.mean(0)
    return scores, chosen
