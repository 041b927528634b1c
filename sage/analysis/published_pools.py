"""Published pools of earlier runs, put together with a run's own for more networks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sage.analysis import predictivity, predictors
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.predictivity import Analysis
from sage.config import paths
from sage.config.run import PoolRun, unknown, words
from sage.rsa.teacher import Teacher
from sage.search.evaluation import EvaluationProtocol

# Pools may differ in these: other networks, trained elsewhere.
FREE = ("seed", "device", "convolutions")
RANDOM, OWN, SEARCHED = "random architectures", "this run's", "best five as searches by P go on"


def find(run: PoolRun) -> dict[str, Path]:
    """Return the files of the published pools that a run names, by these; Refused if unknown."""
    files = sorted(paths.results().rglob("01_pool.nc"))
    published = {file.parent.relative_to(paths.results()).as_posix(): file for file in files}
    names = dict.fromkeys(words(run.pools))
    for name in names:
        if name not in published:
            raise unknown(
                "pool", name, published, "" if published else "none, as there are no tables"
            )
    return {name: published[name] for name in names}


def load_published(run: PoolRun, teacher: Teacher) -> dict[str, xr.Dataset]:
    """Return the pools that a run names, by their seed as "seed 1", checked to be like its own.

    Raises:
        ValueError: as `find`; a pool of another protocol, alpha, teacher or level, or of another's
            seed.
    """
    protocol = EvaluationProtocol.of(run.settings, run.dataset).description()
    wanted = {"alpha": run.alpha, "level": run.level, "teacher_identity": teacher.identity}
    wanted |= json.loads(json.dumps(protocol))
    pools, seeds = {}, {run.seed: "this run"}
    for name, file in find(run).items():
        one = xr.load_dataset(file)
        description = json.loads(one.attrs["description"])
        found = {**one.score.attrs, **one.similarity.attrs, **description}
        keys = [key for key in wanted if key not in FREE and found.get(key) != wanted[key]]
        if keys:
            told = ", ".join(f"{key} {found.get(key)} instead of {wanted[key]}" for key in keys)
            raise ValueError(
                f"pool {name!r} cannot be put together with this run's: it has {told}; "
                "a teacher is the same in all pools if it is given as a file"
            )
        seed = description["seed"]
        if seed in seeds:
            same = f"seed {seed} like {seeds[seed]}: they are the same networks"
            raise ValueError(f"pool {name!r} has {same}")
        seeds[seed], pools[f"seed {seed}"] = name, one
    return pools


def analyse_pools(
    own: xr.Dataset, others: Mapping[str, xr.Dataset], searched: xr.Dataset, bootstrap: Bootstrap
) -> dict[str, Analysis]:
    """Return statistics by the pool's name, of the predictors that all pools have.

    Args:
        own: random networks, see `predictivity.pool_record`.
        others: likewise, by name, see `load_published`.
        searched: likewise, of what searches by P found.

    Returns:
        `RANDOM`, all random networks; `OWN` and others by name, if there are any; and `SEARCHED`.
    """
    groups = {RANDOM: [own, *others.values()]}
    if others:
        groups |= {OWN: [own]} | {name: [one] for name, one in others.items()}
    groups[SEARCHED] = [searched]
    every = [*groups[RANDOM], searched]
    shared = [name for name in own.predictor.values if all(name in one.predictor for one in every)]
    pools = {name: join_pools(tables, shared) for name, tables in groups.items()}
    return {name: predictivity.analyse(*pool, bootstrap) for name, pool in pools.items()}


def join_pools(
    tables: Sequence[xr.Dataset], names: Sequence[str]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return scores [predictor, network, epoch] and mature accuracies [network] as of one pool.

    The first pool's networks keep their numbers, the others' follow.

    Args:
        tables: see `predictivity.pool_record`.
        names: of predictors that all of them have; those that are ranked are ranked anew.
    """
    numbers = tables[0].network.values
    further = sum(one.sizes["network"] for one in tables[1:])
    numbers = np.concatenate([numbers, numbers.max(initial=-1) + 1 + np.arange(further)])

    def join(parts: Sequence[xr.DataArray]) -> xr.DataArray:
        options: dict[str, Any] = {"coords": "minimal", "compat": "override", "join": "exact"}
        joined = xr.concat(parts, "network", combine_attrs="override", **options)
        return joined.assign_coords(network=numbers)

    epochs = [json.loads(one.attrs["description"])["mature_epochs"] for one in tables]
    mature = [predictivity.mature_accuracy(one, epoch) for one, epoch in zip(tables, epochs)]
    scores = join([one.score.sel(predictor=list(names)) for one in tables])
    parameters = join([one.parameters for one in tables])
    for name, predictor in predictors.PREDICTORS.items():
        if predictor.ranked and name in names:
            ranks = predictors.rank_networks(join([one[name] for one in tables]), parameters)
            scores.loc[{"predictor": name}] = ranks.where(scores.sel(predictor=name).notnull())
    return scores, join(mature)
