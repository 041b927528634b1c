"""Where a teacher's RDMs come from: a network that is trained here or elsewhere, a control, or a file."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from torch import nn

from sage.compute import devices
from sage.config import paths, provenance
from sage.config.profiles import Profile
from sage.config.run import SHUFFLED, MacaqueRun, file_name
from sage.images import datasets, objects
from sage.images.datasets import Dataset
from sage.images.stimuli import StimulusSet
from sage.models import complexity
from sage.models.cells import CellNetwork
from sage.models.genotypes import NASNET_A
from sage.models.resnet import ResNet
from sage.rsa import activations, guidance
from sage.rsa.guidance import Teacher, TeacherLayer
from sage.teachers import assemblies, external, simulation
from sage.teachers.recordings import Region
from sage.training import checkpoints, recipes
from sage.training.trainer import Trainer

# Part of a trained teacher's key. Raise it with any change of the code that changes the trained network.
REVISION = 1
BANK_REVISION = 2  # likewise of a bank's key and what is measured of a network


def load_teacher(name: str, profile: Profile, dataset: str, *, seed: int) -> Teacher:
    """A teacher by name: of `TEACHERS`, a network from elsewhere, the path of a bank, or files of recordings.

    A network is measured once: its bank is kept, since the last digits of what is measured change with the machine
    and the number of its cores, and searches are on record under the teacher's content. A network from elsewhere (see
    `external.load_network`) is measured anew when its weights have changed.

    Args:
        name: any of these, with "-shuffled" behind it for the control in which its stimuli have changed places.

    Raises:
        ValueError: nothing of these. Else as `guidance.read_teacher`, `assemblies.read` or `external.load_network`.
    """
    if name.endswith(SHUFFLED):
        return guidance.shuffled(
            load_teacher(name.removesuffix(SHUFFLED), profile, dataset, seed=seed), seed=seed
        )
    if name.endswith(".nc"):
        files = name.split()
        if assemblies.holds_recordings(Path(files[0])):
            return from_recording_files(files, size=profile.image_size, images=profile.rdm_images)
        return guidance.read_teacher(Path(name))
    if external.is_spec(name):
        return _from_outside(name, profile, dataset, seed)
    if name not in TEACHERS:
        raise ValueError(
            f"unknown teacher {name!r}, expected one of {', '.join(TEACHERS)}, {external.FORMS}, a bank's path (.nc), "
            f"or files of recordings; any of them can have {SHUFFLED} behind it"
        )
    images = load_images(profile, dataset)
    # Controls without a network are kept under ResNet's key.
    network = NETWORKS.get(name.removesuffix(UNTRAINED), _resnet)(profile)
    parts = {"state": _state_key(network, images, seed)}
    return _measured_once(
        name, parts, profile, images, lambda: TEACHERS[name](name, profile, dataset, seed)
    )


def _from_outside(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    model, layers = external.load_network(name, seed=seed)
    images = load_images(profile, dataset)
    stimuli, units = images.stimuli(profile.rdm_images), profile.rdm_units
    parts = {
        "network": external.identity(model),
        "layers": layers,
        "seed": seed,
        **devices.description(),
    }
    return _measured_once(
        name,
        parts,
        profile,
        images,
        lambda: from_network(name, model, layers, stimuli, units=units, seed=seed),
    )


def _measured_once(
    name: str, parts: dict, profile: Profile, images: Dataset, measure: Callable[[], Teacher]
) -> Teacher:
    """The teacher from its bank, which is made first if there is none; `parts` are what its network is known by."""
    described = {"stimuli": images.stimuli(profile.rdm_images).identity, "units": profile.rdm_units}
    key = provenance.key(revision=BANK_REVISION, **described, **parts)
    bank = paths.cache() / "teachers" / f"{file_name(name)}-{key}.nc"
    if not bank.exists():
        measure().save(bank)
    return guidance.read_teacher(bank)


def load_images(profile: Profile, dataset: str) -> Dataset:
    """The teacher's training images, and the validation images that candidates are shown too."""
    return datasets.load_reduced(
        dataset, profile.image_size, profile.teacher_images, profile.validation_images
    )


def from_network(
    name: str,
    model: nn.Module,
    layers: tuple[str, ...],
    stimuli: StimulusSet,
    *,
    units: int,
    seed: int,
) -> Teacher:
    """A teacher from any network: RDMs of the named submodules' outputs, and Gram matrices of single images.

    Args:
        layers: names as in `model.named_modules()`. units: drawn once per layer from `seed`.
    """
    device = devices.default()
    shown = activations.show(
        model.to(device),
        layers,
        stimuli,
        units=units,
        seed=seed,
        device=device,
        grams="image" in stimuli.conditions,
    )
    return Teacher(
        name,
        tuple(
            TeacherLayer(
                layer, stimuli.identity, {level: rdms[index] for level, rdms in shown.rdms.items()}
            )
            for index, layer in enumerate(layers)
        ),
    )


def from_recording_files(
    files: Iterable[Path | str],
    *,
    size: int,
    images: int | None = None,
    regions: Iterable[str] = (),
    window: tuple[float, float] | None = None,
) -> Teacher:
    """A teacher from files of recordings or of published RDMs: a layer for each region, see `assemblies.read`."""
    return from_recordings(
        assemblies.read(files, size=size, images=images, regions=regions, window=window)
    )


def from_recordings(regions: Sequence[Region]) -> Teacher:
    """A teacher from what was recorded: a layer for each region, see `assemblies.read`."""
    return Teacher(
        " + ".join(dict.fromkeys(one.path.stem for one in regions)),
        tuple(
            TeacherLayer(
                one.region, one.stimuli.identity, {level: one.rdm(level) for level in one.levels}
            )
            for one in regions
        ),
        recordings=tuple(dict.fromkeys(str(one.path) for one in regions)),
    )


def recorded_regions(run: MacaqueRun) -> list[Region]:
    """The regions of a run's recordings, which are simulated first if they are to be.

    Raises:
        FileNotFoundError, ValueError: as `assemblies.read`.
    """
    files = run.recordings.split()
    if files == ["simulated"]:
        files = [_simulated(run)]
    budget = run.budget
    return assemblies.read(
        files, size=budget.image_size, images=budget.recording_images, regions=run.named_regions
    )


def _simulated(run: MacaqueRun) -> Path:
    """The file of simulated recordings from the run's own ResNet, which are made once."""
    profile, budget = run.settings, run.budget
    settings = {
        "images": budget.stimuli,
        "size": max(budget.image_size, profile.image_size),
        "shown_size": profile.image_size,
        "trials": budget.trials,
        "seed": run.seed,
    }
    network = _state_key(_resnet(profile), load_images(profile, run.dataset), run.seed)
    key = provenance.key(
        revision=simulation.REVISION,
        renderer=objects.source_digest(),
        network=network,
        sites=simulation.SITES,
        **settings,
    )
    path = paths.cache() / "recordings" / f"simulated-{key}.nc"
    if not path.exists():
        model, _ = train_resnet(profile, run.dataset, seed=run.seed)
        table = simulation.record(model, model.layer_names, **settings)
        paths.save_table(table.assign_attrs(provenance=json.dumps(provenance.stamp())), path)
    return path


def train_resnet(profile: Profile, dataset: str, *, seed: int) -> tuple[ResNet, xr.Dataset]:
    """The paper's teacher network, as `train_network` gives it."""
    return train_network("resnet", profile, dataset, seed=seed)


def train_network(
    name: str, profile: Profile, dataset: str, *, seed: int
) -> tuple[nn.Module, xr.Dataset]:
    """A trained network of `NETWORKS` and its learning curve over `epoch`, see `checkpoints.train_with_checkpoints`."""
    images, network = load_images(profile, dataset), NETWORKS[name](profile)
    model = _build(network, images, seed)
    device = devices.default()
    trainer = Trainer(
        model, images.train.images, images.train.labels, network.recipe, seed=seed, device=device
    )

    def measure() -> dict[str, float]:
        stimuli = images.stimuli(profile.rdm_images)
        scores = activations.show(model, (), stimuli, units=0, seed=seed, device=device).scores
        labels = images.validation.labels
        return {
            "accuracy": activations.accuracy(scores, labels),
            "loss": activations.loss(scores, labels),
        }

    path = paths.cache() / "teachers" / f"{name}-{_state_key(network, images, seed)}.pt"
    curve = checkpoints.train_with_checkpoints(trainer, path, measure, name="teacher")
    return model, curve.assign_attrs(teacher=network.title, parameters=complexity.parameters(model))


def training_examples(name: str, profile: Profile, dataset: str) -> float:
    """Examples that a teacher's own training processed; NaN for one from elsewhere, unless its file says so.

    A bank does in an attribute `training_examples`.
    """
    name = name.removesuffix(SHUFFLED)
    if name.endswith(".nc") and Path(name).is_file():
        return float(xr.load_dataset(name, engine="h5netcdf").attrs.get("training_examples", "nan"))
    if name not in NETWORKS:
        return 0.0 if name in TEACHERS else float("nan")
    steps = len(load_images(profile, dataset).train) // profile.batch_size
    return float(profile.teacher_epochs * steps * profile.batch_size)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is trained here to be a teacher, at a profile's size.

    Args:
        title: its name and size, for people. settings: all that determines `build`, JSON-ready.
        build: the network of so many classes, its weights drawn by torch's generator.
        layers: submodules whose outputs are the teacher's layers L1, L2 and so on.
    """

    title: str
    settings: dict
    build: Callable[[int], nn.Module]
    recipe: recipes.Recipe
    layers: tuple[str, ...]


def _resnet(profile: Profile) -> Network:
    """The paper's teacher: ends of the three stages of a residual network."""
    blocks, width = profile.teacher_blocks, profile.teacher_width
    return Network(
        title=f"ResNet-{6 * blocks + 2} (n = {blocks}), width {width}",
        settings={"blocks": blocks, "width": width},
        build=lambda classes: ResNet(blocks=blocks, width=width, classes=classes),
        recipe=recipes.teacher_recipe(profile.teacher_epochs, profile.batch_size),
        layers=ResNet.layer_names,
    )


def _nasnet_a(profile: Profile) -> Network:
    """The paper's second teacher, NASNet-A: the last cell before each of the two reductions, and the last of all.

    It has the N, F and drop-path that the profile trains cells fully with, and the teacher's epochs.
    """
    cells = profile.cells
    repeats, filters = cells.full_repeats, cells.full_filters
    return Network(
        title=f"NASNet-A (N = {repeats}, F = {filters})",
        settings={"genotype": str(NASNET_A), "repeats": repeats, "filters": filters},
        build=lambda classes: CellNetwork(
            NASNET_A,
            classes=classes,
            filters=filters,
            repeats=repeats,
            auxiliary_size=profile.image_size,
        ),
        recipe=recipes.cell_recipe(
            profile.teacher_epochs, profile.batch_size, drop_path_keep=cells.drop_path_keep
        ),
        layers=tuple(f"cells.{place}" for place in (repeats - 1, 2 * repeats, 3 * repeats + 1)),
    )


NETWORKS: dict[str, Callable[[Profile], Network]] = {"resnet": _resnet, "nasnet-a": _nasnet_a}


def _trained(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    model, _ = train_network(name, profile, dataset, seed=seed)
    return _stages(name, model, NETWORKS[name](profile), profile, dataset, seed)


def _untrained(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """A control: a network with its initial weights."""
    network = NETWORKS[name.removesuffix(UNTRAINED)](profile)
    model = _build(network, load_images(profile, dataset), seed)
    return _stages(name, model, network, profile, dataset, seed)


def _pixels(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """A control without a network: the standardised images themselves."""
    stimuli = load_images(profile, dataset).stimuli(profile.rdm_images)
    identity = nn.Sequential(OrderedDict(pixels=nn.Identity()))
    return from_network(name, identity, ("pixels",), stimuli, units=profile.rdm_units, seed=seed)


def _labels(name: str, profile: Profile, dataset: str, seed: int) -> Teacher:
    """A control without a network: 0 between images of a class, 1 between classes.

    Of single images only, as class means are all as different as any two.
    """
    stimuli = load_images(profile, dataset).stimuli(profile.rdm_images)
    labels = stimuli.conditions["class"][stimuli.conditions["image"] >= 0].numpy()
    first, second = np.triu_indices(len(labels), 1)
    differ = (labels[first] != labels[second]).astype(np.float64)
    return Teacher(name, (TeacherLayer("labels", stimuli.identity, {"image": differ}),))


UNTRAINED = "-untrained"
TEACHERS = {
    "resnet": _trained,
    "resnet-untrained": _untrained,
    "nasnet-a": _trained,
    "nasnet-a-untrained": _untrained,
    "pixels": _pixels,
    "labels": _labels,
}


def _stages(
    name: str, model: nn.Module, network: Network, profile: Profile, dataset: str, seed: int
) -> Teacher:
    stimuli = load_images(profile, dataset).stimuli(profile.rdm_images)
    measured = from_network(
        name, model, network.layers, stimuli, units=profile.rdm_units, seed=seed
    )
    named = (replace(layer, name=f"L{number}") for number, layer in enumerate(measured.layers, 1))
    return replace(measured, layers=tuple(named))


def _build(network: Network, images: Dataset, seed: int) -> nn.Module:
    with devices.weights_from(seed):
        return network.build(len(images.classes))


def _state_key(network: Network, images: Dataset, seed: int) -> str:
    """Of all that determines the trained network."""
    return provenance.key(
        revision=REVISION,
        training=images.train.identity,
        validation=images.validation.identity,
        recipe=network.recipe.description,
        seed=seed,
        **network.settings,
        **devices.description(),
    )
