from sage import plots
from sage.config.run import TablesRun
from sage.experiments import stored_searches
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


def test_a_pool_is_drawn_with_the_searches_that_it_can_hold():
    run = TablesRun(profile="smoke", pools="cifar100-pool-20")
    figure = plots.simulated.pool_searches(*stored_searches.simulate_pools(run).values())
    assert "searches of 10, 20, 50 candidates in a pool of n = 80" in figure.get_suptitle()
