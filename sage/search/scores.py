"""Scores by which a search judges its candidates. The registry: one line each."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sage.rsa.teacher import Teacher
from sage.search.record import Evaluation

# Part of a study's key when above 0. Raise it with any change of what a score is, TG included.
REVISION = 0
P, GUIDED, SHUFFLED, SIZE = "P", "P+TG", "P+shuffled", "P+parameters"
_WEIGHTED = re.compile(r"P\+([0-9]+(?:\.[0-9]+)?)(\D\w*)")


@dataclass(frozen=True)
class Score:
    """Premature accuracy P, or P + alpha TG of a teacher, or P and what needs no teacher.

    Args:
        template: name in figures, with `{weight}` before what is weighted by alpha.
        colour: colour in figures, as matplotlib takes it.
        guide: the teacher that gives TG, from the run's teacher and the seed of the repetition;
            None for a score without TG.
        addition: what is added instead, from a finished evaluation.
        alpha: its own weight; None for the run's.
    """

    template: str
    colour: str
    guide: Callable[[Teacher, int], Teacher] | None = None
    addition: Callable[[Evaluation], float] | None = None
    alpha: float | None = None

    def label(self, alpha: float) -> str:
        alpha = self.weight(alpha)
        return self.template.format(weight="" if alpha == 1 else f"{alpha:g} ")

    def weight(self, alpha: float) -> float:
        """Return its own alpha, or else the run's."""
        return alpha if self.alpha is None else self.alpha


SCORES = {
    P: Score("P", "C0"),
    GUIDED: Score("P + {weight}TG", "C1", lambda teacher, seed: teacher),
    SHUFFLED: Score("P + {weight}shuffled TG", "C4", lambda one, seed: one.shuffled(seed=seed)),
    SIZE: Score("P + {weight}log parameters", "C5", addition=lambda one: math.log(one.parameters)),
}


def revision() -> dict[str, int]:
    """Return `REVISION` as a part of keys: none at 0, as what was searched before has none."""
    return {"revision": REVISION} if REVISION else {}


def find(word: str) -> Score:
    """Return one of `SCORES`, perhaps with a weight of its own as in P+0.2TG, or a KeyError."""
    name, weight = split(word)
    return SCORES[name] if weight is None else replace(SCORES[name], alpha=weight)


def split(word: str) -> tuple[str, float | None]:
    """Return a score's name, and its weight if that is not the run's: P+TG and 0.2 of P+0.2TG."""
    found = _WEIGHTED.fullmatch(word)
    return (f"P+{found[2]}", float(found[1])) if found else (word, None)


def join(name: str, weight: float) -> str:
    """Return the word for a score with a weight, such as P+0.2TG: the opposite of `split`."""
    return name if weight == 1 else name.replace("+", f"+{weight:g}")
