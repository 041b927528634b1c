"""Evaluation of one candidate: build it, train it, measure accuracy and RDMs on the way."""

import json
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import nn

from sage.compute import devices
from sage.config import provenance
from sage.config.profiles import Profile
from sage.images import datasets, preprocessing
from sage.images.datasets import Dataset, Images
from sage.images.image_files import ImageFiles
from sage.images.stimuli import StimulusSet
from sage.models import Classifier, complexity, zero_cost
from sage.rsa import activations
from sage.search.builders import Builder, ConvolutionalBuilder
from sage.search.record import Evaluation, Snapshot
from sage.spaces import Architecture
from sage.teachers import assemblies
from sage.training.trainer import Diverged, Trainer

# Part of a study's key. Raise it with any change of the code that changes what an evaluation gives.
REVISION = 4


class Loaded(NamedTuple):
    """The images that candidates are trained on, and the stimuli that they are shown."""

    images: Dataset
    stimuli: list[StimulusSet]


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """Everything besides architecture and seed that determines an evaluation's result.

    Args:
        dataset: name of the data set; fields that are not below are those of `Profile`.
        networks: builds the networks, and says how they are trained.
        recordings: files whose stimuli networks are shown too, after the validation images.
        recording_images: rows in image-level RDMs of their stimuli.
        test: show the test images at the end.
        rivals: measure zero-cost proxies before training, and Gram matrices besides RDMs.
        device: as in `devices.description`, like `convolutions`.
    """

    dataset: str
    image_size: int
    train_images: int | None
    validation_images: int | None
    networks: Builder
    mature_epochs: int
    snapshots: tuple[float, ...]
    batch_size: int
    rdm_units: int
    rdm_images: int
    recordings: tuple[str, ...] = ()
    recording_images: int | None = None
    test: bool = False
    rivals: bool = False
    device: str = field(default_factory=lambda: devices.of_workers()["device"])
    convolutions: str = field(default_factory=lambda: devices.of_workers()["convolutions"])

    @classmethod
    def of(cls, profile: Profile, dataset: str) -> "EvaluationProtocol":
        """Return the protocol of a profile's pool."""
        names = cls.__dataclass_fields__.keys() & Profile.__dataclass_fields__.keys()
        found: dict = {name: getattr(profile, name) for name in names} | {"rivals": True}
        networks = ConvolutionalBuilder(layers=profile.layers, width=profile.width)
        rows = profile.rdm_images
        return cls(dataset=dataset, networks=networks, recording_images=rows, **found)

    def description(self, loaded: Loaded | None = None) -> dict:
        """Return all that determines a result, with the content of images, JSON-ready.

        Args:
            loaded: what `load` gave; loaded if not given.
        """
        images, (validation, *recorded) = loaded or self.load()
        found = asdict(self) | {
            "revision": REVISION,
            "networks": self.networks.description,
            "recipe": self.networks.recipe(self.mature_epochs, self.batch_size).description,
            "training": images.train.identity,
            "stimuli": validation.identity,
        }
        # The content of recordings' stimuli counts, not their files' names.
        del found["recordings"], found["recording_images"]
        if self.test:
            found["testing"] = images.test.identity
        if recorded:
            found["recordings"] = sorted(stimuli.identity for stimuli in recorded)
        return found

    def load(self) -> Loaded:
        """Return the images that candidates are trained on, and the stimuli they are shown."""
        images = self.load_images()
        return Loaded(images, self.stimuli(images))

    def load_images(self) -> Dataset:
        """Return the images that candidates are trained on and shown."""
        counts = self.train_images, self.validation_images
        return datasets.load_reduced(self.dataset, self.image_size, *counts)

    def stimuli(self, images: Dataset) -> list[StimulusSet]:
        """Return what candidates are shown: the validation images, then those of recordings."""
        size, rows = self.image_size, self.recording_images
        recorded = [assemblies.read_stimuli(path, size, rows) for path in self.recordings]
        return [images.stimuli(self.rdm_images), *recorded]


@devices.patient
def evaluate(
    protocol: EvaluationProtocol,
    architecture: Architecture,
    seed: int,
    *,
    described: str | None = None,
) -> Evaluation:
    """Train a candidate up to the last of the protocol's epochs, with a snapshot at each of them.

    A candidate that diverges ends early: its evaluation has the snapshots up to then and says why.

    Args:
        described: the protocol's `description` as JSON text where the candidate was proposed, with
            sorted keys; what is here now if not given.

    Raises:
        Unfit: the protocol is of another device, or of other images, stimuli or code.
    """
    began = time.perf_counter()
    devices.require({"device": protocol.device, "convolutions": protocol.convolutions})
    described = described or json.dumps(protocol.description(), sort_keys=True)
    loaded = _load_described(protocol, described)
    images = loaded.images
    snapshots: list[Snapshot] = []
    found: dict = {"state": "finished", "failure": None, "test_accuracy": None}
    with devices.one_thread():
        trainer = _trainer(protocol, architecture, seed, images)
        model = trainer.model
        found["parameters"] = complexity.parameters(model)
        found["multiply_adds"] = complexity.multiply_adds(model, protocol.image_size)
        found["proxies"] = _proxies(trainer) if protocol.rivals else {}
        try:
            for epoch in protocol.snapshots:
                trainer.advance(epoch)
                snapshots.append(_measure(trainer, epoch, loaded, protocol))
            if protocol.test:
                found["test_accuracy"] = accuracy(model, images.test)
        except Diverged as problem:
            found |= {"state": "diverged", "failure": str(problem)}
    return Evaluation(
        **found,
        seconds=time.perf_counter() - began,
        hardware=provenance.hardware(),
        losses=trainer.losses.cpu().numpy(),
        snapshots=tuple(snapshots),
    )


@devices.patient
def train_again(protocol: EvaluationProtocol, architecture: Architecture, seed: int) -> Classifier:
    """Return a candidate as an evaluation leaves it, on the CPU: the record holds no weights.

    On the same device it is the same network. What is known of it is `accuracy` on validation
    images, which an evaluation has on record too, `dataset`, `epochs` and `seed`.

    Raises:
        Unfit: the protocol is of another device.
        Diverged: as `Trainer.advance`.
    """
    devices.require({"device": protocol.device, "convolutions": protocol.convolutions})
    images, epochs = protocol.load_images(), protocol.snapshots[-1]
    with devices.one_thread():
        trainer = _trainer(protocol, architecture, seed, images)
        for epoch in protocol.snapshots:
            trainer.advance(epoch)
        reached = accuracy(trainer.model, images.validation)
    about = {"accuracy": reached, "dataset": protocol.dataset, "epochs": epochs, "seed": seed}
    return Classifier(trainer.model.cpu(), images.classes, protocol.image_size, about).eval()


def _trainer(
    protocol: EvaluationProtocol, architecture: Architecture, seed: int, images: Dataset
) -> Trainer:
    build = partial(protocol.networks.build, architecture, classes=len(images.classes))
    recipe = protocol.networks.recipe(protocol.mature_epochs, protocol.batch_size)
    return Trainer.begin(build, images.train, recipe, seed=seed)


@lru_cache(maxsize=2)
def _load_described(protocol: EvaluationProtocol, described: str) -> Loaded:
    """Return what a protocol loads here, kept for the next candidates, if it is as described."""
    loaded = protocol.load()
    here = json.loads(json.dumps(protocol.description(loaded)))
    there = json.loads(described)
    names = sorted(here.keys() | there.keys())
    if differ := [name for name in names if here.get(name) != there.get(name)]:
        told = ", ".join(f"{name} {here.get(name)} instead of {there.get(name)}" for name in differ)
        advice = "give all processes the same files and package, and start the search again"
        raise devices.Unfit(
            f"this process would train candidates of another study, {told}: {advice}"
        )
    return loaded


def accuracy(model: nn.Module, images: Images | ImageFiles) -> float:
    """Return a network's accuracy in [0, 1] on labelled images."""
    return activations.accuracy(activations.class_scores(model, images), images.labels)


def _proxies(trainer: Trainer) -> dict[str, float]:
    """Measure zero-cost proxies on the first batch that the network is going to see."""
    ((images, labels),) = trainer.batches.steps(0, 1)
    try:
        return zero_cost.measure(
            trainer.model, preprocessing.as_shown(images, trainer.model), labels
        )
    finally:
        # float64 takes gigabytes that networks beside this one need. Does nothing without a GPU.
        torch.cuda.empty_cache()


def _measure(
    trainer: Trainer, epoch: float, loaded: Loaded, protocol: EvaluationProtocol
) -> Snapshot:
    began, (images, sets) = time.perf_counter(), loaded
    model = trainer.measured_model()
    layers = cast(tuple[str, ...], model.layer_names)
    options: dict[str, Any] = {"units": protocol.rdm_units, "seed": trainer.seed}
    options |= {"grams": protocol.rivals}
    measured = [activations.show(model, layers, stimuli, **options) for stimuli in sets]
    scores, labels = measured[0].scores, images.validation.labels
    return Snapshot(
        epoch=epoch,
        examples=trainer.examples,
        accuracy=activations.accuracy(scores, labels),
        loss=activations.loss(scores, labels),
        training_loss_sum=trainer.loss_sum.item(),
        images_shown=sum(len(stimuli.images) for stimuli in sets),
        seconds=time.perf_counter() - began,
        rdms={
            (stimuli.identity, level): rdms.astype(np.float16)
            for stimuli, one in zip(sets, measured)
            for level, rdms in one.rdms.items()
        },
    )
