"""Draw docs/idea.png, the idea in a picture: `python docs/idea.py`.

Images, teacher and candidate are those of the default run. The teacher is trained first if it is
not in the cache, and the candidate a little: minutes on two cores.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import FancyArrowPatch
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr

from sage import teachers
from sage.config import paths
from sage.config.run import Run
from sage.images import categories, objects
from sage.plots import style
from sage.rsa import guidance
from sage.search import evaluation
from sage.search.evaluation import EvaluationProtocol

EPOCHS, CATEGORIES, EACH = 1, 4, 2
TEACHER, CANDIDATE = "C2", "C0"


def measure(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return pictures [K, H, W, 3] of some classes, their RDM [K, K] of two networks, and P.

    The first network is the run's teacher, its last layer. The second is a candidate of the run's
    space, the layer that is most like that. Classes are pairs that the teacher finds alike.
    """
    teacher = teachers.load_teacher(run)
    protocol = replace(EvaluationProtocol.of(run.settings, run.dataset), snapshots=(EPOCHS,))
    rng, space = np.random.default_rng(run.seed), protocol.networks.space
    architecture = space.sample(rng)
    while space.values(architecture)["layers"] != 6:
        architecture = space.sample(rng)
    (snapshot,) = evaluation.evaluate(protocol, architecture, run.seed).snapshots
    similarity = guidance.compare([(0, EPOCHS, snapshot.rdms)], teacher, level="class")
    best = int(np.argmax(similarity.values[0, 0, -1]))
    own = snapshot.rdms[teacher.layers[-1].stimuli, "class"][best].astype(float)

    classes = teachers.load_images(run).classes
    groups = np.array(categories.of(classes))
    apart = squareform(teacher.layers[-1].rdms["class"])
    pairs = []
    for group in dict.fromkeys(groups):
        pairs += sorted(
            combinations(np.flatnonzero(groups == group), 2), key=lambda pair: apart[pair]
        )[:1]
    places = np.sort(np.ravel(sorted(pairs, key=lambda pair: apart[pair])[:CATEGORIES]))
    shown = np.ix_(places, places)
    each = len(classes) // len(objects.CATEGORIES)
    rendered, labels = objects.render(len(classes), size=96, each=each, difficulty=0, clutter=0)
    pictures = rendered[labels.argsort()[places]].transpose(0, 2, 3, 1)
    pictures = np.where(pictures.max(-1, keepdims=True) > 0, pictures, np.uint8(225))  # on grey
    return pictures, apart[shown], squareform(own)[shown], snapshot.accuracy


@style.applied
def draw(pictures: np.ndarray, teacher: np.ndarray, candidate: np.ndarray, p: float) -> Figure:
    """Draw how a candidate is scored; arguments as `measure` returns them."""
    figure = plt.figure(figsize=(8, 4.2), layout="none")
    sheet = figure.add_axes((0.01, 0.22, 0.11, 0.64))
    rows = pictures.reshape(-1, EACH, *pictures.shape[1:])
    sheet.imshow(np.concatenate([np.concatenate([*row], 1) for row in rows]))
    sheet.set_title("images")
    sheet.axis("off")
    parts = (
        (0.77, teacher, TEACHER, "teacher", "a strong network,\nor recordings\nfrom a brain"),
        (
            0.35,
            candidate,
            CANDIDATE,
            "candidate",
            "an architecture\nthat is proposed,\ntrained a little",
        ),
    )
    for middle, rdm, colour, title, about in parts:
        _arrow(figure, (0.13, 0.54), (0.165, middle))
        _box(figure, 0.235, middle, title, about, colour)
        _arrow(figure, (0.31, middle), (0.35, middle))
        axis = figure.add_axes((0.39, middle - 0.145, 0.29 * 4.2 / 8, 0.29))
        _rdm(axis, rdm, pictures)
        axis.set_title(f"RDM of the {title}", color=colour)
        _arrow(figure, (0.552, middle), (0.6, 0.6 if middle > 0.5 else 0.5))
    figure.text(0.466, 0.115, "dark: alike, bright: different", ha="center", color="0.35")
    above = np.triu_indices(len(teacher), 1)
    axis = figure.add_axes((0.63, 0.41, 0.27 * 4.2 / 8, 0.27))
    axis.plot(teacher[above], candidate[above], "o", color="0.35", mew=0)
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel("teacher's RDM", color=TEACHER, labelpad=3)
    axis.set_ylabel("candidate's RDM", color=CANDIDATE, labelpad=3)
    r = pearsonr(teacher[above], candidate[above]).statistic
    axis.set_title(f"teacher guidance TG\nr = {r:.2f} over pairs of classes")
    _arrow(figure, (0.785, 0.55), (0.825, 0.55))
    told = "P + alpha TG\n\nThe search learns\nfrom it, and proposes\nthe next candidate."
    _box(figure, 0.905, 0.55, "score", told, "C1")
    figure.add_artist(Line2D([0.235, 0.235, 0.905], [0.22, 0.05, 0.05], color="0.35", lw=1))
    _arrow(figure, (0.905, 0.05), (0.905, 0.38))
    figure.text(0.57, 0.065, f"accuracy P = {p:.2f} on validation images", ha="center")
    return figure


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": "0.35", "lw": 1}
    figure.add_artist(FancyArrowPatch(start, end, **look))


def _box(figure: Figure, x: float, y: float, title: str, about: str, colour: str) -> None:
    around = {"boxstyle": "round,pad=0.5", "fc": "w", "ec": colour, "lw": 1.5}
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    figure.text(x, y, f"{title}\n\n{about}", bbox=around, **centred)


def _rdm(axis: Axes, rdm: np.ndarray, pictures: np.ndarray) -> None:
    """Draw an RDM over its own range, with a picture of each stimulus at its row and column."""
    high = rdm.max()
    axis.imshow(rdm, vmin=rdm[rdm > 0].min() - 0.1 * high, vmax=high, cmap="viridis")
    axis.axis("off")
    for place, picture in enumerate(pictures):
        image = OffsetImage(picture, zoom=11 / len(picture))
        for x, y in ((-1.15, place), (place, len(rdm) + 0.15)):
            axis.add_artist(AnnotationBbox(image, (x, y), frameon=False, annotation_clip=False))


if __name__ == "__main__":
    picture = draw(*measure(Run()))
    picture.savefig(paths.ROOT / "docs" / "idea.png", dpi=200, metadata=style.UNDATED)
