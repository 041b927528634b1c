"""Random searches that a stored pool can answer: what the best by a score is worth in the end."""

from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.special import comb

from sage.analysis.bootstrap import REGRET_TOP, Bootstrap, by_epoch, interval

CANDIDATES = (10, 20, 50, 100)
SCORES = ("P", "P + alpha TG", "P + a TG", "P + a log parameters", "TSE-E", "log parameters")
CHOICES = ("first", f"best of top {REGRET_TOP}")
RESAMPLES = 400  # at most: they take long, and interval ends settle to 0.1 points of accuracy


def simulate(scores: xr.DataArray, mature: xr.DataArray, resamples: Bootstrap) -> xr.Dataset:
    """Return the mature accuracy that random searches over a pool find, by their score.

    A search draws so many different candidates, and takes the first by its score, or trains the top
    five to maturity and takes the best. The mean over all such searches is computed, not drawn. Its
    interval is over networks: each resample is a pool of its own. That holds some networks more
    than once, and the top five then fewer different ones.

    Returns:
        Dataset over predictor, of `SCORES`, epoch, candidates, of `CANDIDATES`, and choice, of
        `CHOICES`: value, low and high; above P with its paired interval, gain, gain_low and
        gain_high. NaN for as many candidates as the pool has networks, or more.
    """
    names = [name for name in SCORES if name in scores.predictor]
    fewer = replace(resamples, resamples=min(resamples.resamples, RESAMPLES))

    def measure(values: np.ndarray, target: np.ndarray, places: np.ndarray) -> np.ndarray:
        drawn, n = [], len(target)
        members = fewer.members(n)
        for predictor in values:
            # Of networks that tie the one with the lower target comes first, as in `regret`.
            order = np.lexsort((target, -predictor))
            ranked = target[order][np.sort(np.argsort(order)[members], axis=1)]  # [1 + R, n]
            found = expected_finds(ranked, CANDIDATES)
            drawn.append(found if np.ptp(predictor) else np.full_like(found, np.nan))
        both = np.stack(drawn), np.stack(drawn) - drawn[names.index("P")]
        ends = [[interval(one.reshape(len(members), -1)) for one in kind] for kind in both]
        shape = (len(names), len(CANDIDATES), len(CHOICES), 3)
        return np.concatenate([np.reshape(kind, shape) for kind in ends], axis=-1)

    fields = [f"{kind}{end}" for kind in ("", "gain_") for end in ("value", "low", "high")]
    axes = {"predictor": names, "candidates": list(CANDIDATES), "choice": list(CHOICES)}
    return by_epoch(scores.sel(predictor=names), mature, measure, **axes, field=fields)


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
