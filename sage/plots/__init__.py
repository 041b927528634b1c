"""Figures: tables in, matplotlib figures out. `draw` writes one of a run's results as PNG and PDF.

To add a figure, write a function under `@style.applied`, and an entry of `FIGURES` that calls it.
"""

from sage.plots.cells import cell_graph
from sage.plots.controls import controls, ladder, teaching
from sage.plots.figures import FIGURES, draw
from sage.plots.interactive import explore
from sage.plots.predictors import (
    added_value,
    alpha_effect,
    cost_curves,
    pools,
    predictivity,
    rivals,
    simulated_searches,
    teachers,
)
from sage.plots.recordings import region_rdms, region_similarity, site_agreement, stimuli
from sage.plots.searches import final_errors, finalists, search_progress
from sage.plots.simulated import benchmark_searches, pool_scores, pool_searches
from sage.plots.style import save
from sage.plots.teacher import learning_curve, teacher_rdms, training_images
