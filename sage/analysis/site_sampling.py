"""How many sites and trials guidance needs: teachers from parts of a recording, and the whole."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import xarray as xr
from scipy import stats

from sage.analysis.bootstrap import correlate
from sage.rsa import guidance
from sage.rsa.teacher import Teacher, TeacherLayer
from sage.teachers.recordings import Recording, Region

SITES, TRIALS = 6, 3  # how many numbers of each are tried, evenly on a logarithmic scale
FEWEST_SITES = 4
DRAWS = 10  # random samples of each


def agreement(
    regions: Sequence[Region], level: str, compare: Callable[[Teacher], xr.DataArray], *, seed: int
) -> xr.Dataset:
    """Return the rank correlation over candidates of TG from random sites and trials with all TG.

    Args:
        regions: those with single trials are sampled, all of it where one has fewer than asked for.
        level: of the RDMs.
        compare: gives [candidate, teacher_layer, layer] by a teacher, see `comparison.similarity`.
        seed: of the samples.

    Returns:
        Dataset over sites (a region) and trials (an image), none if RDMs are all that there is:
        value, low and high in [-1, 1], mean and range of samples, but those in which all sites are
        silent; defined, how many there are; n, different candidates.
    """
    recorded = [one for one in regions if isinstance(one, Recording)]
    if not recorded:
        return xr.Dataset(coords={"sites": np.arange(0), "trials": np.arange(0)})
    most_sites, most_trials = np.max([one.size for one in recorded], axis=0).tolist()
    sites, trials = _ladder(FEWEST_SITES, most_sites, SITES), _ladder(1, most_trials, TRIALS)
    parts = list(recorded)
    for number, (*size, _) in enumerate(product(sites, trials, range(DRAWS))):
        rng = np.random.default_rng([seed, number])
        for one in recorded:
            few_sites, few_trials = np.minimum(size, one.size).tolist()
            parts.append(one.sample(few_sites, few_trials, rng))
    layers = [
        TeacherLayer(str(number), one.stimuli.identity, {level: one.rdm(level)})
        for number, one in enumerate(parts)
    ]
    # Few sites may all be silent.
    defined = tuple(layer for layer in layers if np.isfinite(layer.rdms[level]).all())
    matches = guidance.best_match(compare(Teacher("samples", defined)))
    matches = matches.reindex(teacher_layer=[layer.name for layer in layers])
    told = (matches[name].values for name in ("hash", "run", "epochs"))
    networks = [" ".join(map(str, one)) for one in zip(*told)]
    _, different = np.unique(networks, return_index=True)
    # [candidate, sample and region] to the mean over regions, [candidate, sample]
    tg = matches.values[different].reshape(len(different), -1, len(recorded)).mean(2)
    ranks = stats.rankdata(tg[np.isfinite(tg[:, 0])], axis=0)  # a candidate's RDMs can be undefined
    values = correlate(ranks[:, 1:], ranks[:, :1], axis=0).reshape(len(sites), len(trials), DRAWS)
    draws = xr.DataArray(values, {"sites": sites, "trials": trials}, ("sites", "trials", "draw"))
    data = {"value": draws.mean("draw"), "low": draws.min("draw"), "high": draws.max("draw")}
    data["defined"] = draws.notnull().sum("draw")
    attributes = {"regions": ", ".join(one.region for one in recorded), "draws": DRAWS}
    return xr.Dataset(data, attrs=attributes).assign(n=len(ranks))


def _ladder(fewest: int, most: int, count: int) -> list[int]:
    return sorted({round(number) for number in np.geomspace(min(fewest, most), most, count)})
