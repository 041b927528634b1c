"""Stored networks under one teacher, on made-up RDMs."""

import numpy as np

from sage.analysis.bootstrap import Bootstrap
from sage.config import paths
from sage.config.run import StoredRun
from sage.experiments import quickstart
from sage.rsa import guidance, pool_bank
from tests.support.made_up_teachers import PAIRS, make_teacher

EPOCHS = (0.0, 1.0)


def test_stored_networks_are_judged_by_a_teacher(tmp_path):
    rng, teacher = np.random.default_rng(0), make_teacher()
    snapshots = [
        (network, epoch, {("set a", "class"): rng.random((3, PAIRS))})
        for network in range(6)
        for epoch in EPOCHS
    ]
    accuracy, mature = rng.random((6, 2)), rng.random(6)
    bank = pool_bank.pack(snapshots).assign(
        accuracy=(("network", "epoch"), accuracy), mature=("network", mature)
    )
    bank["depth"] = ("network", np.ones(6))
    bank["architecture"] = ("network", ["[0]"] * 6)
    paths.save_table(bank, tmp_path / "pool.nc")
    teacher.save(tmp_path / "teacher.nc")
    named = {name: f"{tmp_path}/pool.nc" for name in ("banks", "untrained")}
    run = StoredRun(teacher=f"{tmp_path}/teacher.nc", alpha=2, **named)
    judged = quickstart.judge(run)

    similar = guidance.compare(snapshots, teacher, level="class")
    tg = guidance.teacher_guidance(similar).values
    np.testing.assert_allclose(judged.scores.sel(predictor="TG"), tg, atol=0.02)
    both = judged.scores.sel(predictor="P + alpha TG") - judged.scores.sel(predictor="P")
    np.testing.assert_allclose(both, 2 * judged.scores.sel(predictor="TG"))
    before = judged.scores.sel(predictor="TG before training")
    np.testing.assert_allclose(before, np.tile(both.values[:, :1] / 2, 2))

    table = judged.table(epoch=1)
    assert list(table.columns) == ["P", "TG", "P + 2 TG", "mature accuracy"]
    assert table["P + 2 TG"].is_monotonic_decreasing
    np.testing.assert_allclose(table["mature accuracy"].sort_index(), mature)

    told = judged.correlations(EPOCHS[1:], Bootstrap(50, 0)).loc["P", "after 1 epoch"]
    assert told.startswith(f"{np.corrcoef(accuracy[:, 1], mature)[0, 1]:.2f} [")

    shown = judged.examples(epoch=1)
    by_teacher, best, worst = shown.values()
    np.testing.assert_allclose(by_teacher, teacher.layers[-1].rdms["class"])
    expected = snapshots[2 * int(tg[:, 1].argmax()) + 1][2]["set a", "class"]
    assert np.abs(expected - best).max(1).min() < 0.01
    titles = list(shown)
    assert "highest TG" in titles[1] and "in the end right in" in titles[2]
