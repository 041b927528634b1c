"""Networks that are trained here to be teachers, and the images that they are trained on."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import xarray as xr
from torch import nn

from sage.compute import devices
from sage.config import paths, provenance
from sage.config.profiles import Profile
from sage.config.run import Run
from sage.images import datasets
from sage.images.datasets import Dataset
from sage.images.stimuli import FEWEST_STIMULI, StimulusSet
from sage.models import complexity
from sage.models.cells import CellNetwork
from sage.models.genotypes import NASNET_A
from sage.models.resnet import ResNet
from sage.rsa import activations
from sage.training import checkpoints, recipes
from sage.training.trainer import Trainer

# Part of a trained network's key. Raise it with any change of the code that changes the network.
REVISION = 1
SMALL = 1e9  # multiply-adds of a batch forward, below which threads cost more than they save
UNTRAINED = "-untrained"  # behind a network's name: the control with its initial weights


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is trained here to be a teacher, at a profile's size."""

    title: str  # name and size, for people
    settings: dict  # all that determines `build`, JSON-ready
    build: Callable[..., nn.Module]  # of so many `classes`; torch's generator draws weights
    recipe: recipes.Recipe
    layers: tuple[str, ...]  # submodules whose outputs are the teacher's layers L1, L2 and so on


def _resnet(profile: Profile) -> Network:
    """Return the paper's teacher; its layers are the ends of the three stages."""
    blocks, width = profile.teacher_blocks, profile.teacher_width
    return Network(
        title=f"ResNet-{6 * blocks + 2} (n = {blocks}), width {width}",
        settings={"blocks": blocks, "width": width},
        build=partial(ResNet, blocks=blocks, width=width),
        recipe=recipes.teacher_recipe(profile.teacher_epochs, profile.batch_size),
        layers=ResNet.layer_names,
    )


def _nasnet_a(profile: Profile) -> Network:
    """Return the paper's second teacher; its layers are the cells before reductions and the last.

    It has the N, F and drop-path of the profile's fully trained cells, and the teacher's epochs.
    """
    cells, size, epochs = profile.cells, profile.image_size, profile.teacher_epochs
    repeats, filters, keep = cells.full_repeats, cells.full_filters, cells.drop_path_keep
    return Network(
        title=f"NASNet-A (N = {repeats}, F = {filters})",
        settings={"genotype": str(NASNET_A), "repeats": repeats, "filters": filters},
        build=partial(CellNetwork, NASNET_A, filters=filters, repeats=repeats, auxiliary_size=size),
        recipe=recipes.cell_recipe(epochs, profile.batch_size, drop_path_keep=keep),
        layers=tuple(f"cells.{place}" for place in (repeats - 1, 2 * repeats, 3 * repeats + 1)),
    )


NETWORKS: dict[str, Callable[[Profile], Network]] = {"resnet": _resnet, "nasnet-a": _nasnet_a}


def load_images(run: Run) -> Dataset:
    """Return the teacher's training images, and validation images as candidates are shown.

    Raises:
        ValueError: too few classes for RDMs at the run's level, or as `datasets.load_dataset`.
    """
    profile = run.settings
    counts = profile.teacher_images, profile.validation_images
    images = datasets.load_reduced(run.dataset, profile.image_size, *counts)
    shown = len(images.validation.labels.unique())
    if run.level == "class" and shown < FEWEST_STIMULI:
        told = f"{run.dataset} has {shown} classes among its {len(images.validation)} validation"
        expected = f"expected {FEWEST_STIMULI} or more, or the parameter level to be image"
        raise ValueError(f"{told} images, which have RDMs of too few entries: {expected}")
    return images


def load_stimuli(run: Run) -> StimulusSet:
    """Return the validation images with as many rows in image-level RDMs as the profile says."""
    return load_images(run).stimuli(run.settings.rdm_images)


def untrained_network(name: str, run: Run) -> nn.Module:
    """Return a network of `NETWORKS` with initial weights, see `Trainer.measured_model`."""
    return make_trainer(name, run).measured_model()


def train_network(name: str, run: Run) -> tuple[nn.Module, xr.Dataset]:
    """Return a trained network, kept in the cache, and `train_with_checkpoints`' table of it."""
    network, trainer = NETWORKS[name](run.settings), make_trainer(name, run)
    model = trainer.model
    measure = partial(scored, model, run)
    path = paths.cache() / "teachers" / f"{name}-{state_key(name, run)}.pt"
    work = trainer.batches.size * complexity.multiply_adds(model, run.settings.image_size)
    with devices.one_thread() if work < SMALL else nullcontext():
        curve = checkpoints.train_with_checkpoints(trainer, path, measure, name="teacher")
    return model, curve.assign_attrs(teacher=network.title, parameters=complexity.parameters(model))


def scored(model: nn.Module, run: Run) -> dict[str, float]:
    """Return accuracy and loss of a network on the run's validation images."""
    images = load_images(run).validation
    scores, labels = activations.class_scores(model, images), images.labels
    accuracy, loss = activations.accuracy(scores, labels), activations.loss(scores, labels)
    return {"accuracy": accuracy, "loss": loss}


def make_trainer(name: str, run: Run) -> Trainer:
    """Return a trainer of a network of `NETWORKS` at its start."""
    images, network = load_images(run), NETWORKS[name](run.settings)
    build = partial(network.build, classes=len(images.classes))
    return Trainer.begin(build, images.train, network.recipe, seed=run.seed)


def state_key(name: str, run: Run) -> str:
    """Return a key that changes with all that determines the trained network."""
    images, network = load_images(run), NETWORKS[name](run.settings)
    shown = {"training": images.train.identity, "validation": images.validation.identity}
    parts = {"revision": REVISION, "recipe": network.recipe.description, "seed": run.seed}
    return provenance.key(**shown, **parts, **network.settings, **devices.description())
