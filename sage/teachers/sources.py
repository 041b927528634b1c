"""Teachers by name: a network that is trained here or elsewhere, a control, or a file."""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import xarray as xr
from scipy.spatial.distance import pdist
from torch import nn

from sage.compute import devices
from sage.config import paths, provenance
from sage.config.run import SHUFFLED, ComparisonRun, Refused, Run, cut, file_name, unknown, words
from sage.images.stimuli import StimulusSet
from sage.models import complexity
from sage.rsa import activations
from sage.rsa.teacher import (
    BEST_SO_FAR,
    BestSoFar,
    Teacher,
    TeacherLayer,
    read_teacher,
    validation_images,
)
from sage.teachers import assemblies, external, networks, toolbox
from sage.teachers.networks import NETWORKS, UNTRAINED, load_stimuli, untrained_network
from sage.teachers.recordings import Region
from sage.training import checkpoints

# Part of a bank's key. Raise it with any change of what is measured of a network.
BANK_REVISION = 2


def load_teacher(run: Run) -> Teacher:
    """Return the run's teacher, of any of the `KINDS`, with or without `SHUFFLED` behind its name.

    A network is measured once and its bank kept: the last digits of what is measured change with
    the machine and its cores, and searches are on record under the teacher's content. A network
    from elsewhere is measured anew when its weights have changed.

    Raises:
        ValueError: an unknown name, one that is for other runs, or as `read_teacher`,
            `assemblies.read`, `load_network`.
        FileNotFoundError: as these.
    """
    name = run.teacher
    if name.endswith(SHUFFLED):
        teacher = load_teacher(replace(run, teacher=name.removesuffix(SHUFFLED)))
        return teacher.shuffled(seed=run.seed)
    return _kind(run).load(run)


def check_name(run: Run) -> None:
    """Raise an error as `load_teacher` does, as far as can be told without images."""
    run = _unshuffled(run)
    _kind(run).check(run.teacher)


def _unshuffled(run: Run) -> Run:
    while run.teacher.endswith(SHUFFLED):
        run = replace(run, teacher=run.teacher.removesuffix(SHUFFLED))
    return run


def training_examples(run: Run) -> float:
    """Return how many examples the teacher's training took, a bank's by its attribute, or NaN."""
    name, profile = _unshuffled(run).teacher, run.settings
    if name in NETWORKS:
        steps = len(networks.load_images(run).train) // profile.batch_size
        return float(profile.teacher_epochs * steps * profile.batch_size)
    if name in (*TEACHERS, BEST_SO_FAR):
        return 0.0
    return _attribute(name, "training_examples")


def training_multiply_adds(run: Run) -> float:
    """Return `training_examples` in multiply-adds of passes forward, or NaN."""
    name, examples = _unshuffled(run).teacher, training_examples(run)
    if name in NETWORKS:
        size = run.settings.image_size
        return examples * complexity.multiply_adds(untrained_network(name, run), size)
    return examples * _attribute(name, "multiply_adds") if examples else 0.0


def _attribute(name: str, attribute: str) -> float:
    """Return a number that the bank of a name has as an attribute; NaN without one."""
    bank = _bank(name)
    if not (bank.endswith(".nc") and os.path.isfile(bank)):
        return float("nan")
    with xr.open_dataset(bank, engine="h5netcdf") as table:
        return float(table.attrs.get(attribute, "nan"))


def from_network(
    name: str,
    model: nn.Module,
    layers: tuple[str, ...],
    run: Run,
    *,
    stimuli: StimulusSet | None = None,
) -> Teacher:
    """Return a teacher from any network: RDMs of its layers, and Gram matrices of single images.

    Args:
        layers: names as in `model.named_modules()`.
        run: says how many units are drawn, and from what seed.
        stimuli: what the network is shown; None means the run's validation images.
    """
    model, units = model.to(devices.default()), run.settings.rdm_units
    told = "" if stimuli else validation_images(run.dataset, run.profile)
    stimuli = stimuli or load_stimuli(run)
    shown = activations.show(model, layers, stimuli, units=units, seed=run.seed, grams=True)
    rdms = [{level: of[place] for level, of in shown.rdms.items()} for place in range(len(layers))]
    made = (TeacherLayer(layer, stimuli.identity, own) for layer, own in zip(layers, rdms))
    return Teacher(name, tuple(made), shown=told)


def from_recordings(regions: Sequence[Region]) -> Teacher:
    """Return a teacher from regions that `assemblies.read` gave, with a layer for each."""
    files = dict.fromkeys(one.path for one in regions)
    rdms = [{level: one.rdm(level) for level in one.levels} for one in regions]
    made = (TeacherLayer(one.region, one.stimuli.identity, own) for one, own in zip(regions, rdms))
    name = " + ".join(dict.fromkeys(path.stem for path in files))
    return Teacher(name, tuple(made), recordings=tuple(map(str, files)))


def _measured_once(run: Run, measure: Callable[[], Teacher], **network: object) -> Teacher:
    """Return the teacher from its bank, made first if none has this key of the network's parts."""
    stimuli, units = load_stimuli(run).identity, run.settings.rdm_units
    key = provenance.key(revision=BANK_REVISION, stimuli=stimuli, units=units, **network)
    name = cut(file_name(run.teacher), 220)  # leaves room for the key and an ending
    bank = paths.cache() / "teachers" / f"{name}-{key}.nc"
    if not bank.exists():
        measure().save(bank)
    return read_teacher(bank)


def _stages(run: Run) -> Teacher:
    """Return the teacher from a network of `NETWORKS`, trained or with its initial weights."""
    name = run.teacher.removesuffix(UNTRAINED)
    trained = name == run.teacher
    model = networks.train_network(name, run)[0] if trained else untrained_network(name, run)
    return in_stages(name, model, run)


def in_stages(
    name: str, model: nn.Module, run: Run, *, stimuli: StimulusSet | None = None
) -> Teacher:
    """Return the teacher from a network of `NETWORKS`, its layers called L1, L2 and so on."""
    layers = NETWORKS[name](run.settings).layers
    measured = from_network(run.teacher, model, layers, run, stimuli=stimuli)
    named = (replace(layer, name=f"L{number}") for number, layer in enumerate(measured.layers, 1))
    return replace(measured, layers=tuple(named))


class Ladder(NamedTuple):
    """A network of `NETWORKS` as a teacher, before its training and after every epoch."""

    rungs: list[Teacher]
    curve: xr.Dataset  # see `train_with_checkpoints`, with each rung's accuracy
    model: nn.Module  # of the last rung


def train_ladder(name: str, run: Run) -> Ladder:
    """Train a network of `NETWORKS`, and keep it as a teacher along the way."""
    trainer, measured = networks.make_trainer(name, run), networks.state_key(name, run)
    parts = {"stimuli": load_stimuli(run).identity, "units": run.settings.rdm_units}
    key = provenance.key(revision=BANK_REVISION, state=measured, **parts)
    folder = paths.cache() / "teachers" / f"{name}-ladder-{key}"

    def measure() -> dict[str, float]:
        model = trainer.measured_model()
        in_stages(name, model, run).save(folder / f"{trainer.examples}.nc")
        return networks.scored(model, run)

    checkpoint = folder / "checkpoint.pt"
    curve = checkpoints.train_with_checkpoints(trainer, checkpoint, measure, name="ladder")
    banks = [folder / f"{examples}.nc" for examples in curve.examples.values]
    return Ladder([read_teacher(bank) for bank in banks], curve, trainer.model)


def of_pixels(run: Run, *, stimuli: StimulusSet | None = None) -> Teacher:
    """Return a control without a network: the standardised images themselves."""
    identity = nn.Sequential(OrderedDict(pixels=nn.Identity()))
    return from_network(run.teacher, identity, ("pixels",), run, stimuli=stimuli)


def _labels(run: Run) -> Teacher:
    """Return a control without a network: 0 between images of a class, 1 between classes.

    It is of single images only, as class means are all as different as any two.
    """
    stimuli = load_stimuli(run)
    labels = stimuli.conditions["class"][stimuli.conditions["image"] >= 0].numpy()
    rdms = {"image": pdist(labels[:, None], "hamming")}
    return Teacher(run.teacher, (TeacherLayer("labels", stimuli.identity, rdms),))


TEACHERS: dict[str, Callable[[Run], Teacher]] = {
    **{f"{name}{weights}": _stages for name in NETWORKS for weights in ("", UNTRAINED)},
    "pixels": of_pixels,
    "labels": _labels,
}


def _load_named(run: Run) -> Teacher:
    network = run.teacher.removesuffix(UNTRAINED)
    # Controls without a network are kept under ResNet's key.
    state = networks.state_key(network if network in NETWORKS else "resnet", run)
    calibrated = {"calibrated": True} if run.teacher.endswith(UNTRAINED) else {}
    return _measured_once(run, partial(TEACHERS[run.teacher], run), state=state, **calibrated)


def _load_external(run: Run) -> Teacher:
    model, layers = external.load_network(run.teacher, seed=run.seed)
    parts = {"network": external.identity(run.teacher, model), "layers": layers, "seed": run.seed}
    measure = partial(from_network, run.teacher, model, layers, run)
    return _measured_once(run, measure, **parts, **devices.description())


def _load_recordings(run: Run) -> Teacher:
    size, images = run.settings.image_size, run.settings.rdm_images
    return from_recordings(assemblies.read(words(run.teacher), size=size, images=images))


def _load_best(run: Run) -> Teacher:
    networks.load_images(run)  # raises an error where they have no RDMs at the run's level
    return BestSoFar(BEST_SO_FAR, every=cast(ComparisonRun, run).budget.starts)


def _load_toolbox(run: Run) -> Teacher:
    path = _bank(run.teacher)
    return toolbox.from_rdms(Path(path).stem, toolbox.read_rdms(path), run)


def _bank(name: str) -> str:
    """Return the path of the bank that a teacher is named after, without quotes around it."""
    return " ".join(words(name))


class Kind(NamedTuple):
    """A kind of teachers: the forms of their names, for people, and what is done with a name.

    `runs` is the class of runs that a teacher of this kind can teach.
    """

    forms: str
    concerns: Callable[[str], bool]
    load: Callable[[Run], Teacher]
    check: Callable[[str], object]  # raises an error for a name that this kind lacks
    runs: type[Run] = Run


# The first kind that a name is of counts.
KINDS = (
    Kind(", ".join(TEACHERS), TEACHERS.__contains__, _load_named, str),
    Kind(f"{BEST_SO_FAR} (of a search)", BEST_SO_FAR.__eq__, _load_best, str, runs=ComparisonRun),
    Kind(
        external.FORMS,
        lambda name: name.startswith(tuple(external.LOADERS)),
        _load_external,
        external.check,
    ),
    Kind(
        "files of recordings (spaces between)",
        assemblies.names_recordings,
        _load_recordings,
        assemblies.check_files,
    ),
    Kind(
        "RDMs of rsatoolbox (.hdf5, .h5)",
        lambda name: _bank(name).endswith((".hdf5", ".h5")),
        _load_toolbox,
        lambda name: toolbox.read_rdms(_bank(name)),
    ),
    Kind(
        "a bank (.nc)",
        lambda name: _bank(name).endswith(".nc"),
        lambda run: read_teacher(_bank(run.teacher)),
        lambda name: read_teacher(_bank(name)),
    ),
)


def _kind(run: Run) -> Kind:
    name = run.teacher
    for kind in KINDS:
        if kind.concerns(name):
            if not isinstance(run, kind.runs):
                told = f"teacher {name!r} is of searches, and this run has none"
                raise Refused(f"{told}; expected another, or a run that searches")
            return kind
    further = ", ".join(kind.forms for kind in KINDS[1:])
    raise unknown("teacher", name, TEACHERS, f"{further}; any can have {SHUFFLED} behind it")
