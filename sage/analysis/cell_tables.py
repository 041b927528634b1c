"""The paper's Tables 2 and 3 in our version: cells found, published cells, and the paper's own numbers beside."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.stats import binomtest

from sage.analysis import paper_numbers, search_tables
from sage.config.run import CellRun
from sage.models import complexity, genotypes
from sage.models.cells import CellNetwork
from sage.models.genotypes import Genotype

OURS, SCALED, PAPERS = "ours", "ours, scaled down", "the paper's"
COUNTED = "ours, exact count"
MOBILE_LIMIT = 600e6  # multiply-adds of a network in the mobile setting, Zoph et al. 2018
MOBILE_REPEATS = 4  # N of NASNet-A and of the paper's networks there
IMAGENET = {"classes": 1000, "image_size": 224}


def table_2(run: CellRun, searched: xr.Dataset, trained: dict[str, xr.Dataset]) -> pd.DataFrame:
    """Errors on the test images after full training, sizes, and what the searches cost.

    Args:
        searched: see `comparison.results`. trained: by data set, see `full_training.train_all_fully`.

    Returns:
        A row per network, ours first; errors in percent with the ends of their 95 % interval (Wilson) over test
        images, the cost in training examples as M1 E1 + M2 E2.
    """
    return _beside(_ours(run, searched, trained, {"test_accuracy": ""}), paper_numbers.TABLE_2)


def imagenet_errors(
    run: CellRun, searched: xr.Dataset, trained: dict[str, xr.Dataset]
) -> pd.DataFrame:
    """As `table_2` with top-1 and top-5 errors, beside the paper's networks on ImageNet (its Table 3)."""
    papers = (
        {f"imagenet {name}" if "error" in name else name: value for name, value in row.items()}
        for row in paper_numbers.TABLE_3
    )
    return _beside(
        _ours(run, searched, trained, {"test_accuracy": " top-1", "test_top5": " top-5"}), papers
    )


def _beside(rows: list[dict], papers: Iterable[dict]) -> pd.DataFrame:
    """Our rows and the paper's, each labelled."""
    return pd.DataFrame([*rows, *({"numbers": PAPERS} | row for row in papers)]).set_index(
        ["network", "numbers"]
    )


def _ours(
    run: CellRun, searched: xr.Dataset, trained: dict[str, xr.Dataset], measures: dict[str, str]
) -> list[dict]:
    """A row per network; of each accuracy in `measures` the error, under the data set's name and what is given."""
    budget, spent = run.budget, _costs(run, searched)
    label = OURS if run.profile == "paper" else SCALED
    rows = []
    for network in next(iter(trained.values())).network.values.tolist():
        row = {"network": network, "numbers": label, "B": _blocks(trained, network)}
        row |= {"N": budget.full_repeats, "F": budget.full_filters}
        for place, (dataset, table) in enumerate(trained.items()):
            one = table.sel(network=network)
            if place == 0:
                row |= {
                    "parameters (M)": one.parameters.item() / 1e6,
                    "multiply-adds (M)": one.multiply_adds.item() / 1e6,
                }
            for accuracy, name in measures.items():
                row |= _error(f"{dataset}{name}", one[accuracy], int(one.test_images))
        rows.append(row | spent.get(network, {}))
    return rows


def table_3(cells: list[Genotype]) -> pd.DataFrame:
    """Sizes in ImageNet's mobile setting: the widest network of each cell that keeps within `MOBILE_LIMIT`."""
    rows = []
    for genotype in cells:
        filters, multiply_adds = mobile_filters(genotype)
        parameters = complexity.parameters(_mobile(genotype, filters))
        rows.append(
            {
                "network": genotype.name,
                "numbers": COUNTED,
                "B": len(genotype.normal.blocks),
                "N": MOBILE_REPEATS,
                "F": filters,
                "parameters (M)": parameters / 1e6,
                "operations (G)": 2 * multiply_adds / 1e9,
            }
        )
    return _beside(rows, paper_numbers.TABLE_3)


def mobile_filters(genotype: Genotype) -> tuple[int, int]:
    """The largest F, a multiple of 4, whose network at N = `MOBILE_REPEATS` keeps within `MOBILE_LIMIT`.

    Returns:
        F, and the network's multiply-adds.

    Raises:
        ValueError: even F = 4 is above.
    """
    # Multiply-adds are a polynomial of degree 2 in F, which three widths give.
    widths = (8, 16, 24)
    sizes = [
        complexity.multiply_adds(_mobile(genotype, filters), IMAGENET["image_size"])
        for filters in widths
    ]
    size = np.polynomial.Polynomial.fit(widths, sizes, deg=2)
    filters = 4 * int((size - MOBILE_LIMIT).roots().max() // 4)
    if filters < 4:
        raise ValueError(
            f"cell {genotype.name} has {sizes[0]:,} multiply-adds with F = 8, expected a smaller one"
        )
    return filters, round(size(filters))


def _mobile(genotype: Genotype, filters: int) -> CellNetwork:
    """Without memory: it is counted, and never computed."""
    with torch.device("meta"):
        return CellNetwork(
            genotype,
            classes=IMAGENET["classes"],
            filters=filters,
            repeats=MOBILE_REPEATS,
            skeleton="imagenet mobile",
        )


def _blocks(trained: dict[str, xr.Dataset], network: str) -> int:
    text = next(iter(trained.values())).genotype.sel(network=network).item()
    return len(genotypes.parse_genotype(text).normal.blocks)


def _error(name: str, accuracy: xr.DataArray, images: int) -> dict[str, float]:
    if accuracy.isnull():
        return {f"{name} error (%)": float("nan")}
    wrong = round((1 - accuracy.item()) * images)
    interval = binomtest(wrong, images).proportion_ci(method="wilson")
    return {
        f"{name} error (%)": 100 * wrong / images,
        f"{name} low": 100 * interval.low,
        f"{name} high": 100 * interval.high,
    }


def _costs(run: CellRun, searched: xr.Dataset) -> dict[str, dict[str, float]]:
    """Of each search's winner, by its name; repetitions and amounts of training are added up, as it is their best."""
    last = searched.isel(samples=-1)
    found = {}
    for (searcher, score), name in search_tables.winner_names(searched).items():
        one = last.sel(searcher=searcher, score=score)
        searches = one.sizes["epochs"] * one.sizes["run"]
        candidates, finalists = searches * run.budget.samples, int(one.finalists.sum())
        examples, mature = float(one.examples.sum()), float(one.mature_examples.sum())
        found[name] = {
            "M1": candidates,
            "E1": examples / candidates,
            "M2": finalists,
            "E2": mature / finalists,
            "cost": examples + mature,
        }
    return found
