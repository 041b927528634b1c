"""What was planned to be compared on NAS-Bench-201.

See docs/plans/nasbench201.md and docs/plans/guidance-by-objects.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis import contrasts, predictors
from sage.analysis.added_value import GIVEN, regressions, with_added
from sage.analysis.bootstrap import METHODS, Bootstrap, cell
from sage.analysis.predictivity import add_nested
from sage.analysis.summaries import told_epochs

_GIVEN, _WITH_PROXY = "P and size", "P, size and naswot"
PAIRS = (
    (with_added(_GIVEN, "TG"), _GIVEN),
    (with_added(_GIVEN, "TG"), with_added(_GIVEN, "TG untrained")),
    (with_added(_GIVEN, "TG"), with_added(_GIVEN, "TG before training")),
    (predictors.CHOSEN, "P + a naswot"),
)
_USED = ("P", "log parameters", "naswot", "TG", "TG untrained", "TG before training")
# Of the 92 objects: the predictors that were tested, and the pairs by the epoch they are judged at.
IT, NETWORK = "recorded macaque IT", "TG L3, objects"
OBJECT_PAIRS = {
    0.5: (
        (with_added(_GIVEN, IT), _GIVEN),
        (with_added(_WITH_PROXY, IT), _WITH_PROXY),
        (IT, NETWORK),
    ),
    1.0: (
        (with_added(_GIVEN, NETWORK), _GIVEN),
        (with_added(_WITH_PROXY, NETWORK), _WITH_PROXY),
        (NETWORK, "TG L3"),
    ),
}
PERMUTED = {0.5: IT, 1.0: NETWORK}  # whose permutations are counted
_OBJECTS_USED = ("P", "log parameters", "naswot", "TG L3", IT, NETWORK)


def judge(
    scores: xr.DataArray, targets: Mapping[str, xr.DataArray], resamples: Bootstrap
) -> xr.Dataset:
    """Return `contrasts.planned` of `PAIRS` over target and epoch.

    Args:
        scores: [predictor, network, epoch].
        targets: by name, [network] with a coordinate epoch; networks with NaN are left out.
    """
    by_target = []
    for target in targets.values():
        by_epoch = []
        for epoch in scores.epoch.values[scores.epoch.values > 0]:
            one, kept = _known(scores, target, _USED, epoch)
            both, _ = add_nested(one, kept, seed=resamples.seed)
            fitted = regressions(one, kept, seed=resamples.seed)
            found = contrasts.planned(_joined(both, fitted), kept, PAIRS, resamples)
            by_epoch.append(found.assign(n=found.attrs["n"]).expand_dims(epoch=[epoch]))
        by_target.append(xr.concat(by_epoch, "epoch"))
    return xr.concat(by_target, "target").assign_coords(target=list(targets))


def judge_objects(
    scores: xr.DataArray, target: xr.DataArray, shuffled: xr.DataArray, resamples: Bootstrap
) -> xr.Dataset:
    """Return `contrasts.planned` of all `OBJECT_PAIRS` over epoch, corrected where they are judged.

    Args:
        scores: [predictor, network, epoch].
        target: [network] with a coordinate epoch; networks with NaN are left out.
        shuffled: TG [recording, draw, network, epoch] by `PERMUTED`, their stimuli permuted.

    Returns:
        Dataset over epoch and pair, holm NaN where a pair is secondary. And over epoch: n, the
        predictor that is `permuted`, its r, and in how many draws r is as high, `reached`.
    """
    pairs = [pair for some in OBJECT_PAIRS.values() for pair in some]
    given = {_GIVEN: GIVEN[_GIVEN], _WITH_PROXY: (*GIVEN[_GIVEN], "naswot")}
    by_epoch = []
    for epoch, name in PERMUTED.items():
        one, kept = _known(scores, target, _OBJECTS_USED, epoch)
        options: dict[str, Any] = {"seed": resamples.seed, "given": given, "added": (IT, NETWORK)}
        every = _joined(one, regressions(one, kept, **options))
        found = contrasts.planned(every, kept, pairs, resamples)
        primary = [pair in OBJECT_PAIRS[epoch] for pair in pairs]
        places = {"recording": name, "epoch": epoch, "network": one.network}
        draws = shuffled.sel(places).transpose("draw", "network")
        whole = resamples.counts(kept.size)[:1]
        own, by_draw = (
            METHODS["spearman"](whole, of, kept.values)[0]
            for of in (every.sel(predictor=[name]).values, draws.values)
        )
        counted = {"r": own[0], "reached": (by_draw >= own[0] - 1e-12).sum(), "n": kept.size}
        found = found.assign(primary=("pair", primary), draws=len(by_draw), **counted)
        by_epoch.append(found.assign(permuted=name).expand_dims(epoch=[epoch]))
    judged = xr.concat(by_epoch, "epoch")
    corrected = np.full(judged.p.shape, np.nan)
    corrected[judged.primary.values] = contrasts.holm(judged.p.values[judged.primary.values])
    return judged.assign(holm=(judged.p.dims, corrected))


def table(judged: xr.Dataset) -> pd.DataFrame:
    """Return differences of r with their intervals, a row for each target and pair."""
    columns: dict[str, dict] = {}
    for epoch in judged.epoch.values:
        column = columns[told_epochs(epoch)] = {}
        for target in judged.target.values:
            for row in _rows(judged.sel(target=target, epoch=epoch)):
                column[target, f"{row['first']}, minus {row['second']}"] = row["said"]
    return pd.DataFrame(columns).rename_axis(["target", "difference of Spearman's r"])


def objects_table(judged: xr.Dataset) -> pd.DataFrame:
    """Return what `judge_objects` found, a row for each pair, and when it was to be judged."""
    columns: dict[str, dict] = {}
    when: dict[str, dict] = {"judged after": {}, "p (Holm)": {}}
    for epoch in judged.epoch.values:
        for row in _rows(judged.sel(epoch=epoch)):
            name = f"{row['first']}, minus {row['second']}"
            columns.setdefault(told_epochs(epoch), {})[name] = row["said"]
            if row["primary"]:
                when["judged after"][name] = told_epochs(epoch)
                known = np.isfinite(row["holm"])
                when["p (Holm)"][name] = f"{row['holm']:.3f}" if known else ""
    return pd.DataFrame(columns | when).rename_axis("difference of Spearman's r")


def primary(judged: xr.Dataset) -> pd.DataFrame:
    """Return the contrasts that `judge_objects` was to judge, by their names for people."""
    rows = {
        f"{told_epochs(epoch)}: {row['first']}\nminus {row['second']}": row
        for epoch in judged.epoch.values
        for row in _rows(judged.sel(epoch=epoch))
        if row["primary"]
    }
    return pd.DataFrame(rows).T.infer_objects()


def verdict(judged: xr.Dataset, *, epoch: float) -> str:
    """Return in words what the planned contrasts say of the first target after an epoch."""
    one = judged.isel(target=0).sel(epoch=epoch)
    lines = [f"After {told_epochs(epoch)}, {int(one.n)} networks, by Spearman's r:"]
    lines += [_line(row) for row in _rows(one)]
    return "\n".join([*lines, "p is corrected for the four comparisons by Holm's method."])


def objects_verdict(judged: xr.Dataset) -> str:
    """Return in words what `judge_objects` found."""
    lines = []
    for epoch in judged.epoch.values:
        one = judged.sel(epoch=epoch)
        lines.append(f"After {told_epochs(epoch)}, {int(one.n)} networks, by Spearman's r:")
        lines += [_line(row) for row in _rows(one) if row["primary"]]
        reached = f"{int(one.reached)} of {int(one.draws):,} permutations of its images"
        name = predictors.display_name(one.permuted.item())
        lines.append(f"  {name}: r = {one.r:.2f}, and {reached} have as much.")
    return "\n".join([*lines, "p is corrected for the six comparisons by Holm's method."])


def _known(
    scores: xr.DataArray, target: xr.DataArray, names: Sequence[str], epoch: float
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return some predictors after an epoch, and the target, of networks that have all of them."""
    one = scores.sel(predictor=list(names), epoch=[epoch])
    known = one.notnull().all(["predictor", "epoch"]).values & target.notnull().values
    return one.isel(network=known), target[known]


def _joined(*parts: xr.DataArray) -> xr.DataArray:
    """Return the predictors [predictor, network] of several tables of one epoch."""
    plain = [one.squeeze("epoch").drop_vars(["family", "cost"], errors="ignore") for one in parts]
    return xr.concat(plain, "predictor", join="outer", coords="minimal", compat="override")


def _rows(one: xr.Dataset) -> list[dict]:
    """Return what was found for each pair, its predictors named for people."""
    rows = one.reset_coords(["first", "second"]).to_dataframe().to_dict("records")
    for row in rows:
        row |= {side: predictors.display_name(row[side]) for side in ("first", "second")}
        row["said"] = cell(row["value"], row["low"], row["high"], "+.3f")
    return rows


def _line(row: Mapping) -> str:
    names, shown = f"{row['first']} tells more than {row['second']}", "not shown"
    if np.isnan(row["holm"]):
        return f"  {names}: {contrasts.UNKNOWN}."
    if row["holm"] <= 0.05:
        shown = "shown" if row["value"] > 0 else "the opposite is shown"
    return f"  {names}: {shown} ({row['said']}, p = {row['holm']:.3f})."
