"""Recordings of a run, and simulated ones: spike counts of a network's units, labelled as such."""

import json
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from sage.config import paths, provenance
from sage.config.run import MacaqueRun, Refused, words
from sage.images import datasets, objects
from sage.images.stimuli import StimulusSet
from sage.models.resnet import ResNet
from sage.rsa import activations
from sage.teachers import assemblies, networks
from sage.teachers.recordings import SIMULATED, Region

# Part of a simulated recording's key. Raise it with any change that changes the spike counts.
REVISION = 1

# Sites by region: 296, as in the paper, which does not say how many of them are in each.
SITES = {f"{SIMULATED}V4": 128, f"{SIMULATED}pIT": 84, f"{SIMULATED}aIT": 84}

# Median over sites of the mean spike count of a presentation, and spread of its logarithm. Those of
# 50 sites in V4 are 1.7 and 0.8, and their counts vary as Poisson's (session 210325 of Cowley et
# al. 2023, doi:10.1101/2023.11.22.568315).
SPIKES, SPREAD = 1.7, 0.8

STIMULI = 296  # seed of the stimuli: the data set has those of seed 0
DRAWN = 2000  # units of a layer among which the sites are
ACTIVE = 0.1  # least share of the images that a site answers at all


def recorded_regions(run: MacaqueRun) -> list[Region]:
    """Return the regions of a run's recordings, which are simulated first where it says so.

    Raises: as `assemblies.read`.
    """
    files = words(run.recordings)
    if files == ["simulated"]:
        files = [str(_record_once(run))]
    size, images = run.budget.image_size, run.budget.recording_images
    return assemblies.read(files, size=size, images=images, regions=run.named_regions)


def check_files(run: MacaqueRun) -> None:
    """Raise an error as `recorded_regions` does if the run's recordings are not there."""
    files = words(run.recordings)
    if not files:
        raise Refused(f"recordings is {run.recordings!r}, expected simulated, or NetCDF files")
    if files != ["simulated"]:
        assemblies.check_files(run.recordings)


def _record_once(run: MacaqueRun) -> Path:
    """Return the file of simulated recordings from the run's ResNet, which is made if missing."""
    size, budget = run.settings.image_size, run.budget
    sizes = {"size": max(budget.image_size, size), "shown_size": size}
    asked = {"images": budget.stimuli, "trials": budget.trials, "seed": run.seed, **sizes}
    parts = {"renderer": objects.renderer_digest(), "network": networks.state_key("resnet", run)}
    key = provenance.key(revision=REVISION, sites=SITES, **parts, **asked)
    path = paths.cache() / "recordings" / f"simulated-{key}.nc"
    if not path.exists():
        table = record(networks.train_network("resnet", run)[0], ResNet.layer_names, **asked)
        paths.save_table(table.assign_attrs(provenance=json.dumps(provenance.stamp())), path)
    return path


def record(
    model: nn.Module,
    layers: tuple[str, ...],
    *,
    images: int,
    size: int,
    shown_size: int,
    trials: int,
    seed: int,
) -> xr.Dataset:
    """Record from one layer for each region of `SITES`, in the layout that `assemblies` reads.

    The stimuli are rendered objects that no data set has, equally many of each. A site's rate is a
    unit's rectified response; its spike counts are Poisson's.

    Args:
        images: how many at least; rounded up to a multiple of the number of objects.
        size: their pixels a side.
        shown_size: pixels a side, to which they are averaged down for the network.
        trials: presentations of each image.

    Raises:
        ValueError: a layer with too few active units.
    """
    each = -(-images // len(objects.classes()))
    rendered, labels = objects.render(each * len(objects.classes()), size=size, seed=STIMULI)
    order = np.argsort(labels, kind="stable")
    pixels, names = torch.from_numpy(rendered[order]), np.array(objects.classes())[labels[order]]
    shown = StimulusSet("", datasets.averaged_down(pixels, shown_size), {}, {})
    responses = activations.features(model, layers, shown, units=DRAWN, seed=seed)
    rng = np.random.default_rng(seed)
    counts = [_spikes(region, one, trials, rng) for region, one in zip(SITES, responses)]
    shape = ("presentation", "height", "width", "channel")
    variables = {
        "trials": (("presentation", "neuroid", "repetition"), np.concatenate(counts, 1)),
        "images": (shape, pixels.permute(0, 2, 3, 1).numpy()),
    }
    ids = [f"{name} {view % each + 1}" for view, name in enumerate(names)]
    coordinates = {
        "stimulus_id": ("presentation", ids),
        "object_name": ("presentation", names),
        "category_name": ("presentation", [name.rsplit(" ", 1)[0] for name in names]),
        "region": ("neuroid", np.repeat(list(SITES), list(SITES.values()))),
        "animal": ("neuroid", ["simulated"] * sum(SITES.values())),
    }
    source = f"simulated from layers {', '.join(layers)} of a network, no animal was recorded"
    return xr.Dataset(variables, coordinates, {"source": source})


def _spikes(region: str, responses: Tensor, trials: int, rng: np.random.Generator) -> np.ndarray:
    """Return counts [N, U, R] uint16 of a region's sites, which are some of the units."""
    rates, count = responses.clamp(min=0).double().numpy(), SITES[region]
    active = np.flatnonzero((rates > 0).mean(0) >= ACTIVE)
    if len(active) < count:
        told = f"{region} has {len(active)} active units to record from"
        raise ValueError(f"{told}, expected {count} or more")
    chosen = rates[:, np.sort(rng.choice(active, count, replace=False))]
    scaled = chosen / chosen.mean(0) * SPIKES * np.exp(SPREAD * rng.standard_normal(count))
    return rng.poisson(scaled[:, :, None], (*scaled.shape, trials)).astype(np.uint16)
