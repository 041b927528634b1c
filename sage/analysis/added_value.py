"""What TG adds to what is known for nothing: regressions with it and without, cross-validated."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from sage.analysis.bootstrap import Bootstrap
from sage.analysis.contrasts import contrasts
from sage.analysis.cross_validation import regression

# Regressors without a teacher, by the name of their regression. What is left out of the second,
# TSE and TSE-EMA, multiply-adds and further proxies, differs little from what is in it.
GIVEN = {
    "P and size": ("P", "log parameters"),
    "all that is free": ("P", "loss", "TSE-E", "log parameters", "depth", "synflow", "naswot"),
}
# Teachers, or candidates, that know nothing.
IGNORANT = ("TG before training", "TG untrained", "TG shuffled")
ADDED = ("TG", "TG in order", *IGNORANT)


def added_value(scores: xr.DataArray, mature: xr.DataArray, resamples: Bootstrap) -> xr.Dataset:
    """Return by how much r of regressions with TG, and with its controls, is above that without.

    The bootstrap does not fit again, so that intervals are somewhat narrow.

    Returns:
        As `contrasts`, of `with_added` over `GIVEN`, and of TG over each of `IGNORANT`.
    """
    pairs = [(with_added(given, added), given) for given in GIVEN for added in ADDED]
    for given in GIVEN:
        over = (with_added(given, added) for added in IGNORANT)
        pairs += [(with_added(given, "TG"), one) for one in over]
    return contrasts(regressions(scores, mature, seed=resamples.seed), mature, pairs, resamples)


def with_added(given: str, added: str) -> str:
    """Return the name of a regression on `given` and another predictor."""
    return f"{given} + {added}"


def regressions(
    scores: xr.DataArray,
    mature: xr.DataArray,
    *,
    seed: int,
    given: Mapping[str, tuple[str, ...]] = GIVEN,
    added: Sequence[str] = ADDED,
) -> xr.DataArray:
    """Return scores of `cross_validation.regression` before the mature epoch.

    Args:
        given: predictors of each regression, by its name.
        added: there is a further regression on each of these sets with each of these predictors.

    Returns:
        [predictor, epoch, network], those that lack no predictor, named as by `with_added`.
    """
    early = scores.sel(epoch=scores.epoch < mature.epoch)
    early = early.transpose("predictor", "epoch", "network")
    known, sets = set(scores.predictor.values.tolist()), dict[str, tuple[str, ...]]()
    for name, of in given.items():
        sets |= {name: of} | {with_added(name, one): (*of, one) for one in added}
    sets = {name: of for name, of in sets.items() if known.issuperset(of)}
    found = np.full((len(sets), *early.shape[1:]), np.nan)
    for place, names in enumerate(sets.values()):
        values = early.sel(predictor=list(names)).values
        for epoch in range(early.sizes["epoch"]):
            found[place, epoch] = regression(values[:, epoch], mature.values, seed=seed)
    dims = ("predictor", "epoch", "network")
    coordinates = {"predictor": list(sets), "epoch": early.epoch, "network": early.network}
    return xr.DataArray(found, coordinates, dims).assign_coords(pool=early.pool)
