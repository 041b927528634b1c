"""Search spaces as immutable data: named choices, and what an architecture means."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

Architecture = tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """One named choice. Options are only ever appended, so that stored architectures keep their meaning.

    `needs` names an earlier choice and the least option index of it at which this one has any effect.
    The rest says what choices have in common, for searchers that make use of it: choices of a `kind` mean
    the same (the default is the choice's own name), at a later `step` each, a layer for example. A
    connection has the options (False, True) and the earlier step that it leads from, its `source`.
    """

    name: str
    options: tuple
    needs: tuple[str, int] | None = None
    kind: str = ""
    step: int = 0
    source: int | None = None

    def __post_init__(self):
        if not self.kind:
            object.__setattr__(self, "kind", self.name)


@dataclass(frozen=True)
class SearchSpace:
    """A finite product of named choices. Pure data; `models` turns an architecture into a network.

    Raises:
        ValueError: two choices of one name, a choice that needs a later one, steps or a source out of order.
    """

    name: str
    choices: tuple[Choice, ...]

    def __post_init__(self):
        step, names = 0, set()
        for choice in self.choices:
            if choice.name in names:
                raise ValueError(f"{self.name}: two choices are named {choice.name}, expected one")
            if choice.needs and choice.needs[0] not in names:
                raise ValueError(
                    f"{self.name}: {choice.name} needs {choice.needs[0]}, expected an earlier choice"
                )
            if choice.step < step:
                raise ValueError(
                    f"{self.name}: {choice.name} is at step {choice.step}, expected {step} or later"
                )
            if choice.source is not None and (
                choice.source not in range(choice.step) or len(choice.options) != 2
            ):
                raise ValueError(
                    f"{self.name}: connection {choice.name} with {len(choice.options)} options from step "
                    f"{choice.source} to {choice.step}, expected two options and an earlier step"
                )
            step = choice.step
            names.add(choice.name)

    @cached_property
    def position(self) -> dict[str, int]:
        """Where each choice stands in an architecture."""
        return {choice.name: index for index, choice in enumerate(self.choices)}

    @cached_property
    def size(self) -> int:
        """The number of architectures that differ in a choice that has an effect."""
        sizes = defaultdict(
            list
        )  # of the choices that need this one: the option they need, their own size
        for choice in reversed(self.choices):
            needed, least = choice.needs or (None, 0)
            dependants = sizes[choice.name]
            size = sum(
                prod(size for least, size in dependants if option >= least)
                for option in range(len(choice.options))
            )
            sizes[needed].append((least, size))
        return prod(size for _, size in sizes[None])

    def sample(self, rng: np.random.Generator) -> Architecture:
        """An architecture with every option equally likely."""
        return self.canonical(
            tuple(int(rng.integers(len(choice.options))) for choice in self.choices)
        )

    def check(self, architecture: Architecture) -> None:
        """Raises ValueError if this is no architecture of the space, naming what is wrong."""
        if len(architecture) != len(self.choices):
            raise ValueError(
                f"{self.name}: {len(architecture)} option indices, expected {len(self.choices)}"
            )
        for choice, option in zip(self.choices, architecture):
            if not 0 <= option < len(choice.options):
                raise ValueError(
                    f"{self.name}: option {option} of {choice.name}, expected 0 to {len(choice.options) - 1}"
                )

    def active(self, architecture: Architecture) -> tuple[bool, ...]:
        """Which choices have an effect in this architecture; none has that needs one without effect."""
        active = []
        for needs in self._needs:
            active.append(
                needs is None or (active[needs[0]] and architecture[needs[0]] >= needs[1])
            )
        return tuple(active)

    @cached_property
    def _needs(self) -> list[tuple[int, int] | None]:
        """`Choice.needs` by position: looking up names took most of the time of `sample`."""
        return [
            choice.needs and (self.position[choice.needs[0]], choice.needs[1])
            for choice in self.choices
        ]

    def canonical(self, architecture: Architecture) -> Architecture:
        """The same architecture with every choice that has no effect at its first option."""
        self.check(architecture)
        active = self.active(architecture)
        return tuple(option if used else 0 for option, used in zip(architecture, active))

    def values(self, architecture: Architecture) -> dict:
        """The chosen option of every choice by its name."""
        self.check(architecture)
        return {
            choice.name: choice.options[index] for choice, index in zip(self.choices, architecture)
        }

    def hash(self, architecture: Architecture) -> str:
        """16 hexadecimal digits, the same on every machine, equal for architectures that mean the same."""
        text = json.dumps([self.name, self.canonical(architecture)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Layer:
    """One convolution of the CNN space; `inputs` are 0 for the image, k for the k-th layer."""

    filters: int
    kernel: tuple[int, int]  # height, width
    stride: int
    activation: str
    normalization: str
    inputs: tuple[int, ...]

    def __str__(self) -> str:
        height, width = self.kernel
        parts = [f"{height}x{width} conv {self.filters}"]
        parts += [f"/{self.stride}"] * (self.stride > 1)
        parts += [
            name
            for name in (self.normalization, self.activation)
            if name not in ("none", "identity")
        ]
        sources = ", ".join("image" if source == 0 else str(source) for source in self.inputs)
        return f"{' '.join(parts)} <- {sources}"


def cnn(layers: int) -> SearchSpace:
    """The paper's space of convolutional networks with up to `layers` layers (10 or 20 there).

    Raises:
        ValueError: layers < 1.

    Source: supplement of the paper, "Experimental Details for Search in Space of Convolutional Networks".
    """
    if layers < 1:
        raise ValueError(f"layers is {layers}, expected 1 or more")
    choices = [Choice("layers", tuple(range(1, layers + 1)))]
    for index in range(1, layers + 1):
        needs = ("layers", index - 1) if index > 1 else None
        for name, options in _LAYER_OPTIONS.items():
            choices.append(Choice(f"{name} {index}", options, needs, kind=name, step=index))
        # The first layer has nothing but the image to read.
        for source in range(index if index > 1 else 0):
            name = f"{source} to {index}"
            choices.append(
                Choice(name, (False, True), needs, kind="connection", step=index, source=source)
            )
    return SearchSpace(f"cnn{layers}", tuple(choices))


_LAYER_OPTIONS = {
    "filters": (32, 64, 128),
    "height": (1, 3, 5, 7),
    "width": (1, 3, 5, 7),
    "stride": (1, 2),
    "activation": ("identity", "relu"),
    "normalization": ("none", "batch norm"),
}


OPERATIONS = ("id", "avg3", "max3", "dil3", "1x7-7x1", "sep3", "sep5", "sep7")


def cells(blocks: int = 5) -> SearchSpace:
    """The paper's space of convolutional cells of so many blocks; `models.genotypes` says what one means.

    Each block adds up two operations, each on one of the states before it: 0 is the cell's first input, 1 its
    second one, k the block k - 1. The last two choices put an input among the cell's outputs although blocks
    read it.

    Raises:
        ValueError: blocks < 1.

    Source: supplement of the paper, "Experimental Details for Search in Space of Convolutional Cells".
    """
    if blocks < 1:
        raise ValueError(f"blocks is {blocks}, expected 1 or more")
    choices = []
    for block in range(1, blocks + 1):
        for side in ("left", "right"):
            for kind, options in (("input", tuple(range(block + 1))), ("operation", OPERATIONS)):
                choices.append(
                    Choice(f"{side} {kind} {block}", options, kind=f"{side} {kind}", step=block)
                )
    choices += [Choice(f"output {state}", (False, True), step=blocks) for state in (0, 1)]
    return SearchSpace(f"cells{blocks}", tuple(choices))


def cnn_layers(space: SearchSpace, architecture: Architecture) -> tuple[Layer, ...]:
    """What an architecture of a `cnn` space means, layer by layer.

    A layer without a chosen input reads the image (Zoph and Le 2017).
    """
    values = space.values(architecture)
    return tuple(
        Layer(
            filters=values[f"filters {index}"],
            kernel=(values[f"height {index}"], values[f"width {index}"]),
            stride=values[f"stride {index}"],
            activation=values[f"activation {index}"],
            normalization=values[f"normalization {index}"],
            inputs=tuple(source for source in range(index) if values.get(f"{source} to {index}"))
            or (0,),
        )
        for index in range(1, values["layers"] + 1)
    )


def depth(layers: tuple[Layer, ...]) -> int:
    """Convolutions on the longest path from the image to the classifier, which reads what no layer reads."""
    longest = [0]
    for layer in layers:
        longest.append(1 + max(longest[source] for source in layer.inputs))
    return max(longest)


def describe(layers: tuple[Layer, ...]) -> str:
    """A network as text that a person reads, one numbered line per layer."""
    return "\n".join(f"{number:2d}  {layer}" for number, layer in enumerate(layers, 1))
