"""Simulated recordings: spike counts of sites that are units of a network, always labelled as simulated."""

import numpy as np
import torch
import xarray as xr
from torch import nn

from sage.images import datasets, objects
from sage.images.stimuli import StimulusSet
from sage.rsa import activations
from sage.teachers.recordings import SIMULATED

# Part of a simulated recording's key. Raise it with any change of the code that changes the spike counts.
REVISION = 1

# Sites by region: 296, as in the paper, which does not say how many of them are in each.
SITES = {f"{SIMULATED}V4": 128, f"{SIMULATED}pIT": 84, f"{SIMULATED}aIT": 84}

# Median over sites of the mean spike count of a presentation, and spread of its logarithm: those of 50 sites in V4 are
# 1.7 and 0.8, and their counts vary as Poisson's (session 210325 of Cowley et al. 2023, doi:10.1101/2023.11.22.568315).
SPIKES, SPREAD = 1.7, 0.8

STIMULI = 296  # seed of the stimuli: the data set has those of seed 0
DRAWN = 2000  # units of a layer among which the sites are
ACTIVE = 0.1  # least share of the images that a site answers at all


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
    """Record from one layer for each region of `SITES`, in the layout that `assemblies.read` reads.

    The stimuli are rendered objects, as many of each as of the others, that no data set has. A site's rate is a
    unit's rectified response; its spike counts are Poisson's.

    Args:
        images: rounded up to a multiple of the number of objects. size: their pixels a side.
        shown_size: to which they are averaged down for the network. trials: presentations of each image.

    Raises:
        ValueError: another number of layers, or one with too few active units.
    """
    if len(layers) != len(SITES):
        raise ValueError(f"layers {', '.join(layers)}, expected one for each of {', '.join(SITES)}")
    each = -(-images // len(objects.CLASSES))
    pixels, labels = objects.render(each * len(objects.CLASSES), size=size, seed=STIMULI)
    order = np.argsort(labels, kind="stable")
    pixels, labels = torch.from_numpy(pixels[order]), labels[order]
    small = datasets.averaged_down(pixels, shown_size)
    drawn = activations.features(
        model, layers, StimulusSet("", small, {}, {}), units=DRAWN, seed=seed
    )
    rng = np.random.default_rng(seed)
    counts = [_spikes(name, rates, trials, rng) for (name, rates) in zip(SITES, drawn)]
    names = np.array(objects.CLASSES)[labels]
    return xr.Dataset(
        {
            "trials": (("presentation", "neuroid", "repetition"), np.concatenate(counts, 1)),
            "images": (
                ("presentation", "height", "width", "channel"),
                pixels.permute(0, 2, 3, 1).numpy(),
            ),
        },
        coords={
            "stimulus_id": (
                "presentation",
                [f"{name} {view % each + 1}" for view, name in enumerate(names)],
            ),
            "object_name": ("presentation", names),
            "category_name": ("presentation", [name.rsplit(" ", 1)[0] for name in names]),
            "region": ("neuroid", np.repeat(list(SITES), list(SITES.values()))),
            "animal": ("neuroid", ["simulated"] * sum(SITES.values())),
        },
        attrs={
            "source": f"simulated from layers {', '.join(layers)} of a network, no animal was recorded"
        },
    )


def _spikes(
    region: str, answers: torch.Tensor, trials: int, rng: np.random.Generator
) -> np.ndarray:
    """[N, U, R] uint16, from units' responses [N, units]."""
    rates = answers.clamp(min=0).double().numpy()
    active = np.flatnonzero((rates > 0).mean(0) >= ACTIVE)
    count = SITES[region]
    if len(active) < count:
        raise ValueError(
            f"{region} has {len(active)} active units to record from, expected {count} or more"
        )
    chosen = rates[:, np.sort(rng.choice(active, count, replace=False))]
    scaled = chosen / chosen.mean(0) * SPIKES * np.exp(SPREAD * rng.standard_normal(count))
    return rng.poisson(scaled[:, :, None], (*scaled.shape, trials)).astype(np.uint16)
