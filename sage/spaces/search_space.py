"""Search spaces as immutable data: named choices, and operations on architectures.

To add a space, write a function that returns a `SearchSpace`, import it in `spaces/__init__.py`,
and turn its architectures into networks with a `Builder` in `search/builders.py`.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

Architecture = tuple[int, ...]  # an option index per choice


@dataclass(frozen=True)
class Choice:
    """One named choice between options.

    Options are only ever appended, so that stored architectures keep their meaning.

    Args:
        began: options that it had in the first study on record, if some were appended since.
        needs: an earlier choice and an option index; below that index this choice has no effect.
        kind: a name shared by choices that mean the same; the choice's own name by default.
        step: where the choice belongs, such as the number of a layer; never falls along a space.
        source: for a connection, with options (False, True): the earlier step it leads from.
    """

    name: str
    options: tuple
    needs: tuple[str, int] | None = None
    kind: str = ""
    step: int = 0
    source: int | None = None
    began: int | None = None

    def __post_init__(self):
        if not self.kind:
            object.__setattr__(self, "kind", self.name)


@dataclass(frozen=True)
class SearchSpace:
    """A finite product of named choices.

    Raises:
        ValueError: a name comes twice, or a choice needs, follows or is led to from a later one.
    """

    name: str
    choices: tuple[Choice, ...]

    def __post_init__(self):
        last, names = 0, set[str]()
        for choice in self.choices:
            name, step, source, count = choice.name, choice.step, choice.source, len(choice.options)
            problem = ""
            if name in names:
                problem = f"two choices are named {name}, expected one"
            elif choice.needs and choice.needs[0] not in names:
                problem = f"{name} needs {choice.needs[0]}, expected an earlier choice"
            elif step < last:
                problem = f"{name} is at step {step}, expected {last} or later"
            elif source is not None and (source not in range(step) or count != 2):
                problem = f"connection {name} with {count} options from step {source} to {step}, "
                problem += "expected two options and an earlier step"
            if problem:
                raise ValueError(f"{self.name}: {problem}")
            last = step
            names.add(name)

    @cached_property
    def position(self) -> dict[str, int]:
        return {choice.name: index for index, choice in enumerate(self.choices)}

    @property
    def appended(self) -> dict[str, list[str]]:
        """The options behind those that a choice began with, by its kind; empty if there are none.

        Studies have them in their keys: a finished search has not tried them.
        """
        chosen = [one for one in self.choices if one.options[one.began or len(one.options) :]]
        return {one.kind: [str(option) for option in one.options[one.began :]] for one in chosen}

    @cached_property
    def size(self) -> int:
        """The number of architectures that differ in a choice that has an effect."""
        # By choice: the least option that each of its dependants needs, and the dependant's size.
        dependants: dict[str | None, list] = defaultdict(list)
        for choice in reversed(self.choices):
            needed, least = choice.needs or (None, 0)
            own, options = dependants[choice.name], range(len(choice.options))
            sizes = (prod(size for low, size in own if option >= low) for option in options)
            dependants[needed].append((least, sum(sizes)))
        return prod(size for _, size in dependants[None])

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Return a random architecture with every option equally likely."""
        return self.canonical(tuple(int(rng.integers(len(one.options))) for one in self.choices))

    def check(self, architecture: Architecture) -> None:
        """Raise ValueError if this is no architecture of the space, naming what is wrong."""
        given, count = len(architecture), len(self.choices)
        if given != count:
            raise ValueError(f"{self.name}: {given} option indices, expected {count}")
        for choice, option in zip(self.choices, architecture):
            if not 0 <= option < len(choice.options):
                expected = f"expected 0 to {len(choice.options) - 1}"
                raise ValueError(f"{self.name}: option {option} of {choice.name}, {expected}")

    def active(self, architecture: Architecture) -> tuple[bool, ...]:
        """Return which choices have an effect: none that needs a choice without effect."""
        active: list[bool] = []
        for needs in self._needs:
            active.append(not needs or (active[needs[0]] and architecture[needs[0]] >= needs[1]))
        return tuple(active)

    @cached_property
    def _needs(self) -> list[tuple[int, int] | None]:
        """`Choice.needs` by position: looking up names took most of the time of `sample`."""
        return [one.needs and (self.position[one.needs[0]], one.needs[1]) for one in self.choices]

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the same architecture with all choices without effect at their first option."""
        self.check(architecture)
        active = self.active(architecture)
        return tuple(option if used else 0 for option, used in zip(architecture, active))

    def values(self, architecture: Architecture) -> dict:
        """Return the chosen option of every choice by its name."""
        self.check(architecture)
        return {one.name: one.options[index] for one, index in zip(self.choices, architecture)}

    def hash(self, architecture: Architecture) -> str:
        """Return 16 hexadecimal digits that are equal for architectures of equal meaning."""
        text = json.dumps([self.name, self.canonical(architecture)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]
