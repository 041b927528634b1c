"""Predictors of mature accuracy from a premature state, and how well they do."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from sage import guidance, statistics
from sage.statistics import Estimate

COMBINED = "P + alpha TG"


def scores(pool: xr.Dataset, similarity: xr.DataArray, alpha: float) -> xr.DataArray:
    """Every predictor's value for every network and epoch.

    Args:
        pool: see `Tracker.results`. similarity: see `guidance.compare`. alpha: weight of TG.

    Returns:
        [predictor, network, epoch]: P, the best match with each teacher layer, TG, P + alpha TG. Where one
        of them is not defined all are NaN, so that they are compared on the same networks.
    """
    matches = guidance.best_match(similarity)
    tg = guidance.teacher_guidance(similarity)
    named = {"P": pool.accuracy}
    for layer in matches.teacher_layer.values:
        named[f"TG {layer}"] = matches.sel(teacher_layer=layer, drop=True)
    named |= {"TG": tg, COMBINED: guidance.score(pool.accuracy, tg, alpha)}
    table = xr.concat(named.values(), dim="predictor", join="exact", coords="minimal", compat="override")
    table = table.where(table.notnull().all("predictor"))
    return table.assign_coords(predictor=list(named)).rename("score").assign_attrs(alpha=alpha)


def mature_accuracy(pool: xr.Dataset, epoch: float) -> xr.DataArray:
    """Accuracy [network] at the mature epoch, which it keeps as a coordinate; NaN where a network diverged.

    Raises:
        ValueError: no network reached that epoch.
    """
    if epoch not in pool.epoch:
        raise ValueError(f"no network of the pool reached epoch {epoch:g}")
    return pool.accuracy.sel(epoch=epoch)


def curves(table: xr.DataArray, mature: xr.DataArray, *, resamples: int, seed: int) -> xr.Dataset:
    """Correlation of every predictor with mature accuracy, at each epoch before the mature one.

    Args:
        table: [predictor, network, epoch]. mature: [network].

    Returns:
        Dataset over predictor and epoch: value, low and high (95 % over networks) and n.
    """
    premature = table.sel(epoch=table.epoch < mature.epoch)
    return _over(
        premature,
        ["network"],
        lambda values: statistics.correlation(values, mature.values, resamples=resamples, seed=seed),
    )


def alpha_sweep(
    table: xr.DataArray, mature: xr.DataArray, alphas: np.ndarray, *, resamples: int, seed: int
) -> xr.Dataset:
    """What TG adds: correlation of P + alpha TG with mature accuracy minus that of P, by alpha and epoch.

    Args:
        table: [predictor, network, epoch], see `scores`. mature: [network].

    Returns:
        Dataset over alpha and epoch: value, low and high (95 %, paired over networks) and n.
    """
    premature = table.sel(epoch=table.epoch < mature.epoch)
    p, tg = (premature.sel(predictor=name, drop=True) for name in ("P", "TG"))
    alpha = xr.DataArray(alphas, {"alpha": alphas}, "alpha")
    paired = xr.concat(xr.broadcast(guidance.score(p, tg, alpha), p), dim="pair")
    return _over(
        paired,
        ["pair", "network"],
        lambda values: statistics.difference(*values, mature.values, resamples=resamples, seed=seed),
    )


def verdict(gain: Estimate) -> str:
    """In words, whether guidance helped: what the 95 % interval of the gain over P allows to say."""
    if np.isnan(gain.value):
        return "There are too few networks, or too little spread among them, to compare the two."
    if gain.low > 0:
        return "On this pool teacher guidance predicts mature accuracy better than accuracy alone does."
    if gain.high < 0:
        return "On this pool teacher guidance predicts mature accuracy worse than accuracy alone does."
    return "On this pool the interval of the gain includes 0: whether guidance helps is undecided."


def _over(table: xr.DataArray, dimensions: list[str], estimate: Callable[[np.ndarray], Estimate]) -> xr.Dataset:
    """An `Estimate` for every place of the other dimensions, as a Dataset of its fields."""

    def fields(values: np.ndarray) -> tuple:
        found = estimate(values)
        return found.value, found.low, found.high, found.n

    parts = xr.apply_ufunc(
        fields, table, input_core_dims=[dimensions], output_core_dims=[[], [], [], []], vectorize=True
    )
    return xr.Dataset(dict(zip(("value", "low", "high", "n"), parts)))
