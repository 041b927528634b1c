"""In plain words and small tables, what a pool says of the claim that guidance tells early which networks are good."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis.estimates import Estimate
from sage.analysis.predictivity import Analysis, gain

IGNORANT = (
    "P + a TG untrained",
    "P + a TG shuffled",
)  # as free as guidance, by teachers that know nothing


def summaries(analysed: Mapping[str, Analysis], *, epoch: float) -> str:
    """A `summary` of each of several pools, see `predictivity.analyse`, below its name and number of networks."""
    paragraphs = []
    for name, one in analysed.items():
        title = f"{name}, n = {one.assessed.n.max().item()}:"
        paragraphs.append(f"{title}\n{summary(one.assessed, one.compared, epoch=epoch)}")
    return "\n\n".join(paragraphs)


def summary(assessed: xr.Dataset, compared: xr.Dataset, *, epoch: float) -> str:
    """What the numbers say, by Pearson's r with mature accuracy at one epoch and 95 % intervals of paired differences.

    Args:
        assessed: see `predictivity.assess`, with the predictors `predictivity.NESTED`. compared: see
            `predictivity.contrasts`.
    """
    others = [name for name in assessed.predictor.values.tolist() if name != "P"]
    gains = {name: _estimate(gain(assessed, name).sel(epoch=epoch)) for name in others}
    better = [f"{name} ({one.value:+.2f})" for name, one in gains.items() if one.low > 0]
    worse = [name for name, one in gains.items() if one.high < 0]
    comparable = sum(np.isfinite(one.value) for one in gains.values())
    p = _estimate(assessed.sel(predictor="P", epoch=epoch, statistic="pearson"))
    guided = compared.isel(pair=(compared["first"] == "P + a TG").values)
    over = {one["second"]: one for one in _rows(guided.sel(epoch=epoch))}
    over_p = guided.isel(pair=(guided["second"] == "P").values).squeeze("pair")
    epochs = ", ".join(f"{one:g}" for one in compared.epoch.values)
    lines = [
        f"After {epoch:g} epochs accuracy P itself has r = {p}.",
        f"Of {comparable} other predictors that can be compared with P, these are better: {', '.join(better) or 'none'}. "
        f"{len(worse)} are worse, the rest are not told apart from it; one in 40 would seem better by chance.",
        f"P + a TG with a chosen on other networks gains {gains['P + a TG']} over P. {verdict(over)}",
        f"Of the amounts of training, {epochs} epochs, it is better than P after {_epochs(over_p.low > 0)}, worse "
        f"after {_epochs(over_p.high < 0)}; by intervals that hold for all of them at once, better after "
        f"{_epochs(over_p.all_low > 0)}, worse after {_epochs(over_p.all_high < 0)}.",
    ]
    known = dict.fromkeys(compared["first"].values.tolist())
    return "\n".join(
        [*lines, *(f"{name} is {_relations(compared, name, epoch)}." for name in known)]
    )


def verdict(over: Mapping[str, Mapping[str, float]]) -> str:
    """In words, whether guidance helped: what the 95 % intervals allow to say.

    Args:
        over: by how much P + a TG is above others, by their names: value, low and high. Among them are P and P + a P; the
            claim takes more than there is over those of `IGNORANT`.
    """
    over_p, over_itself = over["P"], over["P + a P"]
    ignorant = [name for name in IGNORANT if name in over]
    as_good = [name for name in ignorant if not over[name]["low"] > 0]
    if np.isnan(over_p["value"]):
        return "There are too few networks, or too little spread among them, to compare the two."
    if over_p["high"] < 0 and over_itself["high"] < 0:
        return "On this pool guidance predicts mature accuracy worse than accuracy alone does: the claim fails."
    if not over_p["low"] > 0:
        return "Whether guidance helps is undecided, the claim not supported."
    if as_good or not ignorant:
        return (
            f"That is better than accuracy alone, but not shown to be better than {', '.join(as_good) or 'any control'}: "
            "whether it is the teacher's knowledge that helps is undecided, the claim not supported."
        )
    return (
        "On this pool guidance predicts mature accuracy better than accuracy alone does, and better than "
        f"{', '.join(ignorant)}: the claim holds."
    )


def table(compared: xr.Dataset, first: str) -> pd.DataFrame:
    """By how much r of one predictor is above that of each other, with the 95 % interval: a row each, by epoch.

    Args:
        compared: see `predictivity.contrasts`.
    """
    one = compared.isel(pair=(compared["first"] == first).values)
    cells = {
        f"{epoch:g}": [_cell(row) for row in _rows(one.sel(epoch=epoch))]
        for epoch in one.epoch.values
    }
    return pd.DataFrame(cells, index=pd.Index(one["second"].values, name=f"{first} minus"))


def costs(pools: Mapping[str, xr.Dataset], *, teacher: float) -> pd.DataFrame:
    """What pools took, by name: networks, examples of their training, images shown to measure them, hours of a process.

    Args:
        pools: see `pool.train_pool`. teacher: examples of its training, a row of its own; NaN if they are unknown.
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
    return pd.DataFrame.from_dict(
        rows | {"teacher": {"networks": 1, "training examples": teacher}}, orient="index"
    )


def _cell(row: dict) -> str:
    return (
        f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        if np.isfinite(row["value"])
        else ""
    )


def _rows(compared: xr.Dataset) -> list[dict]:
    """The pairs of a contrast at one epoch."""
    return (
        compared.drop_vars("epoch")
        .reset_coords(["first", "second"])
        .to_dataframe()
        .to_dict("records")
    )


def _epochs(there: xr.DataArray) -> str:
    """The epochs of which it is true."""
    return ", ".join(f"{one:g}" for one in there.epoch.values[there.values]) or "none"


def _estimate(one: xr.Dataset) -> Estimate:
    return Estimate(*(one[name].item() for name in ("value", "low", "high", "n")))


def _relations(compared: xr.Dataset, first: str, epoch: float) -> str:
    """How one predictor compares with each of the others, as part of a sentence."""
    kinds: dict[str, list[str]] = {}
    for row in _rows(compared.isel(pair=(compared["first"] == first).values).sel(epoch=epoch)):
        kinds.setdefault(_told_apart(row), []).append(row["second"])
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items())


def _told_apart(row: dict) -> str:
    if np.isnan(row["value"]):
        return "not comparable with"
    return (
        "better than"
        if row["low"] > 0
        else "worse than"
        if row["high"] < 0
        else "not told apart from"
    )
