"""NAS-Bench-201 at a tiny size, with a made-up table of published accuracies."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import spaces
from sage.analysis import planned
from sage.analysis.bootstrap import Bootstrap
from sage.config import profiles
from sage.config.run import BenchmarkRun, Refused, Run
from sage.experiments import nasbench201
from sage.experiments.results import Results
from sage.models import zero_cost
from sage.plots import FIGURES
from sage.rsa.teacher import read_teacher
from tests.support import recording_files, small_benchmark
from tests.support.small_benchmark import TINY, publish_accuracies

TRAINING = replace(small_benchmark.TRAINING, epochs=2)  # twice the premature epochs


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
    deeper = nasbench201.make_protocol(replace(TRAINING, cells=2), run, snapshots=(0, 1))
    deeper = nasbench201.train(replace(deeper, rivals=False), "pool", 1, workers="0")
    assert deeper.parameters[0] != first.parameters[0]
    named = [spaces.from_nasbench201_string(name) for name in both.name.values.tolist()]
    assert named == nasbench201.networks_of("pool")[:2]


def test_networks_trained_here_are_judged_by_published_accuracies(run, tmp_path):
    published, published_briefly = publish_accuracies(7)
    recordings = recording_files.write_responses(tmp_path / "v4.nc")
    options = {"networks": 7, "recordings": [str(recordings)], "workers": "0"}
    files = nasbench201.make_tables(run, TRAINING, **options)
    named = {path.stem: str(path) for path in files}
    stored = {"banks": "05_pool", "teacher": "05_teacher"}
    stored |= {"untrained": "05_untrained", "ladder": "05_ladder", "others": "05_teacher"}
    stored |= {"longer": "05_pool"}
    asked = BenchmarkRun(**{name: named[stem] for name, stem in stored.items()})
    found = nasbench201.load(asked)
    table, target = found.table, nasbench201.published_target(found.table)
    np.testing.assert_allclose(target[:6], published[:6])
    assert np.isnan(target[6]) and table.epoch.values.tolist() == [0, 0.5, 1]
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
    heavier = nasbench201.load(replace(asked, alpha=2.0)).scores
    p, tg, both = (heavier.sel(predictor=name, drop=True) for name in ("P", "TG", "P + alpha TG"))
    np.testing.assert_allclose(both, p + 2 * tg)

    judged = planned.judge(found.scores, found.targets(), Bootstrap(100, 0))
    assert judged.n.sel(target="CIFAR-100", epoch=1) == 6
    few = judged.sel(target="CIFAR-100, better half", epoch=1)
    assert few.n < 5 and np.isnan(few.low).all()

    # One that diverged here is left out as those are that have no such epoch, not ranked first.
    one = table.network.values[2]
    diverged = table.assign(score=table.score.where(table.network != one))
    kept, targets = Results(asked, {"05_stored": replace(found, table=diverged)})["05_kept"]
    assert kept.network.values.tolist() == targets.network.values.tolist() == [0, 1, 3, 4, 5]

    # Longer trainings begin as the pool's do, and are added to their file as they are made.
    path = tmp_path / "longer.nc"
    for count in (2, 5, 5):
        teacher = read_teacher(named["05_teacher"])
        nasbench201.train_longer(path, run, TRAINING, teacher, networks=count, workers="0")
    otherwise = replace(TRAINING, cells=2)
    with pytest.raises(ValueError, match="it has networks .*cells': 1.* instead of .*: 2,"):
        nasbench201.train_longer(path, run, otherwise, teacher, networks=6, workers="0")
    with pytest.raises(ValueError, match="teacher_identity resnet .* instead of resnet shuffled"):
        another = teacher.shuffled(seed=1)
        nasbench201.train_longer(path, run, TRAINING, another, networks=6, workers="0")
    results = Results(replace(asked, longer=str(path)))
    begun, later = found.scores.sel(network=range(5)), nasbench201.scores_of(results["05_later"])
    assert results["05_later"].name.values.tolist() == table.name.values.tolist()[:5]
    with xr.open_dataset(path, mask_and_scale=False) as in_bytes:
        assert in_bytes.rdms_0.dtype == np.dtype("uint8")
    joined = results["05_longer"].scores
    assert joined.epoch.values.tolist() == [0, 0.5, 1, 2] and later.epoch.values.tolist() == [0, 2]
    for part in (begun, later.sel(epoch=[2])):
        kept = [one for one in later.predictor.values if one not in zero_cost.PROXIES]
        again = joined.sel(predictor=kept, epoch=part.epoch)
        xr.testing.assert_equal(again, part.sel(predictor=kept))
    planned_again = results["05_longer_summary"]
    assert planned_again.epoch.values.tolist() == [0.5, 1, 2] and (planned_again.n == 5).all()
    shown = [one.get_xlabel() for one in FIGURES["05_longer"](results).axes[2:]]
    assert shown[0].startswith("P after 2 epochs") and shown[1] == "P + TG after 2 epochs"
    # Ranks are among all five, not among those of one file or of the whole pool.
    for scores in (joined, later):
        for epoch in scores.epoch:
            assert sorted(scores.sel(predictor="naswot", epoch=epoch).values) == [1, 2, 3, 4, 5]
    swapped = found.table.isel(network=slice(None, None, -1))
    with pytest.raises(Refused, match="expected the first networks of banks in longer"):
        Results(results.run, {"05_stored": replace(found, table=swapped)})["05_longer"]
