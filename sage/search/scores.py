"""Scores by which a search judges its candidates. The registry: one line each."""

from collections.abc import Callable
from dataclasses import dataclass

from sage.rsa.teacher import Teacher

P, GUIDED, SHUFFLED = "P", "P+TG", "P+shuffled"


@dataclass(frozen=True)
class Score:
    """Premature accuracy P, or P + alpha TG of a teacher.

    Args:
        template: name in figures, with `{weight}` before what is weighted by alpha.
        colour: colour in figures, as matplotlib takes it.
        guide: the teacher that gives TG, from the run's teacher and the seed of the repetition;
            None for P alone.
    """

    template: str
    colour: str
    guide: Callable[[Teacher, int], Teacher] | None = None

    def label(self, alpha: float) -> str:
        return self.template.format(weight="" if alpha == 1 else f"{alpha:g} ")


SCORES = {
    P: Score("P", "C0"),
    GUIDED: Score("P + {weight}TG", "C1", lambda teacher, seed: teacher),
    SHUFFLED: Score("P + {weight}shuffled TG", "C4", lambda one, seed: one.shuffled(seed=seed)),
}
