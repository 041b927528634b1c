"""Parameters of one notebook run, checked, and the folder that its outputs go to."""

import csv
import difflib
import hashlib
import html
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from sage.config import paths
from sage.config.profiles import PROFILES, Budget, CellBudget, MacaqueBudget, Profile

if TYPE_CHECKING:  # `python -m sage --help` works before anything is installed.
    import pandas as pd
    import xarray as xr

NUMBER, SLURM = re.compile("0|[1-9][0-9]*"), re.compile("slurm:([1-9][0-9]*)(?:x([1-9][0-9]*))?")
ADDRESS = re.compile(r"(?:tcp|tls|ucx|ws|wss)://\S+:[0-9]+")
SIZES = {"objects": 32, "cifar10": 32, "cifar100": 32}  # pixels a side, where there is one size
SHUFFLED = "-shuffled"  # behind a teacher's name: stimuli changed places, see `Teacher.shuffled`
LEVELS = ("class", "image")  # rows of an RDM are class means, or single images
MOST = 2**62  # of a whole number: seeds count on from it, and the record holds 63 bits
LONGEST = 255  # bytes of a file's name, on all usual file systems


class Refused(ValueError):
    """Something is asked for that is not there; the message says what was expected."""

    def _render_traceback_(self) -> list[str]:
        """Return what Jupyter shows: the message, without lines of code."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """The parameters of one notebook run, checked.

    Raises:
        Refused: as `check_type`, an unknown profile or level, or a whole number out of range.
    """

    profile: str = "quick"
    dataset: str = "objects"
    teacher: str = "resnet"
    level: str = "class"
    alpha: float = 1.0
    seed: int = 0

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the run of a notebook's parameters; other names are ignored."""
        known = parameters.keys() & {field.name for field in fields(cls)}
        return cls(**{name: parameters[name] for name in known})

    def __post_init__(self) -> None:
        for field in fields(self):
            value = check_type(field.name, getattr(self, field.name), like=field.default)
            object.__setattr__(self, field.name, value)
            if type(value) is int and not 0 <= value <= MOST:
                raise Refused(f"{field.name} is {value}, expected 0 or more, up to {MOST}")
        for name, known in (("profile", PROFILES), ("level", LEVELS)):
            if (value := getattr(self, name)) not in known:
                raise unknown(name, value, known)

    @property
    def settings(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def relative_size(self) -> float:
        """How much work is asked for, as a multiple of what the profile plans."""
        return 1

    @property
    def folder(self) -> Path:
        """`figures/<dataset>-<profile>`, extended by every parameter that is not the default."""
        parts = [file_name(self.dataset), self.profile]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("dataset", "profile") and value != field.default:
                parts.append(f"{field.name}-{file_name(value)}")
        return paths.figures() / cut("-".join(parts), LONGEST)

    def save_table(self, table: "xr.Dataset", name: str) -> Path:
        """Write `<folder>/<name>.nc`."""
        return paths.save_table(table, self.folder / f"{name}.nc")

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """Return the card that a notebook shows: what was asked, and the sizes that follow."""
        table, left = self.table(), 'style="text-align: left"'
        parts = {"": given(asdict(self)), "sizes and budgets": table.loc["size"].value.to_dict()}
        look = "border: 1px solid #ccc; border-radius: 6px; padding: 0.5em 1em; max-width: 40em"
        card = f'<div style="{look}">'
        for title, values in parts.items():
            told = {html.escape(name): html.escape(str(one)) for name, one in values.items()}
            rows = (f"<tr><th {left}>{name}<td {left}>{one}" for name, one in told.items())
            shown = f"<table>{''.join(rows)}</table>"
            card += f"<details><summary>{title}</summary>{shown}</details>" if title else shown
        return {"text/html": f"{card}</div>", "text/plain": table.to_string()}

    def table(self) -> "pd.DataFrame":
        """Return every parameter and every size of the run, each with its value."""
        import pandas as pd

        sizes = asdict(getattr(self, "budget", self.settings))
        flat = {name: size for name, size in sizes.items() if not isinstance(size, dict)}
        parts = {"parameter": pd.Series(asdict(self)), "size": pd.Series(flat, dtype=object)}
        return pd.concat(parts).to_frame("value")


@dataclass(frozen=True, kw_only=True)
class PoolRun(Run):
    """A run on predictivity.

    Args:
        pools: names of published pools to add, with spaces between.
        layers: of the space's deepest network; 0: the profile's.
    """

    pools: str = ""
    layers: int = 0

    @property
    def settings(self) -> Profile:
        known = super().settings
        return replace(known, layers=self.layers or known.layers)


@dataclass(frozen=True, kw_only=True)
class StoredRun(Run):
    """A run on stored RDMs of published networks, for which nothing is trained.

    Parameters among `files` name files below `data/results`, or elsewhere: one each, or any number
    for those among `several`.
    """

    profile: str = "cpu"
    dataset: str = "cifar100"
    teacher: str = "cifar100-teachers/resnet-12-epochs_rdms.nc"
    banks: str = " ".join(f"cifar100-pool/{name}01_rdms.nc" for name in ("seed-0/", "seed-1/", ""))
    untrained: str = "cifar100-teachers/resnet-untrained_rdms.nc"
    files: ClassVar[tuple[str, ...]] = ("teacher", "banks", "untrained")
    several: ClassVar[tuple[str, ...]] = ("banks", "untrained")


@dataclass(frozen=True, kw_only=True)
class BenchmarkRun(StoredRun):
    """A run on stored RDMs of networks whose accuracies others published.

    Args:
        ladder: file with RDMs of a teacher's checkpoints.
        others: files of further teachers.
        second_pool: networks that were shown other images, see `object_guidance`.
        longer: the first networks of `banks` after more training, see `nasbench201.train_longer`.

    Raises:
        Refused: RDMs of single images, of which none are stored.
    """

    profile: str = "nasbench201"
    teacher: str = "nasbench201/05_teacher.nc"
    banks: str = "nasbench201/05_pool.nc"
    untrained: str = "nasbench201/05_untrained.nc"
    ladder: str = "nasbench201/05_ladder.nc"
    others: str = "cifar100-teachers/resnet-56-gpu_rdms.nc nasbench201/nasnet-a_rdms.nc"
    second_pool: str = "nasbench201/05_second_pool.nc"
    longer: str = "nasbench201/05_longer.nc"
    files = (*StoredRun.files, "ladder", "others", "second_pool", "longer")
    several = ("others",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level != "class":
            raise Refused(f"level is {self.level!r}, expected 'class': that is what is stored")


@dataclass(frozen=True, kw_only=True)
class TablesRun(Run):
    """A run on searches in published tables, for which nothing is trained.

    `pools` names folders of published pools, those of a folder have one teacher; `searches` is a
    table of `benchmark_searches`, below `data/results` or elsewhere.

    Raises:
        Refused: epochs that are no numbers.
    """

    profile: str = "cpu"
    dataset: str = "cifar100"
    teacher: str = ""  # the pools have theirs
    pools: str = "cifar100-pool cifar100-pool-teacher24 cifar100-pool-nasnet"
    searches: str = "nasbench201-searches/07_benchmark.nc"
    candidates: int = 50  # of the simulated searches that the claim is judged by
    few: float = 0.25
    many: str = "2 3"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.later or min(self.later) <= self.few:
            told = f"expected numbers above few, {self.few:g}, with spaces between"
            raise Refused(f"many is {self.many!r}, {told}")

    @property
    def later(self) -> list[float]:
        """The epochs of `many`."""
        return _numbers(self.many)


@dataclass(frozen=True, kw_only=True)
class ComparisonRun(Run):
    """A run that compares searches; an empty text or 0 stands for the profile's value.

    A score may have a weight and epochs of its own, as in P+0.2TG and P@2.5.

    Raises:
        Refused: epochs that are not numbers above 0 and at most the mature epochs.
    """

    part: ClassVar[str]  # of the profile: the budget
    searchers: str
    scores: str = "P P+TG"
    epochs: str = ""
    samples: int = 0
    runs: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        mature = self.budget.mature_epochs
        asked = [("epochs", self.epochs)] if self.epochs else []
        asked += [("scores", word.partition("@")[2]) for word in self.scores.split() if "@" in word]
        for name, text in asked:
            numbers = _numbers(text)
            if not (numbers and all(0 < number <= mature for number in numbers)):
                where = "with spaces between" if name == "epochs" else "behind @"
                expected = f"expected numbers above 0 and up to {mature} {where}"
                raise Refused(f"{name} is {getattr(self, name)!r}, {expected}")

    @property
    def scored(self) -> dict[str, list[float]]:
        """The epochs after which each score judges candidates: its own, or the budget's."""
        found: dict[str, list[float]] = {}
        for word in self.scores.split():
            name, _, own = word.partition("@")
            found.setdefault(name, []).extend(_numbers(own) or self.budget.epochs)
        return found

    @property
    def budget(self) -> Budget:
        """The profile's budget with what this run changes."""
        planned = getattr(self.settings, self.part)
        asked = vars(self) | {"epochs": tuple(_numbers(self.epochs))}
        known = asked.keys() & asdict(planned).keys()
        return replace(planned, **{name: asked[name] for name in known if asked[name]})

    @property
    def relative_size(self) -> float:
        """Runs times samples, as a multiple of the profile's; nothing else counts."""
        planned = getattr(self.settings, self.part)
        return self.budget.runs * self.budget.samples / (planned.runs * planned.samples)


@dataclass(frozen=True, kw_only=True)
class SearchRun(ComparisonRun):
    """A run that compares searches for convolutional networks, or of NAS-Bench-201's space."""

    part = "search"
    space: str = "cnn"
    searchers: str = "random reinforce tpe"
    layers: int = 0


@dataclass(frozen=True, kw_only=True)
class CellRun(ComparisonRun):
    """A run that compares searches for cells, and what they find with given cells."""

    part = "cells"
    searchers: str = "random tpe"
    blocks: int = 0
    beside: str = "NASNet-A PNASNet-5 AmoebaNet-A"  # given cells, see `genotypes.load_genotype`
    transfer: str = ""  # second data set for full training

    @property
    def budget(self) -> CellBudget:
        budget = cast(CellBudget, super().budget)
        return replace(budget, every=budget.samples)  # at the end the best are trained further


@dataclass(frozen=True, kw_only=True)
class MacaqueRun(CellRun):
    """A run that compares searches for cells with and without guidance by recordings.

    Raises:
        Refused: a data set of smaller images than the profile wants.
    """

    part = "macaque"
    searchers: str = "tpe"
    scores: str = "P P+TG P+shuffled"
    beside: str = "NASNet-A"
    recordings: str = "simulated"  # from the profile's ResNet; or files, see `words`
    regions: str = ""  # some of the recordings', see `named_regions`; empty means all

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = max(self.budget.image_size, self.budget.full_size)
        if needed > SIZES.get(self.dataset, needed):
            told = f"{SIZES[self.dataset]} pixels a side, expected one with {needed} or more"
            told += f" for searches guided by recordings at profile {self.profile} (notebook 04)"
            raise Refused(f"data set {self.dataset} has {told}")

    @property
    def budget(self) -> MacaqueBudget:
        return cast(MacaqueBudget, super().budget)

    @property
    def named_regions(self) -> list[str]:
        """The regions between commas; one that has a comma in its name is in double quotes."""
        (names,) = csv.reader([" ".join(self.regions.split())], skipinitialspace=True)
        return [name.strip() for name in names if name.strip()]


_KINDS = Run, PoolRun, StoredRun, BenchmarkRun, TablesRun, SearchRun, CellRun, MacaqueRun
KINDS: dict[str, type[Run]] = {kind.__name__: kind for kind in _KINDS}


def check_workers(workers: str) -> str:
    """Return where networks train as text; Refused if they cannot, see `open_workers`."""
    workers = check_type("workers", workers, like="")
    if workers != "auto" and not any(form.fullmatch(workers) for form in (NUMBER, SLURM, ADDRESS)):
        expected = "0 (within this process), a number of processes, auto, slurm:JOBS, "
        expected += "slurm:JOBSxPROCESSES, or a Dask scheduler's address such as tcp://host:8786"
        raise Refused(f"workers is {workers!r}, expected {expected}")
    return workers


def check_type(name: str, value: Any, *, like: Any) -> Any:
    """Return a value of the type of `like`; numbers become floats or text where these are expected.

    So papermill's 2 is as good as "2", which it never hands on, and numpy's numbers are too.

    Raises:
        Refused: any other type, a float that is not finite, or text that is not Unicode.
    """
    kinds = {str: "text", float: "a finite number", int: "a whole number", bool: "True or False"}
    expected, number = type(like), isinstance(value, Real)
    fits = {str: number or isinstance(value, str), float: number, int: isinstance(value, Integral)}
    if fits.get(expected) and not isinstance(value, bool):
        with suppress(OverflowError):  # above the largest float
            value = expected(value)
    if type(value) is not expected or (expected is float and not isfinite(value)):
        raise Refused(f"parameter {name} is {value!r}, expected {kinds[expected]} like {like!r}")
    if expected is str and re.search("[\ud800-\udfff]", value):
        raise Refused(f"parameter {name} is {value!r}, expected text in UTF-8")
    return value


def unknown(what: str, name: str, known: Iterable[str], further: str = "") -> Refused:
    """Return the error for a name that is not among those known, with the most similar of these.

    Args:
        further: what else would do.
    """
    known, lower = list(known), {one.lower(): one for one in known}
    near = [lower[one] for one in difflib.get_close_matches(name.lower(), lower, n=1)]
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    expected = ", ".join([*known, *filter(None, [further])])
    return Refused(f"unknown {what} {name!r}{meant}, expected one of {expected}")


def file_name(value: object) -> str:
    """Return a value as part of a file's name; of a path the last part, cut, with a short hash."""
    text = str(value)
    if re.fullmatch(r"[\w.+-]+", text):
        return text
    stem = re.sub(r"[^\w.+-]+", "-", Path(text).stem)[:80]
    return f"{stem}-{_digits(text)}"


def cut(text: str, most: int) -> str:
    """Return a text as it is if it has at most so many bytes, else cut, with a short hash."""
    if len(encoded := text.encode()) <= most:
        return text
    return f"{encoded[: most - 7].decode(errors='ignore')}-{_digits(text)}"


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters without those whose empty text or 0 stands for the profile's value."""
    ours = ("seed", "alpha")  # whose 0 is a 0
    return {name: one for name, one in parameters.items() if one not in ("", 0) or name in ours}


def words(text: str) -> list[str]:
    """Return the words of a text that names files; one with spaces is in quotes, as in a shell.

    A text that is a file's path is one word. Quotes in the paths of files are no marks, nor is one
    that is left open.
    """
    found = text.split()
    if os.path.isfile(text):
        return [text]
    quoted = [word for word in found if {*word} & {*"\"'\\"}]
    with suppress(ValueError):
        if not all(map(os.path.isfile, quoted)):
            return shlex.split(text)
    return found


def _numbers(text: str) -> list[float]:
    """Return the different numbers in a text in order; none if one of its words is no number."""
    try:
        numbers = {float(word) for word in text.split()}
        # A whole number stays one: 2 and 2.0 would make two keys.
        return sorted(int(number) if number.is_integer() else number for number in numbers)
    except (ValueError, OverflowError):
        return []
