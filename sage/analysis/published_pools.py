"""Pools of earlier runs, from their published tables, put together with a run's own for more networks."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from sage.analysis import predictivity, predictors
from sage.analysis.predictivity import Analysis
from sage.config import paths
from sage.config.run import PoolRun
from sage.models import zero_cost
from sage.rsa.teacher import Teacher
from sage.search.evaluation import EvaluationProtocol

# Pools may differ in these: other networks, trained elsewhere.
FREE = ("seed", "device", "convolutions")
RANDOM, OWN, SEARCHED = "random architectures", "this run's", "best five as searches by P go on"


def load_published(run: PoolRun, teacher: Teacher) -> dict[str, xr.Dataset]:
    """The pools that a run names, by their seed as "seed 1", see `predictivity.pool_record`, checked to be like its own.

    Raises:
        ValueError: no published pool of this name, one of another protocol, scored with another alpha, by another teacher
            or at another level, or of the same seed as another.
    """
    wanted = {"alpha": run.alpha, "level": run.level, "teacher_identity": teacher.identity}
    wanted |= json.loads(
        json.dumps(_fixed(EvaluationProtocol.of(run.settings, run.dataset).description()))
    )
    pools = {name: _read(name) for name in run.pools.split()}
    seeds = {run.seed: "this run"}
    for name, one in pools.items():
        description = json.loads(one.attrs["description"])
        found, seed = (
            {**one.score.attrs, **one.similarity.attrs, **_fixed(description)},
            description["seed"],
        )
        if differ := [key for key, value in wanted.items() if found.get(key) != value]:
            told = ", ".join(f"{key} {found.get(key)} instead of {wanted[key]}" for key in differ)
            raise ValueError(
                f"pool {name!r} cannot be put together with this run's: it has {told}; a teacher is the same in all "
                "pools if it is given as a file"
            )
        if seed in seeds:
            raise ValueError(
                f"pool {name!r} has seed {seed} like {seeds[seed]}: they are the same networks"
            )
        seeds[seed] = name
    return {f"seed {seed}": pools[name] for seed, name in seeds.items() if name in pools}


def analyse_pools(
    own: xr.Dataset,
    others: Mapping[str, xr.Dataset],
    searched: xr.Dataset,
    *,
    resamples: int,
    seed: int,
) -> dict[str, Analysis]:
    """Statistics by the pool's name, of the predictors that all pools have.

    Args:
        own: random networks, see `predictivity.pool_record`. others: likewise, by name, see `load_published`. searched: likewise, of
            what searches by P found.

    Returns:
        `RANDOM`, all random networks as one pool, whose first are the run's own and keep their numbers; if there are
        others, `OWN` and each by its name; and `SEARCHED`.
    """
    options = {"resamples": resamples, "seed": seed}
    random = {OWN: own, **others}
    shared = [
        name
        for name in own.predictor.values
        if all(name in one.predictor for one in (*others.values(), searched))
    ]
    groups = {
        RANDOM: [*random.values()],
        **{name: [one] for name, one in random.items() if others},
        SEARCHED: [searched],
    }
    return {
        name: predictivity.analyse(*join_pools(tables, shared), **options)
        for name, tables in groups.items()
    }


def join_pools(
    tables: Sequence[xr.Dataset], names: Sequence[str]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Scores [predictor, network, epoch] and mature accuracies [network] of several pools as if of one.

    Zero-cost proxies are ranked anew among all. The first pool's networks keep their numbers, the others' follow.

    Args:
        tables: see `predictivity.pool_record`. names: of predictors that all of them have.

    Raises:
        ValueError: no network of a pool matured.
    """
    numbers = tables[0].network.values
    further = sum(one.sizes["network"] for one in tables[1:])
    numbers = np.concatenate([numbers, numbers.max(initial=-1) + 1 + np.arange(further)])

    def together(parts: Sequence[xr.DataArray]) -> xr.DataArray:
        options = {"coords": "minimal", "compat": "override", "combine_attrs": "override"}
        return xr.concat(parts, "network", join="exact", **options).assign_coords(network=numbers)

    epochs = [json.loads(one.attrs["description"])["mature_epochs"] for one in tables]
    mature = together(
        [predictivity.mature_accuracy(one, epoch) for one, epoch in zip(tables, epochs)]
    )
    scores = together([one.score.sel(predictor=list(names)) for one in tables])
    for name in scores.predictor.values:
        if name in zero_cost.PROXIES:
            ranks = predictors.proxy_ranks(
                *(together([one[key] for one in tables]) for key in (name, "parameters"))
            )
            scores.loc[{"predictor": name}] = ranks.where(scores.sel(predictor=name).notnull())
    return scores, mature


def _read(name: str) -> xr.Dataset:
    files = sorted(paths.results().rglob("01_pool.nc"))
    known = {file.parent.relative_to(paths.results()).as_posix(): file for file in files}
    if name not in known:
        raise ValueError(
            f"unknown pool {name!r}, expected one of {', '.join(known) or 'none, as there are no tables'}"
        )
    return xr.load_dataset(known[name])


def _fixed(description: Mapping) -> dict:
    return {key: value for key, value in description.items() if key not in FREE}
