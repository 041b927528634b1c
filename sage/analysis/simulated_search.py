"""Random searches that a stored pool can answer: what the best by a score is worth in the end."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.special import comb

from sage.analysis.bootstrap import (
    REGRET_TOP,
    Bootstrap,
    by_epoch,
    interval,
)
from sage.analysis.contrasts import ERRORS, POOLED, members_of, put_together

CANDIDATES = (10, 20, 50, 100)
BRIEFLY = "published after 12 epochs"  # others' accuracy, of networks of a benchmark only
SCORES = (
    *("P", "P + alpha TG", "P + a TG", "P + a log parameters", "TSE-E", "log parameters"),
    BRIEFLY,
)
CHOICES = ("first", f"best of top {REGRET_TOP}")
RESAMPLES = 400  # at most: they take long, and interval ends settle to 0.1 points of accuracy
ACCURACY_MATTERS = 0.005  # two trainings of one network differ by about as much
FIELDS = ("value", "low", "high", *POOLED)
At = tuple[str, float]  # a predictor, and the epoch at which it scores


def simulate(
    scores: xr.DataArray,
    mature: xr.DataArray,
    resamples: Bootstrap,
    names: Iterable[str] = SCORES,
) -> xr.Dataset:
    """Return the mature accuracy that random searches over a pool find, by their score.

    A search draws so many different candidates, and takes the first by its score, or trains the top
    five to maturity and takes the best. The mean over all such searches is computed, not drawn. Its
    interval is over networks: each resample is a pool of its own. That holds some networks more
    than once, and the top five then fewer different ones.

    Args:
        names: of predictors, P among them; those that `scores` lacks are left out.

    Returns:
        Dataset over predictor, epoch, candidates, of `CANDIDATES`, and choice, of `CHOICES`: value,
        low and high; above P with its paired interval, gain, gain_low and gain_high. NaN for as
        many candidates as the pool has networks, or more.
    """
    names = [name for name in names if name in scores.predictor]
    fewer = replace(resamples, resamples=min(resamples.resamples, RESAMPLES))

    def measure(values: np.ndarray, target: np.ndarray, places: np.ndarray) -> np.ndarray:
        drawn = _finds(values, target, fewer)
        both = drawn, drawn - drawn[names.index("P")]
        return np.concatenate([[_ends(one) for one in kind] for kind in both], axis=-1)

    fields = [f"{kind}{end}" for kind in ("", "gain_") for end in ("value", "low", "high")]
    axes = {"predictor": names, "candidates": list(CANDIDATES), "choice": list(CHOICES)}
    return by_epoch(scores.sel(predictor=names), mature, measure, **axes, field=fields)


def compare(
    scores: xr.DataArray,
    mature: xr.DataArray,
    pairs: Sequence[tuple[At, At]],
    resamples: Bootstrap,
) -> xr.Dataset:
    """Return by how much more one score finds than another does, perhaps after other training.

    Args:
        scores: with coordinate pool [network], as in `contrasts.contrasts`.

    Returns:
        Dataset over pair, with coordinates first, first_epoch, second and second_epoch, candidates
        and choice: value, low, high and those of several pools, as in `contrasts.contrasts`.
    """
    used = list(dict.fromkeys(one for pair in pairs for one in pair))
    values = np.stack([scores.sel(predictor=name, epoch=epoch) for name, epoch in used])
    kept = np.isfinite(values).all(0) & np.isfinite(mature.values)
    values, target, pools = values[:, kept], mature.values[kept], scores.pool.values[kept]
    drawn = _finds(values, target, resamples)
    apart = [_finds(values[:, one], target[one], resamples) for one in members_of(pools)]
    found = []
    for first, second in pairs:
        one, other = used.index(first), used.index(second)
        ends = _ends(drawn[one] - drawn[other], errors=ERRORS)
        by_pool = [each[one] - each[other] for each in apart]
        pooled = put_together(by_pool, ends[..., 0].size).reshape(*ends.shape[:2], -1)
        found.append(np.concatenate([ends, pooled], axis=-1))
    axes = {"candidates": list(CANDIDATES), "choice": list(CHOICES), "field": list(FIELDS)}
    table = xr.DataArray(np.array(found), axes, ("pair", *axes)).to_dataset("field")
    named: dict[str, tuple[str, list]] = {}
    for side, ats in zip(("first", "second"), zip(*pairs)):
        predictors, epochs = zip(*ats)
        named |= {side: ("pair", list(predictors)), f"{side}_epoch": ("pair", list(epochs))}
    return table.assign_coords(named).assign_attrs(networks=len(target))


def _finds(values: np.ndarray, target: np.ndarray, resamples: Bootstrap) -> np.ndarray:
    """Return what is found [K, 1 + R, candidates, choice] by scores [K, n] in each resample.

    It is NaN for a score that does not vary. Of networks that tie the one with the lower target
    comes first, as in `bootstrap.regret`.
    """
    members, found = resamples.members(len(target)), []
    for score in values:
        order = np.lexsort((target, -score))
        ranked = target[order][np.sort(np.argsort(order)[members], axis=1)]  # [1 + R, n]
        one = expected_finds(ranked, CANDIDATES)
        found.append(one if np.ptp(score) else np.full_like(one, np.nan))
    return np.stack(found)


def _ends(drawn: np.ndarray, *, errors: float = 0) -> np.ndarray:
    """Return value, low and high [candidates, choice, 3] of finds [1 + R, candidates, choice]."""
    return interval(drawn.reshape(len(drawn), -1), errors=errors).reshape(*drawn.shape[1:], 3)


def expected_finds(ranked: np.ndarray, candidates: tuple[int, ...]) -> np.ndarray:
    """Return the mean target [..., candidates, choice] of what all searches over a pool find.

    Args:
        ranked: [..., n] target of networks in the order of a score, the best first.
        candidates: drawn without replacement; NaN for n or more, or fewer than `REGRET_TOP`.
    """
    n, top = ranked.shape[-1], REGRET_TOP
    found = np.full((*ranked.shape[:-1], len(candidates), len(CHOICES)), np.nan)
    # By the place of the last of the top: the mean over what else is at the top, which is any of
    # the places before it. The t-th lowest of these is the best of four in comb(t, 3) sets.
    best = np.full(ranked.shape, np.nan)
    for last in range(top - 1, n):
        before = np.sort(ranked[..., :last], axis=-1)
        chance = comb(np.arange(last), top - 2) / comb(last, top - 1)
        best[..., last] = np.maximum(before, ranked[..., last, None]) @ chance
    places = np.arange(n)
    for place, count in enumerate(candidates):
        if top <= count < n:
            first = comb(n - 1 - places, count - 1) / comb(n, count)
            last = comb(places, top - 1) * comb(n - 1 - places, count - top) / comb(n, count)
            found[..., place, 0] = ranked @ first
            found[..., place, 1] = best[..., top - 1 :] @ last[top - 1 :]
    return found
