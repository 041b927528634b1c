"""One predictor against another: paired differences of r, and the rule that judges them."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pandas.io.formats.style import Styler
from scipy import stats

from sage.analysis import bootstrap, predictors
from sage.analysis.bootstrap import METHODS, Bootstrap, by_epoch, cell, interval

# The rule of `verdict`. A difference of 0.02 in r is worth about 0.15 points of accuracy to the
# best of 20 candidates (0.02 times 1.9 s.d. of the best of 20 times 4 points of s.d.).
MATTERS = 0.02
# An interval's ends lie so many standard errors of their own bootstrap further out, about where the
# outermost of 20 bootstraps with other seeds have theirs: no verdict hangs on the seed.
ERRORS = 2
ROUNDING = 1e-12  # of a standard error that is 0
RANKED = ("pearson", "spearman")  # statistics that a verdict takes, as equals
BETTER, WORSE, ALIKE, UNDECIDED = "better", "worse", "alike", "undecided"
UNKNOWN = "not comparable"
INTERVAL = re.compile(r"\[(\S+), (\S+)\]")  # in a cell
POOLED = ("pooled", "pooled_low", "pooled_high", "q", "q_p")
FIELDS = ("value", "low", "high", "all_low", "all_high", *POOLED)


def contrasts(
    scores: xr.DataArray,
    mature: xr.DataArray,
    pairs: Iterable[tuple[str, str]],
    resamples: Bootstrap,
) -> xr.Dataset:
    """Return by how much the first predictor's r is above the second's.

    Args:
        scores: [predictor, network, epoch]; coordinate pool [network] names the networks' pools.
        mature: [network].
        pairs: names of predictors; those that `scores` lacks are left out.

    Returns:
        Dataset over pair, with its names as coordinates first and second, epoch and statistic, of
        `RANKED`: value; its paired interval, low and high, widened by `ERRORS`; all_low and
        all_high, likewise, which holds for all epochs of the pair at once (Bonferroni); and of
        several pools what `random_effects` gives, else NaN.
    """
    names = scores.predictor.values.tolist()
    kept = [pair for pair in pairs if {*pair} <= {*names}]
    used = list(dict.fromkeys(name for pair in kept for name in pair))
    ones, others = ([used.index(pair[side]) for pair in kept] for side in (0, 1))
    epochs, pools = int((scores.epoch < mature.epoch).sum()), scores.pool.values

    def draw(method: str, values: np.ndarray, target: np.ndarray) -> np.ndarray:
        drawn = METHODS[method](resamples.counts(len(target)), values, target)
        return drawn[:, ones] - drawn[:, others]  # [1 + R, pair]

    def measure(values: np.ndarray, target: np.ndarray, places: np.ndarray) -> np.ndarray:
        found = []
        members = members_of(pools[places])
        for method in RANKED:
            drawn = draw(method, values, target)
            ends = interval(drawn, errors=ERRORS)
            every = interval(drawn, tests=epochs, errors=ERRORS)[:, 1:]
            apart = [draw(method, values[:, one], target[one]) for one in members]
            found.append(np.hstack([ends, every, put_together(apart, len(kept))]))
        return np.stack(found, 1)

    axes: dict[str, Any] = {"pair": range(len(kept)), "statistic": list(RANKED)}
    table = by_epoch(scores.sel(predictor=used), mature, measure, **axes, field=list(FIELDS))
    named = {"first": ("pair", [one for one, _ in kept])}
    named["second"] = ("pair", [other for _, other in kept])
    return table.drop_vars(["pair", "n"]).assign_coords(named)


def members_of(pools: np.ndarray) -> list[np.ndarray]:
    """Return which networks [n] are of each pool that is large enough for intervals.

    None are returned of a single pool: nothing is to be put together.
    """
    found = [pools == name for name in dict.fromkeys(pools)]
    found = [one for one in found if one.sum() >= bootstrap.FEWEST_OF_INTERVALS]
    return found if len(found) > 1 else []


def put_together(apart: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return `random_effects` of `count` statistics, drawn [1 + R, ...] in each of several pools.

    A resample in which a statistic is not defined counts for nothing, as in `bootstrap.interval`.
    """
    parts = [np.reshape(one, (len(one), count)) for one in apart]
    effects = np.reshape([one[0] for one in parts], (-1, count))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Degrees of freedom", RuntimeWarning)  # gives NaN
        errors = np.reshape([np.nanstd(one[1:], 0) for one in parts], (-1, count))
    return random_effects(effects, errors)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p [K] of K comparisons corrected for their number.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order, corrected = np.argsort(p), np.empty(len(p))
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def planned(
    scores: xr.DataArray,
    mature: xr.DataArray,
    pairs: Sequence[tuple[str, str]],
    resamples: Bootstrap,
) -> xr.Dataset:
    """Return contrasts of Spearman's r that were chosen beforehand, corrected for their number.

    Args:
        scores: [predictor, network] at one amount of training, finite where `mature` is.

    Returns:
        Dataset over pair, with its names as coordinates first and second: value with its paired 95
        % interval, low and high; p, twice the share of resamples on the other side of 0; and holm,
        p with the correction. All are NaN where a score is not known for all networks. The
        attribute n counts networks.
    """
    known = np.flatnonzero(np.isfinite(mature))
    counts, target = resamples.counts(len(known)), mature.values[known]
    first, second = (
        METHODS["spearman"](counts, scores.sel(predictor=list(names)).values[:, known], target)
        for names in zip(*pairs)
    )
    drawn = first - second
    value, low, high = interval(drawn).T
    beyond = np.minimum((drawn[1:] <= 0).sum(0), (drawn[1:] >= 0).sum(0))
    p = np.where(np.isnan(low), np.nan, np.minimum(2 * (beyond + 1) / len(drawn), 1))
    fields = {"value": value, "low": low, "high": high, "p": p, "holm": holm(p)}
    names = {side: ("pair", list(one)) for side, one in zip(("first", "second"), zip(*pairs))}
    table = xr.Dataset({name: ("pair", one) for name, one in fields.items()}, names)
    return table.assign_attrs(n=len(known))


def random_effects(effects: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return what independent pools say together of each effect, where pools may differ.

    Args:
        effects: [pools, K].
        errors: [pools, K] their standard errors.

    Returns:
        [K, 5], see `POOLED`: the mean of the effects with its 95 % interval; Cochran's Q, and the
        chance of one as large if all pools had the same effect. NaN for fewer than two pools, or if
        an error is 0 but for rounding. With few pools the variance between them is hardly known,
        and the interval is somewhat narrow.

    Source: DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2; Q, Cochran 1954,
        doi:10.2307/3001666.
    """
    count, number = np.shape(effects)
    if count < 2:
        return np.full((number, len(POOLED)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(errors > ROUNDING, errors, np.nan) ** -2.0
        fixed = (weights * effects).sum(0) / weights.sum(0)
        q = (weights * (effects - fixed) ** 2).sum(0)
        scale = weights.sum(0) - (weights**2).sum(0) / weights.sum(0)
        between = np.maximum(0, (q - (count - 1)) / scale)
        weights = 1 / (1 / weights + between)
        mean, half = (weights * effects).sum(0) / weights.sum(0), 1.96 * weights.sum(0) ** -0.5
    return np.stack([mean, mean - half, mean + half, q, stats.chi2.sf(q, count - 1)], 1)


def verdict(row: Mapping[str, float], matters: float = MATTERS) -> str:
    """Return what a contrast allows to say, whatever the bootstrap's seed.

    It is better where the whole interval, and that of several pools together, is above 0 and the
    value is as much as `matters`; worse likewise; alike where the interval is within that of 0.

    Args:
        row: value, low and high; of several pools `POOLED` too.
    """
    value, low, high = row["value"], row["low"], row["high"]
    if not np.isfinite(low):
        return UNKNOWN
    if -matters < low and high < matters:
        return ALIKE
    if np.isfinite(row.get("pooled", np.nan)):
        low, high = min(low, row["pooled_low"]), max(high, row["pooled_high"])
    if low > 0 and value >= matters:
        return BETTER
    return WORSE if high < 0 and value <= -matters else UNDECIDED


def verdicts(compared: xr.Dataset, first: str, epoch: float) -> dict[str, str]:
    """Return a verdict on predictor `first` against each other one, by its name.

    Pearson's and Spearman's r have to agree, or it is undecided.
    """
    found: dict[str, set[str]] = {}
    for statistic in RANKED:
        for second, row in rows(compared, first, epoch, statistic).items():
            found.setdefault(second, set()).add(verdict(row))
    return {name: kinds.pop() if len(kinds) == 1 else UNDECIDED for name, kinds in found.items()}


def rows(compared: xr.Dataset, first: str, epoch: float, statistic: str) -> dict[str, dict]:
    """Return all fields of each pair of predictor `first`, by the other's name."""
    pairs = compared.isel(pair=(compared["first"] == first).values)
    one = pairs.sel(epoch=epoch, statistic=statistic, drop=True).reset_coords(["first", "second"])
    return {row["second"]: row for row in one.to_dataframe().to_dict("records")}


def table(compared: xr.Dataset, first: str) -> pd.DataFrame:
    """Return by how much r of predictor `first` is above each other one's, a column each epoch.

    There are two rows for each, one for each of `RANKED`.
    """
    columns: dict[str, dict] = {}
    alpha = compared.attrs.get("alpha")
    for epoch in compared.epoch.values:
        column = columns[f"{epoch:g}"] = {}
        both = {one: rows(compared, first, epoch, one) for one in RANKED}
        for second in both[RANKED[0]]:
            label = predictors.display_name(second, alpha)
            column |= {(label, name): difference_text(of[second]) for name, of in both.items()}
    axes = [f"{predictors.display_name(first, alpha)} minus", "by"]
    return pd.DataFrame(columns).rename_axis(axes).rename_axis(columns="epochs")


def styled(table: pd.DataFrame) -> Styler:
    """Return a table to be shown: no cell breaks, and intervals that exclude 0 are bold."""

    def look(text: str) -> str:
        ends = [float(end) for pair in INTERVAL.findall(text) for end in pair]
        return "font-weight: bold" if ends and min(ends) * max(ends) > 0 else ""

    return table.fillna("").style.map(look).set_properties(**{"white-space": "nowrap"})


def difference_text(row: Mapping[str, float]) -> str:
    """Return a difference with its interval and its verdict, unless undecided; or nothing."""
    if not np.isfinite(row["low"]):
        return ""
    text = cell(row["value"], row["low"], row["high"], "+.3f")
    return text if (found := verdict(row)) == UNDECIDED else f"{text} {found}"
