"""How well predictors tell mature accuracy: intervals, rivals of guidance as free as it is, contrasts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from sage.analysis import bootstrap, cross_validation, estimates
from sage.analysis.estimates import Estimate
from sage.analysis.predictors import PoolMeasurements
from sage.rsa import guidance

# Guidance and additions to P that are as free as it is: each with the predictor that it adds. P + a P adds nothing, so
# that it shows what choosing by folds costs.
NESTED = {
    "P + a TG": "TG",
    "P + a P": "P",
    "P + a TG untrained": "TG untrained",
    "P + a TG shuffled": "TG shuffled",
    "P + a TSE": "TSE",
    "P + a TSE-E": "TSE-E",
    "P + a log parameters": "log parameters",
}
# What is compared directly: each with all of these that are known, see `contrasts`.
CONTRASTS = {
    "P + a TG": ("P", *list(NESTED)[1:]),
    "TG": (
        "P",
        "TSE-E",
        "log parameters",
        "depth",
        "TG before training",
        "TG untrained",
        "TG shuffled",
        "TG pixels",
        "TG labels",
    ),
    "TG of single images": ("TG by CKA", "TG by SVCCA", "TG labels"),
}
ALPHAS = np.array(
    [0, 0.1, 0.2, 0.5, 1, 2, 5, 10]
)  # of the addition, in units of s.d.(P) / s.d.(addition)
FOLDS, REPEATS = 5, 20
GIVEN = ("P", "log parameters", "depth")  # partial correlations are given these
OUTSIDE = 5.0  # percentage of resamples that intervals leave out


@dataclass(frozen=True)
class Analysis:
    """What a pool says of its predictors: their scores and all that is made of these.

    Args:
        scores: [predictor, network, epoch], those of `NESTED` included. mature: [network]. weights: see `add_nested`.
        assessed: see `assess`. compared: see `contrasts`.
    """

    scores: xr.DataArray
    mature: xr.DataArray
    weights: xr.DataArray
    assessed: xr.Dataset
    compared: xr.Dataset


def analyse(table: xr.DataArray, mature: xr.DataArray, *, resamples: int, seed: int) -> Analysis:
    """All statistics of a pool.

    Args:
        table: see `predictors.score_table`. mature: [network], see `mature_accuracy`.
    """
    scores, weights = add_nested(table, mature, seed=seed)
    bootstrap = {"resamples": resamples, "seed": seed}
    return Analysis(
        scores,
        mature,
        weights,
        assess(scores, mature, **bootstrap),
        contrasts(scores, mature, **bootstrap),
    )


def mature_accuracy(pool: xr.Dataset, epoch: float) -> xr.DataArray:
    """Accuracy [network] at the mature epoch, which it keeps as a coordinate; NaN where a network diverged.

    Raises:
        ValueError: no network reached that epoch.
    """
    if epoch not in pool.epoch:
        raise ValueError(f"no network of the pool reached epoch {epoch:g}")
    return pool.accuracy.sel(epoch=epoch)


def ceiling(mature: xr.DataArray, again: xr.DataArray, *, resamples: int, seed: int) -> Estimate:
    """Highest r to expect of a predictor that knows nothing of a training's chance, see `estimates.seed_ceiling`.

    Args:
        mature: [network]. again: likewise of some of the networks, trained with another seed.
    """
    both = np.column_stack([mature.sel(network=again.network), again])
    return estimates.seed_ceiling(both, resamples=resamples, seed=seed)


def add_nested(
    table: xr.DataArray, mature: xr.DataArray, *, seed: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """P plus additions, the weights of which are chosen on other networks than are scored; see `nested_alpha`.

    Additions are scaled to the s.d. of P over all networks at that epoch, which takes no account of the target, so that
    all have the same freedom; to a constant P there is none, and none that is constant. A score's bootstrap does not
    choose again: its interval is somewhat narrow. Choosing on few networks costs something, and so do folds with scales
    of their own: the scores are at a disadvantage to P, and at none to each other.

    Args:
        table: see `predictors.score_table`. mature: [network].

    Returns:
        The table with those predictors of `NESTED` whose addition it has, NaN from the mature epoch on; and the means of
        the chosen alphas [predictor, epoch], as factors of the additions as they are.
    """
    early = _premature(table, mature)
    cost, early = early.cost.sel(predictor="P", drop=True), early.drop_vars(["family", "cost"])
    base = early.sel(predictor="P", drop=True)
    scores, chosen = [], []
    for name, addition in _nested(table).items():
        added = early.sel(predictor=addition, drop=True)
        scale = base.std("network") / added.std("network")
        found, alphas = xr.apply_ufunc(
            lambda p, scaled: cross_validation.nested_alpha(
                p, scaled, mature.values, alphas=ALPHAS, folds=FOLDS, repeats=REPEATS, seed=seed
            ),
            base,
            added * scale.where(np.isfinite(scale)),
            input_core_dims=[["network"], ["network"]],
            output_core_dims=[["network"], ["repeat", "fold"]],
            vectorize=True,
        )
        scores.append(found.assign_coords(predictor=name, family="combination", cost=cost))
        chosen.append((alphas.mean(["repeat", "fold"]) * scale).assign_coords(predictor=name))
    joined = xr.concat(
        [table, *(one.reindex(epoch=table.epoch) for one in scores)],
        "predictor",
        coords=["predictor", "family", "cost"],
        compat="override",
        combine_attrs="override",
    )
    return joined, xr.concat(chosen, "predictor", join="exact")


def assess(table: xr.DataArray, mature: xr.DataArray, *, resamples: int, seed: int) -> xr.Dataset:
    """How well every predictor tells mature accuracy, at each epoch before the mature one.

    Args:
        table: see `predictors.score_table`, with `GIVEN` among the predictors. mature: [network].

    Returns:
        Dataset over predictor, epoch and statistic: value and its 95 % interval, low and high, over networks; the
        difference to P with its paired interval, difference_low and difference_high. Statistics are those of
        `bootstrap.METHODS` (for "regret" less is better, in the unit of accuracy), and "partial", the correlation
        given `GIVEN` at that epoch; NaN for `NESTED`, of which nearly all is given, so that what is left is how folds
        differ. Over epoch: n. NaN for fewer than four networks.
    """
    early = _premature(table, mature).transpose("predictor", "network", "epoch")
    fields = ("value", "low", "high", "difference", "difference_low", "difference_high")
    methods = [*bootstrap.METHODS, "partial"]
    found = np.full(
        (early.sizes["predictor"], early.sizes["epoch"], len(methods), len(fields)), np.nan
    )
    p, *_ = given = [early.predictor.values.tolist().index(name) for name in GIVEN]
    chosen = early.predictor.isin(list(NESTED)).values
    sizes = []
    for epoch, values in enumerate(np.moveaxis(early.values, -1, 0)):
        values, target = _defined(values, mature.values)
        sizes.append(len(target))
        if len(target) < 4:
            continue
        samples = bootstrap.counts(len(target), resamples=resamples, seed=seed), values, target
        drawn = [method(*samples) for method in bootstrap.METHODS.values()]
        partial = bootstrap.partial_correlation(*samples, values[given].T)
        drawn.append(np.where(chosen, np.nan, partial))
        for place, one in enumerate(drawn):
            found[:, epoch, place] = np.hstack(
                [_with_interval(one), _with_interval(one - one[:, [p]])]
            )
    data = {
        name: (("predictor", "epoch", "statistic"), found[..., place])
        for place, name in enumerate(fields)
    }
    coordinates = {
        "predictor": early.predictor,
        "epoch": early.epoch,
        "family": early.family,
        "cost": early.cost,
    }
    return xr.Dataset(data | {"n": ("epoch", sizes)}, coordinates | {"statistic": methods})


def alpha_sweep(
    table: xr.DataArray, mature: xr.DataArray, alphas: np.ndarray, *, resamples: int, seed: int
) -> xr.Dataset:
    """What TG adds: correlation of P + alpha TG with mature accuracy minus that of P, by alpha and epoch.

    Args:
        table: [predictor, network, epoch], see `predictors.score_table`. mature: [network].

    Returns:
        Dataset over alpha and epoch: value, low and high (95 %, paired over networks) and n.
    """
    early = _premature(table, mature).transpose("predictor", "network", "epoch")
    found = np.full((len(alphas), early.sizes["epoch"], 4), np.nan)
    for place, epoch in enumerate(early.epoch.values):
        p, tg = (early.sel(predictor=name, epoch=epoch).values for name in ("P", "TG"))
        swept = np.stack([p, *guidance.combined_score(p, tg, alphas[:, None])])
        swept, target = _defined(swept, mature.values)
        found[:, place, 3] = n = len(target)
        if n >= 4:
            drawn = bootstrap.pearson(
                bootstrap.counts(n, resamples=resamples, seed=seed), swept, target
            )
            found[:, place, :3] = _with_interval(drawn[:, 1:] - drawn[:, :1])
    data = {
        name: (("alpha", "epoch"), found[..., place])
        for place, name in enumerate(("value", "low", "high", "n"))
    }
    table = xr.Dataset(data, {"alpha": alphas, "epoch": early.epoch})
    return table.assign(n=table.n.astype(int))


def gain(assessed: xr.Dataset, predictor: str) -> xr.Dataset:
    """By how much a predictor's r is above that of P, from what `assess` gives: value, low, high and n over epoch."""
    one = assessed.sel(predictor=predictor, statistic="pearson")
    names = {"difference": "value", "difference_low": "low", "difference_high": "high"}
    return one[[*names, "n"]].rename(names)


def contrasts(
    table: xr.DataArray, mature: xr.DataArray, *, resamples: int, seed: int
) -> xr.Dataset:
    """By how much one predictor's r with mature accuracy is above another's, paired over networks: `CONTRASTS`.

    Args:
        table: see `add_nested`. mature: [network].

    Returns:
        Dataset over pair and epoch, with the pair's names as coordinates first and second: value; its 95 % interval, low
        and high; and all_low and all_high, the interval that holds for all epochs of the pair at once (Bonferroni; of 5000
        resamples and eight epochs sixteen lie beyond each end). NaN for fewer than four networks.
    """
    early = _premature(table, mature).transpose("predictor", "network", "epoch")
    place = {name: number for number, name in enumerate(early.predictor.values.tolist())}
    pairs = [
        (one, other)
        for one, others in CONTRASTS.items()
        for other in others
        if {one, other} <= place.keys()
    ]
    first, second = zip(*pairs)
    ones, others = ([place[name] for name in names] for names in (first, second))
    fields = ("value", "low", "high", "all_low", "all_high")
    found = np.full((len(pairs), early.sizes["epoch"], len(fields)), np.nan)
    for epoch, values in enumerate(np.moveaxis(early.values, -1, 0)):
        values, target = _defined(values, mature.values)
        if len(target) < 4:
            continue
        drawn = bootstrap.pearson(
            bootstrap.counts(len(target), resamples=resamples, seed=seed), values, target
        )
        gains = drawn[:, ones] - drawn[:, others]
        at_once = _with_interval(gains, outside=OUTSIDE / early.sizes["epoch"])
        found[:, epoch] = np.hstack([_with_interval(gains), at_once[:, 1:]])
    data = {name: (("pair", "epoch"), found[..., number]) for number, name in enumerate(fields)}
    return xr.Dataset(
        data,
        {"first": ("pair", list(first)), "second": ("pair", list(second)), "epoch": early.epoch},
    )


def _nested(table: xr.DataArray) -> dict[str, str]:
    """Those of `NESTED` whose addition is in the table."""
    return {name: addition for name, addition in NESTED.items() if addition in table.predictor}


def _premature(table: xr.DataArray, mature: xr.DataArray) -> xr.DataArray:
    """The part of a table over epoch that lies before the mature epoch."""
    return table.sel(epoch=table.epoch < mature.epoch)


def _defined(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictors [K, n] and target [n] of the networks for which all are defined.

    A predictor that is defined for none, such as an addition to a constant P, is 0 and leaves the others theirs.
    """
    values = np.where(np.isfinite(values).any(1, keepdims=True), values, 0)
    kept = np.isfinite(values).all(0) & np.isfinite(target)
    return values[:, kept], target[kept]


def _with_interval(drawn: np.ndarray, *, outside: float = OUTSIDE) -> np.ndarray:
    """Value, low and high [K, 3] of statistics [1 + R, K], the first of which is the sample's; NaN where that is NaN.

    Args:
        outside: percentage of resamples that the interval leaves out.
    """
    found, defined = np.full((drawn.shape[1], 3), np.nan), np.isfinite(drawn[0])
    if defined.any():  # A resample that holds one network only has no correlation.
        ends = np.nanpercentile(drawn[1:, defined], (outside / 2, 100 - outside / 2), axis=0)
        found[defined] = np.stack([drawn[0, defined], *ends], 1)
    return found


def pool_record(known: PoolMeasurements, table: xr.DataArray) -> xr.Dataset:
    """A pool with its scores, see `predictors.score_table`, and similarity to the teacher, without every step's losses."""
    return known.results.drop_vars("losses").assign(
        score=table, similarity=known.similarities["teacher"]
    )


def record(pools: Mapping[str, Analysis], sweep: xr.Dataset, ceiling: Estimate) -> xr.Dataset:
    """All statistics in one: of `analyse` by pool, `alpha_sweep`, the ceiling."""
    table, compared, weights = (
        xr.concat(parts, "pool", join="exact", data_vars="all", coords="minimal", compat="override")
        for parts in zip(
            *(
                (one.assessed, one.compared, one.weights.rename("nested_alpha"))
                for one in pools.values()
            )
        )
    )
    # Not "alpha", which is a parameter of runs: a grid of these gathers their tables along it.
    swept = sweep.rename({name: f"sweep_{name}" for name in ("alpha", *sweep.data_vars)})
    compared = compared.rename(
        {name: f"contrast_{name}" for name in (*compared.data_vars, "first", "second")}
    )
    attributes = {f"ceiling_{name}": value for name, value in asdict(ceiling).items()}
    merged = xr.merge([table, compared, weights.rename(predictor="nested"), swept], join="exact")
    return merged.assign_coords(pool=list(pools)).assign_attrs(attributes)
