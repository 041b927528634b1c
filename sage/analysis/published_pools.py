"""A run's pool, published pools of earlier runs, and what they say together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sage.analysis import predictivity, predictors
from sage.analysis.bootstrap import Bootstrap, Estimate
from sage.analysis.predictivity import Analysis
from sage.config import paths
from sage.config.run import PoolRun, Run, unknown, words
from sage.rsa.teacher import Teacher
from sage.search.evaluation import EvaluationProtocol

# Pools may differ in these: other networks, trained elsewhere.
MAY_DIFFER = ("seed", "device", "convolutions")
RANDOM, OWN, SEARCHED = "random architectures", "this run's", "networks that searches by P found"
TEACHER_COSTS = ("examples", "multiply_adds")  # of a teacher, on record in summaries
DEPTH = 3  # least, of networks that are analysed by themselves too
DEEP = f"random architectures of depth {DEPTH} or more"


@dataclass(frozen=True)
class Pools:
    """Tables of a run's pools and of those beside it, see `predictivity.pool_record`.

    Args:
        own: random networks.
        searched: what searches by P found; None if it is not known.
        others: random networks by name, see `read_published`.
        ceiling: see `predictivity.ceiling`.
        taught: examples and multiply-adds of the teacher's training, NaN if they are not known.
    """

    own: xr.Dataset
    searched: xr.Dataset | None
    others: Mapping[str, xr.Dataset]
    ceiling: Estimate
    taught: tuple[float, float] = (np.nan, np.nan)

    def analyse(self, resamples: Bootstrap) -> dict[str, Analysis]:
        """Return statistics by the pool's name, of the predictors that all pools have.

        They are of `RANDOM`, all random networks; of `DEEP` ones among them; of `OWN` and others by
        name, if there are any; and of `SEARCHED`.
        """
        groups = {RANDOM: {OWN: self.own, **self.others}}
        if self.others:
            groups |= {name: {name: one} for name, one in groups[RANDOM].items()}
        if self.searched is not None:
            groups[SEARCHED] = {SEARCHED: self.searched}
        every = [one for tables in groups.values() for one in tables.values()]
        names = self.own.predictor.values
        shared = [name for name in names if all(name in one.predictor for one in every)]
        joined = {name: join_pools(tables, shared) for name, tables in groups.items()}
        scores, mature = joined[RANDOM]
        deep = (scores.depth >= DEPTH).values
        found = {RANDOM: joined.pop(RANDOM), DEEP: (scores[:, deep], mature[deep]), **joined}
        return {name: predictivity.analyse(*pool, resamples) for name, pool in found.items()}


def find(run: PoolRun) -> dict[str, Path]:
    """Return the files of the published pools that a run names, by these; Refused if unknown."""
    return {name: files[name] for name, files in find_folders(run.pools).items()}


def find_folders(names: str) -> dict[str, dict[str, Path]]:
    """Return the files of published pools by name, for each of some names: its own first.

    Those in folders below it follow, as `cifar100-pool/seed-0` after `cifar100-pool`.

    Raises:
        Refused: an unknown name.
    """
    files = sorted(paths.results().rglob("01_pool.nc"))
    published = {file.parent.relative_to(paths.results()).as_posix(): file for file in files}
    found = {}
    for name in dict.fromkeys(words(names)):
        if name not in published:
            raise unknown(
                "pool", name, published, "" if published else "none, as there are no tables"
            )
        below = [one for one in published if one.startswith(f"{name}/")]
        found[name] = {one: published[one] for one in (name, *below)}
    return found


def read_folders(names: str) -> dict[str, dict[str, xr.Dataset]]:
    """Return the tables of `find_folders`, those of a folder from one protocol and teacher.

    Raises:
        ValueError: as `find_folders`, or pools of a folder that cannot be put together.
    """
    folders = {}
    for folder, files in find_folders(names).items():
        tables = {one: _read(file) for one, file in files.items()}
        wanted = _description(tables[folder])
        wanted = {key: value for key, value in wanted.items() if key not in MAY_DIFFER}
        for one, table in tables.items():
            check_made(one, f"cannot be put together with {folder}", table, wanted)
        folders[folder] = tables
    return folders


def holds_own(run: PoolRun) -> bool:
    """Return True if the run's own pool is among those that it names; errors as `find`."""
    tables = (xr.open_dataset(file).attrs for file in find(run).values())
    return run.seed in [json.loads(one["description"])["seed"] for one in tables]


def read_published(run: PoolRun) -> dict[str, xr.Dataset]:
    """Return the pools that a run names by their seed, as "seed 1", that of its own seed as `OWN`.

    Raises:
        ValueError: as `find`; two pools of one seed, or one of the run's own seed that has
            other parameters.
    """
    pools: dict[str, xr.Dataset] = {}
    for name, file in find(run).items():
        one = _read(file)
        seed = json.loads(one.attrs["description"])["seed"]
        if seed == run.seed:
            made = asdict(PoolRun()) | json.loads(one.attrs["run_parameters"])
            asked = {key: value for key, value in asdict(run).items() if key != "pools"}
            _check(name, "is not of this run", made, asked)
        label = OWN if seed == run.seed else f"seed {seed}"
        if label in pools:
            other = pools[label].attrs["published"]
            raise ValueError(f"pool {name!r} has seed {seed} like {other}: the same networks")
        pools[label] = one.assign_attrs(published=name)
    return pools


def check_alike(pools: Mapping[str, xr.Dataset], run: PoolRun, teacher: Teacher | None) -> None:
    """Check that published pools can be put together with the run's.

    Args:
        pools: see `read_published`.
        teacher: the run's; None if its own pool is among those published, which they have to match.

    Raises:
        ValueError: a pool of another protocol, alpha, teacher or level.
    """
    protocol = EvaluationProtocol.of(run.settings, run.dataset)
    if teacher is None:  # its images may not be here
        wanted = _description(pools[OWN])
        sizes = asdict(run.settings) | {"networks": protocol.networks.description}
        sizes = json.loads(json.dumps(sizes))
        wanted |= {name: sizes[name] for name in wanted.keys() & sizes.keys()}
    else:
        wanted = asked_of(run, protocol, teacher)
    wanted = {key: value for key, value in wanted.items() if key not in MAY_DIFFER}
    for one in pools.values():
        told = "cannot be put together with this run's"
        check_made(one.attrs["published"], told, one, wanted)


def _read(path: Path) -> xr.Dataset:
    """Return a table that forgets how long names were in its file, or longer ones would be cut."""
    return xr.load_dataset(path).drop_encoding()


def published_pools(pools: Mapping[str, xr.Dataset]) -> Pools:
    """Return pools that are all published, with what stands beside the run's own of them."""
    own = pools[OWN]
    folder = paths.results() / own.attrs["published"]
    found, summary = folder / "01_found.nc", folder / "01_summary.nc"
    searched = _read(found) if found.exists() else None
    ends = xr.open_dataset(summary).attrs if summary.exists() else {}
    value, low, high = (
        float(ends.get(f"ceiling_{one}", "nan")) for one in ("value", "low", "high")
    )
    ceiling = Estimate(value, low, high, int(ends.get("ceiling_n", 0)))
    others = {name: one for name, one in pools.items() if name != OWN}
    examples, multiply_adds = (float(ends.get(f"teacher_{one}", "nan")) for one in TEACHER_COSTS)
    return Pools(own, searched, others, ceiling, (examples, multiply_adds))


def asked_of(run: Run, protocol: EvaluationProtocol, teacher: Teacher) -> dict:
    """Return what determines a pool's scores, as a table of it says that, see `check_made`."""
    guided = {"alpha": run.alpha, "level": run.level, "teacher_identity": teacher.identity}
    return guided | json.loads(json.dumps(protocol.description()))


def check_made(name: str, problem: str, pool: xr.Dataset, wanted: Mapping) -> None:
    """Raise a ValueError that names what of a pool's table is not as wanted, see `asked_of`."""
    _check(name, problem, _description(pool), wanted)


def _description(pool: xr.Dataset) -> dict:
    return {**pool.score.attrs, **pool.similarity.attrs, **json.loads(pool.attrs["description"])}


def _check(name: str, problem: str, found: Mapping, wanted: Mapping) -> None:
    keys = [key for key in wanted if found.get(key) != wanted[key]]
    if keys:
        told = ", ".join(f"{key} {found.get(key)} instead of {wanted[key]}" for key in keys)
        advice = "a teacher is the same in all pools if it is given as a file"
        raise ValueError(f"pool {name!r} {problem}: it has {told}; {advice}")


def join_pools(
    pools: Mapping[str, xr.Dataset], names: Sequence[str]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return scores [predictor, network, epoch] and mature accuracies [network] as of one pool.

    The first pool's networks keep their numbers, the others' follow. Coordinates along networks are
    the name of their pool, their depth, multiply-adds for an image, and architecture.

    Args:
        pools: by name, see `predictivity.pool_record`.
        names: of predictors that all of them have; those that are ranked are ranked anew.
    """
    tables = list(pools.values())
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
    ranked = [name for name, one in predictors.PREDICTORS.items() if one.ranked and name in names]
    measured = {name: join([one[name] for one in tables]) for name in [*ranked, "parameters"]}
    scores = predictors.rank_again(scores, xr.Dataset(measured))
    labels = np.repeat(list(pools), [one.sizes["network"] for one in tables])
    named: dict[str, Any] = {"pool": ("network", labels)}
    kept = ("depth", "multiply_adds", "architecture")
    named |= {name: join([one[name] for one in tables]) for name in kept}
    return scores.assign_coords(named), join(mature)
