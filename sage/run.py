"""The parameters of one notebook run, checked, and the folder its outputs go to."""

import hashlib
import re
from dataclasses import dataclass, fields
from pathlib import Path

from sage import paths
from sage.profiles import PROFILES, Profile

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
                raise ValueError(f"unknown {name} {getattr(self, name)!r}, expected one of {', '.join(known)}")
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
            f"{field.name}-{_file_name(getattr(self, field.name))}"
            for field in fields(self)
            if field.name not in ("dataset", "profile") and getattr(self, field.name) != field.default
        ]
        return paths.figures() / "-".join([_file_name(self.dataset), self.profile, *changed])


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


def _file_name(value) -> str:
    """A value as part of a folder's name; a path keeps its last part and gets a short hash."""
    text = str(value)
    if re.fullmatch(r"[\w.+-]+", text):
        return text
    stem = re.sub(r"[^\w.+-]+", "-", Path(text).stem)
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
