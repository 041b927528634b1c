"""Full training of networks of cells: on all images but the test images, which are then shown once."""

import json
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from sage.compute import devices, parallel
from sage.config import paths, provenance
from sage.config.run import CellRun
from sage.images import datasets, preprocessing
from sage.images.datasets import Images
from sage.images.image_files import ImageFiles
from sage.models import complexity, genotypes
from sage.models.cells import CellNetwork
from sage.models.genotypes import Genotype
from sage.rsa import activations
from sage.search import dask_workers, evaluation
from sage.training import checkpoints, recipes
from sage.training.recipes import Recipe
from sage.training.trainer import Diverged, Trainer

# Part of a network's key. Raise it with any change of the code that changes the trained network.
REVISION = 1


@dataclass(frozen=True, kw_only=True)
class FullTraining:
    """Everything that determines a fully trained network of cells.

    With images of `preprocessing.SIZE` pixels it is trained as the paper's networks on ImageNet are: on crops of images
    that are read from their files again and again.

    Args:
        images: training images at most, validation images among them; None means all. repeats: N. filters: F.
        skeleton: see `models.cells.SKELETONS`.
        drop_path_keep: see `Recipe`. device, convolutions: as in `devices.description`.
    """

    genotype: Genotype
    dataset: str
    image_size: int
    images: int | None
    repeats: int
    filters: int
    epochs: int
    batch_size: int
    drop_path_keep: float
    skeleton: str
    seed: int
    device: str = field(default_factory=lambda: devices.of_workers()["device"])
    convolutions: str = field(default_factory=lambda: devices.of_workers()["convolutions"])

    @classmethod
    def of(cls, run: CellRun, genotype: Genotype, dataset: str) -> "FullTraining":
        """As the run's budget says."""
        budget = run.budget
        return cls(
            genotype=genotype,
            dataset=dataset,
            image_size=getattr(budget, "full_size", run.settings.image_size),
            images=budget.full_images,
            repeats=budget.full_repeats,
            filters=budget.full_filters,
            epochs=budget.full_epochs,
            batch_size=budget.batch_size,
            drop_path_keep=budget.drop_path_keep,
            skeleton=budget.full_skeleton,
            seed=run.seed,
        )

    @property
    def from_files(self) -> bool:
        """Whether images are read from files at every step, rather than held in memory."""
        return self.image_size == preprocessing.SIZE

    @property
    def recipe(self) -> Recipe:
        """The paper's for cells on ImageNet, or on CIFAR, scaled."""
        if self.from_files:
            return recipes.imagenet_recipe(self.epochs, self.batch_size)
        return recipes.cell_recipe(self.epochs, self.batch_size, drop_path_keep=self.drop_path_keep)

    @property
    def key(self) -> str:
        """Changes with everything but the genotype's name; the images' content counts, not their data set's name."""
        train, test, _ = self.load_images()
        nameless = str(replace(self.genotype, name=""))
        parts = asdict(self) | {"genotype": nameless, "dataset": [train.identity, test.identity]}
        return provenance.key(revision=REVISION, recipe=self.recipe.description, **parts)

    def build(self, classes: int) -> CellNetwork:
        """The network, its weights drawn by torch's generator.

        Raises:
            ValueError: images too small for the auxiliary classifier.
        """
        return CellNetwork(
            self.genotype,
            classes=classes,
            filters=self.filters,
            repeats=self.repeats,
            skeleton=self.skeleton,
            auxiliary_size=self.image_size if self.recipe.auxiliary_weight else None,
        )

    def load_images(self) -> tuple[Images | ImageFiles, Images | ImageFiles, int]:
        """Training images, test images, and the number of classes.

        Raises:
            FileNotFoundError or ValueError: as `datasets.load_dataset` or `datasets.load_files`.
        """
        if self.from_files:
            loaded = datasets.load_files(self.dataset)
        else:
            loaded = datasets.load_reduced(self.dataset, self.image_size, None, None)
        train = loaded.train.joined(loaded.validation)
        return train.first(self.images), loaded.test, len(loaded.classes)


def check_cells(run: CellRun) -> list[Genotype]:
    """Whether a run's cells can be trained fully, before any training; gives the cells that stand beside.

    Raises:
        FileNotFoundError: no such file or data set. ValueError: an unknown cell or one whose name is taken, the
            run's data set as the second, images too small, or too many files that cannot be read as images.
    """
    beside = [genotypes.load_genotype(name) for name in run.beside.split()]
    names = [genotype.name for genotype in beside]
    found = {
        f"{searcher} {score}" for searcher in run.searchers.split() for score in run.scores.split()
    }
    taken = found | {f"{name}-sep" for name in found}  # what the run calls the cells that it finds
    if len(set(names)) < len(names) or taken & set(names):
        raise ValueError(
            f"beside is {run.beside!r}, cells named {', '.join(names)}; expected different names, and none of a cell "
            f"that the run finds: {', '.join(sorted(taken))}"
        )
    if run.transfer == run.dataset:
        raise ValueError(
            f"transfer is {run.transfer!r}, the run's own data set; expected another or nothing"
        )
    for dataset in data_sets(run):
        planned = FullTraining.of(run, genotypes.NASNET_A, dataset)
        images, _, classes = planned.load_images()
        with torch.device("meta"):
            planned.build(classes)
        if len(images) < planned.batch_size:
            raise ValueError(
                f"{dataset} has {len(images)} images to train on, expected {planned.batch_size} or more"
            )
    return beside


def data_sets(run: CellRun) -> list[str]:
    """Those on which cells are trained fully."""
    return [run.dataset, *filter(None, [run.transfer])]


def train_fully(planned: FullTraining, *, progress: bool = True) -> xr.Dataset:
    """Train a network, or go on from its last checkpoint, and test it; one that is finished is read from its file.

    `parallel.run(train, planned, processes=2)` divides each batch between two processes, for the same network up to
    rounding. So does torchrun, with `parallel.group` around the call; all ranks return the same.

    Args:
        progress: show a bar.

    Returns:
        Dataset with training_loss over epoch, and of the network test_accuracy and test_top5 (in [0, 1], NaN if it
        diverged), test_images, parameters (without auxiliary classifier), multiply_adds and examples, the genotype's text,
        and provenance as an attribute.

    Raises:
        ValueError: as `checkpoints.train_with_checkpoints`, or images too small for the auxiliary classifier. RuntimeError: planned
            for another device than this one.
    """
    key = parallel.once(
        lambda: planned.key
    )  # rank 0 alone makes the images' files, if there are none yet
    path = paths.cache() / "cells" / f"{key}.nc"
    finished = parallel.once(lambda: xr.load_dataset(path) if path.exists() else None)
    if finished is not None:
        return finished.assign(genotype=str(planned.genotype))
    devices.require({"device": planned.device, "convolutions": planned.convolutions})
    images, test, classes = planned.load_images()
    with devices.one_thread():
        with devices.weights_from(planned.seed):
            model = planned.build(classes)
        trainer = Trainer(
            model, images, planned.recipe, seed=planned.seed, device=devices.default()
        )
        accuracy, top5, failure = float("nan"), float("nan"), ""
        try:
            name = planned.genotype.name if progress else None
            table = checkpoints.train_with_checkpoints(
                trainer, path.with_suffix(".pt"), dict, name=name
            )
            accuracy, top5 = parallel.once(_test, model, test)
        except Diverged as problem:
            empty = np.full(planned.epochs + 1, np.nan)
            table = xr.Dataset(
                {"training_loss": ("epoch", empty)}, {"epoch": np.arange(planned.epochs + 1)}
            )
            table.attrs["provenance"] = json.dumps([checkpoints.start()])
            failure = str(problem)
    table = table[["training_loss"]].assign(
        genotype=str(planned.genotype),
        test_accuracy=accuracy,
        test_top5=top5,
        test_images=len(test),
        parameters=complexity.parameters(model),
        multiply_adds=complexity.multiply_adds(model, planned.image_size),
        examples=trainer.examples,
        failure=failure,
    )
    parallel.once(paths.save_table, table, path)
    return table


def _test(model: CellNetwork, test: Images | ImageFiles) -> tuple[float, float]:
    """Top-1 and top-5 accuracy; with fewer than five classes the latter is 1."""
    scores = evaluation.class_scores(model, test)
    return activations.accuracy(scores, test.labels), activations.top_k(
        scores, test.labels, min(5, scores.shape[1])
    )


def train_all_fully(plans: list[FullTraining], *, workers: str = "auto") -> xr.Dataset:
    """Train networks side by side; what is finished or begun is not done again.

    Args:
        plans: alike but for their genotypes, which differ by name. workers: see `dask_workers.open_workers`.

    Returns:
        What `train_fully` gives, over network, by the genotypes' names.

    Raises:
        ValueError: names that are not different. As `train_fully`, when the others have ended; LostScheduler or WorkerDied
        as the workers.
    """
    names = [planned.genotype.name for planned in plans]
    if len(set(names)) < len(names):
        raise ValueError(f"networks are named {', '.join(names)}, expected different names")
    by_key: dict[str, list[FullTraining]] = {}
    for planned in plans:
        by_key.setdefault(planned.key, []).append(planned)
    work = partial(train_fully, progress=workers == "0")
    with (
        dask_workers.open_workers(workers) as opened,
        tqdm(total=len(by_key), unit="network", desc="full training") as bar,
    ):
        futures = {opened.submit(work, same[0]): same for same in by_key.values()}
        for future in as_completed(futures):
            bar.update(future.exception() is None)
    tables = {
        planned.genotype.name: future.result()
        for future, same in futures.items()
        for planned in same
    }
    named = [
        tables[name].assign(
            genotype=str(planned.genotype), provenance=tables[name].attrs["provenance"]
        )
        for planned in plans
        for name in [planned.genotype.name]
    ]
    whole = xr.concat(named, "network", combine_attrs="drop", data_vars="all")
    settings = {
        name: value
        for name, value in asdict(plans[0]).items()
        if name != "genotype" and value is not None
    }
    return whole.assign_coords(network=[planned.genotype.name for planned in plans]).assign_attrs(
        settings | {"recipe": json.dumps(plans[0].recipe.description)}
    )
