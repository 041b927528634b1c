"""Controls of many draws, on made-up guidance."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sage.analysis import draws
from sage.analysis.bootstrap import Bootstrap

NETWORKS, EPOCHS = 40, (0.0, 1.0)
RESAMPLES = Bootstrap(resamples=50, seed=0)


@pytest.fixture
def pool() -> tuple[xr.DataArray, xr.Dataset, xr.DataArray]:
    """P tells mature accuracy a little, the teacher what P does not, controls nothing."""
    rng = np.random.default_rng(0)
    mature = rng.normal(size=NETWORKS)
    noise = rng.normal(size=(NETWORKS, 2))
    axes = {"network": np.arange(NETWORKS), "epoch": list(EPOCHS)}
    p = xr.DataArray(mature[:, None] + noise, axes, ("network", "epoch"))
    parts = {"TG": (("network", "epoch"), mature[:, None] - noise)}
    parts["TG"][1][:, 0] = rng.normal(size=NETWORKS)
    for name, draw, count in (("shuffled", "permutation", 20), ("untrained", "initialisation", 3)):
        parts[name] = ((draw, "network", "epoch"), rng.normal(size=(count, NETWORKS, 2)))
    return (
        p,
        xr.Dataset(parts, axes),
        xr.DataArray(mature, {"network": axes["network"]}, ("network",)),
    )


def test_teacher_is_set_against_the_mean_of_each_controls_draws(pool):
    p, guided, mature = pool
    found = draws.against_draws(p, guided, mature, RESAMPLES).sel(epoch=1)
    assert found.control.values.tolist() == ["shuffled", "untrained", "before training"]
    assert (found.difference > 0.1).all() and (found.low > 0).all() and (found.reached == 0).all()
    np.testing.assert_allclose(found.difference, found.teacher - found.control_mean)
    copies = guided.assign(shuffled=guided.TG.expand_dims(permutation=20))
    same = draws.against_draws(p, copies, mature, RESAMPLES).sel(epoch=1, control="shuffled")
    np.testing.assert_allclose([same.difference, same.low, same.high], 0, atol=1e-12)
    assert (same.reached == 1).all()


def test_better_networks_teach_better_where_they_do(pool):
    _, _, mature = pool
    rng = np.random.default_rng(1)
    quality = stats.rankdata(mature) / NETWORKS
    noise = rng.normal(size=(NETWORKS, NETWORKS, 2)) * 3 * (1 - quality)[:, None, None]
    values = mature.values[None, :, None] + noise
    axes = {"teacher": mature.network.values, "network": mature.network.values, "epoch": [0.0, 1.0]}
    peer = xr.DataArray(values, axes, tuple(axes))
    found = draws.teaching(peer, mature, RESAMPLES)
    others = np.arange(NETWORKS) != 7
    by_hand = stats.spearmanr(values[7, others, 1], mature.values[others]).statistic
    assert found.taught.values[7, 1] == pytest.approx(by_hand)
    assert (found.low > 0.5).all() and (found.value < found.high).all()
    relation = stats.spearmanr(found.taught.values[:, 0], mature.values).statistic
    assert found.value.values[0] == pytest.approx(relation)


def test_words_say_what_the_numbers_are(pool):
    p, guided, mature = pool
    found = draws.against_draws(p, guided, mature, RESAMPLES)
    told = draws.verdict({"all networks": found}, [1])
    others = "TG of a shuffled teacher, TG of an untrained teacher, TG before training"
    first = "All networks, n = 40, after 1 epoch: P + alpha TG is better than that with"
    assert told == f"{first} {others}."
    less = found.assign(low=found.low.where(found.control != "untrained", -1))
    unsure = "; undecided against that with TG of an untrained teacher."
    assert draws.verdict({"all networks": less}, [1]).endswith(unsure)
    table = draws.table({"all networks": found}, [1])
    row = found.sel(control="shuffled", epoch=1, statistic="pearson")
    cell = table.loc[("1 epoch", "shuffled"), ("all networks", "pearson")]
    assert cell == f"{row.difference:+.3f} [{row.low:.3f}, {row.high:.3f}]"
    counted = table["all networks", "draws as good"].tolist()
    assert counted == ["0 of 20", "0 of 3", "0 of 1"]


def test_each_of_many_teachers_is_judged_alone_and_beside_p(pool):
    p, guided, mature = pool
    taught = xr.concat([guided.TG, guided.shuffled[0]], "teacher").assign_coords(teacher=["a", "b"])
    mature = mature.where(mature.network != 5)
    found = draws.by_teacher(p, taught, mature, RESAMPLES).sel(epoch=1)
    kept = np.arange(NETWORKS) != 5
    alone = stats.spearmanr(guided.TG.values[kept, 1], mature.values[kept]).statistic
    np.testing.assert_allclose(found.value.sel(teacher="a", score="TG"), alone)
    gain = found.sel(score="gain")
    assert gain.low.sel(teacher="a") > 0 > gain.low.sel(teacher="b")
    own = stats.spearmanr(p.values[kept, 1], mature.values[kept]).statistic
    np.testing.assert_allclose(found.value.sel(score="P + alpha TG") - gain.value, own)
    shuffled = xr.concat([guided.shuffled, guided.shuffled], "teacher").rename(permutation="draw")
    judged = draws.by_teacher(p, taught, mature, RESAMPLES, shuffled=shuffled)
    table = draws.teachers_table(judged, (1,))
    assert table.loc["a", "1 epoch: TG"].startswith(f"{alone:+.2f} [")
    # The second teacher is one of its permutations.
    drawn = [stats.spearmanr(one.values[kept, 1], mature.values[kept])[0] for one in shuffled[1]]
    better = sum(one >= drawn[0] for one in drawn)
    assert table["1 epoch: permutations"].tolist() == ["0 of 20", f"{better} of 20"]
