"""Guidance by the images of recordings, at a tiny size, with a made-up table of accuracies."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from sage import teachers
from sage.analysis import planned, predictivity
from sage.analysis.bootstrap import Bootstrap
from sage.config import profiles
from sage.config.run import Run
from sage.experiments import nasbench201, object_guidance
from sage.plots import style
from sage.plots.controls import objects
from sage.plots.figures import OBJECTS_SHOWN
from sage.rsa import guidance, pool_bank
from sage.teachers import assemblies
from tests.support import recording_files
from tests.support.small_benchmark import TINY, TRAINING, publish_accuracies


@pytest.fixture
def table(tmp_path, monkeypatch, images):
    """What is stored of seven networks, the last of which is broken."""
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    monkeypatch.setattr(object_guidance, "PERMUTATIONS", 20)
    publish_accuracies(7, "second pool")
    recordings = recording_files.write_rdms(tmp_path / "it.nc")
    xr.load_dataset(recordings).rename(IT="rdm").to_netcdf(recordings, engine="h5netcdf")
    run = Run(profile="tiny", dataset="mine")
    return object_guidance.make_table(run, TRAINING, str(recordings), networks=7, workers="0")


def test_networks_are_judged_by_other_images(table, tmp_path):
    stored = object_guidance.load(table)
    kinds = {key for *_, rdms in pool_bank.unpack(xr.load_dataset(table)) for key in rdms}
    assert {level for _, level in kinds} == {"image"} and len(kinds) == 1
    # RDMs are stored well enough to judge a teacher again.
    region = assemblies.read([tmp_path / "it.nc"], size=TINY.image_size, images=TINY.rdm_images)[0]
    teacher, snapshots = (
        teachers.from_recordings([region]),
        pool_bank.unpack(xr.load_dataset(table)),
    )
    again = guidance.guidance_by_teachers(snapshots, [teacher], level="image")[0]
    known = stored.score.sel(predictor=planned.IT, epoch=again.epoch).transpose(*again.dims)
    np.testing.assert_allclose(again, known, atol=0.01)

    target = nasbench201.published_target(stored)
    judged = planned.judge_objects(stored.score, target, stored.shuffled, Bootstrap(100, 0))
    assert judged.n.values.tolist() == [6, 6] and judged.draws.values.tolist() == [20, 20]
    assert judged.primary.sum() == 6
    defined = np.isfinite(judged.value.values)  # six networks are too few for a regression
    np.testing.assert_array_equal(np.isfinite(judged.holm), defined & judged.primary)
    assert defined[0].tolist() == [False, False, True, False, False, True]
    assert (judged.holm >= judged.p).values[np.isfinite(judged.holm)].all()
    it = stored.score.sel(predictor=planned.IT, epoch=0.5, network=slice(0, 5))
    draws = stored.shuffled.sel(recording=planned.IT, epoch=0.5, network=slice(0, 5))
    by_draw = [spearmanr(one, target[:6])[0] for one in draws.transpose("draw", "network").values]
    expected = spearmanr(it, target[:6])[0]
    np.testing.assert_allclose(judged.r.sel(epoch=0.5), expected)
    assert judged.reached.sel(epoch=0.5) == (np.array(by_draw) >= expected - 1e-12).sum()
    told = planned.objects_verdict(judged)
    assert told.count("tells more than") == 6 and told.count("of 20 permutations") == 2
    assert told.count(": not comparable.") == 4
    assert (planned.objects_table(judged)["p (Holm)"] == "").sum() == 4

    early = stored.score.sel(epoch=list(planned.PERMUTED))
    assessed = predictivity.assess(early, target, Bootstrap(100, 0))
    figure = objects(assessed, judged, OBJECTS_SHOWN)
    style.save(figure, table.parent, "05_objects", suffixes=(".png",))
    assert [len(axis.get_yticks()) for axis in figure.axes] == [len(OBJECTS_SHOWN)] * 2 + [6]
