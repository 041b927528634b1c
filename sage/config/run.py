"""The parameters of one notebook run, checked, and the folder its outputs go to."""

import hashlib
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sage.config import paths
from sage.config.profiles import PROFILES, Budget, CellBudget, MacaqueBudget, Profile, SearchBudget

NUMBER, SLURM = re.compile("0|[1-9][0-9]*"), re.compile("slurm:([1-9][0-9]*)(?:x([1-9][0-9]*))?")
ADDRESS = re.compile(r"(?:tcp|tls|ucx|ws|wss)://\S+:[0-9]+")
SIZES = {
    "objects": 32,
    "cifar10": 32,
    "cifar100": 32,
}  # pixels a side, of data sets that come in one size
SHUFFLED = (
    "-shuffled"  # behind a teacher's name: its stimuli have changed places, see `guidance.shuffled`
)
LEVELS = ("class", "image")  # of description: an RDM's rows are class means, or single images


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a notebook: what it was asked to do.

    Raises:
        TypeError: a value of another type than the default's (papermill hands on text as text).
        ValueError: an unknown profile or level, or a negative seed.
    """

    profile: str = "quick"
    dataset: str = "objects"
    teacher: str = "resnet"
    level: str = "class"
    alpha: float = 1.0
    seed: int = 0

    def __post_init__(self):
        for field in fields(self):
            value = check_type(field.name, getattr(self, field.name), like=field.default)
            object.__setattr__(self, field.name, value)
        for name, known in (("profile", PROFILES), ("level", LEVELS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"unknown {name} {getattr(self, name)!r}, expected one of {', '.join(known)}"
                )
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")

    @property
    def settings(self) -> Profile:
        """The sizes and budgets of this run's profile."""
        return PROFILES[self.profile]

    @property
    def folder(self) -> Path:
        """`figures/<dataset>-<profile>`, extended by every parameter that is not the default."""
        changed = [
            f"{field.name}-{file_name(getattr(self, field.name))}"
            for field in fields(self)
            if field.name not in ("dataset", "profile")
            and getattr(self, field.name) != field.default
        ]
        return paths.figures() / "-".join([file_name(self.dataset), self.profile, *changed])


@dataclass(frozen=True, kw_only=True)
class PoolRun(Run):
    """A run on predictivity; `pools` are names of published pools to put together with its own, with spaces between."""

    pools: str = ""


@dataclass(frozen=True, kw_only=True)
class ComparisonRun(Run):
    """A run that compares searches; an empty text or 0 stands for the profile's value.

    Raises:
        ValueError: epochs that are not numbers above 0 and at most the mature epochs, or negative numbers.
    """

    searchers: str
    scores: str = "P P+TG"
    epochs: str = ""
    samples: int = 0
    runs: int = 0

    def __post_init__(self):
        super().__post_init__()
        for name in self._sizes:
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, expected 0 (the profile's) or more"
                )
        mature = self.planned.mature_epochs
        if not self.budget.epochs or not all(0 < epochs <= mature for epochs in self.budget.epochs):
            raise ValueError(
                f"epochs is {self.epochs!r}, expected numbers above 0 and up to {mature} with spaces between"
            )

    @property
    def planned(self) -> Budget:
        """The profile's budget."""
        raise NotImplementedError

    @property
    def budget(self) -> Budget:
        """The profile's budget with what this run changes."""
        changes = {name: getattr(self, name) for name in self._sizes if getattr(self, name)}
        if self.epochs:
            changes["epochs"] = tuple(_numbers(self.epochs))
        return replace(self.planned, **changes)

    @property
    def _sizes(self) -> list[str]:
        """Parameters that are whole numbers of the budget."""
        named = {field.name for field in fields(self.planned)} - {"epochs"}
        return [field.name for field in fields(self) if field.name in named]


@dataclass(frozen=True, kw_only=True)
class SearchRun(ComparisonRun):
    """A run that compares searches for convolutional networks."""

    searchers: str = "random reinforce tpe"
    layers: int = 0

    @property
    def planned(self) -> SearchBudget:
        return self.settings.search


@dataclass(frozen=True, kw_only=True)
class CellRun(ComparisonRun):
    """A run that compares searches for cells, and what they find with given cells.

    `beside` are names that `models.genotypes.load` takes, with spaces between; `transfer` is a second data set
    on which all of them are trained fully, or empty.
    """

    searchers: str = "random tpe"
    blocks: int = 0
    beside: str = "NASNet-A PNASNet-5 AmoebaNet-A"
    transfer: str = ""

    @property
    def planned(self) -> CellBudget:
        return self.settings.cells

    @property
    def budget(self) -> CellBudget:
        """As asked, with one checkpoint, at the end: each trains further what is best by then."""
        return replace(super().budget, every=super().budget.samples)

    @property
    def full_size(self) -> int:
        """Pixels a side of what fully trained networks are shown."""
        return self.settings.image_size


@dataclass(frozen=True, kw_only=True)
class MacaqueRun(CellRun):
    """A run that compares searches for cells with and without guidance by recordings.

    `recordings` are files, see `assemblies.read`, with spaces between, or "simulated": from the profile's ResNet.
    `regions` are some of theirs, with commas between; empty: all.

    Raises:
        ValueError: a data set of smaller images than the profile wants.
    """

    searchers: str = "tpe"
    scores: str = "P P+TG P+shuffled"
    beside: str = "NASNet-A"
    recordings: str = "simulated"
    regions: str = ""

    def __post_init__(self):
        super().__post_init__()
        needed = max(self.budget.image_size, self.full_size)
        if needed > SIZES.get(self.dataset, needed):
            raise ValueError(
                f"data set {self.dataset} has {SIZES[self.dataset]} pixels a side, expected one with {needed} or more, "
                f"such as imagenet, for the search guided by recordings at profile {self.profile}"
            )

    @property
    def planned(self) -> MacaqueBudget:
        return self.settings.macaque

    @property
    def full_size(self) -> int:
        return self.budget.full_size

    @property
    def named_regions(self) -> list[str]:
        """The names in `regions`."""
        return [name.strip() for name in self.regions.split(",") if name.strip()]


KINDS = (Run, PoolRun, SearchRun, CellRun, MacaqueRun)


def of(parameters: dict) -> Run:
    """The run that a notebook's parameters make: of the first kind that has them all.

    Raises:
        TypeError, ValueError: as `Run`.
    """
    kinds = [kind for kind in KINDS if parameters.keys() <= {field.name for field in fields(kind)}]
    if not kinds:
        raise TypeError(f"parameters {', '.join(parameters)}: no kind of run has all of them")
    return kinds[0](**parameters)


def check_workers(workers: str) -> None:
    """Whether a text says where networks can train, see `cluster.open_workers`.

    Raises:
        ValueError: it does not.
    """
    if workers != "auto" and not any(form.fullmatch(workers) for form in (NUMBER, SLURM, ADDRESS)):
        raise ValueError(
            f"workers is {workers!r}, expected 0 (within this process), a number of processes, auto, "
            "slurm:JOBS, slurm:JOBSxPROCESSES, or the address of a Dask scheduler such as tcp://host:8786"
        )


def _numbers(text: str) -> list[float]:
    """The numbers in a text; none if one of its words is no number."""
    try:
        # A whole number stays one: 2 and 2.0 would make two keys.
        return sorted(
            {int(number) if number.is_integer() else number for number in map(float, text.split())}
        )
    except (ValueError, OverflowError):
        return []


def check_type(name: str, value, *, like):
    """`value` if it has the type of `like`; a whole number is also accepted where a float is expected.

    Raises:
        TypeError: any other type, or a float that is not finite.
    """
    expected = type(like)
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected or value != value or value in (float("inf"), float("-inf")):
        raise TypeError(f"parameter {name} is {value!r}, expected {_KINDS[expected]} like {like!r}")
    return value


_KINDS = {str: "text", float: "a finite number", int: "a whole number", bool: "True or False"}


def file_name(value) -> str:
    """A value as part of a file's name; a path keeps its last part, 80 characters at most, and gets a short hash."""
    text = str(value)
    if re.fullmatch(r"[\w.+-]+", text):
        return text
    stem = re.sub(r"[^\w.+-]+", "-", Path(text).stem)[:80]
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
