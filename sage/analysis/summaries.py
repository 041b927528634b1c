"""What a pool says, in words: what TG adds, what P + TG does, and against what it does not."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis import bootstrap, contrasts
from sage.analysis.added_value import GIVEN, IGNORANT, with_added
from sage.analysis.contrasts import ALIKE, BETTER, RANKED, UNDECIDED, UNKNOWN, WORSE
from sage.analysis.predictivity import Analysis
from sage.analysis.predictors import CHOSEN, COMBINED, display_name

MANY_NETWORKS = 20  # fewer give intervals that are wide, and narrower than they ought to be
MANY_IMAGES = 500  # for validation, from which on the standard error is at most 2.2 points
WORDS = {
    BETTER: "better than",
    WORSE: "worse than",
    ALIKE: "no different (by anything that matters) from",
    UNDECIDED: "undecided against",
    UNKNOWN: "not comparable with",
}
CANDIDATES = 20  # of the simulated searches that are told
# What is said first, of all networks and of those that are not shallow.
HEADLINES = (
    *((with_added(given, "TG"), given) for given in GIVEN),
    *((with_added(given, "TG"), with_added(given, "TG before training")) for given in GIVEN),
    *((with_added(given, "TG"), with_added(given, "TG untrained")) for given in GIVEN),
    (COMBINED, "P"),
    (CHOSEN, "P"),
    (CHOSEN, "P + a TG before training"),
    (CHOSEN, "P + a TG untrained"),
    (CHOSEN, "P + a log parameters"),
    (CHOSEN, "TSE-E"),
)


def headlines(analysed: Mapping[str, Analysis], *, epoch: float) -> pd.DataFrame:
    """Return differences of r, a column for each pool, two rows for each of `HEADLINES`.

    Those for which every pool has too few networks are left out.
    """
    columns: dict[str, dict] = {}
    for pool, one in analysed.items():
        column, alpha = columns.setdefault(pool, {}), one.scores.attrs["alpha"]
        for first, second in HEADLINES:
            name = f"{display_name(first, alpha)} minus {display_name(second, alpha)}"
            for statistic in RANKED:
                known = contrasts.rows(one.compared, first, epoch, statistic)
                if second in known:
                    column[name, statistic] = contrasts.difference_text(known[second])
    table = pd.DataFrame(columns)
    return table[table.fillna("").ne("").any(axis=1)]


def summaries(analysed: Mapping[str, Analysis], *, epoch: float) -> str:
    """Return a `summary` of each of several pools below its name and number of networks."""
    return "\n\n".join(
        f"{name}, n = {one.assessed.n.max().item()}:\n{summary(one, epoch=epoch)}"
        for name, one in analysed.items()
    )


def summary(analysed: Analysis, *, epoch: float) -> str:
    """Return what contrasts of r with mature accuracy say after one epoch, and how sure that is."""
    compared, lines = analysed.compared, []
    names = dict.fromkeys(compared["first"].values.tolist())
    if (n := analysed.assessed.n.max().item()) < MANY_NETWORKS:
        lines.append(f"{n} networks are few: intervals are a hint at most.")
    for given in GIVEN:
        if (guided := with_added(given, "TG")) in names:
            lines.append(f"Given {given}, TG adds {_told(compared, guided, given, epoch)}.")
            lines.append(_relations(compared, guided, epoch))
    for score, where in ((COMBINED, ""), (CHOSEN, ", alpha chosen on other networks,")):
        if score in names:
            name = f"{display_name(score, compared.attrs['alpha'])}{where}"
            lines.append(f"{name} is above P by {_told(compared, score, 'P', epoch)}.")
            lines.append(_relations(compared, score, epoch))
    lines.append(claim(contrasts.verdicts(compared, CHOSEN, epoch)))
    lines.append(_epochs(compared))
    lines.append(_searches(analysed.found, epoch, compared.attrs["alpha"]))
    return "\n".join(lines)


def verdict(analysed: Mapping[str, Analysis], *, epoch: float) -> str:
    """Return what each of several pools says of the paper's claim, in a line of its own."""
    lines = [
        f"{name}, n = {one.assessed.n.max().item()}, after {told_epochs(epoch)}: "
        + claim(contrasts.verdicts(one.compared, CHOSEN, epoch))
        for name, one in analysed.items()
    ]
    return "\n".join(lines)


def claim(over: Mapping[str, str]) -> str:
    """Return in words whether guidance helped.

    Args:
        over: verdicts on P + a TG against others, by their names. The paper's claim takes that it
            is better than P, and than P with TG of those of `IGNORANT` that are among them.
    """
    ignorant = [name for name in (f"P + a {one}" for one in IGNORANT) if name in over]
    as_good = [name for name in ignorant if over[name] != BETTER]
    guided = "guidance with a chosen weight predicts mature accuracy"
    if over["P"] == UNKNOWN:
        return "There are too few networks, or too little spread among them, to compare the two."
    if over["P"] == WORSE:
        return f"The claim fails: {guided} worse than accuracy alone does."
    if over["P"] == ALIKE:
        return f"The claim fails: {guided} no better than accuracy alone does."
    if over["P"] != BETTER:
        return "Whether guidance helps is undecided."
    if as_good or not ignorant:
        than = _list(map(display_name, as_good)) if as_good else "any control"
        guided = f"{guided.capitalize()} better than accuracy alone does"
        return f"{guided}, and is not shown to do better than {than}: undecided."
    than = f"accuracy alone does, and better than {_list(map(display_name, ignorant))}"
    return f"The claim holds: {guided} better than {than}."


def told_epochs(number: float) -> str:
    """Return an amount of training in words."""
    return f"{number:g} epoch{'' if number == 1 else 's'}"


def precision(images: int) -> str:
    """Return in words how far chance moves an accuracy on so many validation images."""
    error = 50 / images**0.5  # points, of one half right
    said = f"{images:,} validation images: an accuracy's standard error is up to {error:.1f} points"
    if images >= MANY_IMAGES:
        return f"{said}."
    return f"Only {said}, and networks that differ by less than that cannot be told apart."


def statistics(analysed: Analysis, *, epoch: float) -> pd.DataFrame:
    """Return every statistic of `predictivity.assess` with its interval, a row per predictor."""
    one, alpha = analysed.assessed.sel(epoch=epoch), analysed.scores.attrs["alpha"]
    cells = xr.apply_ufunc(bootstrap.cell, one.value, one.low, one.high, vectorize=True)
    table = cells.transpose("predictor", "statistic").to_pandas()
    return table.rename(lambda name: display_name(name, alpha), axis="index")


def costs(pools: Mapping[str, xr.Dataset], *, teacher: tuple[float, float]) -> pd.DataFrame:
    """Return what pools took, by name: networks, examples, multiply-adds, hours of a process.

    Args:
        pools: see `pool.train_pool`.
        teacher: examples and multiply-adds of its training, a row of its own; NaN if unknown.
    """
    rows: dict[str, dict] = {}
    for name, one in pools.items():
        trained, shown = one.examples.max("epoch"), one.images_shown.sum("epoch")
        rows[name] = {
            "networks": one.sizes["network"],
            "training examples": int(trained.sum()),
            "images shown": int(shown.sum()),
            "multiply-adds": float(((trained + shown) * one.multiply_adds).sum()),
            "hours of a process": round(float(one.seconds.sum()) / 3600, 2),
        }
    examples, multiply_adds = teacher
    of_teacher = {"training examples": examples, "multiply-adds": multiply_adds}
    rows["teacher"] = {"networks": 1, **of_teacher}
    return pd.DataFrame.from_dict(rows, orient="index")


def _told(compared: xr.Dataset, first: str, second: str, epoch: float) -> str:
    """Return a difference by each of `RANKED`, and how far pools differ where there are several."""
    parts = []
    for statistic in RANKED:
        row = contrasts.rows(compared, first, epoch, statistic)[second]
        amount = contrasts.difference_text(row) or "an unknown amount"
        part = f"{amount} by {statistic.capitalize()}"
        if np.isfinite(row["pooled"]):
            part += " (pools as random effects {pooled:+.3f} [{pooled_low:.3f}, {pooled_high:.3f}]"
            part += ", Q = {q:.1f}, p = {q_p:.2f})"
        parts.append(part.format(**row))
    return _list(parts)


def _relations(compared: xr.Dataset, first: str, epoch: float) -> str:
    kinds: dict[str, list[str]] = {}
    for name, word in contrasts.verdicts(compared, first, epoch).items():
        kinds.setdefault(WORDS[word], []).append(display_name(name, compared.attrs["alpha"]))
    said = "; ".join(f"{one} {_list(names)}" for one, names in kinds.items())
    return f"{display_name(first, compared.attrs['alpha'])} is {said}."


def _epochs(compared: xr.Dataset) -> str:
    pair = (compared["first"] == CHOSEN) & (compared["second"] == "P")
    one = compared.isel(pair=pair.values).squeeze("pair")
    above, below = (one.all_low > 0).all("statistic"), (one.all_high < 0).all("statistic")
    epochs, better, worse = (
        ", ".join(f"{epoch:g}" for epoch in compared.epoch.values[there]) or "none"
        for there in (slice(None), above.values, below.values)
    )
    return (
        f"By intervals that hold for all amounts of training at once, {epochs} epochs, "
        f"{display_name(CHOSEN)} is above P after {better}, below it after {worse}."
    )


def _searches(found: xr.Dataset, epoch: float, alpha: float) -> str:
    """Return what the scores are worth to a random search among the pool's networks."""
    one = 100 * found.sel(candidates=CANDIDATES, epoch=epoch)
    if not np.isfinite(one.value).any():
        return f"The pool is too small for simulated searches of {CANDIDATES} candidates."
    text = "{} {:+.1f} [{:.1f}, {:.1f}]"
    ends = ["gain_value", "gain_low", "gain_high"]
    parts = []
    for choice in one.choice.values:
        scores = {name: one.sel(choice=choice, predictor=name) for name in one.predictor.values}
        reached = scores.pop("P").value.item()
        known = {name: of for name, of in scores.items() if np.isfinite(of.gain_value)}
        gains = _list(
            text.format(display_name(name, alpha), *of[ends].to_array().values)
            for name, of in known.items()
        )
        parts.append(f"the {choice} by P has {reached:.1f} %, and in points above it {gains}")
    return f"In simulated searches of {CANDIDATES} candidates {'; '.join(parts)}."


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
