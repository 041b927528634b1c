"""Stored networks of published pools: their files, and guidance of them by any teacher."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from sage.config import paths
from sage.config.run import Refused, StoredRun, words
from sage.experiments import controls
from sage.rsa import pool_bank
from sage.rsa.guidance import Snapshot
from sage.rsa.teacher import read_teacher
from sage.search.tracker import Tracker

COLUMNS = ["accuracy", "mature", "depth", "architecture"]  # of a bank, beside RDMs


@dataclass(frozen=True)
class Stored:
    """Published networks with guidance by a teacher, see `controls.control_guidance`."""

    networks: xr.Dataset  # see `load_networks`
    guided: xr.Dataset
    peer: xr.DataArray  # see `controls.peer_guidance`

    def at_least(self, depth: int) -> "Stored":
        """Return those of a depth or more; their teachers stay."""
        kept = {"network": self.networks.depth >= depth}
        return Stored(self.networks.isel(kept), self.guided.isel(kept), self.peer.isel(kept))


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
    """Return the path of a table here or among published results.

    Raises:
        Refused: there is none.
        ValueError: as `paths.read_table`.
    """
    for path in (Path(file), paths.results() / file):
        if path.is_file():
            paths.read_table(path, xr.open_dataset, f"{parameter} names {file!r}: ").close()
            return path
    expected = f"expected a file, here or in {paths.results()}"
    raise Refused(f"{parameter} names {file!r}, {expected}")


def load_networks(run: StoredRun) -> tuple[list[Snapshot], xr.Dataset]:
    """Return the RDMs of a run's stored networks, and a table of them, numbered through.

    Networks that lack an accuracy or the RDMs of an epoch are left out.

    Returns:
        Snapshots, see `pool_bank.unpack`. Dataset with accuracy [network, epoch]; mature accuracy,
        depth and architecture [network].

    Raises:
        Refused: as `find_stored`; or no network is left.
    """
    banks = [xr.load_dataset(path) for path in find_stored(run)["banks"]]
    for name, bank in zip(words(run.banks), banks):
        if absent := [one for one in COLUMNS if one not in bank]:
            expected = "expected a bank as `make_bank` gives it"
            raise Refused(f"banks names {name!r}, which has no {', '.join(absent)}: {expected}")
        if bank.epoch.values[0] > 0:
            told = f"banks names {name!r}, whose first epoch is {bank.epoch.values[0]:g}"
            raise Refused(f"{told}: expected 0, for TG before training")
    columns = (one[COLUMNS] for one in banks)
    networks = xr.concat([*pool_bank.numbered(columns)], "network", combine_attrs="drop")
    snapshots = list(pool_bank.unpack(*banks))
    counted = Counter(network for network, *_ in snapshots)
    shown = [counted[network] == networks.sizes["epoch"] for network in networks.network.values]
    known = networks.mature.notnull() & networks.accuracy.notnull().all("epoch") & shown
    if not known.any():
        expected = "expected some with accuracies and RDMs of all epochs"
        raise Refused(f"banks names {run.banks!r}, without any such network: {expected}")
    networks = networks.isel(network=known)
    kept = {*networks.network.values.tolist()}
    stamps = [one for bank in banks for one in json.loads(bank.attrs.get("provenance", "[]"))]
    networks = networks.assign_attrs(provenance=json.dumps(stamps))
    return [one for one in snapshots if one[0] in kept], networks


def load_stored(run: StoredRun) -> Stored:
    """Return stored networks with guidance; errors as `load_networks`.

    Raises:
        ValueError: a teacher of other stimuli, or without RDMs of class means.
    """
    files, (snapshots, networks) = find_stored(run), load_networks(run)
    teacher = read_teacher(files["teacher"][0])
    stimuli = teacher.layers[0].stimuli
    plain = list(pool_bank.unpack(*map(xr.load_dataset, files["untrained"])))
    _, untrained = pool_bank.networks_as_teachers(plain, stimuli, run.level)
    guided = controls.control_guidance(snapshots, teacher, untrained, level=run.level)
    peer = controls.peer_guidance(snapshots, stimuli, level=run.level)
    return Stored(networks, guided, peer)


def make_bank(networks: xr.Dataset, mature: xr.DataArray, epochs: Sequence[float]) -> xr.Dataset:
    """Return a pool's RDMs on record as a bank that `load_stored` reads once it is saved.

    Args:
        networks: see `pool.train_pool`.
        mature: accuracy [network] after full training, of these trainings or others.
        epochs: of the snapshots to keep, 0 first.
    """
    numbers = networks.network.values.tolist()
    stored = Tracker().rdms(networks.attrs["study"], numbers, "class")
    bank = pool_bank.pack(one for one in stored if one[1] in epochs)
    kept = networks.sel(epoch=list(epochs))
    names = "accuracy examples hash seed architecture depth parameters multiply_adds".split()
    bank = bank.assign({name: kept[name] for name in names})
    return bank.assign(mature=("network", mature.values)).assign_attrs(networks.attrs)
