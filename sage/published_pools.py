"""Pools of earlier runs, from their published tables, put together with a run's own for more networks."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from sage import paths, predictivity
from sage.evaluation import Protocol
from sage.guidance import Teacher
from sage.predictivity import Analysis
from sage.run import PoolRun

# Pools may differ in these: other networks, trained elsewhere.
FREE = ("seed", "device", "convolutions")
RANDOM = "random architectures"  # all pools of these together


def load(run: PoolRun, teacher: Teacher) -> dict[str, xr.Dataset]:
    """The pools that a run names, by name, see `predictivity.pool_record`, checked to be like its own.

    Raises:
        ValueError: no published pool of this name, or one of the same seed as another, of another protocol, or that was
            scored with another alpha, by another teacher or at another level.
    """
    wanted = {"alpha": run.alpha, "level": run.level, "teacher_identity": teacher.identity}
    wanted |= json.loads(json.dumps(_fixed(Protocol.of(run.settings, run.dataset).description())))
    pools = {name: _read(name) for name in run.pools.split()}
    seeds = {run.seed}
    for name, one in pools.items():
        description = json.loads(one.attrs["description"])
        found, seed = {**one.score.attrs, **one.similarity.attrs, **_fixed(description)}, description["seed"]
        if seed in seeds:
            raise ValueError(f"pool {name!r} has seed {seed}, and so has another: they are the same networks")
        seeds.add(seed)
        differ = [key for key, value in wanted.items() if found.get(key) != value]
        if differ:
            told = ", ".join(f"{key} {found.get(key)} instead of {wanted[key]}" for key in differ)
            raise ValueError(f"pool {name!r} cannot be put together with this run's: it has {told}")
    return pools


def analyse(tables: Mapping[str, xr.Dataset], *, resamples: int, seed: int) -> dict[str, Analysis]:
    """Pools of random architectures as one, `RANDOM`, and each by its name too if there are several.

    Args:
        tables: see `predictivity.pool_record`, by name, the run's own first.
    """
    options = {"resamples": resamples, "seed": seed}
    parts = {name: predictivity.analyse(*join([one]), **options) for name, one in tables.items() if len(tables) > 1}
    return {RANDOM: predictivity.analyse(*join([*tables.values()]), **options)} | parts


def join(tables: Sequence[xr.Dataset]) -> tuple[xr.DataArray, xr.DataArray]:
    """Scores [predictor, network, epoch] and mature accuracies [network] of several pools as if of one.

    Predictors are those that all have. The first pool's networks keep their numbers, the others' follow.

    Args:
        tables: see `predictivity.pool_record`.
    """
    shared = [name for name in tables[0].predictor.values if all(name in one.predictor for one in tables)]
    scores = [one.score.sel(predictor=shared) for one in tables]
    matures = [predictivity.mature_accuracy(one, one.epoch.values[-1]) for one in tables]
    numbers = tables[0].network.values
    further = sum(one.sizes["network"] for one in tables[1:])
    numbers = np.concatenate([numbers, numbers.max() + 1 + np.arange(further)])
    return tuple(
        xr.concat(parts, "network", join="exact", coords="minimal", compat="override", combine_attrs="override")
        .assign_coords(network=numbers)
        for parts in (scores, matures)
    )  # fmt: skip


def _read(name: str) -> xr.Dataset:
    known = {file.parent.name: file for file in sorted(paths.results().glob("*/01_pool.nc"))}
    if name not in known:
        raise ValueError(f"unknown pool {name!r}, expected one of {', '.join(known) or 'none, as there are no tables'}")
    return xr.load_dataset(known[name])


def _fixed(description: Mapping) -> dict:
    return {key: value for key, value in description.items() if key not in FREE}
