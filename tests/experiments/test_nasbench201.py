"""NAS-Bench-201 at a tiny size, with a made-up table of published accuracies."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import spaces
from sage.analysis import planned
from sage.analysis.bootstrap import Bootstrap
from sage.config import profiles
from sage.config.run import BenchmarkRun, Run
from sage.experiments import nasbench201
from sage.experiments.results import Results
from sage.rsa.teacher import read_teacher
from tests.support import recording_files
from tests.support.small_benchmark import TINY, TRAINING, publish_accuracies


@pytest.fixture
def run(monkeypatch, images) -> Run:
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    return Run(profile="tiny", dataset="mine")


def test_pools_and_pilot_share_no_network():
    parts = [nasbench201.networks_of(name) for name in ("pool", "second pool", "pilot")]
    assert [len(one) for one in parts] == [100, 6466 - 115, 15]
    assert len({*sum(parts, [])}) == 6466 and parts[0] != sorted(parts[0])


def test_pool_grows_without_training_again(run):
    protocol = nasbench201.make_protocol(TRAINING, run, snapshots=(0, 1), rivals=False)
    first = nasbench201.train(protocol, "pool", 1, workers="0")
    both = nasbench201.train(protocol, "pool", 2, workers="0")
    assert both.state.values.tolist() == ["finished"] * 2
    assert both.seconds.values[0] == first.seconds.values[0]
    named = [spaces.from_nasbench201_string(name) for name in both.name.values.tolist()]
    assert named == nasbench201.networks_of("pool")[:2]


def test_networks_trained_here_are_judged_by_published_accuracies(run, tmp_path):
    published, published_briefly = publish_accuracies(7)
    recordings = recording_files.write_responses(tmp_path / "v4.nc")
    options = {"networks": 7, "longer": 5, "recordings": [str(recordings)], "workers": "0"}
    files = nasbench201.make_tables(run, TRAINING, **options)
    named = {path.stem: str(path) for path in files}
    stored = {"banks": "05_pool", "teacher": "05_teacher"}
    stored |= {"untrained": "05_untrained", "ladder": "05_ladder", "others": "05_teacher"}
    asked = BenchmarkRun(**{name: named[stem] for name, stem in stored.items()})
    found = nasbench201.load(asked)
    table, target = found.table, nasbench201.published_target(found.table)
    np.testing.assert_allclose(target[:6], published[:6])
    assert np.isnan(target[6]) and table.epoch.values.tolist() == [0, 0.5, 1, 2]
    assert table.score.sel(predictor="P", epoch=2).notnull().sum() == 5
    assert "recorded V4" in table.predictor
    assert found.shuffled.sizes["draw"] == 100
    assert found.shuffled.teacher.values.tolist() == found.others.teacher.values.tolist()
    briefly = found.scores.sel(predictor="published after 12 epochs", epoch=1)
    np.testing.assert_allclose(briefly, published_briefly)
    # Theirs have five cells a stage, those trained here one: some three times the multiply-adds.
    assert 2.5 < briefly.cost / 600_000 < 4
    # The last rung is the teacher, and a byte a value is enough.
    assert found.ladder.sizes["teacher"] == TINY.teacher_epochs + 1
    known = table.score.sel(predictor="TG", drop=True).transpose("network", "epoch")
    np.testing.assert_allclose(found.ladder[-1].transpose("network", "epoch"), known, atol=0.01)

    other = read_teacher(named["05_teacher"]).shuffled(seed=3)
    other.save(tmp_path / "mine.nc")
    again = nasbench201.load(replace(asked, teacher=str(tmp_path / "mine.nc"))).table
    same = ["P", "TSE-E", "TG labels", "recorded V4"]
    xr.testing.assert_equal(again.score.sel(predictor=same), table.score.sel(predictor=same))
    assert abs(again.score - table.score).sel(predictor="TG").max() > 0.01
    assert "TG by CKA" in table.predictor and "TG by CKA" not in again.predictor

    judged = planned.judge(found.scores, found.targets(), Bootstrap(100, 0))
    assert judged.n.sel(target="CIFAR-100", epoch=1) == 6
    few = judged.sel(target="CIFAR-100, better half", epoch=2)
    assert few.n < 5 and np.isnan(few.low).all()

    # One that diverged here is left out as those are that have no such epoch, not ranked first.
    one = table.network.values[2]
    diverged = table.assign(score=table.score.where(table.network != one))
    kept, targets = Results(asked, {"05_stored": replace(found, table=diverged)})["05_kept"]
    assert kept.network.values.tolist() == targets.network.values.tolist() == [0, 1, 3, 4]
