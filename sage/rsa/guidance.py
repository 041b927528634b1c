"""The paper's score P + alpha TG: candidates' RDMs compared with a teacher's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from operator import itemgetter

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from sage.rsa import alignment, rdm
from sage.rsa.alignment import GRAM
from sage.rsa.teacher import Teacher

# Ways to compare layers, functions of [T, P] and [L, P] to [T, L]: by RDMs, or by Gram matrices.
CORRELATIONS: dict[str, Callable] = {
    "pearson": rdm.correlate_rdms,
    "spearman": partial(rdm.correlate_rdms, ranks=True),
}
METHODS = CORRELATIONS | alignment.MEASURES
Snapshot = tuple[int, float, Mapping[tuple[str, str], np.ndarray]]  # network, epoch, RDMs
Snapshots = Iterable[Snapshot]


def check_comparable(teacher: Teacher, level: str, shown: AbstractSet[str]) -> None:
    """Check that candidates can be compared with a teacher at a level.

    Args:
        shown: `StimulusSet.identity` of each set of stimuli that candidates were shown.

    Raises:
        ValueError: a layer has no RDM of this level, or its RDM has NaN, does not vary, is too
            short, or differs in length from another layer's on the same stimuli; or candidates
            were not shown its stimuli.
    """
    lengths: dict[str, int] = {}
    for layer in teacher.layers:
        values, problem = layer.rdms.get(level), ""
        if values is None:
            problem = f"has no RDM of level {level!r}, it has: {', '.join(layer.rdms)}"
        elif (length := len(values)) < 3:
            problem = f"has {length} pair at level {level!r}, expected 3 or more"
        elif not np.isfinite(values).all():
            problem = f"has NaN or infinite values in its RDM of level {level!r}"
        elif length != (other := lengths.setdefault(layer.stimuli, length)):
            problem = f"has {length} pairs, another layer on the same stimuli {other}"
        elif np.ptp(values) == 0:
            problem = f"has an RDM of level {level!r} in which all pairs are alike"
        elif layer.stimuli not in shown:
            told = f" ({teacher.shown})" if teacher.shown else ""
            problem = f"was measured on {layer.stimuli}{told}, which the candidates were never "
            problem += f"shown; they were shown: {', '.join(sorted(shown))}. "
            advice = "Measure it at the run's profile, on its data set, as notebook 00 does"
            problem += "Only searches show images of recordings" if teacher.recordings else advice
        if problem:
            raise ValueError(f"teacher {teacher.name}, layer {layer.name} {problem}")


# On one thread of the BLAS library: products as small as these gain nothing from another, and
# threads wait for each other where cores are busy. Beside another process a pool of 24 networks
# took 35 s with two threads, 9 with one (2 cores, OpenBLAS).
@threadpool_limits.wrap(limits=1, user_api="blas")
def compare(
    snapshots: Snapshots, teacher: Teacher, *, level: str, method: str = "pearson"
) -> xr.DataArray:
    """Return the similarity of every candidate layer's RDM with every teacher layer's.

    Args:
        snapshots: network, epoch, and RDMs [L, P] by (stimuli, level); those of a
            network one after another.
        level: "class" or "image", or `alignment.GRAM` with a method for Gram matrices.
        method: one of `METHODS`.

    Returns:
        [network, epoch, teacher_layer, layer] float64 in [-1, 1]; NaN beyond the last layer.

    Raises:
        ValueError: a method that is unknown or for another level, a teacher without layers; as
            `check_comparable`.
    """
    if method not in METHODS or (method in alignment.MEASURES) != (level == GRAM):
        grams, others = ", ".join(alignment.MEASURES), ", ".join(CORRELATIONS)
        expected = f"expected {grams} at level {GRAM!r}, or {others} at another"
        raise ValueError(f"method {method!r} at level {level!r}, {expected}")
    if not teacher.layers:
        raise ValueError(f"teacher {teacher.name} has no layers to compare with")
    measure, check = METHODS[method], cache(partial(check_comparable, teacher, level))
    sets = list(dict.fromkeys(layer.stimuli for layer in teacher.layers))
    layers = sorted(teacher.layers, key=lambda layer: sets.index(layer.stimuli))
    own = cache(lambda one: np.stack([of.rdms[level] for of in layers if of.stimuli == one]))
    found: dict[tuple[int, float], np.ndarray] = {}  # [T, L], T ordered by stimuli
    # All snapshots of a network are compared in one call: `alignment` divides the layers between
    # threads, and the last digit of a product depends on how many layers are in it.
    for network, group in groupby(snapshots, key=itemgetter(0)):
        _, times, stored = zip(*group)
        for rdms in stored:
            check(frozenset(stimuli for stimuli, at in rdms if at == level))
        shown = {one: np.concatenate([rdms[one, level] for rdms in stored]) for one in sets}
        similar = np.concatenate([measure(own(one), rdms) for one, rdms in shown.items()])
        found |= zip(((network, epoch) for epoch in times), np.split(similar, len(times), axis=1))
    networks, epochs = (sorted({place[axis] for place in found}) for axis in (0, 1))
    deepest = max((values.shape[1] for values in found.values()), default=0)
    result = np.full((len(networks), len(epochs), len(teacher.layers), deepest), np.nan)
    for (network, epoch), values in found.items():
        result[networks.index(network), epochs.index(epoch), :, : values.shape[1]] = values
    names, layer = [layer.name for layer in layers], np.arange(1, deepest + 1)
    coords = dict(network=networks, epoch=epochs, teacher_layer=names, layer=layer)
    attrs = {"teacher": teacher.name, "teacher_identity": teacher.identity}
    attrs |= {"level": level, "method": method}
    table = xr.DataArray(result, coords, list(coords), attrs=attrs)
    return table.sel(teacher_layer=[layer.name for layer in teacher.layers])


def best_match(similarity: xr.DataArray) -> xr.DataArray:
    """Return the highest similarity [..., teacher_layer] that any candidate layer reaches.

    Args:
        similarity: [..., teacher_layer, layer] in [-1, 1]; NaN where a layer has no RDM.
    """
    return similarity.max("layer", skipna=True)


def teacher_guidance(similarity: xr.DataArray) -> xr.DataArray:
    """Return TG [...] in [-1, 1], the mean of `best_match`; NaN without any candidate layer's RDM.

    Source: section 3.2 of the paper.
    """
    return best_match(similarity).mean("teacher_layer", skipna=False)


def guidance_by_teachers(
    snapshots: Snapshots, teachers: Sequence[Teacher], *, level: str
) -> xr.DataArray:
    """Return TG [teacher, network, epoch] by many teachers at once; arguments as `compare`."""
    numbered = list(enumerate(teachers))
    layers = [replace(one, name=f"{n} {one.name}") for n, of in numbered for one in of.layers]
    joined = Teacher("many", tuple(layers))
    best = best_match(compare(snapshots, joined, level=level))
    of = [number for number, teacher in numbered for _ in teacher.layers]
    guided = best.assign_coords(teacher=("teacher_layer", of)).groupby("teacher")
    return guided.mean(skipna=False).transpose("teacher", ...)


def combined_score(accuracy: xr.DataArray, guidance: xr.DataArray, alpha: float) -> xr.DataArray:
    """Return P + alpha TG, by which a candidate is judged."""
    return accuracy + alpha * guidance
