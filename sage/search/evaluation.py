"""Evaluation of one candidate: build it, train it, measure accuracy and RDMs on the way."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from sage.compute import devices
from sage.config import provenance
from sage.config.profiles import Profile
from sage.images import datasets, preprocessing
from sage.images.datasets import Dataset, Images
from sage.images.image_files import ImageFiles
from sage.images.stimuli import StimulusSet
from sage.models import complexity, zero_cost
from sage.rsa import activations
from sage.search.builders import Builder, ConvolutionalBuilder
from sage.search.record import Evaluation, Snapshot
from sage.spaces import Architecture
from sage.teachers import assemblies
from sage.training.trainer import Diverged, Trainer

# Part of a study's key. Raise it with any change of the code that changes what an evaluation gives.
REVISION = 3


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """Everything besides architecture and seed that determines what an evaluation gives.

    `networks` are what is evaluated; the fields besides are those of `Profile`, with the data set's name; `test`
    shows the test images at the end, `rivals` measures zero-cost proxies before training and Gram matrices besides
    RDMs, `device` and `convolutions` are as in `devices.description`. Networks are shown
    the validation images, and the stimuli of the files `recordings`, with `recording_images` rows in image-level RDMs.
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
        """The protocol of a profile's pool."""
        names = cls.__dataclass_fields__.keys() & Profile.__dataclass_fields__.keys()
        networks = ConvolutionalBuilder(layers=profile.layers, width=profile.width)
        same = {name: getattr(profile, name) for name in names}
        return cls(
            dataset=dataset,
            networks=networks,
            recording_images=profile.rdm_images,
            rivals=True,
            **same,
        )

    def description(self) -> dict:
        """All that determines an evaluation, the images' content and the kind of device included; JSON-ready."""
        images = self.load_images()
        validation, *recorded = self.stimuli(images)
        left_out = {"recordings", "recording_images"}  # what the files hold counts
        return {
            **{name: value for name, value in asdict(self).items() if name not in left_out},
            "revision": REVISION,
            "networks": self.networks.description,
            "recipe": self.networks.recipe(self.mature_epochs, self.batch_size).description,
            "training": images.train.identity,
            "stimuli": validation.identity,
            **(
                {"recordings": sorted(stimuli.identity for stimuli in recorded)} if recorded else {}
            ),
        }

    @property
    def key(self) -> str:
        """Of what evaluations are stored under: changes with anything in the description."""
        return provenance.key(**self.description())

    def load_images(self) -> Dataset:
        """The images that candidates are trained on and shown."""
        return datasets.load_reduced(
            self.dataset, self.image_size, self.train_images, self.validation_images
        )

    def stimuli(self, images: Dataset) -> list[StimulusSet]:
        """What candidates are shown: first the validation images among `images`, then those of recordings."""
        return [
            images.stimuli(self.rdm_images),
            *(
                assemblies.read_stimuli(path, self.image_size, self.recording_images)
                for path in self.recordings
            ),
        ]


@devices.patient
def evaluate(protocol: EvaluationProtocol, architecture: Architecture, seed: int) -> Evaluation:
    """Train a candidate up to the last of the protocol's epochs, with a snapshot at each of them.

    A candidate that diverges ends early: its evaluation has the snapshots up to then and says why.

    Raises:
        RuntimeError: the protocol is of another device than this one.
    """
    began = time.perf_counter()
    devices.require({"device": protocol.device, "convolutions": protocol.convolutions})
    device = devices.default()
    images = protocol.load_images()
    with devices.one_thread():
        with devices.weights_from(seed):
            model = protocol.networks.build(architecture, classes=len(images.classes))
        size = {
            "parameters": complexity.parameters(model),
            "multiply_adds": complexity.multiply_adds(model, protocol.image_size),
        }
        recipe = protocol.networks.recipe(protocol.mature_epochs, protocol.batch_size)
        trainer = Trainer(model, images.train, recipe, seed=seed, device=device)
        proxies = _proxies(trainer) if protocol.rivals else {}
        snapshots, test_accuracy, state, failure = [], None, "finished", None
        try:
            for epoch in protocol.snapshots:
                trainer.advance(epoch)
                snapshots.append(_measure(trainer, epoch, images, protocol, seed))
            if protocol.test:
                test_accuracy = accuracy(model, images.test)
        except Diverged as problem:
            state, failure = "diverged", str(problem)
    return Evaluation(
        state=state,
        failure=failure,
        **size,
        seconds=time.perf_counter() - began,
        test_accuracy=test_accuracy,
        hardware=provenance.hardware(),
        losses=trainer.losses.cpu().numpy(),
        proxies=proxies,
        snapshots=tuple(snapshots),
    )


def class_scores(model: nn.Module, images: Images | ImageFiles) -> Tensor:
    """[N, C] of images alone, such as those for testing; of files the centre is shown, as `central_crop` cuts it."""
    with closing(images.shown(activations.BATCH)) as batches:
        return activations.class_scores(model, batches)


def accuracy(model: nn.Module, images: Images | ImageFiles) -> float:
    """Accuracy in [0, 1] of a network on labelled images alone."""
    return activations.accuracy(class_scores(model, images), images.labels)


def _proxies(trainer: Trainer) -> dict[str, float]:
    """Zero-cost proxies of a network that was not trained yet, on the first batch that it is going to see."""
    ((images, labels),) = trainer.batches.steps(0, 1)
    try:
        return zero_cost.measure(trainer.model, preprocessing.standardise(images), labels)
    finally:
        torch.cuda.empty_cache()  # float64 takes gigabytes that networks beside this one need; without a GPU does nothing


def _measure(
    trainer: Trainer, epoch: float, images: Dataset, protocol: EvaluationProtocol, seed: int
) -> Snapshot:
    began = time.perf_counter()
    sets, model = protocol.stimuli(images), trainer.model
    chosen = {"units": protocol.rdm_units, "seed": seed, "grams": protocol.rivals}
    responded = [activations.show(model, model.layer_names, stimuli, **chosen) for stimuli in sets]
    scores, labels = responded[0].scores, images.validation.labels
    return Snapshot(
        epoch=epoch,
        examples=trainer.examples,
        accuracy=activations.accuracy(scores, labels),
        loss=activations.loss(scores, labels),
        training_loss_sum=trainer.loss_sum.item(),
        images_shown=sum(len(stimuli.images) for stimuli in sets),
        seconds=time.perf_counter() - began,
        rdms={
            (stimuli.identity, level): values.astype(np.float16)
            for stimuli, shown in zip(sets, responded)
            for level, values in shown.rdms.items()
        },
    )
