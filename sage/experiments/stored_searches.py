"""Searches in published tables: simulated in pools, and of a benchmark. Nothing is trained."""

import json
from dataclasses import dataclass, replace

import xarray as xr
from threadpoolctl import threadpool_limits

from sage import teachers
from sage.analysis import predictivity, published_pools, search_claims, simulated_search
from sage.analysis.bootstrap import Bootstrap
from sage.config import paths
from sage.config.run import Refused, TablesRun
from sage.experiments.stored_networks import find_table


@dataclass(frozen=True)
class PoolSearches:
    """Searches simulated in the pools of one teacher.

    Args:
        teacher: the name of its file.
        multiply_adds: of its training, in passes forward; NaN if unknown.
        scores: [predictor, network, epoch], few epochs first, with those of chosen weights.
        mature: [network].
        every: `simulated_search.simulate` by all scores at few epochs.
        main: by its `SCORES`, at all epochs.
        compared: `simulated_search.compare` of `search_claims.compared_pairs`.
    """

    teacher: str
    multiply_adds: float
    scores: xr.DataArray
    mature: xr.DataArray
    every: xr.Dataset
    main: xr.Dataset
    compared: xr.Dataset


def check(run: TablesRun) -> None:
    """Raise Refused for an unknown pool, epochs or candidates that it has not, or no table."""
    if "found" not in load_benchmark(run):
        told = f"searches names {run.searches!r}, which has no variable 'found'"
        raise Refused(f"{told}, expected a table of `benchmark_searches`")
    if run.candidates not in simulated_search.CANDIDATES:
        known = ", ".join(map(str, simulated_search.CANDIDATES))
        raise Refused(f"candidates is {run.candidates}, expected one of {known}")
    if not (folders := published_pools.find_folders(run.pools)):
        raise Refused("pools is empty, expected the name of a published pool")
    for folder, files in folders.items():
        for file in files.values():
            known = xr.open_dataset(file).epoch.values[:-1].tolist()
            if absent := {run.few, *run.later} - {*known}:
                told = f"pool {folder!r} has no epoch {min(absent):g} before its last"
                raise Refused(f"{told}, expected some of {', '.join(f'{one:g}' for one in known)}")


def load_benchmark(run: TablesRun) -> xr.Dataset:
    """Return the run's table of `benchmark_searches`."""
    return xr.load_dataset(find_table(run.searches, "searches"), engine="h5netcdf")


@threadpool_limits.wrap(limits=1, user_api="blas")
def simulate_pools(run: TablesRun) -> dict[str, PoolSearches]:
    """Return what searches find in each folder of pools that a run names, by these names.

    Raises:
        ValueError: as `published_pools.read_folders`.
    """
    resamples, found = Bootstrap(run.settings.resamples, run.seed), {}
    for folder, tables in published_pools.read_folders(run.pools).items():
        every = [one.predictor.values.tolist() for one in tables.values()]
        shared = [name for name in every[0] if all(name in one for one in every)]
        scores, mature = published_pools.join_pools(tables, shared)
        scores = scores.sel(epoch=[run.few, *run.later])
        scores, _ = predictivity.add_nested(scores, mature, seed=run.seed)
        names, pairs = scores.predictor.values, search_claims.compared_pairs(run.few, run.later)
        path = paths.ROOT / json.loads(tables[folder].attrs["run_parameters"])["teacher"]
        found[folder] = PoolSearches(
            teacher=path.stem.removesuffix("_rdms"),
            multiply_adds=teachers.training_multiply_adds(replace(run, teacher=str(path))),
            scores=scores,
            mature=mature,
            every=simulated_search.simulate(scores.isel(epoch=[0]), mature, resamples, names),
            main=simulated_search.simulate(scores, mature, resamples),
            compared=simulated_search.compare(scores, mature, pairs, resamples),
        )
    return found
