"""How well predictors tell mature accuracy: intervals, rivals as free as guidance, contrasts.

Here `table` is [predictor, network, epoch], see `predictors.score_table`; `mature` is [network],
see `mature_accuracy`. Epochs are those before the mature one, intervals are of 95 %, over networks,
and all is NaN for fewer than four networks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from sage.analysis.bootstrap import (
    FEWEST,
    METHODS,
    Bootstrap,
    Estimate,
    interval,
    partial_correlation,
    pearson,
    seed_ceiling,
)
from sage.analysis.cross_validation import nested_alpha
from sage.analysis.predictors import PoolMeasurements
from sage.rsa import guidance

# Guidance and additions to P that are as free as it is, each with the predictor that it adds.
# P + a P adds nothing, so that it shows what choosing by folds costs.
NESTED = {
    f"P + a {addition}": addition
    for addition in ("TG", "P", "TG untrained", "TG shuffled", "TSE", "TSE-E", "log parameters")
}
OF_TEACHERS = ("TG before training", "TG untrained", "TG shuffled", "TG pixels", "TG labels")
# What is compared directly: each with all of these that are known, see `contrasts`.
CONTRASTS = {
    "P + a TG": ("P", *list(NESTED)[1:]),
    "TG": ("P", "TSE-E", "log parameters", "depth", *OF_TEACHERS),
    "TG of single images": ("TG by CKA", "TG by SVCCA", "TG labels"),
}
# Of the addition, in units of s.d.(P) / s.d.(addition).
ALPHAS = np.array([0, 0.1, 0.2, 0.5, 1, 2, 5, 10])
FOLDS, REPEATS = 5, 20
GIVEN = ("P", "log parameters", "depth")  # partial correlations are given these


@dataclass(frozen=True)
class Analysis:
    """All statistics of a pool's predictors.

    Args:
        scores: table with those of `NESTED`.
        weights: see `add_nested`.
        assessed: see `assess`.
        compared: see `contrasts`.
    """

    scores: xr.DataArray
    mature: xr.DataArray
    weights: xr.DataArray
    assessed: xr.Dataset
    compared: xr.Dataset


def analyse(table: xr.DataArray, mature: xr.DataArray, bootstrap: Bootstrap) -> Analysis:
    """Return all statistics of a pool. The seed divides networks into folds too."""
    scores, weights = add_nested(table, mature, seed=bootstrap.seed)
    assessed = assess(scores, mature, bootstrap)
    return Analysis(scores, mature, weights, assessed, contrasts(scores, mature, bootstrap))


def mature_accuracy(pool: xr.Dataset, epoch: float) -> xr.DataArray:
    """Return accuracy [network] at the mature epoch, a coordinate; NaN where a network diverged.

    Raises:
        ValueError: no network reached that epoch.
    """
    if epoch not in pool.epoch:
        raise ValueError(f"no network of the pool reached epoch {epoch:g}")
    return pool.accuracy.sel(epoch=epoch)


def ceiling(mature: xr.DataArray, again: xr.DataArray, bootstrap: Bootstrap) -> Estimate:
    """Return the highest r to expect of a predictor that knows nothing of a training's chance.

    Args:
        again: mature accuracy of some of the networks, trained with another seed.
    """
    both = np.column_stack([mature.sel(network=again.network), again])
    return seed_ceiling(both, bootstrap)


def add_nested(
    table: xr.DataArray, mature: xr.DataArray, *, seed: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """Add P plus additions whose weights are chosen on other networks, see `nested_alpha`.

    Additions are scaled to the s.d. of P over all networks at that epoch, so that all have the same
    freedom; to a constant P there is none, and none that is constant. A score's bootstrap does not
    choose again: its interval is somewhat narrow. Choosing on few networks costs something, and so
    do folds with scales of their own: the scores are at a disadvantage to P, at none to each other.

    Returns:
        The table with those predictors of `NESTED` whose addition it has, NaN from the mature epoch
        on; and the means of the chosen alphas [predictor, epoch], as factors of the additions.
    """
    early = table.sel(epoch=table.epoch < mature.epoch)
    cost, early = early.cost.sel(predictor="P", drop=True), early.drop_vars(["family", "cost"])

    def choose(p: np.ndarray, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        samples = np.stack([p, scaled, mature.values])
        return nested_alpha(samples, alphas=ALPHAS, folds=FOLDS, repeats=REPEATS, seed=seed)

    dims: dict[str, Any] = {"input_core_dims": [["network"], ["network"]]}
    dims["output_core_dims"] = [["network"], ["repeat", "fold"]]
    base, scores, chosen = early.sel(predictor="P", drop=True), [], []
    for name, addition in NESTED.items():
        if addition not in table.predictor:
            continue
        added = early.sel(predictor=addition, drop=True)
        scale = base.std("network") / added.std("network")
        scaled = added * scale.where(np.isfinite(scale))
        found, alphas = xr.apply_ufunc(choose, base, scaled, vectorize=True, **dims)
        found = found.assign_coords(predictor=name, family="combination", cost=cost)
        scores.append(found.reindex(epoch=table.epoch))
        chosen.append((alphas.mean(["repeat", "fold"]) * scale).assign_coords(predictor=name))
    joined: dict[str, Any] = {"coords": ["predictor", "family", "cost"], "compat": "override"}
    scores = xr.concat([table, *scores], "predictor", combine_attrs="override", **joined)
    return scores, xr.concat(chosen, "predictor", join="exact")


def assess(table: xr.DataArray, mature: xr.DataArray, bootstrap: Bootstrap) -> xr.Dataset:
    """Return how well every predictor tells mature accuracy.

    Args:
        table: with `GIVEN` among its predictors.

    Returns:
        Dataset over predictor, epoch and statistic: value with its interval, low and high;
        difference to P with its paired interval, difference_low and difference_high; n over epoch.
        Statistics are those of `bootstrap.METHODS` (of "regret", in accuracy, less is better) and
        "partial", the correlation given `GIVEN`. That is NaN for `NESTED`: nearly all is given, and
        how folds differ would be left.
    """
    names = table.predictor.values.tolist()
    p, *_ = given = [names.index(name) for name in GIVEN]
    nested = np.isin(names, list(NESTED))

    def measure(counts: np.ndarray, values: np.ndarray, target: np.ndarray) -> np.ndarray:
        drawn = [method(counts, values, target) for method in METHODS.values()]
        partial = partial_correlation(counts, values, target, values[given].T)
        drawn.append(np.where(nested, np.nan, partial))
        both = [np.hstack([interval(one), interval(one - one[:, [p]])]) for one in drawn]
        return np.stack(both, 1)

    fields = ("value", "low", "high", "difference", "difference_low", "difference_high")
    coordinates = {"predictor": names, "statistic": [*METHODS, "partial"]}
    found = _by_epoch(table, mature, bootstrap, measure, fields, coordinates)
    early = table.sel(epoch=found.epoch)
    return found.assign_coords(family=early.family, cost=early.cost)


def alpha_sweep(
    table: xr.DataArray, mature: xr.DataArray, alphas: np.ndarray, bootstrap: Bootstrap
) -> xr.Dataset:
    """Return what TG adds: r of P + alpha TG with mature accuracy minus that of P.

    Returns:
        Dataset over alpha and epoch: value, low and high, paired over networks, and n.
    """
    scores = table.drop_vars(["family", "cost"])
    p, tg = (scores.sel(predictor=name, drop=True) for name in ("P", "TG"))
    columns = [p, *(guidance.combined_score(p, tg, alpha) for alpha in alphas)]

    def measure(counts: np.ndarray, values: np.ndarray, target: np.ndarray) -> np.ndarray:
        drawn = pearson(counts, values, target)
        return interval(drawn[:, 1:] - drawn[:, :1])

    fields = ("value", "low", "high")
    swept = xr.concat(columns, "predictor")
    found = _by_epoch(swept, mature, bootstrap, measure, fields, {"alpha": alphas})
    return found.assign(n=found.n.broadcast_like(found.value))


def gain(assessed: xr.Dataset, predictor: str | Sequence[str]) -> xr.Dataset:
    """Return by how much r of predictors is above that of P: value, low, high and n."""
    one = assessed.sel(predictor=predictor, statistic="pearson")
    names = {"difference": "value", "difference_low": "low", "difference_high": "high"}
    return one[[*names, "n"]].rename(names)


def contrasts(table: xr.DataArray, mature: xr.DataArray, bootstrap: Bootstrap) -> xr.Dataset:
    """Return by how much one predictor's r is above another's, for the pairs of `CONTRASTS`.

    Returns:
        Dataset over pair and epoch, with the pair's names as coordinates first and second: value;
        its interval, low and high, paired over networks; all_low and all_high, the interval that
        holds for all epochs of the pair at once (Bonferroni; of 5000 resamples and eight epochs
        sixteen lie beyond each end).
    """
    names = table.predictor.values.tolist()
    pairs = [(one, other) for one, others in CONTRASTS.items() for other in others]
    pairs = [(one, other) for one, other in pairs if one in names and other in names]
    first, second = (list(column) for column in zip(*pairs))
    ones, others = ([names.index(name) for name in column] for column in (first, second))
    epochs = int((table.epoch < mature.epoch).sum())

    def measure(counts: np.ndarray, values: np.ndarray, target: np.ndarray) -> np.ndarray:
        drawn = pearson(counts, values, target)
        gains = drawn[:, ones] - drawn[:, others]
        return np.hstack([interval(gains), interval(gains, tests=epochs)[:, 1:]])

    fields = ("value", "low", "high", "all_low", "all_high")
    found = _by_epoch(table, mature, bootstrap, measure, fields, {"pair": range(len(pairs))})
    named = {"first": ("pair", first), "second": ("pair", second)}
    return found.drop_vars(["pair", "n"]).assign_coords(named)


def _by_epoch(
    table: xr.DataArray,
    mature: xr.DataArray,
    bootstrap: Bootstrap,
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    fields: Sequence[str],
    coordinates: Mapping[str, Any],
) -> xr.Dataset:
    """Return the statistics of each epoch, and n.

    Networks for which a predictor is not defined are left out. A predictor that is defined for
    none, such as an addition to a constant P, is 0 and leaves the others theirs.

    Args:
        measure: gives [..., field] of counts [R, n], predictors [K, n] and target [n].
        coordinates: of the dimensions [...]; epoch becomes the second.
    """
    early = table.sel(epoch=table.epoch < mature.epoch).transpose("epoch", "predictor", "network")
    found = np.full((len(early), *map(len, coordinates.values()), len(fields)), np.nan)
    sizes = np.zeros(len(early), dtype=int)
    for epoch, values in enumerate(early.values):
        values = np.where(np.isfinite(values).any(1, keepdims=True), values, 0)
        kept = np.isfinite(values).all(0) & np.isfinite(mature.values)
        sizes[epoch] = n = kept.sum()
        if n >= FEWEST:
            found[epoch] = measure(bootstrap.counts(n), values[:, kept], mature.values[kept])
    first, *others = coordinates
    data = {name: (("epoch", *coordinates), found[..., place]) for place, name in enumerate(fields)}
    joined = xr.Dataset(data | {"n": ("epoch", sizes)}, {**coordinates, "epoch": early.epoch})
    return joined.transpose(first, "epoch", *others)


def pool_record(known: PoolMeasurements, table: xr.DataArray) -> xr.Dataset:
    """Return a pool with its scores and similarity to the teacher, without every step's losses."""
    pool = known.results.drop_vars("losses")
    return pool.assign(score=table, similarity=known.similarities["teacher"])


def record(pools: Mapping[str, Analysis], sweep: xr.Dataset, ceiling: Estimate) -> xr.Dataset:
    """Return all statistics in one table: of `analyse` by pool, `alpha_sweep` and the ceiling."""
    joined: dict[str, Any] = {"data_vars": "all", "coords": "minimal", "compat": "override"}
    assessed, compared, weights = (
        xr.concat([getattr(one, name) for one in pools.values()], "pool", join="exact", **joined)
        for name in ("assessed", "compared", "weights")
    )
    contrasts = (*compared.data_vars, "first", "second")
    compared = compared.rename({name: f"contrast_{name}" for name in contrasts})
    # Not "alpha", which is a parameter of runs: a grid of these gathers their tables along it.
    swept = sweep.rename({name: f"sweep_{name}" for name in ("alpha", *sweep.data_vars)})
    parts = [assessed, compared, weights.rename("nested_alpha").rename(predictor="nested"), swept]
    attributes = {f"ceiling_{name}": value for name, value in asdict(ceiling).items()}
    return xr.merge(parts, join="exact").assign_coords(pool=list(pools)).assign_attrs(attributes)
