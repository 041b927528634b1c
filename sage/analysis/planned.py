"""What was planned to be compared on NAS-Bench-201, see docs/plans/nasbench201.md."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from sage.analysis import contrasts, predictors
from sage.analysis.added_value import regressions, with_added
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.predictivity import add_nested
from sage.analysis.summaries import told_epochs

_GIVEN = "P and size"
PAIRS = (
    (with_added(_GIVEN, "TG"), _GIVEN),
    (with_added(_GIVEN, "TG"), with_added(_GIVEN, "TG untrained")),
    (with_added(_GIVEN, "TG"), with_added(_GIVEN, "TG before training")),
    (predictors.CHOSEN, "P + a naswot"),
)
_USED = ("P", "log parameters", "naswot", "TG", "TG untrained", "TG before training")


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
        known = target.notnull().values
        own, reached = scores.sel(predictor=list(_USED)).isel(network=known), target[known]
        by_epoch = []
        for epoch in own.epoch.values[own.epoch.values > 0]:
            there = own.sel(epoch=epoch).notnull().all("predictor").values
            one, kept = own.sel(epoch=[epoch])[:, there], reached[there]
            both, _ = add_nested(one, kept, seed=resamples.seed)
            fitted = regressions(one, kept, seed=resamples.seed)
            plain = [part.drop_vars(["family", "cost"], errors="ignore") for part in (both, fitted)]
            joined = xr.concat(
                plain, "predictor", join="outer", coords="minimal", compat="override"
            )
            found = contrasts.planned(joined.sel(epoch=epoch), kept, PAIRS, resamples)
            by_epoch.append(found.assign(n=found.attrs["n"]).expand_dims(epoch=[epoch]))
        by_target.append(xr.concat(by_epoch, "epoch"))
    return xr.concat(by_target, "target").assign_coords(target=list(targets))


def table(judged: xr.Dataset) -> pd.DataFrame:
    """Return differences of r with their intervals, a row for each target and pair."""
    columns: dict[str, dict] = {}
    for epoch in judged.epoch.values:
        column = columns[told_epochs(epoch)] = {}
        for target in judged.target.values:
            one = judged.sel(target=target, epoch=epoch)
            for row in one.reset_coords(["first", "second"]).to_dataframe().to_dict("records"):
                first, second = (predictors.told(row[side]) for side in ("first", "second"))
                name = f"{first}, minus {second}"
                column[target, name] = "{value:+.3f} [{low:.3f}, {high:.3f}]".format(**row)
    return pd.DataFrame(columns).rename_axis(["target", "difference of Spearman's r"])


def told(judged: xr.Dataset, *, epoch: float) -> str:
    """Return in words what the planned contrasts say of the first target after an epoch."""
    one = judged.isel(target=0).sel(epoch=epoch)
    lines = [f"After {told_epochs(epoch)}, {int(one.n)} networks, by Spearman's r:"]
    for first, second, value, low, high, holm in zip(
        *(one[name].values for name in ("first", "second", "value", "low", "high", "holm"))
    ):
        shown = "shown" if holm < 0.05 and value > 0 else "not shown"
        if holm < 0.05 and value < 0:
            shown = "the opposite is shown"
        difference = f"{value:+.3f} [{low:.3f}, {high:.3f}], p = {holm:.3f}"
        names = f"{predictors.told(first)} tells more than {predictors.told(second)}"
        lines.append(f"  {names}: {shown} ({difference}).")
    return "\n".join([*lines, "p is corrected for the four comparisons by Holm's method."])
