"""Controls of guidance with many draws: teachers that know nothing, and networks of the pool."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from sage import teachers
from sage.config.run import Run
from sage.rsa import guidance
from sage.rsa.guidance import Snapshots
from sage.rsa.teacher import Teacher, TeacherLayer

PERMUTATIONS, INITIALISATIONS = 100, 10


def control_guidance(run: Run, snapshots: Snapshots, teacher: Teacher) -> xr.Dataset:
    """Return TG of a pool by controls of a teacher, each of many draws.

    Args:
        snapshots: see `guidance.compare`; of the run's level.

    Returns:
        Dataset over network and epoch: TG; shuffled [permutation], by the teacher with its stimuli
        in new places; untrained [initialisation], by its network, or a ResNet, before training;
        peer [teacher], by the pool's networks themselves, see `peers`.
    """
    stored = list(snapshots)
    base = run.teacher if run.teacher in teachers.NETWORKS else "resnet"
    plain = replace(run, teacher=f"{base}{teachers.UNTRAINED}")
    drawn = [teachers.load_teacher(replace(plain, seed=seed)) for seed in range(INITIALISATIONS)]
    networks, others = peers(stored, teacher.layers[0].stimuli, run.level)

    def guided(by: Sequence[Teacher], dimension: str) -> xr.DataArray:
        found = guidance.guidance_by_teachers(stored, by, level=run.level)
        return found.rename(teacher=dimension)

    permuted = [teacher.shuffled(seed=seed) for seed in range(PERMUTATIONS)]
    parts = {
        "TG": guided([teacher], "one").squeeze("one", drop=True),
        "shuffled": guided(permuted, "permutation"),
        "untrained": guided(drawn, "initialisation"),
        "peer": guided(others, "teacher").assign_coords(teacher=networks),
    }
    return xr.Dataset(parts, attrs={"teacher": teacher.name, "level": run.level})


def peers(snapshots: Snapshots, stimuli: str, level: str) -> tuple[list[int], list[Teacher]]:
    """Return each network as a teacher: all its layers that vary, at its last snapshot.

    Returns:
        Numbers of the networks, without those that have no such layer, and their teachers.
    """
    last = {network: rdms[stimuli, level] for network, _, rdms in sorted(snapshots, key=_when)}
    found = {}
    for network, rdms in last.items():
        known = enumerate(rdms[np.ptp(rdms, axis=1) > 0])
        layers = tuple(TeacherLayer(str(n), stimuli, {level: one}) for n, one in known)
        if layers:
            found[network] = Teacher(f"network {network}", layers)
    return list(found), list(found.values())


def _when(snapshot: tuple) -> tuple[int, float]:
    return snapshot[:2]
