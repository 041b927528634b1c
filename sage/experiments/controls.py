"""Controls of guidance with many draws: teachers that know nothing, and networks of the pool."""

from collections.abc import Sequence
from dataclasses import replace

import xarray as xr

from sage import teachers
from sage.config.run import Run
from sage.rsa import guidance, pool_bank
from sage.rsa.guidance import Snapshots
from sage.rsa.teacher import Teacher

PERMUTATIONS, INITIALISATIONS = 100, 10


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
        in new places; untrained [initialisation].
    """
    stored = list(snapshots)

    def guided(by: Sequence[Teacher], dimension: str) -> xr.DataArray:
        found = guidance.guidance_by_teachers(stored, by, level=level)
        return found.rename(teacher=dimension)

    permuted = [teacher.shuffled(seed=seed) for seed in range(PERMUTATIONS)]
    parts = {
        "TG": guided([teacher], "one").squeeze("one", drop=True),
        "shuffled": guided(permuted, "permutation"),
        "untrained": guided(untrained, "initialisation"),
    }
    return xr.Dataset(parts, attrs={"teacher": teacher.name, "level": level})


def peer_guidance(snapshots: Snapshots, stimuli: str, *, level: str) -> xr.DataArray:
    """Return TG [teacher, network, epoch] of a pool by its own networks.

    Args:
        snapshots, stimuli: see `pool_bank.networks_as_teachers`.
    """
    stored = list(snapshots)
    networks, peers = pool_bank.networks_as_teachers(stored, stimuli, level)
    found = guidance.guidance_by_teachers(stored, peers, level=level)
    return found.assign_coords(teacher=networks)
