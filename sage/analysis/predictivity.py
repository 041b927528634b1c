"""How well predictors predict mature accuracy: intervals, and rivals that have a weight too.

Here `table` is [predictor, network, epoch], see `predictors.score_table`; `mature` is [network],
see `mature_accuracy`. Epochs are those before the mature one, intervals are of 95 %, over networks,
and all is NaN for fewer than four networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from sage.analysis import bootstrap, simulated_search
from sage.analysis.added_value import IGNORANT, added_value
from sage.analysis.bootstrap import Bootstrap, Estimate, by_epoch, interval
from sage.analysis.contrasts import RANKED, contrasts
from sage.analysis.cross_validation import FOLDS, REPEATS, nested_alpha
from sage.analysis.predictors import CHOSEN, COMBINED, PoolMeasurements
from sage.rsa import guidance

# P plus a weighted predictor, the weight chosen on other networks; P + a P adds nothing, so that it
# shows what this choice costs.
FREE = ("P", "loss", "TSE", "TSE-E", "log parameters", "synflow", "naswot")
NESTED = {f"P + a {addition}": addition for addition in ("TG", *IGNORANT, *FREE, "TG in order")}
OF_TEACHERS = (*IGNORANT, "TG pixels", "TG labels", "TG mean", "TG in order")
# Pairs to compare: each key against those of its values that are in the table.
CONTRASTS = {
    COMBINED: ("P", "TSE-E", "log parameters", "P + a TG before training"),
    CHOSEN: ("P", *list(NESTED)[1:], "TSE-E", "log parameters"),
    "P + a TG in order": ("P",),
    "TG": ("P", "TSE-E", "log parameters", "depth", *OF_TEACHERS),
    "TG of single images": ("TG by CKA", "TG by SVCCA", "TG labels"),
}
# Of the addition, in units of s.d.(P) / s.d.(addition).
ALPHAS = np.array([0, 0.1, 0.2, 0.5, 1, 2, 5, 10])
COVARIATES = ("P", "log parameters", "depth")  # partial correlations are given these
# Fields of `assess`, and what `gain` calls them.
DIFFERENCE = {"difference": "value", "difference_low": "low", "difference_high": "high"}


@dataclass(frozen=True)
class Analysis:
    """All statistics of a pool's predictors."""

    scores: xr.DataArray  # with those of `NESTED`
    mature: xr.DataArray
    weights: xr.DataArray  # see `add_nested`
    assessed: xr.Dataset  # see `assess`
    compared: xr.Dataset  # see `contrasts`: `CONTRASTS`, and what is in `added_value`
    found: xr.Dataset  # see `simulated_search.simulate`


@threadpool_limits.wrap(limits=1, user_api="blas")  # products are small, see `guidance.compare`
def analyse(table: xr.DataArray, mature: xr.DataArray, resamples: Bootstrap) -> Analysis:
    """Return all statistics of a pool. The seed divides networks into folds too.

    Args:
        table: with coordinate pool [network], see `contrasts`.
    """
    scores, weights = add_nested(table, mature, seed=resamples.seed)
    pairs = [(one, other) for one, others in CONTRASTS.items() for other in others]
    every = contrasts(scores, mature, pairs, resamples), added_value(scores, mature, resamples)
    return Analysis(
        scores=scores,
        mature=mature,
        weights=weights,
        assessed=assess(scores, mature, resamples),
        compared=xr.concat(every, "pair").assign_attrs(alpha=scores.attrs["alpha"]),
        found=simulated_search.simulate(scores, mature, resamples),
    )


def mature_accuracy(pool: xr.Dataset, epoch: float) -> xr.DataArray:
    """Return accuracy [network] at the mature epoch, a coordinate; NaN where a network diverged."""
    if epoch not in pool.epoch:
        raise ValueError(f"no network of the pool reached epoch {epoch:g}")
    return pool.accuracy.sel(epoch=epoch)


def ceiling(mature: xr.DataArray, again: xr.DataArray, resamples: Bootstrap) -> Estimate:
    """Return `seed_ceiling` by some networks' mature accuracy `again`, after another seed."""
    both = np.column_stack([mature.sel(network=again.network), again])
    return bootstrap.seed_ceiling(both, resamples)


def nested(
    base: xr.DataArray, added: xr.DataArray, target: xr.DataArray, *, seed: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return scores of a base and an addition, see `nested_alpha`, and the mean weights [...].

    Each addition is scaled to the s.d. of the base over networks, so that all can weigh equally;
    the score is NaN where one of them is constant.

    Args:
        base: [..., network]; `added` likewise, perhaps with more dimensions.
        target: [network].
    """
    choose = partial(nested_alpha, alphas=ALPHAS, folds=FOLDS, repeats=REPEATS, seed=seed)
    options: dict[str, Any] = {"vectorize": True, "input_core_dims": 3 * [["network"]]}
    options["output_core_dims"] = [["network"], ["repeat", "fold"]]
    scale = base.std("network") / added.std("network")
    scaled = added * scale.where(np.isfinite(scale))
    scores, alphas = xr.apply_ufunc(choose, base, scaled, target, **options)
    return scores, alphas.mean(["repeat", "fold"]) * scale


def add_nested(
    table: xr.DataArray, mature: xr.DataArray, *, seed: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """Add P plus additions whose weights are chosen on other networks, see `nested`.

    The bootstrap does not choose the weight again, so that intervals are somewhat narrow. Choosing
    on few networks, in folds that differ in scale, lowers these scores relative to P, but not
    relative to each other.

    Returns:
        The table with those predictors of `NESTED` whose addition it has, NaN from the mature epoch
        on; and the means of the chosen alphas [predictor, epoch], as factors of the additions.
    """
    early = table.sel(epoch=table.epoch < mature.epoch)
    cost, early = early.cost.sel(predictor="P", drop=True), early.drop_vars(["family", "cost"])
    base, target = early.sel(predictor="P", drop=True), mature.drop_vars("epoch")
    scores, chosen = [], []
    known = {name: addition for name, addition in NESTED.items() if addition in table.predictor}
    for name, addition in known.items():
        found, weights = nested(base, early.sel(predictor=addition, drop=True), target, seed=seed)
        found = found.assign_coords(predictor=name, family="combination", cost=cost)
        scores.append(found.reindex(epoch=table.epoch))
        chosen.append(weights.assign_coords(predictor=name))
    joined: dict[str, Any] = {"coords": ["predictor", "family", "cost"], "compat": "override"}
    every = xr.concat([table, *scores], "predictor", combine_attrs="override", **joined)
    return every, xr.concat(chosen, "predictor", join="exact")


def assess(table: xr.DataArray, mature: xr.DataArray, resamples: Bootstrap) -> xr.Dataset:
    """Return how well predictors tell mature accuracy; `COVARIATES` have to be among them.

    Returns:
        Dataset over predictor, epoch and statistic: value, low and high; difference to P with its
        paired interval, difference_low and difference_high; n over epoch. Statistics are those of
        `bootstrap.METHODS` (of "regret", in accuracy, less is better) and "partial", given
        `COVARIATES`; that is NaN for `NESTED`, where little but differences between folds would
        remain.
    """
    names = table.predictor.values.tolist()
    p, *_ = given = [names.index(name) for name in COVARIATES]
    nested = np.isin(names, list(NESTED))

    def measure(values: np.ndarray, target: np.ndarray, places: np.ndarray) -> np.ndarray:
        counts = resamples.counts(len(target))
        drawn = [method(counts, values, target) for method in bootstrap.METHODS.values()]
        rest = bootstrap.partial_correlation(counts, values, target, values[given].T)
        drawn.append(np.where(nested, np.nan, rest))
        both = [np.hstack([interval(one), interval(one - one[:, [p]])]) for one in drawn]
        return np.stack(both, 1)

    fields = [*DIFFERENCE.values(), *DIFFERENCE]
    axes = {"predictor": names, "statistic": [*bootstrap.METHODS, "partial"], "field": fields}
    found = by_epoch(table, mature, measure, **axes)
    early = table.sel(epoch=found.epoch)
    return found.assign_coords(family=early.family, cost=early.cost)


def alpha_sweep(
    table: xr.DataArray, mature: xr.DataArray, alphas: np.ndarray, resamples: Bootstrap
) -> xr.Dataset:
    """Return r of P + alpha TG minus that of P: value, low, high and n.

    Returns:
        Dataset over alpha, epoch and statistic, of `contrasts.RANKED`.
    """
    scores = table.drop_vars(["family", "cost"])
    p, tg = (scores.sel(predictor=name, drop=True) for name in ("P", "TG"))
    columns = [p, *(guidance.combined_score(p, tg, alpha) for alpha in alphas)]

    def measure(values: np.ndarray, target: np.ndarray, places: np.ndarray) -> np.ndarray:
        counts = resamples.counts(len(target))
        drawn = [bootstrap.METHODS[name](counts, values, target) for name in RANKED]
        return np.stack([interval(one[:, 1:] - one[:, :1]) for one in drawn], 1)

    axes = {"alpha": alphas, "statistic": list(RANKED), "field": ["value", "low", "high"]}
    found = by_epoch(xr.concat(columns, "predictor"), mature, measure, **axes)
    return found.assign(n=found.n.broadcast_like(found.value))


def gain(
    assessed: xr.Dataset, predictor: str | Sequence[str], statistic: str = "pearson"
) -> xr.Dataset:
    """Return by how much r of predictors is above that of P: value, low, high and n."""
    one = assessed.sel(predictor=predictor, statistic=statistic)
    return one[[*DIFFERENCE, "n"]].rename(DIFFERENCE)


def pool_record(known: PoolMeasurements, table: xr.DataArray) -> xr.Dataset:
    """Return a pool with its scores and similarity to the teacher, without what is not of pools."""
    pool = known.results.drop_vars(["losses", "test_accuracy"], errors="ignore")
    return pool.assign(score=table, similarity=known.similarities["teacher"])


def record(
    pools: Mapping[str, Analysis], sweep: xr.Dataset, ceiling: Estimate, **further: float
) -> xr.Dataset:
    """Return all statistics in one table: of `analyse` by pool, `alpha_sweep` and the ceiling.

    Args:
        further: attributes of the table.
    """
    joined: dict[str, Any] = {"data_vars": "all", "coords": "minimal", "compat": "override"}
    assessed, compared, weights, found = (
        xr.concat([getattr(one, name) for one in pools.values()], "pool", join="exact", **joined)
        for name in ("assessed", "compared", "weights", "found")
    )
    contrasts = (*compared.data_vars, "first", "second", "statistic")
    compared = compared.rename({name: f"contrast_{name}" for name in contrasts})
    found = found.drop_vars("n")
    found = found.rename({name: f"search_{name}" for name in (*found.data_vars, "predictor")})
    # Not "alpha", which is a parameter of runs: a grid of these gathers their tables along it.
    swept = sweep.rename({name: f"sweep_{name}" for name in ("alpha", "statistic", *sweep)})
    nested = weights.rename("nested_alpha").rename(predictor="nested")
    parts = [assessed, compared, nested, found, swept]
    attributes = {f"ceiling_{name}": value for name, value in asdict(ceiling).items()} | further
    return xr.merge(parts, join="exact").assign_coords(pool=list(pools)).assign_attrs(attributes)
