"""Weights of a second predictor, chosen on other networks than they are judged on."""

import numpy as np

from sage.analysis.estimates import pearson


def nested_alpha(
    base: np.ndarray,
    addition: np.ndarray,
    target: np.ndarray,
    *,
    alphas: np.ndarray,
    folds: int,
    repeats: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold scores base + alpha addition: no network has a say in the alpha that it is scored with.

    The networks are divided at random into folds of equal size. For each fold alpha is the one whose score has the
    highest Pearson r with the target on all other networks, the first of those that tie. Folds differ in alpha and so
    in the score's place and scale, therefore it is standardised by its mean and s.d. on those other networks. Of
    several such divisions the scores are averaged. With enough flexibility anything fits: judge rivals of an
    addition by the same function, with as many alphas for the same range of alpha times the addition's s.d.

    Args:
        base, addition, target: [n]; networks with a NaN in one of them are left out.
        alphas: [A] weights to choose from, 0 among them if the addition may be left out.
        folds: how many parts each division has. repeats: how many divisions.

    Returns:
        Scores [n], in s.d. of the score; NaN for networks left out, for all if fewer than four or than `folds` remain,
        and for those on whose other networks no alpha's score correlates, as where the target is constant. Alphas
        [repeats, folds] that were chosen, NaN where there is none.

    Raises:
        ValueError: no alpha or one that is not finite, fewer than two folds, no repeat, or samples of different shape.

    Source: nested cross-validation, Varma and Simon 2006, doi:10.1186/1471-2105-7-91.
    """
    base, addition, target, alphas = (
        np.asarray(one, dtype=np.float64) for one in (base, addition, target, alphas)
    )
    if alphas.ndim != 1 or not len(alphas) or not np.isfinite(alphas).all():
        raise ValueError(
            f"alphas are {alphas.tolist()}, expected a list of one or more finite numbers"
        )
    if folds < 2 or repeats < 1:
        raise ValueError(
            f"folds is {folds} and repeats {repeats}, expected two or more folds, one or more repeats"
        )
    if base.ndim != 1 or not base.shape == addition.shape == target.shape:
        raise ValueError(
            f"samples have shapes {base.shape}, {addition.shape} and {target.shape}, expected [n] each"
        )
    known = np.flatnonzero(np.isfinite([base, addition, target]).all(0))
    scores, chosen = np.full(len(base), np.nan), np.full((repeats, folds), np.nan)
    if len(known) < max(folds, 4):
        return scores, chosen
    candidates = base[known] + alphas[:, None] * addition[known]
    found = np.full((repeats, len(known)), np.nan)
    rng = np.random.default_rng(seed)
    for repeat in range(repeats):
        for fold, held_out in enumerate(np.array_split(rng.permutation(len(known)), folds)):
            others = np.delete(candidates, held_out, axis=1)
            fit = pearson(others, np.delete(target[known], held_out))
            if np.isnan(fit).all():
                continue
            best = np.nanargmax(fit)
            chosen[repeat, fold] = alphas[best]
            found[repeat, held_out] = (candidates[best, held_out] - others[best].mean()) / others[
                best
            ].std()
    scores[known] = found.mean(0)
    return scores, chosen
