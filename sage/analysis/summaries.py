"""What a pool says of the claim that guidance tells early which networks are good, in words."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis.bootstrap import Estimate
from sage.analysis.predictivity import Analysis, gain

MANY_NETWORKS = 20  # fewer give intervals that are wide, and narrower than they ought to be
MANY_IMAGES = 500  # for validation, from which on the standard error is at most 2.2 points
# As free as guidance, by teachers that know nothing.
IGNORANT = ("P + a TG untrained", "P + a TG shuffled")


def summaries(analysed: Mapping[str, Analysis], *, epoch: float) -> str:
    """Return a `summary` of each of several pools below its name and number of networks."""
    return "\n\n".join(
        f"{name}, n = {one.assessed.n.max().item()}:\n{summary(one, epoch=epoch)}"
        for name, one in analysed.items()
    )


def summary(analysed: Analysis, *, epoch: float) -> str:
    """Return what r with mature accuracy and 95 % intervals of paired differences say.

    It is told at one epoch, but for the gain of P + a TG over P.
    """
    assessed, compared = analysed.assessed, analysed.compared
    others = [name for name in assessed.predictor.values.tolist() if name != "P"]
    gains = {name: _estimate(gain(assessed, name).sel(epoch=epoch)) for name in others}
    better = [f"{name} ({one.value:+.2f})" for name, one in gains.items() if one.low > 0]
    worse = sum(one.high < 0 for one in gains.values())
    comparable = sum(np.isfinite(one.value) for one in gains.values())
    p = _estimate(assessed.sel(predictor="P", epoch=epoch, statistic="pearson"))
    over = {row["second"]: row for row in _contrast_rows(compared, "P + a TG", epoch)}
    is_over_p = (compared["first"] == "P + a TG") & (compared["second"] == "P")
    over_p = compared.isel(pair=is_over_p.values).squeeze("pair")
    epochs = ", ".join(f"{one:g}" for one in compared.epoch.values)
    lines = [
        *(
            [f"{p.n} networks are few: intervals are a hint at most."]
            if p.n < MANY_NETWORKS
            else []
        ),
        f"After {epoch:g} epochs accuracy P itself has r = {p}.",
        f"Of {comparable} other predictors that can be compared with P, these are better: "
        f"{', '.join(better) or 'none'}. {worse} are worse, the rest are not told apart from it; "
        "one in 40 would seem better by chance.",
        f"P + a TG with a chosen on other networks gains {gains['P + a TG']} over P. "
        f"{verdict(over)}",
        f"Of the amounts of training, {epochs} epochs, it is better than P after "
        f"{_epochs(over_p.low > 0)}, worse after {_epochs(over_p.high < 0)}; by intervals that "
        f"hold for all of them at once, better after {_epochs(over_p.all_low > 0)}, "
        f"worse after {_epochs(over_p.all_high < 0)}.",
    ]
    for first in dict.fromkeys(compared["first"].values.tolist()):
        kinds: dict[str, list[str]] = {}
        for row in _contrast_rows(compared, first, epoch):
            kinds.setdefault(_relation(row), []).append(row["second"])
        told = "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items())
        lines.append(f"{first} is {told}.")
    return "\n".join(lines)


def verdict(over: Mapping[str, Mapping[str, float]]) -> str:
    """Return in words whether guidance helped: what the 95 % intervals allow to say.

    Args:
        over: by how much r of P + a TG is above that of others, by their names: value, low, high.
            Among them are P and P + a P; the claim takes more than there is over `IGNORANT`.
    """
    over_p, over_itself = over["P"], over["P + a P"]
    ignorant = [name for name in IGNORANT if name in over]
    as_good = [name for name in ignorant if not over[name]["low"] > 0]
    guided, unsupported = "On this pool guidance predicts", "is undecided, the claim not supported."
    if np.isnan(over_p["value"]):
        return "There are too few networks, or too little spread among them, to compare the two."
    if over_p["high"] < 0 and over_itself["high"] < 0:
        return f"{guided} mature accuracy worse than accuracy alone does: the claim fails."
    if not over_p["low"] > 0:
        return f"Whether guidance helps {unsupported}"
    if as_good or not ignorant:
        rivals = ", ".join(as_good) or "any control"
        told = f"That is better than accuracy alone, but not shown to be better than {rivals}"
        return f"{told}: whether it is the teacher's knowledge that helps {unsupported}"
    told = f"{guided} mature accuracy better than accuracy alone does"
    return f"{told}, and better than {', '.join(ignorant)}: the claim holds."


def table(compared: xr.Dataset, first: str) -> pd.DataFrame:
    """Return by how much r of predictor `first` is above each other one's, a row each, by epoch."""
    text = "{value:.2f} [{low:.2f}, {high:.2f}]"
    columns = {}
    for epoch in compared.epoch.values:
        rows = _contrast_rows(compared, first, epoch)
        columns[f"{epoch:g}"] = {
            row["second"]: text.format(**row) if np.isfinite(row["low"]) else "" for row in rows
        }
    return pd.DataFrame(columns).rename_axis(f"{first} minus")


def precision(images: int) -> str:
    """Return in words how far chance moves an accuracy on so many validation images."""
    error = 50 / images**0.5  # points, of one half right
    told = f"{images:,} validation images: an accuracy's standard error is up to {error:.1f} points"
    if images >= MANY_IMAGES:
        return f"{told}."
    return f"Only {told}, and networks that differ by less than that cannot be told apart."


def costs(pools: Mapping[str, xr.Dataset], *, teacher: float) -> pd.DataFrame:
    """Return what pools took, by name: networks, examples, images shown, hours of a process.

    Args:
        pools: see `pool.train_pool`.
        teacher: examples of its training, a row of its own; NaN if unknown.
    """
    rows = {
        name: {
            "networks": one.sizes["network"],
            "training examples": int(one.examples.max("epoch").sum()),
            "images shown": int(one.images_shown.sum()),
            "hours of a process": round(float(one.seconds.sum()) / 3600, 2),
        }
        for name, one in pools.items()
    }
    rows["teacher"] = {"networks": 1, "training examples": teacher}
    return pd.DataFrame.from_dict(rows, orient="index")


def _contrast_rows(compared: xr.Dataset, first: str, epoch: float) -> list[dict]:
    pairs = compared.isel(pair=(compared["first"] == first).values).sel(epoch=epoch, drop=True)
    return pairs.reset_coords(["first", "second"]).to_dataframe().to_dict("records")


def _epochs(there: xr.DataArray) -> str:
    return ", ".join(f"{one:g}" for one in there.epoch.values[there.values]) or "none"


def _estimate(one: xr.Dataset) -> Estimate:
    return Estimate(*(one[name].item() for name in ("value", "low", "high", "n")))


def _relation(row: dict) -> str:
    if np.isnan(row["value"]):
        return "not comparable with"
    if row["low"] > 0:
        return "better than"
    return "worse than" if row["high"] < 0 else "not told apart from"
