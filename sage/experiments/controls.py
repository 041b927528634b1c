"""Controls of guidance with many draws: teachers that know nothing, and networks of the pool."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from sage import teachers
from sage.config import paths
from sage.config.run import Refused, Run, StoredRun, words
from sage.rsa import guidance, pool_bank
from sage.rsa.guidance import Snapshots
from sage.rsa.teacher import Teacher, TeacherLayer, read_teacher
from sage.search.tracker import Tracker

PERMUTATIONS, INITIALISATIONS = 100, 10


@dataclass(frozen=True)
class Stored:
    """Published networks with guidance by a teacher and its controls, see `control_guidance`."""

    networks: xr.Dataset  # accuracy [network, epoch]; mature accuracy, depth [network]
    guided: xr.Dataset

    def at_least(self, depth: int) -> "Stored":
        """Return those of a depth or more; their teachers stay."""
        kept = self.networks.depth >= depth
        return Stored(self.networks.isel(network=kept), self.guided.isel(network=kept))


def find_stored(run: StoredRun) -> dict[str, list[Path]]:
    """Return the files that a run names, by the parameter; Refused for none, or too many."""
    found: dict[str, list[Path]] = {}
    for name in run.files:
        asked = getattr(run, name)
        if not (files := words(asked)):
            raise Refused(f"{name} is empty, expected the name of a file")
        if len(files) > 1 and name not in run.several:
            raise Refused(f"{name} names {len(files)} files, {asked!r}, expected one")
        found[name] = [find_table(file, name) for file in files]
    return found


def find_table(file: str, parameter: str) -> Path:
    """Return the path of a file here or among published results; Refused if there is none."""
    for path in (Path(file), paths.results() / file):
        if path.is_file():
            return path
    expected = f"expected a file, here or in {paths.results()}"
    raise Refused(f"{parameter} names {file!r}, {expected}")


def load_stored(run: StoredRun) -> Stored:
    """Return stored networks with guidance, numbered through; errors as `find_stored`.

    Raises:
        ValueError: a teacher of other stimuli, or without RDMs of class means.
    """
    files = find_stored(run)
    banks = [xr.load_dataset(path) for path in files["banks"]]
    teacher = read_teacher(files["teacher"][0])
    plain = list(pool_bank.unpack(*map(xr.load_dataset, files["untrained"])))
    _, untrained = peers(plain, teacher.layers[0].stimuli, run.level)
    snapshots = pool_bank.unpack(*banks)
    guided = control_guidance(snapshots, teacher, untrained, level=run.level)
    columns = [bank[["accuracy", "mature", "depth"]] for bank in banks]
    networks = xr.concat(columns, "network", combine_attrs="drop")
    stamps = [one for bank in banks for one in json.loads(bank.attrs.get("provenance", "[]"))]
    networks = networks.assign_attrs(provenance=json.dumps(stamps))
    return Stored(networks.assign_coords(network=guided.network), guided)


def make_bank(
    networks: xr.Dataset, mature: xr.DataArray, epochs: Sequence[float], *, level: str = "class"
) -> xr.Dataset:
    """Return a pool's RDMs on record as a bank that `load_stored` reads once it is saved.

    Args:
        networks: see `pool.train_pool`.
        mature: accuracy [network] after full training, of these trainings or others.
        epochs: of the snapshots to keep.
    """
    numbers = networks.network.values.tolist()
    stored = Tracker().rdms(networks.attrs["study"], numbers, level)
    bank = pool_bank.pack(one for one in stored if one[1] in epochs)
    kept = networks.sel(epoch=list(epochs))
    names = "accuracy examples hash seed architecture depth parameters multiply_adds".split()
    bank = bank.assign({name: kept[name] for name in names})
    return bank.assign(mature=("network", mature.values)).assign_attrs(networks.attrs)


def untrained_teachers(run: Run) -> list[Teacher]:
    """Return the run's teacher with many initial weights; a ResNet if it is not trained here."""
    base = run.teacher if run.teacher in teachers.NETWORKS else "resnet"
    plain = replace(run, teacher=f"{base}{teachers.UNTRAINED}")
    return [teachers.load_teacher(replace(plain, seed=seed)) for seed in range(INITIALISATIONS)]


def control_guidance(
    snapshots: Snapshots, teacher: Teacher, untrained: Sequence[Teacher], *, level: str
) -> xr.Dataset:
    """Return TG of a pool by a teacher and by its controls, each of many draws.

    Args:
        snapshots: see `guidance.compare`.
        untrained: see `untrained_teachers`.

    Returns:
        Dataset over network and epoch: TG; shuffled [permutation], by the teacher with its stimuli
        in new places; untrained [initialisation]; peer [teacher], by the pool's networks
        themselves, see `peers`.
    """
    stored = list(snapshots)
    networks, others = peers(stored, teacher.layers[0].stimuli, level)

    def guided(by: Sequence[Teacher], dimension: str) -> xr.DataArray:
        found = guidance.guidance_by_teachers(stored, by, level=level)
        return found.rename(teacher=dimension)

    permuted = [teacher.shuffled(seed=seed) for seed in range(PERMUTATIONS)]
    parts = {
        "TG": guided([teacher], "one").squeeze("one", drop=True),
        "shuffled": guided(permuted, "permutation"),
        "untrained": guided(untrained, "initialisation"),
        "peer": guided(others, "teacher").assign_coords(teacher=networks),
    }
    return xr.Dataset(parts, attrs={"teacher": teacher.name, "level": level})


def peers(snapshots: Snapshots, stimuli: str, level: str) -> tuple[list[int], list[Teacher]]:
    """Return each network as a teacher: all its layers that vary, at its last snapshot.

    Returns:
        Numbers of the networks, without those that have no such layer, and their teachers.

    Raises:
        ValueError: RDMs of other stimuli, or of another level.
    """
    last = {}
    for network, _, snapshot in sorted(snapshots, key=_when):
        if (stimuli, level) not in snapshot:
            shown = ", ".join(f"{of} ({at})" for of, at in snapshot)
            told = f"RDMs of networks are of {shown}, those of the teacher of {stimuli} ({level})"
            raise ValueError(f"{told}: expected a teacher that was measured on the same images")
        last[network] = snapshot[stimuli, level]
    found = {}
    for network, rdms in last.items():
        known = enumerate(rdms[np.ptp(rdms, axis=1) > 0])
        layers = tuple(TeacherLayer(str(n), stimuli, {level: one}) for n, one in known)
        if layers:
            found[network] = Teacher(f"network {network}", layers)
    return list(found), list(found.values())


def _when(snapshot: tuple) -> tuple[int, float]:
    return snapshot[:2]
