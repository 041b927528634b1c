"""The paper's Tables 2 and 3 in our version: cells found, published cells, the paper's numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.stats import binomtest

from sage.analysis import paper_numbers, search_tables
from sage.analysis.bootstrap import FEWEST_OF_INTERVALS, t_interval
from sage.config.run import CellRun
from sage.models import complexity, genotypes
from sage.models.cells import CellNetwork
from sage.models.genotypes import Genotype

OURS, SCALED, COUNTED, PAPERS = "ours", "ours, scaled down", "ours, exact count", "the paper's"
MOBILE_LIMIT = 600e6  # multiply-adds of a network in the mobile setting, Zoph et al. 2018
MOBILE_REPEATS = 4  # N of NASNet-A and of the paper's networks there
Tables = Mapping[str, xr.Dataset]  # by data set


def table_2(run: CellRun, searched: xr.Dataset, trained: Tables) -> pd.DataFrame:
    """Return errors on the test images after full training, sizes, and what the searches cost.

    Args:
        searched: see `comparison.results`.
        trained: see `full_training.train_all_fully`.

    Returns:
        A row per network, ours first, then the paper's; errors in percent, means over trainings,
        with the ends of their 95 % interval; the cost in training examples as M1 E1 + M2 E2. The
        interval is over trainings (t), or over test images (Wilson) if there is one training.
        Those that diverged are left out of mean and interval, and not counted as trainings.
    """
    rows = _own_rows(run, searched, trained, {"test_accuracy": ""})
    return _add_papers(rows, paper_numbers.TABLE_2)


def imagenet_errors(run: CellRun, searched: xr.Dataset, trained: Tables) -> pd.DataFrame:
    """Return `table_2` with top-1 and top-5 errors, and the paper's on ImageNet (its Table 3)."""
    rows = _own_rows(run, searched, trained, {"test_accuracy": " top-1", "test_top5": " top-5"})
    papers = (
        {f"imagenet {name}" if "error" in name else name: value for name, value in row.items()}
        for row in paper_numbers.TABLE_3
    )
    return _add_papers(rows, papers)


def table_3(cells: Sequence[Genotype]) -> pd.DataFrame:
    """Return sizes of each cell's widest network in ImageNet's mobile setting, `MOBILE_LIMIT`."""
    rows = []
    for genotype in cells:
        filters, multiply_adds = mobile_filters(genotype)
        row = {"network": genotype.name, "numbers": COUNTED, "B": len(genotype.normal.blocks)}
        row |= {"N": MOBILE_REPEATS, "F": filters}
        row["parameters (M)"] = complexity.parameters(_mobile_network(genotype, filters)) / 1e6
        rows.append(row | {"operations (G)": 2 * multiply_adds / 1e9})
    return _add_papers(rows, paper_numbers.TABLE_3)


def mobile_filters(genotype: Genotype) -> tuple[int, int]:
    """Return the largest F, a multiple of 4, within `MOBILE_LIMIT`, and the multiply-adds."""
    # Multiply-adds are a polynomial of degree 2 in F, which three widths give.
    widths = (8, 16, 24)
    sizes = [complexity.multiply_adds(_mobile_network(genotype, width), 224) for width in widths]
    size = np.polynomial.Polynomial.fit(widths, sizes, deg=2)
    filters = 4 * int((size - MOBILE_LIMIT).roots().max() // 4)
    if filters < 4:
        told = f"{sizes[0]:,} multiply-adds with F = 8, expected a smaller one"
        raise ValueError(f"cell {genotype.name} has {told}")
    return filters, round(size(filters))


def _mobile_network(genotype: Genotype, filters: int) -> CellNetwork:
    sizes = {"classes": 1000, "filters": filters, "repeats": MOBILE_REPEATS}
    with torch.device("meta"):  # without memory: it is counted, and never computed
        return CellNetwork(genotype, skeleton="imagenet mobile", **sizes)


def _add_papers(rows: list[dict], papers: Iterable[dict]) -> pd.DataFrame:
    labelled = [{"numbers": PAPERS} | row for row in papers]
    return pd.DataFrame([*rows, *labelled]).set_index(["network", "numbers"])


def _own_rows(
    run: CellRun, searched: xr.Dataset, trained: Tables, measures: Mapping[str, str]
) -> list[dict]:
    """Return a row per network; `measures` gives the ending of an error's column by accuracy."""
    budget, costs = run.budget, _search_costs(run, searched)
    label = OURS if run.profile == "paper" else SCALED
    sizes = next(iter(trained.values()))
    rows = []
    for network in sizes.network.values.tolist():
        size = sizes.sel(network=network)
        blocks = genotypes.parse_genotype(size.genotype.item()).normal.blocks
        row = {"network": network, "numbers": label, "B": len(blocks)}
        row |= {"N": budget.full_repeats, "F": budget.full_filters}
        row["parameters (M)"] = size.parameters.item() / 1e6
        row["multiply-adds (M)"] = size.multiply_adds.item() / 1e6
        for dataset, table in trained.items():
            one = table.sel(network=network)
            for accuracy, name in measures.items():
                row |= _error(f"{dataset}{name}", one[accuracy].values, int(one.test_images))
        row["trainings"] = int(size[next(iter(measures))].notnull().sum())
        rows.append(row | costs.get(network, {}))
    return rows


def _error(name: str, accuracy: np.ndarray, images: int) -> dict[str, float]:
    """Return the error of trainings in percent with the `ENDS` of its 95 % interval, by column."""
    found = t_interval(1 - accuracy)
    low, high = np.clip((found.low, found.high), 0, 1)
    if accuracy.size == found.n == 1:
        low, high = binomtest(round(found.value * images), images).proportion_ci(method="wilson")
    values = zip(("", *search_tables.ENDS), (found.value, low, high))
    return {f"{name} error (%){end}": 100 * value for end, value in values}


def reading(errors: pd.DataFrame, dataset: str, searched: int) -> str:
    """Return in words which network is best after full training.

    Args:
        errors: rows of ours of `table_2` or `imagenet_errors`, the first `searched` ones searched.
        dataset: its name, or with top-1 behind it.
    """
    name, parts = f"{dataset} error (%)", []
    for kind, rows in (
        ("what was found here", errors[:searched]),
        ("given cells", errors[searched:]),
    ):
        if rows[name].notnull().any():
            best = rows.loc[rows[name].idxmin()]
            ends = [best[f"{name}{end}"] for end in search_tables.ENDS]
            within = " [{:.1f}, {:.1f}]".format(*ends) if np.isfinite(ends).all() else ""
            network = best.name[0].replace("+", " + ")
            parts.append(f"{best[name]:.1f} %{within} of {kind} ({network})")
    if not parts:
        return "No network could be trained fully."
    told = f"After full training the lowest {dataset} test error is {', '.join(parts)}"
    return f"{told}. {_spread(int(errors.trainings.max()))}"


def _spread(trainings: int) -> str:
    if trainings == 1:
        return "Intervals are over test images, and each network was trained once."
    few = trainings < FEWEST_OF_INTERVALS
    over = "too few for an interval" if few else "over which intervals are"
    return f"Each network was trained {trainings} times, {over}."


def recipe(trained: xr.Dataset) -> str:
    """Return in words how networks were trained fully, from `full_training`'s table."""
    settings = json.loads(trained.attrs["recipe"]).items()
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings if value)


def _search_costs(run: CellRun, searched: xr.Dataset) -> dict[str, dict[str, float]]:
    """Return the cost of each search by its winner's name, the sum over all that it is best of."""
    found = {}
    for name, one in search_tables.by_search(searched).items():
        candidates = int(one.examples.notnull().sum()) * run.budget.samples
        finalists = int(one.finalists.sum())
        examples, mature = float(one.examples.sum()), float(one.mature_examples.sum())
        cost = {"M1": candidates, "E1": examples / candidates}
        found[name] = cost | {"M2": finalists, "E2": mature / finalists, "cost": examples + mature}
    return found
