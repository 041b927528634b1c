"""RDMs of a pool's networks in one small file, to be compared with any teacher."""

import json
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import xarray as xr

from sage.rsa.guidance import Snapshot, Snapshots
from sage.rsa.teacher import Teacher, TeacherLayer

# A byte a value: 1 - r lies in [0, 2], so that values are off by 0.004 at most; 255 is NaN.
PACKED = {"dtype": "uint8", "scale_factor": 2 / 254, "_FillValue": 255, "zlib": True}


def pack(snapshots: Snapshots) -> xr.Dataset:
    """Return the RDMs of snapshots as a table that takes a byte a value once it is saved.

    Args:
        snapshots: network, epoch, and RDMs [L, P] in [0, 2] by (stimuli, level).

    Returns:
        A variable [network, epoch, layer, pair] for each set of stimuli and level, which are its
        attributes; NaN where a network has no such layer or snapshot.
    """
    stored = {(network, epoch): rdms for network, epoch, rdms in snapshots}
    networks, epochs = (sorted({place[axis] for place in stored}) for axis in (0, 1))
    variables = {}
    for number, kind in enumerate(sorted({kind for rdms in stored.values() for kind in rdms})):
        found = {place: rdms[kind] for place, rdms in stored.items() if kind in rdms}
        deepest, pairs = np.max([rdms.shape for rdms in found.values()], axis=0)
        values = np.full((len(networks), len(epochs), deepest, pairs), np.nan, np.float32)
        for (network, epoch), rdms in found.items():
            values[networks.index(network), epochs.index(epoch), : len(rdms)] = rdms
        dims = ("network", "epoch", f"layer_{number}", f"pair_{number}")
        attributes = dict(zip(("stimuli", "level"), kind))
        variables[f"rdms_{number}"] = (dims, values.clip(0, 2), attributes, PACKED)
    return xr.Dataset(variables, {"network": networks, "epoch": epochs})


def unpack(*banks: xr.Dataset) -> Iterator[Snapshot]:
    """Yield the snapshots of banks that `pack` made, as `guidance.compare` takes them.

    They are `numbered`. Variables without stimuli, such as accuracies, are left aside.
    """
    for bank in numbered(banks):
        variables = [one for one in bank.data_vars.values() if "stimuli" in one.attrs]
        kinds = {(one.stimuli, one.level): one.values for one in variables}
        for row, network in enumerate(bank.network.values.tolist()):
            for column, epoch in enumerate(bank.epoch.values.tolist()):
                rdms = {kind: values[row, column] for kind, values in kinds.items()}
                known = {kind: one for kind, one in rdms.items() if (one == one).any()}
                if known:
                    yield network, epoch, known


def numbered(banks: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Yield banks in which the networks of each are numbered on from those before it."""
    first = 0
    for bank in banks:
        yield (one := bank.assign_coords(network=bank.network + first))
        first = int(one.network.values.max(initial=first - 1)) + 1


def join(banks: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return banks as one, with what was merged into them, such as accuracies.

    Args:
        banks: of networks that have different numbers. All their provenances are kept; other
            attributes are those of the first.
    """
    stamps = [one for bank in banks for one in json.loads(bank.attrs.get("provenance", "[]"))]
    different = {json.dumps(one, sort_keys=True): one for one in stamps}
    options: dict[str, Any] = {"data_vars": "minimal", "coords": "minimal", "join": "exact"}
    options |= {"compat": "override", "combine_attrs": "override"}
    joined = xr.concat([one.drop_encoding() for one in banks], "network", **options)
    for one in joined.data_vars.values():
        if "stimuli" in one.attrs:
            one.encoding = PACKED
    return joined.assign_attrs(provenance=json.dumps(list(different.values())))


def networks_as_teachers(
    snapshots: Snapshots, stimuli: str, level: str
) -> tuple[list[int], list[Teacher]]:
    """Return each network as a teacher: all its layers that vary, at its last snapshot.

    Returns:
        Numbers of the networks, without those that have no such layer, and their teachers.

    Raises:
        ValueError: RDMs of other stimuli, or of another level.
    """
    last = {}
    for network, _, snapshot in sorted(snapshots, key=itemgetter(0, 1)):
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
