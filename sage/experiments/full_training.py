"""Full training of networks of cells: on all images but the test images, which are shown once."""

import json
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn
from tqdm.auto import tqdm

from sage.compute import devices, parallel
from sage.config import paths, provenance
from sage.config.run import CellRun, check_workers
from sage.experiments import checks
from sage.images import datasets, preprocessing
from sage.images.datasets import Images, Split
from sage.images.image_files import ImageFiles
from sage.models import complexity, genotypes
from sage.models.cells import CellNetwork
from sage.models.genotypes import Genotype
from sage.rsa import activations
from sage.search import dask_workers
from sage.training import checkpoints, recipes
from sage.training.recipes import Recipe
from sage.training.trainer import Diverged, Trainer

# Part of a network's key. Raise it with any change of the code that changes the trained network.
REVISION = 1
# What differs between two trainings of one network.
OF_TRAININGS = ["training_loss", "test_accuracy", "test_top5", "examples", "failure", "provenance"]


@dataclass(frozen=True, kw_only=True)
class FullTraining:
    """All that determines a fully trained network of cells.

    With images of `preprocessing.SIZE` pixels it is trained as the paper's networks on ImageNet
    are: on crops of images that are read from their files again and again.
    """

    genotype: Genotype
    dataset: str
    image_size: int
    images: int | None  # for training and validation together, at most; None means all
    repeats: int  # N
    filters: int  # F
    epochs: int
    batch_size: int
    drop_path_keep: float  # see `Recipe`
    skeleton: str  # see `models.cells.SKELETONS`
    seed: int
    # See `devices.description`.
    device: str = field(default_factory=lambda: devices.of_workers()["device"])
    convolutions: str = field(default_factory=lambda: devices.of_workers()["convolutions"])

    @classmethod
    def of(cls, run: CellRun, genotype: Genotype, dataset: str) -> "FullTraining":
        """Return the training that a run's budget allows."""
        budget, full = run.budget, ("images", "repeats", "filters", "epochs", "skeleton")
        sizes = {name: getattr(budget, f"full_{name}") for name in full}
        sizes |= {name: getattr(budget, name) for name in ("batch_size", "drop_path_keep")}
        sizes["image_size"] = getattr(budget, "full_size", run.settings.image_size)
        return cls(genotype=genotype, dataset=dataset, seed=run.seed, **sizes)

    @property
    def from_files(self) -> bool:
        return self.image_size == preprocessing.SIZE  # else held in memory

    @property
    def recipe(self) -> Recipe:
        """The paper's recipe for cells on ImageNet, or on CIFAR, scaled."""
        if self.from_files:
            return recipes.imagenet_recipe(self.epochs, self.batch_size)
        return recipes.cell_recipe(self.epochs, self.batch_size, drop_path_keep=self.drop_path_keep)

    @property
    def key(self) -> str:
        """Digits that change with all but the names of genotype and data set."""
        train, test, _ = self.load_images()
        nameless = str(replace(self.genotype, name=""))
        parts = asdict(self) | {"genotype": nameless, "dataset": [train.identity, test.identity]}
        return provenance.key(revision=REVISION, recipe=self.recipe.description, **parts)

    def build(self, classes: int) -> CellNetwork:
        """Return the network, its weights drawn by torch's generator; errors as `CellNetwork`."""
        sizes = {"classes": classes, "filters": self.filters, "repeats": self.repeats}
        auxiliary = self.image_size if self.recipe.auxiliary_weight else None
        return CellNetwork(self.genotype, skeleton=self.skeleton, auxiliary_size=auxiliary, **sizes)

    def load_images(self) -> tuple[Images | ImageFiles, Images | ImageFiles, int]:
        """Return training images, test images, and the number of classes."""
        if self.from_files:
            loaded: Split = datasets.load_files(self.dataset)
        else:
            loaded = datasets.load_reduced(self.dataset, self.image_size, None, None)
        train = loaded.train.joined(loaded.validation)
        return train.first(self.images), loaded.test, len(loaded.classes)


def load_beside(run: CellRun) -> list[Genotype]:
    """Return the cells to train beside those that a run finds, once all can be trained.

    Raises:
        FileNotFoundError: damaged or missing files of a data set.
        ValueError: as `checks.read_beside`, or images that cannot be trained on.
    """
    beside = checks.read_beside(run)
    for dataset in filter(None, (run.dataset, run.transfer)):
        plan = FullTraining.of(run, genotypes.NASNET_A, dataset)
        images, _, classes = plan.load_images()
        with torch.device("meta"):
            plan.build(classes)
        if (count := len(images)) < (least := plan.batch_size):
            raise ValueError(f"{dataset} has {count} images to train on, expected {least} or more")
    return beside


def train_cells(
    run: CellRun, cells: Sequence[Genotype], *, workers: str = "auto"
) -> dict[str, xr.Dataset]:
    """Train cells fully on each of a run's data sets; return `train_all_fully`'s table of each."""
    names = filter(None, (run.dataset, run.transfer))
    plans = {name: [FullTraining.of(run, cell, name) for cell in cells] for name in names}
    seeds = range(run.seed, run.seed + run.budget.full_trainings)
    return {name: train_all_fully(plans[name], seeds, workers=workers) for name in plans}


def train_all_fully(
    plans: list[FullTraining], seeds: Sequence[int], *, workers: str = "auto"
) -> xr.Dataset:
    """Train networks side by side; what is finished or begun is not done again.

    Args:
        plans: alike but for their genotypes, which differ by name.
        seeds: of the trainings of each, instead of the plans' own.
        workers: see `dask_workers.open_workers`.

    Returns:
        What `train_fully` gives, over network, by the genotypes' names; and over training, by the
        seeds, what `OF_TRAININGS` names.

    Raises:
        ValueError: equal names; errors of a training when the other networks have ended.
    """
    names = [plan.genotype.name for plan in plans]
    if len(set(names)) < len(names):
        raise ValueError(f"networks are named {', '.join(names)}, expected different names")
    asked = [[replace(plan, seed=seed) for plan in plans] for seed in seeds]
    keys = [[plan.key for plan in row] for row in asked]
    different = dict(zip(chain(*keys), chain(*asked)))
    work = partial(train_fully, progress=check_workers(workers) == "0")
    bar = tqdm(total=len(different), unit="network", desc="full training")
    with dask_workers.open_workers(workers) as opened, bar:
        futures = {key: opened.submit(work, plan, key) for key, plan in different.items()}
        for future in as_completed(futures.values()):
            bar.update(future.exception() is None)
    rows = []
    for row in keys:
        found = [(futures[key].result(), str(plan.genotype)) for key, plan in zip(row, plans)]
        named = [one.assign(genotype=text, provenance=one.provenance) for one, text in found]
        rows.append(xr.concat(named, "network", combine_attrs="drop", data_vars="all"))
    options: dict[str, Any] = {"compat": "equals", "combine_attrs": "drop"}
    whole = xr.concat(rows, "training", data_vars=OF_TRAININGS, **options)
    settings = asdict(plans[0]) | {"recipe": json.dumps(plans[0].recipe.description)}
    del settings["genotype"], settings["seed"]
    settings = {name: value for name, value in settings.items() if value is not None}
    return whole.assign_coords(network=names, training=list(seeds)).assign_attrs(settings)


def train_fully(
    plan: FullTraining, planned: str | None = None, *, progress: bool = True
) -> xr.Dataset:
    """Train a network, or go on from its last checkpoint, and test it.

    `parallel.run(train_fully, plan, processes=2)` divides each batch between two processes, for the
    same network up to rounding. So does torchrun, with `parallel.group` around the call; all ranks
    return the same. One that is finished is read from its file.

    Args:
        planned: the plan's key where it was made; what it is here if not given.

    Returns:
        Dataset with training_loss over epoch, and of the network test_accuracy and test_top5 (in
        [0, 1], NaN if it diverged), test_images, parameters (without auxiliary classifier),
        multiply_adds and examples, the genotype's text, and provenance as an attribute.

    Raises:
        RuntimeError: planned for another device than this one, or with other images or code.
    """
    key = parallel.once(lambda: plan.key)  # rank 0 alone prepares the images' files
    if planned not in (None, key):
        told = f"this process has other images of {plan.dataset}, or other code, than {planned} was"
        advice = "give all processes the same files and package, and start again"
        raise RuntimeError(f"{told} planned with: {advice}")
    path = paths.cache() / "cells" / f"{key}.nc"
    finished = parallel.once(lambda: xr.load_dataset(path) if path.exists() else None)
    if finished is not None:
        return finished.assign(genotype=str(plan.genotype))
    devices.require({"device": plan.device, "convolutions": plan.convolutions})
    images, test, classes = plan.load_images()
    with devices.one_thread():
        trainer = Trainer.begin(partial(plan.build, classes), images, plan.recipe, seed=plan.seed)
        model, accuracy, top5, failure = trainer.model, float("nan"), float("nan"), ""
        name = plan.genotype.name if progress else None
        checkpoint = path.with_suffix(".pt")
        try:
            table = checkpoints.train_with_checkpoints(trainer, checkpoint, dict, name=name)
            accuracy, top5 = parallel.once(_test, model, test)
        except Diverged as problem:
            loss = np.full(plan.epochs + 1, np.nan)
            table = xr.Dataset({"training_loss": ("epoch", loss)}, {"epoch": np.arange(len(loss))})
            table.attrs["provenance"] = json.dumps([checkpoints.start()])
            failure = str(problem)
    table = table[["training_loss"]].assign(
        genotype=str(plan.genotype),
        test_accuracy=accuracy,
        test_top5=top5,
        test_images=len(test),
        parameters=complexity.parameters(model),
        multiply_adds=complexity.multiply_adds(model, plan.image_size),
        examples=trainer.examples,
        failure=failure,
    )
    parallel.once(paths.save_table, table, path)
    return table


def _test(model: nn.Module, test: Images | ImageFiles) -> tuple[float, float]:
    """Return top-1 and top-5 accuracy; with fewer than five classes the latter is 1."""
    scores = activations.class_scores(model, test)
    top5 = activations.top_k(scores, test.labels, min(5, scores.shape[1]))
    return activations.accuracy(scores, test.labels), top5
