"""Teachers as data, and the paper's score: teacher guidance TG, and P + alpha TG."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform
from threadpoolctl import threadpool_limits

from sage.config import paths
from sage.rsa import alignment, rdm
from sage.rsa.alignment import GRAM, image_count


@dataclass(frozen=True)
class TeacherLayer:
    """One layer's RDMs with the stimulus set they were measured on.

    Args:
        stimuli: `StimulusSet.identity`. rdms: by level, condensed [S(S-1)/2]; as level `alignment.GRAM` a
            Gram matrix, see there.
    """

    name: str
    stimuli: str
    rdms: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Teacher:
    """A list of layers: stages of a network, or areas of a brain.

    Args:
        recordings: files that layers' stimuli are in, if those are others than the candidates' validation images.
    """

    name: str
    layers: tuple[TeacherLayer, ...]
    recordings: tuple[str, ...] = ()

    @cached_property
    def identity(self) -> str:
        """The name with a hash of the content, for keys of what is guided by it."""
        digest = hashlib.sha256()
        for layer in self.layers:
            for level in sorted(
                layer.rdms.keys() - {GRAM}
            ):  # another description of the same responses
                digest.update(f"{layer.name} {layer.stimuli} {level}".encode())
                digest.update(np.asarray(layer.rdms[level], "<f8").tobytes())
        return f"{self.name} {digest.hexdigest()[:16]}"

    def bank(self) -> xr.Dataset:
        """One variable per layer and level, with layer, level and stimuli as attributes."""
        variables = {}
        for layer in self.layers:
            for level, values in layer.rdms.items():
                attributes = {"layer": layer.name, "level": level, "stimuli": layer.stimuli}
                variables[f"{layer.name} {level}"] = (f"pair_{len(values)}", values, attributes)
        return xr.Dataset(variables, attrs={"teacher": self.name})

    def save(self, path: Path | str, **attributes: str | float) -> Path:
        """Write the bank as NetCDF, with further attributes such as its provenance."""
        return paths.save_table(self.bank().assign_attrs(attributes), Path(path))


def read_teacher(path: Path) -> Teacher:
    """A teacher from the bank that `Teacher.save` wrote, or that one's own program wrote like it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not NetCDF, without RDMs, or a variable without its attributes or of impossible length.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no teacher bank {path}")
    try:
        bank = xr.load_dataset(path, engine="h5netcdf")
    except OSError as problem:
        raise ValueError(f"{path} is no NetCDF file: {problem}") from problem
    layers: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for name, variable in bank.data_vars.items():
        missing = {"layer", "level", "stimuli"} - set(variable.attrs)
        if missing or variable.ndim != 1:
            raise ValueError(
                f"{path}: variable {name!r} lacks {', '.join(sorted(missing)) or 'a single dimension'}; "
                "expected condensed RDMs with attributes layer, level and stimuli"
            )
        try:
            (image_count if variable.attrs["level"] == GRAM else rdm.stimulus_count)(len(variable))
        except ValueError as problem:
            raise ValueError(f"{path}, variable {name!r}: {problem}") from problem
        place = (variable.attrs["layer"], variable.attrs["stimuli"])
        layers.setdefault(place, {})[variable.attrs["level"]] = variable.values
    names = [name for name, _ in layers]
    if not layers or len(set(names)) < len(names):
        raise ValueError(
            f"{path} holds layers {names}, expected one or more, each on one set of stimuli"
        )
    return Teacher(
        str(bank.attrs.get("teacher", Path(path).stem)),
        tuple(TeacherLayer(name, stimuli, rdms) for (name, stimuli), rdms in layers.items()),
    )


def shuffled(teacher: Teacher, *, seed: int) -> Teacher:
    """A control: RDMs of the same values, whose stimuli have changed places at random; without Gram matrices.

    Layers with as many stimuli are shuffled alike, so that what they have in common stays.
    """

    def shuffle(values: np.ndarray) -> np.ndarray:
        count = rdm.stimulus_count(len(values))
        order = np.random.default_rng([seed, count]).permutation(count)
        return squareform(squareform(values)[np.ix_(order, order)])

    layers = (
        replace(
            layer,
            rdms={level: shuffle(values) for level, values in layer.rdms.items() if level != GRAM},
        )
        for layer in teacher.layers
    )
    return replace(teacher, name=f"{teacher.name} shuffled", layers=tuple(layers))


def check_comparable(teacher: Teacher, level: str, shown: set[str]) -> None:
    """Whether candidates that were shown these stimuli can be compared with a teacher.

    Args:
        shown: each `StimulusSet.identity`.

    Raises:
        ValueError: a layer without an RDM of this level, with one that is not finite, is constant or has fewer than
            three stimuli, of another length than one on the same stimuli, or measured on others than those shown.
    """
    lengths: dict[str, int] = {}
    for layer in teacher.layers:
        name = f"teacher {teacher.name}, layer {layer.name}"
        if level not in layer.rdms:
            raise ValueError(
                f"{name} has no RDM of level {level!r}, it has: {', '.join(layer.rdms)}"
            )
        if len(layer.rdms[level]) < 3:
            raise ValueError(
                f"{name} has {len(layer.rdms[level])} pair at level {level!r}, expected 3 or more"
            )
        if not np.isfinite(layer.rdms[level]).all():
            raise ValueError(f"{name} has NaN or infinite values in its RDM of level {level!r}")
        if len(layer.rdms[level]) != lengths.setdefault(layer.stimuli, len(layer.rdms[level])):
            raise ValueError(
                f"{name} has {len(layer.rdms[level])} pairs, another layer on the same stimuli {lengths[layer.stimuli]}"
            )
        if np.ptp(layer.rdms[level]) == 0:
            raise ValueError(f"{name} has an RDM of level {level!r} in which all pairs are alike")
        if layer.stimuli not in shown:
            raise ValueError(
                f"{name} was measured on {layer.stimuli}, which the candidates were never shown; "
                f"they were shown: {', '.join(sorted(shown))}"
            )


# How two layers are compared: each a function of [T, P] and [L, P] to [T, L].
METHODS = {
    method: partial(rdm.correlate_rdms, method=method) for method in rdm.METHODS
} | alignment.MEASURES


# On one thread of the BLAS library: products as small as these gain nothing from another, and threads wait for each other
# where cores are busy. Beside another process a pool of 24 networks took 35 s with two threads, 9 with one (2 cores,
# OpenBLAS). Gram matrices are divided between threads of `alignment`.
@threadpool_limits.wrap(limits=1, user_api="blas")
def compare(
    snapshots: Iterable[tuple[int, float, Mapping[tuple[str, str], np.ndarray]]],
    teacher: Teacher,
    *,
    level: str,
    method: str = "pearson",
) -> xr.DataArray:
    """Similarity of every candidate layer's RDM with every teacher layer's, from stored RDMs alone.

    Args:
        snapshots: network number, epoch, and RDMs [L, P] by (stimuli, level); those of a network one after the other.
        level: "class", "image", or `alignment.GRAM` with a method for Gram matrices. method: of `METHODS`.

    Returns:
        [network, epoch, teacher_layer, layer] float64 in [-1, 1]; NaN beyond a network's last layer.

    Raises:
        ValueError: an unknown method or one for another level, and as `check_comparable`.
    """
    if method not in METHODS or (method in alignment.MEASURES) != (level == GRAM):
        raise ValueError(
            f"method {method!r} at level {level!r}, expected {', '.join(alignment.MEASURES)} at level {GRAM!r}, or "
            f"{', '.join(rdm.METHODS)} at another"
        )
    sets = {
        layer.stimuli: [one for one in teacher.layers if one.stimuli == layer.stimuli]
        for layer in teacher.layers
    }
    order = [layer.name for same in sets.values() for layer in same]
    own: dict[str, np.ndarray] = {}
    checked: set[frozenset[str]] = set()
    found: dict[tuple[int, float], np.ndarray] = {}
    # All snapshots of a network in one call: SVCCA finds the teacher's subspaces anew in each.
    for network, same_network in groupby(snapshots, key=itemgetter(0)):
        _, times, stored = zip(*same_network)
        for rdms in stored:
            if (shown := frozenset(stimuli for stimuli, _ in rdms)) not in checked:
                check_comparable(teacher, level, set(shown))
                checked.add(shown)
        own = own or {
            stimuli: np.stack([layer.rdms[level] for layer in same])
            for stimuli, same in sets.items()
        }
        together = {
            stimuli: np.concatenate([rdms[stimuli, level] for rdms in stored]) for stimuli in sets
        }
        similar = np.concatenate(
            [METHODS[method](own[stimuli], together[stimuli]) for stimuli in sets]
        )  # set by set
        ends = np.cumsum([len(rdms[next(iter(sets)), level]) for rdms in stored])[:-1]
        found |= {
            (network, epoch): values
            for epoch, values in zip(times, np.split(similar, ends, axis=1))
        }  # [T, L]
    networks, epochs = (sorted({place[axis] for place in found}) for axis in (0, 1))
    deepest = max((values.shape[1] for values in found.values()), default=0)
    result = np.full((len(networks), len(epochs), len(teacher.layers), deepest), np.nan)
    for (network, epoch), values in found.items():
        result[networks.index(network), epochs.index(epoch), :, : values.shape[1]] = values
    return xr.DataArray(
        result,
        coords={
            "network": networks,
            "epoch": epochs,
            "teacher_layer": order,
            "layer": np.arange(1, deepest + 1),
        },
        dims=("network", "epoch", "teacher_layer", "layer"),
        attrs={
            "teacher": teacher.name,
            "teacher_identity": teacher.identity,
            "level": level,
            "method": method,
        },
    ).sel(teacher_layer=[layer.name for layer in teacher.layers])


def best_match(similarity: xr.DataArray) -> xr.DataArray:
    """The highest similarity [..., teacher_layer] that any candidate layer reaches."""
    return similarity.max("layer", skipna=True)


def teacher_guidance(similarity: xr.DataArray) -> xr.DataArray:
    """TG: for each teacher layer the best match over the candidate's layers, then the mean.

    Args:
        similarity: [..., teacher_layer, layer] in [-1, 1]; NaN where a layer has no RDM.

    Returns:
        [...] in [-1, 1]; NaN where no candidate layer has an RDM.

    Source: section 3.2 of the paper.
    """
    return best_match(similarity).mean("teacher_layer", skipna=False)


def combined_score(accuracy: xr.DataArray, guidance: xr.DataArray, alpha: float) -> xr.DataArray:
    """P + alpha TG, by which a candidate is judged."""
    return accuracy + alpha * guidance
