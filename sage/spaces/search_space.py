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
