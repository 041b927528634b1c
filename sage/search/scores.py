"""Scores by which a search judges its candidates. The registry: one line each."""

from collections.abc import Callable
from dataclasses import dataclass

from sage.rsa.teacher import Teacher

P, GUIDED, SHUFFLED = "P", "P+TG", "P+shuffled"


@dataclass(frozen=True)
class Score:
    """Premature accuracy P, or P + alpha TG of a teacher.

    Args:
        name: as the parameter `scores` of a run has it.
        template: name in figures, with `{alpha:g}` for the weight.
        colour: colour in figures, as matplotlib takes it.
        guide: the teacher that gives TG, from the run's teacher and the seed of the repetition;
            None for P alone.
    """

    name: str
    template: str
    colour: str
    guide: Callable[[Teacher, int], Teacher] | None = None

    def label(self, alpha: float) -> str:
        """Return the name in figures."""
        return self.template.format(alpha=alpha)


SCORES = {
    score.name: score
    for score in (
        Score(P, "P", "C0"),
        Score(GUIDED, "P + {alpha:g} TG", "C1", lambda teacher, seed: teacher),
        Score(
            SHUFFLED, "P + {alpha:g} shuffled TG", "C4", lambda one, seed: one.shuffled(seed=seed)
        ),
    )
}


def find_score(name: str) -> Score:
    """Return a score by its name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in SCORES:
        raise ValueError(f"score {name!r}, expected one of {', '.join(SCORES)}")
    return SCORES[name]
