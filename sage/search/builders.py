"""What is searched: a space, how an architecture of it becomes a network, and how that is trained."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import singledispatch

from torch import nn

from sage import spaces
from sage.config.profiles import Budget, CellBudget, Profile, SearchBudget
from sage.models import genotypes
from sage.models.cells import CellNetwork
from sage.models.cnn import ConvolutionalNetwork
from sage.spaces import Architecture, SearchSpace
from sage.training import recipes
from sage.training.recipes import Recipe


class Builder(ABC):
    """What an evaluation has to know of the networks that it trains; a frozen dataclass."""

    @property
    @abstractmethod
    def space(self) -> SearchSpace:
        """Where architectures come from."""

    @abstractmethod
    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        """The network, its weights drawn by torch's generator; `layer_names` are the modules that are compared."""

    @abstractmethod
    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        """How the network is trained to maturity."""

    @property
    def description(self) -> dict:
        """All that determines the networks besides architecture and classes, JSON-ready."""
        return {"space": self.space.name, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class ConvolutionalBuilder(Builder):
    """Networks of up to `layers` layers, whose filter counts are those of the space times `width`."""

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


@dataclass(frozen=True, kw_only=True)
class CellBuilder(Builder):
    """Networks of one cell of so many blocks, repeated N = `repeats` times, with F = `filters`.

    Short trainings of narrow networks want no regularisation: paths are not dropped, and there is no auxiliary
    classifier.
    """

    blocks: int
    repeats: int
    filters: int
    skeleton: str = "cifar"

    @property
    def space(self) -> SearchSpace:
        return spaces.cells(self.blocks)

    def build(self, architecture: Architecture, *, classes: int) -> nn.Module:
        genotype = genotypes.from_architecture(self.space, architecture)
        return CellNetwork(
            genotype,
            classes=classes,
            filters=self.filters,
            repeats=self.repeats,
            skeleton=self.skeleton,
        )

    def recipe(self, epochs: float, batch_size: int) -> Recipe:
        return recipes.cell_recipe(epochs, batch_size, drop_path_keep=1.0, auxiliary_weight=0.0)


@singledispatch
def searched(budget: Budget, profile: Profile) -> Builder:
    """The networks that a budget is for."""
    raise TypeError(
        f"budget is {budget!r}, expected one of {', '.join(kind.__name__ for kind in searched.registry)}"
    )


@searched.register
def _(budget: SearchBudget, profile: Profile) -> Builder:
    return ConvolutionalBuilder(layers=budget.layers, width=profile.width)


@searched.register
def _(budget: CellBudget, profile: Profile) -> Builder:
    return CellBuilder(
        blocks=budget.blocks,
        repeats=budget.repeats,
        filters=budget.filters,
        skeleton=budget.skeleton,
    )
