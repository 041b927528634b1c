"""Every figure of the notebooks by its name: how it is drawn from a run's results.

Notebooks and `tg-sage published` draw them in this one way.
"""

from collections.abc import Callable, Mapping

import xarray as xr
from matplotlib.figure import Figure

from sage.analysis import contrasts, planned, predictivity, predictors
from sage.analysis.bootstrap import UNKNOWN, Estimate
from sage.analysis.predictivity import Analysis
from sage.analysis.published_pools import RANDOM
from sage.experiments.results import BENCHMARK, CONTROL_EPOCHS, QUICKSTART_EPOCH, Results
from sage.images import categories
from sage.plots import cells, recordings, searches, simulated, style, teacher
from sage.plots import predictors as pools
from sage.plots.controls import controls, ladder, objects, teaching

# Predictors beside guidance by 92 objects, from above.
OBJECTS_SHOWN = (
    *("P", "log parameters", "naswot", "TG", "TG L3"),
    *("TG, objects", "TG L1, objects", "TG L2, objects", planned.NETWORK),
    *("untrained teacher, objects", "pixels, objects", planned.IT, "recorded human IT"),
)


def draw(results: Results, name: str) -> None:
    """Draw a figure of `FIGURES`, and write it to the run's folder as PNG and PDF."""
    style.save(FIGURES[name](results), results.run.folder, name)


def _predictivity(analysed: Analysis, stored: xr.Dataset, epoch: float) -> Figure:
    layers = [predictors.layer_name(one) for one in stored.teacher_layer.values]
    return pools.predictivity(analysed, layers, epoch=epoch)


def _longer(of: Results) -> Figure:
    analysed = of["05_longer"]
    last = analysed.assessed.epoch.values[-1]
    return _predictivity(analysed, of["05_later"], last)


def _alpha(of: Results) -> Figure:
    assessed = of["01_analysed"][RANDOM].assessed
    chosen = {one: predictivity.gain(assessed, predictors.CHOSEN, one) for one in contrasts.RANKED}
    return pools.alpha_effect(of["01_sweep"], chosen)


def _teachers(of: Results) -> Figure:
    name = of["01_pools"].own.similarity.attrs["teacher"]
    return pools.teachers(of["01_analysed"][RANDOM].assessed, teacher=name)


def _rivals(of: Results, assessed: xr.Dataset, ceiling: Estimate) -> Figure:
    return pools.rivals(assessed, epoch=_epoch(of), ceiling=ceiling, alpha=of.run.alpha)


def _cost(of: Results) -> Figure:
    own = of["01_pools"]
    _, taught = own.taught
    return pools.cost_curves(of["01_analysed"][RANDOM], ceiling=own.ceiling, teacher=taught)


def _search(of: Results, analysed: Mapping[str, Analysis], taught: float) -> Figure:
    return pools.simulated_searches(analysed, epoch=_epoch(of), teacher=taught)


def _errors(of: Results, number: str, trained: xr.Dataset, **kinds: str) -> Figure:
    (ours, found), searched = of.networks(f"{number}_errors"), of[f"{number}_searches"]
    measures = {f"{of.run.dataset}{kind}": trained[name] for name, kind in kinds.items()}
    return searches.final_errors(ours, measures, found=found, searched=searched)


def _epoch(of: Results) -> float:
    return of.run.settings.premature_epochs


def _examples(of: Results) -> Figure:
    """Draw the RDMs of a teacher and two candidates; CIFAR-100's classes by their category."""
    found = of["quickstart_judged"].examples(QUICKSTART_EPOCH)
    names = sorted(name for group in categories.CIFAR100.values() for name in group)
    return teacher.rdms_beside(found, categories.of(tuple(names)))


def _teaching(of: Results) -> Figure:
    networks = of["06_stored"].networks
    chance = float(networks.accuracy.sel(epoch=0).mean())
    return teaching(of["06_teaching"], networks.mature, CONTROL_EPOCHS, chance=chance)


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "quickstart_rdms": _examples,
    "00_images": lambda of: teacher.training_images(of["00_images"]),
    "00_teacher": lambda of: teacher.learning_curve(of["00_teacher"]),
    "00_rdms": lambda of: teacher.teacher_rdms(of["00_teacher_rdms"], of["00_categories"]),
    "01_added": lambda of: pools.added_value(of["01_random"]),
    "01_predictivity": lambda of: _predictivity(
        of["01_analysed"][RANDOM], of["01_pools"].own, _epoch(of)
    ),
    "01_alpha": _alpha,
    "01_teachers": _teachers,
    "01_rivals": lambda of: _rivals(of, of["01_analysed"][RANDOM].assessed, of["01_pools"].ceiling),
    "01_cost": _cost,
    "01_search": lambda of: _search(of, of["01_random"], of["01_pools"].taught[1]),
    "01_pools": lambda of: pools.pools(of["01_analysed"], alpha=of.run.alpha),
    "02_searches": lambda of: searches.search_progress(of["02_searches"]),
    "02_differences": lambda of: searches.search_differences(of["02_searches"]),
    "03_finalists": lambda of: searches.finalists(of["03_searches"]),
    "03_cell": lambda of: cells.cell_graph(of["03_cell"]),
    "03_errors": lambda of: _errors(of, "03", of["03_trained"][of.run.dataset], test_accuracy=""),
    "04_stimuli": lambda of: recordings.stimuli(of["04_recordings"]),
    "04_rdms": lambda of: recordings.region_rdms(of["04_recordings"], of.run.level),
    "04_finalists": lambda of: searches.finalists(of["04_searches"]),
    "04_similarity": lambda of: recordings.region_similarity(of["04_similarity"]),
    "04_sites": lambda of: recordings.site_agreement(of["04_sites"]),
    "04_errors": lambda of: _errors(
        of, "04", of["04_trained"], test_accuracy=" top-1", test_top5=" top-5"
    ),
    "05_predictivity": lambda of: _predictivity(
        of["05_analysed"], of["05_stored"].table, _epoch(of)
    ),
    "05_longer": _longer,
    "05_rivals": lambda of: _rivals(of, of["05_assessed"], UNKNOWN),
    "05_added": lambda of: pools.added_value({BENCHMARK: of["05_analysed"]}),
    "05_search": lambda of: _search(
        of, {BENCHMARK: of["05_analysed"]}, of["05_stored"].teacher_multiply_adds
    ),
    "05_controls": lambda of: controls(of["05_against"], CONTROL_EPOCHS),
    "05_objects": lambda of: objects(of["05_objects_assessed"], of["05_objects"], OBJECTS_SHOWN),
    "05_ladder": lambda of: ladder(of["05_rungs"], CONTROL_EPOCHS),
    "06_controls": lambda of: controls(of["06_against"], CONTROL_EPOCHS),
    "06_teaching": _teaching,
    "07_pools": lambda of: simulated.pool_searches(of["07_first"]),
    "07_scores": lambda of: simulated.pool_scores(of["07_simulated"], candidates=of.run.candidates),
    "07_benchmark": lambda of: simulated.benchmark_searches(of["07_benchmark"]),
}
