"""Where a teacher's RDMs come from: a trained network, a control, or a file."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import xarray as xr
from torch import nn

from sage import (
    assemblies, checkpoints, cost, datasets, devices, guidance, objects, paths, provenance, responses, simulation, training,
)  # fmt: skip
from sage.datasets import Dataset
from sage.guidance import Teacher, TeacherLayer
from sage.models.resnet import ResNet
from sage.profiles import Profile
from sage.recordings import Region
from sage.run import MacaqueRun
from sage.stimuli import StimulusSet


# Part of a trained teacher's key. Raise it with any change of the code that changes the trained network.
REVISION = 1


def load(name: str, profile: Profile, dataset: str, *, seed: int) -> Teacher:
    """A teacher by name, from the NetCDF bank that the name is the path of, or from files of recordings.

    A named teacher is measured once: its bank is kept, since the last digits of what is measured change with
    the machine and the number of its cores, and searches are on record under the teacher's content.

    Raises:
        ValueError: nothing of these. Reading raises as `guidance.read_teacher` or `assemblies.read` does.
    """
    if name.endswith(".nc"):
        files = name.split()
        if assemblies.holds_recordings(Path(files[0])):
            return recordings(files, size=profile.image_size, images=profile.rdm_images)
        return guidance.read_teacher(Path(name))
    if name not in TEACHERS:
        raise ValueError(
            f"unknown teacher {name!r}, expected one of {', '.join(TEACHERS)}, a bank's path (.nc), or files of recordings"
        )
    images = load_images(profile, dataset)
    key = provenance.key(
        state=_state_key(profile, images, seed),
        stimuli=images.stimuli(profile.rdm_images).identity,
        units=profile.rdm_units,
    )
    bank = paths.cache() / "teachers" / f"{name}-{key}.nc"
    if not bank.exists():
        TEACHERS[name](name, profile, dataset, seed).save(bank)
    return guidance.read_teacher(bank)


def load_images(profile: Profile, dataset: str) -> Dataset:
    """The teacher's training images, and the validation images that candidates are shown too."""
    return datasets.load_reduced(
        dataset, profile.image_size, profile.teacher_images, profile.validation_images
    )


def from_network(
    name: str, model: nn.Module, layers: tuple[str, ...], stimuli: StimulusSet, *, units: int, seed: int
) -> Teacher:
    """A teacher from any network: RDMs of the named submodules' outputs.

    Args:
        layers: names as in `model.named_modules()`. units: drawn once per layer from `seed`.
    """
    device = devices.default()
    shown = responses.show(model.to(device), layers, stimuli, units=units, seed=seed, device=device)
    return Teacher(
        name,
        tuple(
            TeacherLayer(layer, stimuli.identity, {level: rdms[index] for level, rdms in shown.rdms.items()})
            for index, layer in enumerate(layers)
        ),
    )


def recordings(
    files: Iterable[Path | str],
    *,
    size: int,
    images: int | None = None,
    regions: Iterable[str] = (),
    window: tuple[float, float] | None = None,
) -> Teacher:
    """A teacher from files of recordings or of published RDMs: a layer for each region, see `assemblies.read`."""
    return from_recordings(assemblies.read(files, size=size, images=images, regions=regions, window=window))


def from_recordings(regions: Sequence[Region]) -> Teacher:
    """A teacher from what was recorded: a layer for each region, see `assemblies.read`."""
    return Teacher(
        " + ".join(dict.fromkeys(one.path.stem for one in regions)),
        tuple(
            TeacherLayer(one.region, one.stimuli.identity, {level: one.rdm(level) for level in one.levels})
            for one in regions
        ),
        recordings=tuple(dict.fromkeys(str(one.path) for one in regions)),
    )


def recorded(run: MacaqueRun) -> list[Region]:
    """The regions of a run's recordings, which are simulated first if they are to be.

    Raises:
        FileNotFoundError, ValueError: as `assemblies.read`.
    """
    files = run.recordings.split()
    if files == ["simulated"]:
        files = [_simulated(run)]
    budget = run.budget
    return assemblies.read(files, size=budget.image_size, images=budget.recording_images, regions=run.named_regions)


def _simulated(run: MacaqueRun) -> Path:
    """The file of simulated recordings from the run's own ResNet, which are made once."""
    profile, budget = run.settings, run.budget
    settings = {
        "images": budget.stimuli, "size": max(budget.image_size, profile.image_size), "shown_size": profile.image_size,
        "trials": budget.trials, "seed": run.seed,
    }  # fmt: skip
    network = _state_key(profile, load_images(profile, run.dataset), run.seed)
    key = provenance.key(
        revision=simulation.REVISION, renderer=objects.source_digest(), network=network, sites=simulation.SITES, **settings
    )
    path = paths.cache() / "recordings" / f"simulated-{key}.nc"
    if not path.exists():
        model, _ = train_resnet(profile, run.dataset, seed=run.seed)
        table = simulation.record(model, model.layer_names, **settings)
        paths.save_table(table.assign_attrs(provenance=json.dumps(provenance.stamp())), path)
    return path


def train_resnet(profile: Profile, dataset: str, *, seed: int) -> tuple[ResNet, xr.Dataset]:
    """The trained teacher network and its learning curve over `epoch`, see `checkpoints.train`."""
    images = load_images(profile, dataset)
    model = _build_resnet(profile, images, seed)
    device = devices.default()
    trainer = training.Trainer(
        model, images.train.images, images.train.labels, _recipe(profile), seed=seed, device=device
    )

    def measure() -> dict[str, float]:
        stimuli = images.stimuli(profile.rdm_images)
        scores = responses.show(model, (), stimuli, units=0, seed=seed, device=device).scores
        labels = images.validation.labels
        return {"accuracy": responses.accuracy(scores, labels), "loss": responses.loss(scores, labels)}

    path = paths.cache() / "teachers" / f"resnet-{_state_key(profile, images, seed)}.pt"
    curve = checkpoints.train(trainer, path, measure, name="teacher")
    layers = 6 * profile.teacher_blocks + 2
    return model, curve.assign_attrs(
        teacher=f"ResNet-{layers} (n = {profile.teacher_blocks}), width {profile.teacher_width}",
        parameters=cost.parameters(model),
    )


def training_examples(name: str, profile: Profile, dataset: str) -> float:
    """Examples that a teacher's own training processed; NaN for one from a file, which does not say."""
    if name.endswith(".nc"):
        return float("nan")
    if TEACHERS[name] is not _trained_resnet:
        return 0.0
    steps = len(load_images(profile, dataset).train) // profile.batch_size
    return float(profile.teacher_epochs * steps * profile.batch_size)


def _trained_resnet(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """The paper's teacher: ends of the three stages of a residual network, trained."""
    model, _ = train_resnet(profile, dataset, seed=seed)
    return _resnet_teacher(name, model, profile, dataset, seed)


def _untrained_resnet(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """A control: the same network with its initial weights."""
    model = _build_resnet(profile, load_images(profile, dataset), seed)
    return _resnet_teacher(name, model, profile, dataset, seed)


def _pixels(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """A control without a network: the standardised images themselves."""
    stimuli = load_images(profile, dataset).stimuli(profile.rdm_images)
    identity = nn.Sequential(OrderedDict(pixels=nn.Identity()))
    return from_network(name, identity, ("pixels",), stimuli, units=profile.rdm_units, seed=seed)


TEACHERS = {"resnet": _trained_resnet, "resnet-untrained": _untrained_resnet, "pixels": _pixels}


def _resnet_teacher(name: str, model: ResNet, profile: Profile, dataset: str, seed: int) -> Teacher:
    stimuli = load_images(profile, dataset).stimuli(profile.rdm_images)
    measured = from_network(name, model, model.layer_names, stimuli, units=profile.rdm_units, seed=seed)
    named = (replace(layer, name=f"L{number}") for number, layer in enumerate(measured.layers, 1))
    return replace(measured, layers=tuple(named))


def _build_resnet(profile: Profile, images: Dataset, seed: int) -> ResNet:
    with devices.weights_from(seed):
        return ResNet(blocks=profile.teacher_blocks, width=profile.teacher_width, classes=len(images.classes))


def _recipe(profile: Profile) -> training.Recipe:
    return training.teacher_recipe(profile.teacher_epochs, profile.batch_size)


def _state_key(profile: Profile, images: Dataset, seed: int) -> str:
    """Of all that determines the trained network."""
    return provenance.key(
        revision=REVISION,
        training=images.train.identity,
        validation=images.validation.identity,
        blocks=profile.teacher_blocks,
        width=profile.teacher_width,
        recipe=_recipe(profile).description,
        seed=seed,
        **devices.description(),
    )
