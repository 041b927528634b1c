"""Write the tables of docs/results.md anew from data/results: `python docs/tables.py`."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import xarray as xr

from sage.analysis import contrasts
from sage.analysis.contrasts import RANKED
from sage.analysis.published_pools import DEEP, RANDOM, SEARCHED
from sage.config import paths

PAGE = paths.ROOT / "docs" / "results.md"
MARKED = re.compile(r"(<!-- table (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
POOL = "cifar100-pool"
CHOSEN = ", alpha chosen"
# The tables' names for people, in the order of the page.
NAMES = {
    "P": "P",
    "loss": "validation loss",
    "TSE-E": "training speed (TSE-E)",
    "log parameters": "log parameters",
    "depth": "depth",
    "synflow": "synflow",
    "naswot": "naswot",
    "TG": "TG",
    "TG in order": "TG of layers in order",
    "TG before training": "TG before training",
    "TG untrained": "TG of an untrained teacher",
    "TG shuffled": "TG of a shuffled teacher",
    "P + alpha TG": "P + TG",
    **{
        f"P + a {one}": f"P + alpha {one}{CHOSEN}"
        for one in ("TG", "log parameters", "synflow", "naswot", "TG before training")
    },
}
SEARCHERS = {"random": "random search", "reinforce": "reinforcement learning", "tpe": "TPE"}
PAIRS = {
    "P, size and TG over P and size": ("P and size + TG", "P and size"),
    "the same over P, size and TG of an untrained teacher": (
        "P and size + TG",
        "P and size + TG untrained",
    ),
    "the same over P, size and TG before training": (
        "P and size + TG",
        "P and size + TG before training",
    ),
    "all that is free and TG over all that is free": (
        "all that is free + TG",
        "all that is free",
    ),
    "P + TG over P": ("P + alpha TG", "P"),
    f"P + alpha TG{CHOSEN}, over P": ("P + a TG", "P"),
    "the same over P with log parameters": ("P + a TG", "P + a log parameters"),
    "the same over P with synflow": ("P + a TG", "P + a synflow"),
    "the same over P with naswot": ("P + a TG", "P + a naswot"),
    "the same over P with training speed (TSE-E)": ("P + a TG", "P + a TSE-E"),
    "the same over P with TG of an untrained teacher": ("P + a TG", "P + a TG untrained"),
    "the same over P with TG before training": ("P + a TG", "P + a TG before training"),
}


def load(name: str) -> xr.Dataset:
    """Return a published table by its path below data/results, without ending."""
    return xr.load_dataset(paths.results() / f"{name}.nc")


def ranged(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return a value with its interval, such as 0.91 [0.88, 0.93]."""
    least = 0.5 * 10**-digits  # below it a number is shown as 0, without a sign
    value, low, high = (one if abs(one) > least else 0.0 for one in (value, low, high))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def compared(name: str, pool: str) -> xr.Dataset:
    """Return a pool's contrasts as `contrasts.contrasts` gives them."""
    one = load(f"{name}/01_summary").sel(pool=pool)
    found = one[[field for field in one.data_vars if str(field).startswith("contrast_")]]
    names = [field for field in (*found.data_vars, *found.coords) if "contrast_" in str(field)]
    return found.rename({field: str(field).removeprefix("contrast_") for field in names})


def differences(name: str, pool: str, pairs: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """Return differences of r after 1 and 2 epochs, with the verdict on both correlations."""
    table, rows = compared(name, pool), {}
    for title, (first, second) in pairs.items():
        row = rows[title] = {}
        for epoch in (1, 2):
            for statistic in RANKED:
                found = contrasts.rows(table, first, epoch, statistic)
                (one,) = (row for row in found if row["second"] == second)
                column = f"{told(epoch)}, {statistic.capitalize()}"
                row[column] = ranged(one["value"], one["low"], one["high"], 3)
            row[f"{told(epoch)}: verdict"] = contrasts.verdicts(table, first, epoch)[second]
    return pd.DataFrame.from_dict(rows, orient="index")


def spaced(score: str) -> str:
    """Return a search's score as it is written in text."""
    return score.replace("+shuffled", " + shuffled TG").replace("+TG", " + TG")


def told(epoch: float) -> str:
    """Return an amount of training."""
    return f"{epoch:g} epoch{'' if epoch == 1 else 's'}"


def predictors() -> pd.DataFrame:
    """Return Pearson's r with mature accuracy by predictor and amount of training."""
    one = load(f"{POOL}/01_summary").sel(pool=RANDOM, statistic="pearson")
    rows = {}
    for key, name in NAMES.items():
        found = one.sel(predictor=key)
        ends = zip(found.epoch.values, found.value.values, found.low.values, found.high.values)
        rows[name] = {told(epoch): ranged(*of) for epoch, *of in ends if epoch in (0.5, 1, 2, 5)}
    return pd.DataFrame.from_dict(rows, orient="index")


def added() -> pd.DataFrame:
    """Return the contrasts of all networks."""
    return differences(POOL, RANDOM, PAIRS)


def deep() -> pd.DataFrame:
    """Return the contrasts of networks that are not shallow."""
    kept = ["P, size and TG over P and size", "P + TG over P", f"P + alpha TG{CHOSEN}, over P"]
    return differences(POOL, DEEP, {name: PAIRS[name] for name in kept})


def found() -> pd.DataFrame:
    """Return what P + alpha TG gains among networks that searches by P found."""
    return differences(POOL, SEARCHED, dict(list(PAIRS.items())[5:6]))


def teaching() -> pd.DataFrame:
    """Return how a teacher's own accuracy goes with how well its guidance predicts."""
    table = load("cifar100-controls/06_teaching").sel(epoch=[1, 2])
    ends = zip(table.value.values, table.low.values, table.high.values)
    rows = {f"others after {told(one)}": ranged(*of) for one, of in zip(table.epoch.values, ends)}
    return pd.DataFrame({"Spearman's r": rows})


def teachers() -> pd.DataFrame:
    """Return what several teachers add, after 1 epoch."""
    rows = {}
    for name, key, curve in (
        ("ResNet, 12 epochs", POOL, "resnet-12-epochs"),
        ("ResNet, 24 epochs", f"{POOL}-teacher24", None),  # there is no table of it
        ("NASNet-A", f"{POOL}-nasnet", "nasnet-a"),
    ):
        reached = load(f"cifar100-teachers/{curve}").accuracy[-1].item() if curve else 0.55
        found = differences(key, RANDOM, dict(list(PAIRS.items())[:1]))
        row = found.iloc[0].filter(like="1 epoch")
        n = load(f"{key}/01_summary").n.sel(pool=RANDOM, epoch=1)
        rows[name] = {"accuracy": f"{100 * reached:.3g} %", "networks": int(n)} | dict(row)
    return pd.DataFrame.from_dict(rows, orient="index")


def simulated() -> pd.DataFrame:
    """Return what scores find in simulated searches of 20 candidates after 1 epoch."""
    one = load(f"{POOL}/01_summary").sel(pool=RANDOM, epoch=1, candidates=20)
    one = one.set_index(search_predictor="search_predictor")
    rows: dict[str, dict] = {}
    for key in one.search_predictor.values:
        row = rows[NAMES[key]] = {}
        for choice in one.choice.values:
            found = 100 * one.sel(search_predictor=key, choice=choice)
            ends = (found[f"search_gain_{end}"].item() for end in ("value", "low", "high"))
            row[f"{choice}: accuracy (%)"] = f"{found.search_value.item():.1f}"
            row[f"{choice}: points above P"] = "" if key == "P" else ranged(*ends, 1)
    return pd.DataFrame.from_dict(rows, orient="index")


def controls() -> pd.DataFrame:
    """Return P + alpha TG minus the mean of each control's draws."""
    rows = {}
    for title, file in (("all", "06_controls"), ("depth 3 or more", "06_controls_deep")):
        table = load(f"cifar100-controls/{file}")
        for control in table.control.values:
            row = rows[f"TG {control}, {title}"] = {}
            for epoch in (1, 2):
                for statistic in RANKED:
                    one = table.sel(control=control, epoch=epoch, statistic=statistic)
                    ends = one.difference.item(), one.low.item(), one.high.item()
                    row[f"{told(epoch)}, {statistic.capitalize()}"] = ranged(*ends, 3)
    return pd.DataFrame.from_dict(rows, orient="index")


def searches() -> pd.DataFrame:
    """Return errors of the best networks that searches found."""
    table = load("cifar100-cnn-search/02_summary")
    rows: dict[str, dict] = {}
    for searcher in table.searcher.values:
        for epochs in table.premature_epochs.values:
            row = rows[f"{SEARCHERS[searcher]}, {told(epochs)}"] = {}
            for score in table.score.values:
                one = table.sel(searcher=searcher, premature_epochs=epochs, score=score)
                mean, spread = one["mature error"].item(), one["mature error, s.d."].item()
                row[f"error (%) by {spaced(score)}"] = f"{mean:.1f} +- {spread:.1f}"
    return pd.DataFrame.from_dict(rows, orient="index")


def cells() -> pd.DataFrame:
    """Return test errors of fully trained cells."""
    return errors("cifar100-cell-search/03_errors", {"test error (%)": "cifar100 error (%)"})


def macaque() -> pd.DataFrame:
    """Return test errors of the winners of searches with and without recordings."""
    tops = ("top-1", "top-5")
    columns = {f"{top} error (%)": f"tinyimagenet100 {top} error (%)" for top in tops}
    return errors("macaque-search/04_errors", columns)


def errors(name: str, columns: dict[str, str]) -> pd.DataFrame:
    """Return the rows of networks that were trained here, with intervals over images."""
    table = load(name).to_dataframe()
    rows: dict[str, dict] = {}
    for _, one in table[table.numbers.str.startswith("ours")].iterrows():
        searcher, _, score = one.network.partition(" ")
        known = searcher in SEARCHERS
        title = f"found by {SEARCHERS[searcher]} with {spaced(score)}" if known else one.network
        row = rows[title] = {"parameters (M)": f"{one['parameters (M)']:.2f}"}
        for column, key in columns.items():
            ends = (one[key.replace("error (%)", end)] for end in ("low", "high"))
            row[column] = ranged(one[key], *ends, 1)
    return pd.DataFrame.from_dict(rows, orient="index")


def resemblance() -> pd.DataFrame:
    """Return the mean best match of candidates' layers with V4 and IT, by their search's score."""
    best = load("macaque-search/04_similarity").similarity.max("layer")
    rows = {}
    for score in ("P", "P+TG", "P+shuffled"):
        means = best.isel(candidate=(best.score == score).values).mean("candidate")
        rows[f"searched by {spaced(score)}"] = {
            area: f"{means.sel(teacher_layer=area).item():.3f}" for area in ("V4", "IT")
        }
    return pd.DataFrame.from_dict(rows, orient="index")


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    one.__name__: one
    for one in (
        *(predictors, added, deep, simulated, controls, teaching, teachers, found),
        *(searches, cells, macaque, resemblance),
    )
}


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown, its index as the first column."""
    lines = [["", *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[name, *row] for name, row in zip(table.index, table.values)]
    return "".join(f"| {' | '.join(str(cell).strip() for cell in line)} |\n" for line in lines)


def renewed(text: str) -> str:
    """Return a page with its marked tables made anew."""
    return MARKED.sub(lambda one: one[1] + markdown(TABLES[one[2]]()) + one[4], text)


if __name__ == "__main__":
    Path(PAGE).write_text(renewed(PAGE.read_text()))
