import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from sage.analysis import bootstrap
from sage.plots import interactive
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_analysis


def test_controls_redraw_the_scatter_from_the_scores(monkeypatch):
    pool = make_analysis()
    table, mature = pool.scores, pool.mature
    shown, updates = [], []

    class Handle:
        def update(self, figure):
            updates.append(figure)

    def display(one, **options):
        shown.append(one)
        return Handle()

    monkeypatch.setattr(interactive, "display", display)
    interactive.explore(pool, BOOTSTRAP, alpha=1.0, epoch=0.5)
    controls, first = shown
    guidance, alpha, epoch = controls.children
    assert isinstance(controls, widgets.HBox)
    assert isinstance(first, Figure) and not plt.get_fignums()
    assert set(guidance.options) == {"TG", "TG L1", "TG L2", "TG shuffled"}
    assert [value for _, value in epoch.options] == [0.5, 2.0]
    guidance.value, alpha.value, epoch.value = "TG shuffled", 5, 2.0
    assert len(updates) == 3
    (axis,) = updates[-1].axes
    score = table.sel(predictor="P", epoch=2.0) + 5 * table.sel(predictor="TG shuffled", epoch=2.0)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), np.stack([score, mature], 1))
    assert axis.get_xlabel() == "P + 5 TG shuffled, 2 epochs"
    assert f"r = {bootstrap.correlate(score.values, mature.values):.2f} [" in axis.get_title()
