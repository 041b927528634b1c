from sage import plots
from tests.support.search_results import make_benchmark


def test_searches_of_a_benchmark_stand_beside_what_others_report(tmp_path):
    figure = plots.simulated.benchmark_searches(make_benchmark())
    names = {text.get_text() for text in figure.legends[0].texts}
    assert names == {
        "random search, n = 12 runs",
        "regularised evolution, n = 8 runs",
        "best of all: 75.00 %",
    }
    assert [len(axis.collections) for axis in figure.axes[:2]] == [2, 2]  # a band for each
    assert len(figure.axes[2].containers) == 3
    plots.save(figure, tmp_path, "figure")
