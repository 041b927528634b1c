"""A teacher against controls of many draws, and networks of a pool as teachers of each other."""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis.bootstrap import METHODS, Bootstrap, cell, interval
from sage.analysis.contrasts import BETTER, RANKED, UNDECIDED, WORSE
from sage.analysis.predictivity import nested
from sage.analysis.predictors import CHOSEN, display_name
from sage.analysis.summaries import WORDS, told_epochs

CONTROLS = {"shuffled": "permutation", "untrained": "initialisation"}  # and what counts draws


def against_draws(
    p: xr.DataArray, guided: xr.Dataset, mature: xr.DataArray, resamples: Bootstrap
) -> xr.Dataset:
    """Return by how much P + alpha TG tells more than with a control, in the mean of its draws.

    Args:
        p: [network, epoch].
        guided: see `controls.control_guidance`; its first epoch gives TG before training.
        mature: [network], finite.

    Returns:
        Dataset over control, epoch and statistic, of `RANKED`: alone, r of P; teacher, that of
        P + alpha TG; control_mean, that with a control, the mean over draws; difference with its
        paired interval over networks, low and high; reached, the share of draws whose r is the
        teacher's or more; and r [draw] of each draw, NaN beyond a control's last.
    """
    controls = {name: guided[name].rename({draw: "draw"}) for name, draw in CONTROLS.items()}
    before = guided.TG.isel(epoch=0, drop=True).expand_dims(draw=1)
    controls["before training"] = before.broadcast_like(guided.TG)
    every = [guided.TG.expand_dims(draw=1), *controls.values()]
    found = (nested(p, one, mature, seed=resamples.seed)[0] for one in every)
    scores = [one.transpose("draw", "network", "epoch") for one in found]
    counts = resamples.counts(mature.size)
    fields = ("alone", "teacher", "control_mean", "difference", "low", "high", "reached")
    shape = len(controls), p.sizes["epoch"], len(RANKED)
    values = np.full((*shape, len(fields)), np.nan)
    drawn = np.full((*shape, max(one.sizes["draw"] for one in every)), np.nan)
    for row, epoch in enumerate(p.epoch.values):
        for column, method in enumerate(RANKED):
            alone = METHODS[method](counts[:1], p.sel(epoch=epoch).values[None], mature.values)
            own, *others = (
                METHODS[method](counts, one.sel(epoch=epoch).values, mature.values)
                for one in scores
            )
            for place, other in enumerate(others):
                over = interval(own - other.mean(1, keepdims=True))[0]
                reached = (other[0] >= own[0] - 1e-12).mean()  # last digits vary
                means = alone.item(), own[0].item(), other[0].mean()
                values[place, row, column] = *means, *over, reached
                drawn[place, row, column, : other.shape[1]] = other[0]
    axes = {"control": list(controls), "epoch": p.epoch, "statistic": list(RANKED)}
    joined = xr.DataArray(values, axes | {"field": list(fields)}, (*axes, "field"))
    table = joined.to_dataset("field").assign(r=((*axes, "draw"), drawn))
    return table.assign_attrs(networks=mature.size, teacher=guided.attrs.get("teacher", ""))


def by_teacher(
    p: xr.DataArray,
    taught: xr.DataArray,
    mature: xr.DataArray,
    resamples: Bootstrap,
    *,
    shuffled: xr.DataArray | None = None,
) -> xr.Dataset:
    """Return how well each of many teachers guides, by Spearman's r with mature accuracy.

    Args:
        p: [network, epoch], finite where `mature` is.
        taught: TG [teacher, network, epoch].
        mature: [network]; networks with NaN are left out.
        shuffled: TG [teacher, draw, network, epoch] by the same teachers, their stimuli permuted.

    Returns:
        Dataset over teacher, epoch and score: TG alone, P + alpha TG with alpha chosen on other
        networks, and what that gains over P; value, low and high. With `shuffled` also reached
        [teacher, epoch], the number of draws whose TG has the teacher's r or more, and draws.
    """
    kept = mature.notnull().values
    p, taught, mature = (one.isel(network=kept) for one in (p, taught, mature))
    permuted = () if shuffled is None else shuffled.isel(network=kept)
    reached = np.zeros((len(permuted), p.sizes["epoch"]), dtype=int)
    target = mature.drop_vars("epoch", errors="ignore")
    both, _ = nested(p, taught, target, seed=resamples.seed)
    counts, scores = resamples.counts(mature.size), ("TG", "P + alpha TG", "gain")
    found = np.full((taught.sizes["teacher"], p.sizes["epoch"], len(scores), 3), np.nan)
    for column, epoch in enumerate(p.epoch.values):
        alone, with_p, own = (
            METHODS["spearman"](counts, one.sel(epoch=epoch).values, target.values)
            for one in map(_by_draw, (taught, both, p.expand_dims("teacher")))
        )
        drawn = alone, with_p, with_p - own
        found[:, column] = np.stack([interval(one) for one in drawn], 1)
        for row, one in enumerate(permuted):
            of = one.sel(epoch=epoch).transpose("draw", "network").values
            by_draw = METHODS["spearman"](counts[:1], of, target.values)[0]
            reached[row, column] = (by_draw >= alone[0, row] - 1e-12).sum()  # last digits vary
    axes = {"teacher": taught.teacher, "epoch": p.epoch, "score": list(scores)}
    table = xr.DataArray(found, axes | {"field": ["value", "low", "high"]}, (*axes, "field"))
    named = table.to_dataset("field").assign_coords(taught.teacher.coords)
    if shuffled is not None:
        counted = {"reached": (("teacher", "epoch"), reached), "draws": shuffled.sizes["draw"]}
        named = named.assign(counted)
    return named.assign_attrs(networks=mature.size)


def teachers_table(judged: xr.Dataset, epochs: Iterable[float]) -> pd.DataFrame:
    """Return r of TG, how many permutations have as much, and what P + alpha TG gains over P.

    Args:
        judged: see `by_teacher`, with `shuffled`; a row for each teacher.
    """
    columns: dict[str, list[str]] = {}
    for epoch in epochs:
        one, after = judged.sel(epoch=epoch), told_epochs(epoch)
        for score, name in (("TG", "TG"), ("gain", "gain over P")):
            of = one.sel(score=score)
            ends = zip(of.value.values, of.low.values, of.high.values)
            columns[f"{after}: {name}"] = [cell(*one, "+.2f") for one in ends]
        known = np.isfinite(one.value.sel(score="TG").values)
        counts = [
            f"{count} of {one.draws.item()}" if defined else ""
            for count, defined in zip(one.reached.values, known)
        ]
        columns[f"{after}: permutations"] = counts
    return pd.DataFrame(columns, judged.teacher.values).rename_axis("teacher")


def _by_draw(values: xr.DataArray) -> xr.DataArray:
    return values.transpose("teacher", "network", "epoch")


def table(against: Mapping[str, xr.Dataset], epochs: Iterable[float]) -> pd.DataFrame:
    """Return by how much the teacher is above each control, by the name of the networks."""
    columns: dict[tuple[str, str], dict] = {}
    for (name, one), epoch in product(against.items(), epochs):
        for control in one.control.values:
            of, place = one.sel(control=control, epoch=epoch), (told_epochs(epoch), control)
            for statistic in RANKED:
                row = of.sel(statistic=statistic)
                said = cell(row.difference, row.low, row.high, "+.3f")
                columns.setdefault((name, statistic), {})[place] = said
            drawn = of.r.notnull().sum("draw").values  # by statistic
            reached = [f"{share * n:.0f} of {n}" for share, n in zip(of.reached.values, drawn)]
            columns.setdefault((name, "draws as good"), {})[place] = ", ".join(
                dict.fromkeys(reached)
            )
    return pd.DataFrame(columns).rename_axis(["after", f"{display_name(CHOSEN)} minus that with"])


def verdict(against: Mapping[str, xr.Dataset], epochs: Iterable[float]) -> str:
    """Return in words how the teacher does against each control, a line for networks and epoch.

    It is better or worse where both intervals, by each of `RANKED`, are on one side of 0.
    """
    lines = []
    for (name, one), epoch in product(against.items(), epochs):
        kinds: dict[str, list[str]] = {}
        for control in one.control.values:
            of = one.sel(control=control, epoch=epoch)
            word = BETTER if (of.low > 0).all() else WORSE if (of.high < 0).all() else UNDECIDED
            kinds.setdefault(WORDS[word], []).append(display_name(f"TG {control}"))
        said = "; ".join(f"{kind} that with {', '.join(names)}" for kind, names in kinds.items())
        where = f"{name[0].upper()}{name[1:]}, n = {one.attrs['networks']}"
        lines.append(f"{where}, after {told_epochs(epoch)}: {display_name(CHOSEN)} is {said}.")
    return "\n".join(lines)


def teaching_verdict(taught: xr.Dataset, epochs: Iterable[float]) -> str:
    """Return in words whether better networks teach better."""
    lines = []
    for epoch in epochs:
        one = taught.sel(epoch=epoch)
        text = f"Spearman's r = {cell(one.value, one.low, one.high)}"
        say = "whether better networks teach better is undecided"
        if one.low > 0 or one.high < 0:
            say = f"better networks teach {'better' if one.low > 0 else 'worse'}"
        lines.append(f"Others after {told_epochs(epoch)}: {say}, {text}.")
    return "\n".join(lines)


def teaching(peer: xr.DataArray, mature: xr.DataArray, resamples: Bootstrap) -> xr.Dataset:
    """Return how well each network teaches, and whether better networks teach better.

    Args:
        peer: TG [teacher, network, epoch] by the pool's networks, see `controls.peer_guidance`.
        mature: [network], finite.

    Returns:
        Dataset: taught [teacher, epoch], Spearman's r over the other networks of TG by this teacher
        with mature accuracy; over epoch value, low and high: Spearman's r over teachers of their
        own mature accuracy with `taught`, and its interval over teachers, taken as independent.
    """
    own = resamples.counts(peer.sizes["network"] - 1)[:1]
    taught = np.full((peer.sizes["teacher"], peer.sizes["epoch"]), np.nan)
    for row, teacher in enumerate(peer.teacher.values):
        others = peer.sel(teacher=teacher).drop_sel(network=teacher).transpose("epoch", "network")
        target = mature.drop_sel(network=teacher).values
        taught[row] = METHODS["spearman"](own, others.values, target)[0]
    counts = resamples.counts(len(taught))
    by = METHODS["spearman"](counts, taught.T, mature.sel(network=peer.teacher.values).values)
    fields = dict(zip(("value", "low", "high"), interval(by).T))
    places = {name: ("epoch", values) for name, values in fields.items()}
    table = {"taught": (("teacher", "epoch"), taught), **places}
    return xr.Dataset(table, {"teacher": peer.teacher, "epoch": peer.epoch})
