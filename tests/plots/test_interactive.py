import base64
import re

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from sage.analysis import bootstrap
from sage.plots import interactive
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_analysis


def test_controls_redraw_the_scatter_from_the_scores(monkeypatch):
    pool = make_analysis()
    table, mature = pool.scores, pool.mature
    shown, updates = [], []

    class Handle:
        def update(self, one, **options):
            updates.append(one)

    def display(one, **options):
        shown.append(one)
        return Handle()

    monkeypatch.setattr(interactive, "display", display)
    figures, picture = [], interactive._picture
    monkeypatch.setattr(
        interactive,
        "_picture",
        lambda figure, texts: figures.append(figure) or picture(figure, texts),
    )
    interactive.explore(pool, BOOTSTRAP, layers=1, alpha=1.0, epoch=0.5)
    controls, first = shown
    guidance, alpha, epoch = controls.children
    assert isinstance(controls, widgets.HBox)
    assert base64.b64decode(first["image/png"]).startswith(b"\x89PNG") and not plt.get_fignums()
    names = {"TG", "TG of layer L1", "TG of layer L2", "TG of a shuffled teacher"}
    assert {name for name, _ in guidance.options} == names
    assert [value for _, value in epoch.options] == [0.5, 2.0]
    guidance.value, alpha.value, epoch.value = "TG shuffled", 5, 2.0
    assert len(updates) == 3
    p, axis = figures[-1].axes
    score = table.sel(predictor="P", epoch=2.0) + 5 * table.sel(predictor="TG shuffled", epoch=2.0)
    shallow = (table.depth < 3).values
    score = (score - score.mean()) / score.std()
    shown = np.stack([score, mature], 1)
    for dots, some in zip(axis.collections, (~shallow, shallow)):
        np.testing.assert_allclose(dots.get_offsets(), shown[some])
    r = bootstrap.correlate(score.values, mature.values)
    assert axis.get_title().startswith(f"P + 5 TG of a shuffled teacher, r = {r:.2f} [")
    assert p.get_title().startswith("P, r = ") and "changes r by" in figures[-1].get_suptitle()
    limits = {axis.get_xlim() for figure in figures for axis in figure.axes}
    assert len(limits) == 1 and max(abs(score)) < limits.pop()[1]


def test_architectures_are_where_their_dots_are(monkeypatch):
    """A network whose dot is at a place has its own text there, deep ones and shallow ones."""
    pool, shown = make_analysis(), []
    monkeypatch.setattr(interactive, "display", lambda one, **options: shown.append(one))
    figures, picture = [], interactive._picture
    monkeypatch.setattr(
        interactive,
        "_picture",
        lambda figure, texts: figures.append(figure) or picture(figure, texts),
    )
    interactive.explore(pool, BOOTSTRAP, layers=1, alpha=1.0, epoch=0.5)
    found = re.findall(r'coords="(\d+),(\d+),5" title="([^"]+)"', shown[1]["text/html"])
    filters = dict(enumerate((32, 64, 128)))
    height = figures[0].get_size_inches()[1] * figures[0].dpi
    expected, table = set(), pool.scores.sel(epoch=0.5)
    for axis, score in zip(
        figures[0].axes, (table.sel(predictor="P"), table.sel(predictor="P + alpha TG"))
    ):
        score = (score - score.mean()) / score.std()
        places = axis.transData.transform(np.stack([score, pool.mature], 1))
        for number, (x, y) in enumerate(places):
            text = f" 1  1x1 conv {filters[number % 3]} &lt;- image"
            expected.add((f"{x:.0f}", f"{height - y:.0f}", text))
    assert set(found) == expected
