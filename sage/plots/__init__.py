"""Figures: tables in, matplotlib figures out. `draw` writes one of a run's results as PNG and PDF.

To add a figure, write a function under `@style.applied`, and an entry of `FIGURES` that calls it.
"""

from sage.plots.cells import cell_graph
from sage.plots.figures import FIGURES, draw
from sage.plots.interactive import explore
from sage.plots.style import save
