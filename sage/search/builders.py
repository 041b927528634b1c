"""Builders: how an architecture of a space becomes a network, and how that is trained."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass

from torch import nn

from sage import spaces
from sage.config import provenance
from sage.config.profiles import Budget, CellBudget, Profile, SearchBudget
from sage.models import genotypes
from sage.models.cells import CellNetwork
from sage.models.cnn import ConvolutionalNetwork
from sage.models.nasbench201 import NASBench201Network
from sage.spaces import Architecture, SearchSpace
from sage.training import recipes
from sage.training.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Builder(ABC):
    """Makes the networks of a space, and says how they are trained."""

    @property
    @abstractmethod
    def reads(self) -> str:
        """How `describe` is to be read; a class can have a text in its place."""

    @property
    @abstractmethod
    def space(self) -> SearchSpace:
        """The space that architectures come from."""

    @abstractmethod
    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        """Return a network with `layer_names`, the modules that are compared.

        Its weights are drawn by torch's generator.
        """

    @abstractmethod
    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        """Return how a network is trained to maturity."""

    @abstractmethod
    def describe(self, architecture: Architecture) -> str:
        """Return an architecture as text for people."""

    @property
    def description(self) -> dict:
        """All that determines the networks besides architecture and classes, JSON-ready.

        Of a builder of one's own these are its choices too.
        """
        found = {"space": self.space.name, **asdict(self)}
        if not _ours(type(self)):
            found["choices"] = [str(one) for one in self.space.choices]
        return found

    @property
    def source(self) -> str:
        """A hash of the class as it is written; empty for one of this package, or out of sight.

        A worker cannot tell: classes of a script reach it without their text.
        """
        own = [one for one in type(self).__mro__ if not _ours(one)]
        try:
            return provenance.key(classes=[inspect.getsource(one) for one in own]) if own else ""
        except (OSError, TypeError):  # as in a notebook's cell
            return ""


def _ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in ("sage", "abc", "builtins")


@dataclass(frozen=True, kw_only=True)
class ConvolutionalBuilder(Builder):
    """Networks of up to `layers` layers, with filter counts of the space times `width`."""

    reads = "a line for each layer, behind the arrow what it reads"
    layers: int
    width: float

    @property
    def space(self) -> SearchSpace:
        return spaces.cnn(self.layers)

    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        layers = spaces.cnn_layers(self.space, architecture)
        return ConvolutionalNetwork(layers, classes=classes, width=self.width)

    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        return recipes.candidate_recipe(epochs, batch_size)

    def describe(self, architecture: Architecture) -> str:
        return spaces.describe(spaces.cnn_layers(self.space, architecture))


@dataclass(frozen=True, kw_only=True)
class CellBuilder(Builder):
    """Networks of a cell of `blocks` blocks, repeated N = `repeats` times, with F = `filters`."""

    reads = "behind the arrow what is concatenated; 0 is the previous cell, 1 the one before it"
    blocks: int
    repeats: int
    filters: int
    skeleton: str = "cifar"

    @property
    def space(self) -> SearchSpace:
        return spaces.cells(self.blocks)

    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        genotype = genotypes.from_architecture(self.space, architecture)
        sizes = {"filters": self.filters, "repeats": self.repeats}
        return CellNetwork(genotype, classes=classes, skeleton=self.skeleton, **sizes)

    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        # Short trainings of narrow networks want no regularisation.
        return recipes.cell_recipe(epochs, batch_size, drop_path_keep=1.0, auxiliary_weight=0.0)

    def describe(self, architecture: Architecture) -> str:
        return str(genotypes.from_architecture(self.space, architecture))


@dataclass(frozen=True, kw_only=True)
class NASBench201Builder(Builder):
    """Networks of NAS-Bench-201 with stages of `cells` cells; the published accuracies are of 5."""

    reads = "a sum for each node; behind ~ the node that an operation reads, 0 the cell's input"
    cells: int = 5
    learning_rate: float = 0.1

    @property
    def space(self) -> SearchSpace:
        return spaces.nasbench201()

    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        return NASBench201Network(architecture, classes=classes, cells=self.cells)

    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        return recipes.nasbench201_recipe(epochs, batch_size, learning_rate=self.learning_rate)

    def describe(self, architecture: Architecture) -> str:
        return spaces.nasbench201_string(architecture)


# The spaces of whole networks that notebook 02 searches, by their name in a `SearchBudget`.
SPACES: dict[str, Callable[[SearchBudget, Profile], Builder]] = {
    "cnn": lambda budget, profile: ConvolutionalBuilder(layers=budget.layers, width=profile.width),
    "nasbench201": lambda budget, profile: NASBench201Builder(cells=profile.cells.repeats),
}


def searched(budget: Budget, profile: Profile) -> Builder:
    """Return the builder of the networks that a budget is for; ValueError for an unknown space."""
    if isinstance(budget, CellBudget):
        sizes = {"blocks": budget.blocks, "repeats": budget.repeats, "filters": budget.filters}
        return CellBuilder(**sizes, skeleton=budget.skeleton)
    assert isinstance(budget, SearchBudget)
    if budget.space not in SPACES:
        raise ValueError(f"space is {budget.space!r}, expected one of {', '.join(SPACES)}")
    return SPACES[budget.space](budget, profile)
