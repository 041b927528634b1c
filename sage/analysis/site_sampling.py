"""How many sites and trials does guidance need? Teachers from parts of a recording, compared with the whole."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import xarray as xr

from sage.analysis import estimates
from sage.rsa import guidance
from sage.rsa.teacher import Teacher, TeacherLayer
from sage.teachers.recordings import Recording, Region

SITES, TRIALS = 6, 3  # how many numbers of each are tried, evenly on a logarithmic scale
FEWEST_SITES = 4
DRAWS = 10  # random samples of each


def agreement(
    regions: Sequence[Region], level: str, compare: Callable[[Teacher], xr.DataArray], *, seed: int
) -> xr.Dataset:
    """Rank correlation over candidates of TG from random sites and trials with TG from all of them.

    Of regions with single trials; where one has fewer sites or trials than asked for, all of its are taken.

    Args:
        compare: gives the similarity [candidate, teacher_layer, layer] with a teacher, see `comparison.similarity`.

    Returns:
        Dataset over sites (a region) and trials (an image): value, low and high in [-1, 1] (mean and range of random
        samples, without those in which all sites are silent), defined (how many samples these are), and n, different
        candidates. Attribute regions has their names. Nothing over no sites and trials, if RDMs are all that there is.
    """
    recorded = [one for one in regions if isinstance(one, Recording)]
    if not recorded:
        return xr.Dataset(coords={"sites": np.arange(0), "trials": np.arange(0)})
    sites, trials = (
        _ladder(fewest, max(one.trials.shape[axis] for one in recorded), count)
        for fewest, axis, count in ((FEWEST_SITES, 1, SITES), (1, 2, TRIALS))
    )
    parts = list(recorded)
    for number, size in enumerate(product(sites, trials, range(DRAWS))):
        rng = np.random.default_rng([seed, number])
        parts += [one.sample(*np.minimum(size[:2], one.trials.shape[1:]), rng) for one in recorded]
    layers = [
        TeacherLayer(str(number), one.stimuli.identity, {level: one.rdm(level)})
        for number, one in enumerate(parts)
    ]
    defined = tuple(
        layer for layer in layers if np.isfinite(layer.rdms[level]).all()
    )  # few sites may all be silent
    matches = guidance.best_match(compare(Teacher("samples", defined)))
    matches = matches.reindex(
        teacher_layer=[layer.name for layer in layers]
    )  # [candidate, sample and region]
    networks = [f"{hash} {run}" for hash, run in zip(matches.hash.values, matches.run.values)]
    _, different = np.unique(networks, return_index=True)
    tg = (
        matches.values[different].reshape(len(different), -1, len(recorded)).mean(2)
    )  # [candidate, sample]
    tg = tg[np.isfinite(tg[:, 0])]  # a candidate's RDMs can be undefined
    draws = xr.DataArray(
        estimates.spearman(tg[:, 1:], tg[:, :1], axis=0).reshape(len(sites), len(trials), DRAWS),
        {"sites": sites, "trials": trials},
        ("sites", "trials", "draw"),
    )
    values = {"value": draws.mean("draw"), "low": draws.min("draw"), "high": draws.max("draw")}
    return xr.Dataset(
        values | {"defined": draws.notnull().sum("draw"), "n": len(tg)},
        attrs={"regions": ", ".join(one.region for one in recorded), "draws": DRAWS},
    )


def _ladder(fewest: int, most: int, count: int) -> list[int]:
    """Whole numbers up to `most`, evenly on a logarithmic scale."""
    return sorted({round(number) for number in np.geomspace(min(fewest, most), most, count)})
