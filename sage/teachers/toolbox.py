"""RDMs in and out of rsatoolbox, which is imported only here and only when it is used.

Stimuli are matched by name: rows of a file that stand in another order are put into the run's.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from sage.config.run import LEVELS, Run
from sage.rsa.guidance import Snapshots
from sage.rsa.teacher import Teacher, TeacherLayer, validation_images
from sage.teachers import networks
from sage.teachers.external import optional

if TYPE_CHECKING:
    from rsatoolbox.rdm import RDMs

STIMULUS = "stimulus"  # the pattern descriptor that is written; any but rsatoolbox's own is read


def stimulus_names(run: Run) -> dict[str, list[str]]:
    """Return what the rows of the run's RDMs are called, by level and in their order.

    Those of level "class" are the classes; those of level "image" are hashes of the pixels of
    `load_stimuli(run)`, with a number behind an image that was there before.
    """
    images, stimuli = networks.load_images(run), networks.load_stimuli(run)
    present = images.validation.labels.unique().tolist()
    shown = stimuli.images[stimuli.conditions["image"] >= 0].numpy()
    hashes = pd.Series([hashlib.sha256(pixels.tobytes()).hexdigest()[:16] for pixels in shown])
    before = hashes.groupby(hashes).cumcount()
    numbered = hashes.where(before == 0, hashes + " " + (before + 1).astype(str))
    return {"class": [images.classes[label] for label in present], "image": numbered.tolist()}


def read_rdms(path: Path | str) -> "RDMs":
    """Return the `rsatoolbox.rdm.RDMs` in a file that their method `save` wrote as hdf5.

    Raises:
        FileNotFoundError: no such file.
        ValueError: something else, or rsatoolbox is not installed.
    """
    toolbox = optional("rsatoolbox.rdm")
    try:
        with open(path, "rb") as stream:
            return toolbox.load_rdm(stream, file_type="hdf5")
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"no file of RDMs {path}") from None
    except Exception as problem:  # whatever h5py and rsatoolbox raise for another file
        told = f"{path} holds no RDMs of rsatoolbox ({type(problem).__name__}: {problem})"
        raise ValueError(f"{told}; expected a file by RDMs.save(FILE, 'hdf5')") from problem


def from_rdms(name: str, rdms: "RDMs", run: Run) -> Teacher:
    """Return a teacher with a layer for each of the `RDMs`, at the level of their stimuli.

    A pattern descriptor has to name all of `stimulus_names` at a level; further patterns are left
    out. Layers are named by the first RDM descriptor of different values, or else by numbers.

    Raises:
        ValueError: no descriptor names the run's stimuli, each once.
    """
    level, places = _matched(name, rdms.pattern_descriptors, run)
    own = [_texts(one) for key, one in rdms.rdm_descriptors.items() if key != "index"]
    layers = next(filter(_different, own), [str(number + 1) for number in range(rdms.n_rdm)])
    shown, identity = np.ix_(places, places), networks.load_stimuli(run).identity
    made = (
        TeacherLayer(layer, identity, {level: squareform(matrix[shown], checks=False)})
        for layer, matrix in zip(layers, rdms.get_matrices())
    )
    return Teacher(name, tuple(made), shown=validation_images(run.dataset, run.profile))


def teacher_rdms(teacher: Teacher, run: Run) -> "RDMs":
    """Return a teacher's layers at the run's level as `rsatoolbox.rdm.RDMs`.

    Raises:
        ValueError: a layer has no RDM of the run's stimuli at this level, or no rsatoolbox.
    """
    stimuli = networks.load_stimuli(run).identity
    if other := [one.name for one in teacher.layers if one.stimuli != stimuli]:
        told = f"teacher {teacher.name}, layers {', '.join(other)}: measured on other stimuli"
        raise ValueError(f"{told} than the run's, expected {stimuli}")
    if without := [one.name for one in teacher.layers if run.level not in one.rdms]:
        told = f"teacher {teacher.name}, layers {', '.join(without)}"
        raise ValueError(f"{told}: expected RDMs of level {run.level!r}")
    described = {"layer": [layer.name for layer in teacher.layers]}
    rows = np.stack([layer.rdms[run.level] for layer in teacher.layers])
    return _made(rows, described, run, teacher=teacher.name)


def pool_rdms(snapshots: Snapshots, run: Run) -> "RDMs":
    """Return the RDMs of networks in training as `rsatoolbox.rdm.RDMs`.

    Args:
        snapshots: as `Tracker.rdms` or `pool_bank.unpack` give them.

    Returns:
        An RDM for each layer of a snapshot that has one, with RDM descriptors network, epoch and
        layer (from 1).

    Raises:
        ValueError: none of them is of the run's stimuli and level, or no rsatoolbox.
    """
    kind, described, rows = (networks.load_stimuli(run).identity, run.level), [], []
    for network, epoch, rdms in snapshots:
        for layer, row in enumerate(rdms.get(kind, ()), 1):
            if not np.isnan(row).all():  # as for a layer that another network has
                described.append((network, epoch, layer))
                rows.append(row)
    if not rows:
        raise ValueError(f"no network has RDMs of level {kind[1]!r} on {kind[0]}")
    columns = dict(zip(("network", "epoch", "layer"), map(list, zip(*described))))
    return _made(np.stack(rows), columns, run)


def _made(rows: np.ndarray, described: dict[str, list], run: Run, **about: str) -> "RDMs":
    """Return `RDMs` of condensed rows [K, P]: both sides go through the pairs in the same order."""
    measure = "correlation"  # 1 - r, as rsatoolbox calls it
    shown = {"stimuli": networks.load_stimuli(run).identity, "level": run.level}
    patterns = {STIMULUS: stimulus_names(run)[run.level]}
    make: Any = optional("rsatoolbox.rdm").RDMs
    return make(rows.astype(np.float64), measure, shown | about, described, patterns)


def _matched(name: str, descriptors: Mapping[str, Iterable], run: Run) -> tuple[str, list[int]]:
    """Return the level of RDMs, the run's if both fit, and the place of each of its stimuli."""
    names = stimulus_names(run)
    # rsatoolbox counts patterns in "index", which says nothing of which they are.
    found = {key: _texts(values) for key, values in descriptors.items() if key != "index"}
    for level in sorted(LEVELS, key=lambda one: one != run.level):
        wanted = names[level]
        for values in found.values():
            if _different(values) and _different(wanted) and {*wanted} <= {*values}:
                return level, [values.index(one) for one in wanted]
    told = f"{name}: none of the pattern descriptors ({', '.join(found) or 'there are none'})"
    near = max(found.values(), key=lambda values: len({*values} & {*names["class"]}), default=[])
    missing = [one for one in names["class"] if near.count(one) != 1]
    expected = f"expected the {len(names['class'])} classes of {run.dataset}"
    expected += (
        f" (missing, or there twice: {', '.join(missing[:5])}{', ...' * (missing[5:] != [])})"
    )
    expected += f" or the {len(names['image'])} images, as `stimulus_names` calls them"
    raise ValueError(f"{told} names the run's stimuli, each once; {expected}")


def _texts(values: Iterable) -> list[str]:
    return [str(value) for value in values]


def _different(values: list[str]) -> bool:
    return len({*values}) == len(values)
