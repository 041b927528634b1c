"""Guidance by other images than those that networks are trained on.

What is trained and how it is judged was fixed beforehand, in docs/plans/guidance-by-objects.md.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from torch import nn

from sage import teachers
from sage.analysis import benchmarks, planned, predictivity, predictors
from sage.config.run import Run
from sage.experiments import controls, nasbench201, pool
from sage.experiments.nasbench201 import Training
from sage.rsa import guidance, pool_bank
from sage.rsa.teacher import Teacher
from sage.search.tracker import Tracker
from sage.teachers import assemblies

SNAPSHOTS = (0, 0.5, 1)  # epochs
PERMUTATIONS = 1000
NAMES = {"rdm": "macaque IT", "human_rdm": "human IT"}  # of regions in the file `it_92.nc`
OBJECTS = ", objects"  # behind the name of a teacher that was shown the recordings' images


def make_table(
    run: Run, training: Training, recordings: str, *, networks: int, workers: str = "auto"
) -> Path:
    """Train the second pool of NAS-Bench-201, and write what `load` reads; return the file.

    Its networks are guided by the regions of recordings, and by the run's teacher, networks with
    initial weights and pixels, which are shown the recordings' images.

    Args:
        run: as of `nasbench201.make_tables`.
        recordings: a file of recordings; networks see its stimuli.
    """
    published = benchmarks.load_nasbench201()  # before hours of training
    ladder = teachers.train_ladder(run.teacher, run)
    shown = {"snapshots": SNAPSHOTS, "recordings": (recordings,)}
    protocol = nasbench201.make_protocol(training, run, **shown)
    results = nasbench201.train(protocol, "second pool", networks, workers=workers)
    known = pool.measure_pool(run, results, ladder.rungs[-1])
    families = _teachers(run, ladder.model, recordings)
    by_name = {name: some for family in families.values() for name, some in family.items()}
    (stimuli,) = {one.layers[0].stimuli for some in by_name.values() for one in some}
    numbers, study = results.network.values.tolist(), results.attrs["study"]
    snapshots = [
        (network, epoch, {kind: rdms for kind, rdms in of.items() if kind[0] == stimuli})
        for network, epoch, of in Tracker().rdms(study, numbers, "image")
        if epoch
    ]
    guided = partial(guidance.guidance_by_teachers, snapshots, level="image")
    scores = [predictors.score_table(known)]
    for family, named in families.items():
        for name, some in named.items():
            values = guided(some).mean("teacher").reindex(epoch=results.epoch)
            scores.append(nasbench201.as_predictor(values, name, family, results))
    table = predictivity.pool_record(known, predictors.join_scores(scores))
    permuted = [
        guided([one.shuffled(seed=seed) for one in by_name[name] for seed in range(PERMUTATIONS)])
        for name in planned.PERMUTED.values()
    ]
    draws = xr.concat(permuted, "recording").rename(teacher="draw").astype(np.float32)
    draws = draws.assign_coords(recording=[*planned.PERMUTED.values()])
    table = table.assign(shuffled=draws.reindex(epoch=results.epoch))
    table = nasbench201.with_published(table, published)
    bank = pool_bank.pack(snapshots).reindex(epoch=results.epoch)
    bank = bank.merge(table, join="exact").assign_attrs(table.attrs)
    return run.save_table(bank, "05_second_pool")


def load(path: Path) -> xr.Dataset:
    """Return what `make_table` wrote, without RDMs."""
    table = xr.load_dataset(path)
    table = table.assign_coords(pool=("network", ["second pool"] * table.sizes["network"]))
    return table[[name for name, one in table.items() if "stimuli" not in one.attrs]]


def _teachers(run: Run, model: nn.Module, recordings: str) -> dict[str, dict[str, list[Teacher]]]:
    """Return all that guide by the images of recordings, by family and name of predictors.

    A predictor is the mean TG by its teachers.
    """
    size, images = run.settings.image_size, run.settings.rdm_images
    regions = assemblies.read([recordings], size=size, images=images)
    show = partial(teachers.in_stages, run.teacher, stimuli=regions[0].stimuli)
    known = {NAMES.get(one.region, one.region): one for one in regions}
    network = show(model, run)
    layers = {f"TG {one.name}": replace(network, layers=(one,)) for one in network.layers}
    seeds = [replace(run, seed=seed) for seed in range(controls.INITIALISATIONS)]
    untrained = [show(teachers.untrained_network(run.teacher, one), one) for one in seeds]
    pixels = teachers.of_pixels(run, stimuli=regions[0].stimuli)
    return {
        "recording": {
            f"{nasbench201.RECORDED}{name}": [teachers.from_recordings([one])]
            for name, one in known.items()
        },
        "guidance": {f"{name}{OBJECTS}": [one] for name, one in ({"TG": network} | layers).items()},
        "control": {f"pixels{OBJECTS}": [pixels], f"untrained teacher{OBJECTS}": untrained},
    }
