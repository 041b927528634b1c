"""What a notebook finds, by name: what it measured, and what follows from that.

A published run has the tables of what was measured in its folder, so that all else follows again.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sage import spaces
from sage.analysis import (
    cell_tables,
    draws,
    planned,
    predictivity,
    predictors,
    published_pools,
    search_claims,
    search_tables,
    summaries,
)
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.predictivity import Analysis
from sage.config import paths
from sage.config.run import Refused, Run, words
from sage.experiments import (
    nasbench201,
    object_guidance,
    pool,
    quickstart,
    stored_networks,
    stored_searches,
)
from sage.models import genotypes

ALPHAS = np.array([0.05, 0.1, 0.2, 0.5, 1, 2, 5])  # of the paper's Figure 4
CONTROL_EPOCHS = (1, 2)  # of which the controls are shown and told
BENCHMARK = "NAS-Bench-201"
BENCHMARK_CANDIDATES = 100  # after which searches of a benchmark are compared
QUICKSTART_EPOCH = 1  # after which the quickstart judges


class Missing(KeyError):
    """A result is neither measured, nor in a folder of tables, nor does it follow from others."""


class Results(dict[str, Any]):
    """Results of a run by name; one that is not there is computed, or read, when it is asked for.

    Args:
        run: what was asked.
        measured: what was measured.
        folder: has further tables; `FOLLOWS` says which names are computed nevertheless.

    Raises:
        Missing: on asking for a result that is not to be had.
    """

    def __init__(
        self, run: Run, measured: Mapping[str, Any] | None = None, *, folder: Path | None = None
    ):
        super().__init__(measured or {})
        self.run: Any = run  # of the kind that a result takes
        self.folder = folder

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.run.settings.resamples, self.run.seed)

    def __missing__(self, name: str) -> Any:
        path = self.folder / f"{name}.nc" if self.folder else Path()
        if name in FOLLOWS:
            self[name] = FOLLOWS[name](self)
        elif path.is_file():
            self[name] = xr.load_dataset(path, engine="h5netcdf")
        else:
            raise Missing(f"no result {name!r} in {', '.join(self) or 'none'} or {self.folder}")
        return self[name]

    def verdict(self, name: str) -> str:
        """Return what a table says in words; none if there is nothing to say."""
        return VERDICTS[name](self) if name in VERDICTS else ""

    def frame(self, name: str) -> pd.DataFrame:
        """Return a table of networks as one to show, see `cell_tables`."""
        return self[name].to_dataframe().set_index(["network", "numbers"])

    def networks(self, name: str) -> tuple[pd.DataFrame, int]:
        """Return a table's rows of our networks, and how many a search found, which are first."""
        table = self.frame(name)
        ours = table[table.index.get_level_values("numbers") != cell_tables.PAPERS]
        return ours, len(ours) - len(words(self.run.beside))

    def save(
        self, name: str, *, folder: Path | None = None, further: Mapping[str, Any] | None = None
    ) -> xr.Dataset:
        """Write a table with its verdict to the run's folder, and return it as it is read again.

        Args:
            folder: another folder.
            further: attributes that the table gets where it has no own.
        """
        told = {"verdict": self.verdict(name)} if name in VERDICTS else {}
        table = self[name]
        table = table.assign_attrs({**(further or {}), **table.attrs, **told})
        path = paths.save_table(table, (folder or self.run.folder) / f"{name}.nc")
        return xr.load_dataset(path, engine="h5netcdf")


def _analysed(of: Results) -> dict[str, Analysis]:
    return of["01_pools"].analyse(of.bootstrap)


def _random(of: Results) -> dict[str, Analysis]:
    """Return what is said first of a pool: its random networks, all and those of some depth."""
    return {
        name: of["01_analysed"][name] for name in (published_pools.RANDOM, published_pools.DEEP)
    }


def _sweep(of: Results) -> xr.Dataset:
    random = of["01_analysed"][published_pools.RANDOM]
    return predictivity.alpha_sweep(random.scores, random.mature, ALPHAS, of.bootstrap)


def _summary(of: Results) -> xr.Dataset:
    pools = of["01_pools"]
    taught = {
        f"teacher_{name}": one for name, one in zip(published_pools.TEACHER_COSTS, pools.taught)
    }
    return predictivity.record(of["01_analysed"], of["01_sweep"], pools.ceiling, **taught)


def _trained(of: Results) -> dict[str, xr.Dataset]:
    """Return the fully trained networks of a run by data set."""
    sets = filter(None, (of.run.dataset, of.run.transfer))
    return {name: of[f"03_trained_{name}"] for name in sets}


def _discovered(of: Results) -> genotypes.Genotype:
    """Return the cell that the paper's search found."""
    name = search_tables.discovered(of["03_searches"])
    found = search_tables.winners(of["03_searches"])[name]
    return genotypes.from_architecture(spaces.cells(of.run.budget.blocks), found, name)


def _mobile(of: Results) -> xr.Dataset:
    texts = of["03_trained"][of.run.dataset].genotype.values
    cells = [genotypes.parse_genotype(text) for text in texts]
    return _networks(cell_tables.table_3(cells))


def _networks(frame: pd.DataFrame) -> xr.Dataset:
    """Return a table of networks to be saved, see `Results.frame`."""
    return frame.reset_index().to_xarray()


def _against(of: Results) -> dict[str, xr.Dataset]:
    stored = of["06_stored"]
    sets = {"all networks": stored, "depth 3 or more": stored.at_least(3)}
    return {
        name: draws.against_draws(
            one.networks.accuracy, one.guided, one.networks.mature, of.bootstrap
        )
        for name, one in sets.items()
    }


def _kept(of: Results) -> tuple[xr.DataArray, xr.DataArray]:
    """Return early scores and published accuracies of networks that are broken nowhere."""
    stored = of["05_stored"]
    return _unbroken(stored.scores, nasbench201.published_target(stored.table))


def _longer(of: Results) -> Analysis:
    """Return `predictivity.analyse` of the networks that were trained on, after all epochs.

    Raises:
        Refused: these are not the first of the pool.
    """
    first, table = of["05_stored"].table, of["05_later"]
    if table.name.values.tolist() != first.name.values.tolist()[: table.sizes["network"]]:
        told = f"longer is {of.run.longer!r} and banks is {of.run.banks!r}"
        raise Refused(f"{told}: expected the first networks of banks in longer")
    scores, further = map(nasbench201.scores_of, (first, table))
    names = further.predictor.isin(scores.predictor)
    further = further.sel(predictor=names, epoch=further.epoch > scores.epoch.max())
    begun = scores.sel(predictor=further.predictor, network=further.network)
    options: dict[str, Any] = {"coords": ["cost"], "compat": "override", "join": "exact"}
    joined = xr.concat([begun, further], "epoch", combine_attrs="override", **options)
    joined = predictors.rank_again(joined, table)
    target = nasbench201.published_target(table)
    return predictivity.analyse(*_unbroken(joined, target), of.bootstrap)


def _longer_summary(of: Results) -> xr.Dataset:
    longer = of["05_longer"]
    return planned.judge(longer.scores, {"CIFAR-100": longer.mature}, of.bootstrap)


def _unbroken(scores: xr.DataArray, target: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return scores and targets of the networks that have a target, and a P at every epoch."""
    known = (target.notnull() & scores.sel(predictor="P").notnull().all("epoch")).values
    return scores.isel(network=known), target[known]


def _taught(of: Results, *names: str) -> xr.Dataset:
    """Return how well teachers guide, by the names of their TG and its draws in `Benchmark`."""
    scores, target = of["05_kept"]
    by, *shuffled = (
        getattr(of["05_stored"], name).sel(network=target.network, epoch=scores.epoch)
        for name in names
    )
    p = scores.sel(predictor="P", drop=True)
    chance = shuffled[0] if shuffled else None
    return draws.by_teacher(p, by, target, of.bootstrap, shuffled=chance)


def _benchmark_controls(of: Results) -> dict[str, xr.Dataset]:
    scores, target = of["05_kept"]
    guided = of["05_stored"].guided.sel(network=target.network, epoch=scores.epoch)
    p = scores.sel(predictor="P", drop=True)
    return {BENCHMARK: draws.against_draws(p, guided, target, of.bootstrap)}


def _objects(of: Results) -> xr.Dataset:
    table = of["05_second"]
    target = nasbench201.published_target(table)
    return planned.judge_objects(table.score, target, table.shuffled, of.bootstrap)


def _objects_assessed(of: Results) -> xr.Dataset:
    table = of["05_second"]
    scores = table.score.sel(epoch=list(planned.PERMUTED))
    return predictivity.assess(scores, nasbench201.published_target(table), of.bootstrap)


def _first(of: Results) -> stored_searches.PoolSearches:
    """Return the searches by the teacher that is named first, on which the claim is judged."""
    return next(iter(of["07_simulated"].values()))


# What is computed from other results, by name.
FOLLOWS: dict[str, Callable[[Results], Any]] = {
    "01_pools": lambda of: pool.load_pools(of.run),
    "01_analysed": _analysed,
    "01_random": _random,
    "01_sweep": _sweep,
    "01_summary": _summary,
    "02_summary": lambda of: (
        search_tables.summary(of["02_searches"]).to_xarray().rename(epochs="premature_epochs")
    ),
    "03_trained": _trained,
    "03_cell": _discovered,
    "03_errors": lambda of: _networks(
        cell_tables.table_2(of.run, of["03_searches"], of["03_trained"])
    ),
    "03_mobile": _mobile,
    "04_errors": lambda of: _networks(
        cell_tables.imagenet_errors(of.run, of["04_searches"], {of.run.dataset: of["04_trained"]})
    ),
    "quickstart_judged": lambda of: quickstart.judge(of.run),
    "05_stored": lambda of: nasbench201.load(of.run),
    "05_kept": _kept,
    "05_analysed": lambda of: predictivity.analyse(*of["05_kept"], of.bootstrap),
    "05_assessed": lambda of: of["05_analysed"].assessed,
    "05_summary": lambda of: planned.judge(
        of["05_stored"].scores, of["05_stored"].targets(), of.bootstrap
    ),
    "05_against": _benchmark_controls,
    "05_controls": lambda of: of["05_against"][BENCHMARK],
    "05_rungs": lambda of: _taught(of, "ladder"),
    "05_others": lambda of: _taught(of, "others", "shuffled"),
    "05_later": lambda of: nasbench201.load_judged(of.run, "longer").table,
    "05_longer": _longer,
    "05_longer_summary": _longer_summary,
    "05_longer_assessed": lambda of: of["05_longer"].assessed,
    "05_second": lambda of: object_guidance.load(
        stored_networks.find_stored(of.run)["second_pool"][0]
    ),
    "05_objects": _objects,
    "05_objects_assessed": _objects_assessed,
    "06_stored": lambda of: stored_networks.load_stored(of.run),
    "06_against": _against,
    "06_controls": lambda of: of["06_against"]["all networks"],
    "06_controls_deep": lambda of: of["06_against"]["depth 3 or more"],
    "06_teaching": lambda of: draws.teaching(
        of["06_stored"].peer, of["06_stored"].networks.mature, of.bootstrap
    ),
    "07_simulated": lambda of: stored_searches.simulate_pools(of.run),
    "07_first": _first,
    "07_pools": lambda of: of["07_first"].compared,
    "07_benchmark": lambda of: stored_searches.load_benchmark(of.run),
}


def _found(number: str, kind: str) -> Callable[[Results], str]:
    """Return what says in words what searches found, and what of it is best after full training."""

    def verdict(of: Results) -> str:
        ours, found = of.networks(f"{number}_errors")
        trained = cell_tables.reading(ours, f"{of.run.dataset}{kind}", found)
        return f"{search_tables.reading(of[f'{number}_searches'])}\n{trained}"

    return verdict


def _controls(group: str) -> Callable[[Results], str]:
    return lambda of: draws.verdict({group: of["06_against"][group]}, CONTROL_EPOCHS)


# What tables say in words, by their names.
VERDICTS: dict[str, Callable[[Results], str]] = {
    "01_summary": lambda of: summaries.verdict(
        of["01_random"], epoch=of.run.settings.premature_epochs
    ),
    "02_searches": lambda of: search_tables.reading(of["02_searches"]),
    "03_searches": _found("03", ""),
    "04_searches": _found("04", " top-1"),
    "05_summary": lambda of: planned.verdict(
        of["05_summary"], epoch=of.run.settings.premature_epochs
    ),
    "05_objects": lambda of: planned.objects_verdict(of["05_objects"]),
    "05_controls": lambda of: draws.verdict(of["05_against"], CONTROL_EPOCHS),
    "06_controls": _controls("all networks"),
    "06_controls_deep": _controls("depth 3 or more"),
    "06_teaching": lambda of: draws.teaching_verdict(of["06_teaching"], CONTROL_EPOCHS),
    "07_pools": lambda of: search_claims.claim(of["07_pools"], candidates=of.run.candidates),
    "07_benchmark": lambda of: search_claims.benchmark_verdict(
        of["07_benchmark"], candidates=BENCHMARK_CANDIDATES
    ),
}
