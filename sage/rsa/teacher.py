"""Teachers as data: layers with their RDMs, saved as a bank and read from it."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from sage.config import paths
from sage.rsa.alignment import GRAM
from sage.rsa.rdm import stimulus_count

BEST_SO_FAR = "best-so-far"  # the name of `BestSoFar`


@dataclass(frozen=True)
class TeacherLayer:
    """One layer's RDMs with the stimulus set they were measured on.

    Args:
        stimuli: `StimulusSet.identity`.
        rdms: by level, condensed [S(S-1)/2]; at level `alignment.GRAM` a Gram matrix.
    """

    name: str
    stimuli: str
    rdms: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Teacher:
    """A list of layers: stages of a network, or areas of a brain.

    Args:
        recordings: files with the layers' stimuli, where these are not the validation images.
        shown: what the stimuli are, for people.
    """

    name: str
    layers: tuple[TeacherLayer, ...]
    recordings: tuple[str, ...] = ()
    shown: str = ""

    @cached_property
    def identity(self) -> str:
        """The name with a hash of the RDMs, for keys of what the teacher guides."""
        digest = hashlib.sha256()
        for layer in self.layers:
            # Gram matrices describe the same responses once more.
            for level in sorted(layer.rdms.keys() - {GRAM}):
                digest.update(f"{layer.name} {layer.stimuli} {level}".encode())
                digest.update(np.asarray(layer.rdms[level], "<f8").tobytes())
        return f"{self.name} {digest.hexdigest()[:16]}"

    def bank(self) -> xr.Dataset:
        """Return a variable per layer and level, with layer, level and stimuli as attributes."""
        variables = {}
        for layer in self.layers:
            for level, values in layer.rdms.items():
                attributes = {"layer": layer.name, "level": level, "stimuli": layer.stimuli}
                name = f"{layer.name} {level}".replace("/", "\N{DIVISION SLASH}")  # no HDF5 group
                variables[name] = (f"pair_{len(values)}", values, attributes)
        shown = {"shown": self.shown} if self.shown else {}
        return xr.Dataset(variables, attrs={"teacher": self.name} | shown)

    def save(self, path: Path | str, **attributes: str | float) -> Path:
        """Write the bank as NetCDF, with further attributes such as its provenance."""
        return paths.save_table(self.bank().assign_attrs(attributes), Path(path))

    def shuffled(self, *, seed: int) -> "Teacher":
        """Return a control: the stimuli of each RDM in new places, without Gram matrices.

        Layers with as many stimuli are shuffled alike, so that what they have in common stays.
        """

        def shuffle(values: np.ndarray) -> np.ndarray:
            count = stimulus_count(len(values))
            order = np.random.default_rng([seed, count]).permutation(count)
            return squareform(squareform(values)[np.ix_(order, order)])

        layers = []
        for layer in self.layers:
            rdms = {level: shuffle(rdm) for level, rdm in layer.rdms.items() if level != GRAM}
            layers.append(replace(layer, rdms=rdms))
        return replace(self, name=f"{self.name} shuffled", layers=tuple(layers))

    def after(self, scores: Sequence[float], network: "Callable[[int], Teacher]") -> "Teacher":
        """Return the teacher that guides a search after candidates had these scores: itself."""
        return self


@dataclass(frozen=True)
class BestSoFar(Teacher):
    """A teacher that a search replaces with the best of its networks; without layers until then.

    Args:
        every: candidates between replacements.
        shuffles: seeds, where each teacher is shuffled.

    Source: the last paragraph of the paper's discussion.
    """

    layers: tuple[TeacherLayer, ...] = ()
    every: int = field(kw_only=True)
    shuffles: tuple[int, ...] = ()

    @cached_property
    def identity(self) -> str:
        seeds = f", shuffled by {self.shuffles}" if self.shuffles else ""
        return f"{BEST_SO_FAR}, replaced every {self.every} candidates{seeds}"

    def shuffled(self, *, seed: int) -> Teacher:
        return replace(self, name=f"{self.name} shuffled", shuffles=(*self.shuffles, seed))

    def after(self, scores: Sequence[float], network: Callable[[int], Teacher]) -> Teacher:
        """Return the best network at the last replacement as a teacher, or itself before a first.

        Args:
            scores: of a search's candidates in the order in which it was told; NaN for none.
            network: gives the candidate at a place in that order as a teacher.
        """
        known = np.asarray(scores[: len(scores) // self.every * self.every], float)
        if np.isnan(known).all():
            return self
        found = network(int(np.nanargmax(known)))
        for seed in self.shuffles:
            found = found.shuffled(seed=seed)
        return found


def read_teacher(path: Path | str) -> Teacher:
    """Return the teacher of a bank that `Teacher.save` wrote, or another program wrote like it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not NetCDF, no RDMs, or a variable without its attributes, of a wrong length or
            with NaN.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no teacher bank {path}")
    bank = paths.read_table(path, xr.load_dataset, f"{path}: ")
    layers: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for name, variable in bank.data_vars.items():
        own = variable.attrs
        missing = ", ".join(sorted({"layer", "level", "stimuli"} - own.keys()))
        if missing or variable.ndim != 1:
            told = f"{path}: variable {name!r} lacks {missing or 'a single dimension'}"
            raise ValueError(f"{told}; expected an RDM with attributes layer, level and stimuli")
        if not np.isfinite(variable.values).all():
            raise ValueError(f"{path}: variable {name!r} has values that are not finite numbers")
        try:
            stimulus_count(len(variable), diagonal=own["level"] == GRAM)
        except ValueError as problem:
            raise ValueError(f"{path}, variable {name!r}: {problem}") from problem
        layers.setdefault((own["layer"], own["stimuli"]), {})[own["level"]] = variable.values
    names = [name for name, _ in layers]
    if not names or len(set(names)) < len(names):
        expected = "expected one or more, each on one set of stimuli"
        raise ValueError(f"{path} holds layers {names}, {expected}")
    read = tuple(TeacherLayer(name, stimuli, rdms) for (name, stimuli), rdms in layers.items())
    published = json.loads(bank.attrs.get("run_parameters", "{}"))
    shown = bank.attrs.get("shown") or validation_images(**published)
    return Teacher(str(bank.attrs.get("teacher", Path(path).stem)), read, shown=shown)


def validation_images(dataset: str = "", profile: str = "", **_other: object) -> str:
    """Return what is shown to networks at a profile, for people; empty if that is not known."""
    return f"the validation images of {dataset} at profile {profile}" if dataset and profile else ""
