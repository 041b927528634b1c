"""Guidance by the images of recordings, at a tiny size, with a made-up table of accuracies."""

import numpy as np
import pytest
import xarray as xr

from sage.analysis import planned, predictivity
from sage.analysis.bootstrap import Bootstrap
from sage.config import profiles
from sage.config.run import Run
from sage.experiments import nasbench201, object_guidance
from sage.plots import style
from sage.plots.controls import objects
from sage.plots.figures import OBJECTS_SHOWN
from sage.rsa import pool_bank
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


def test_networks_are_judged_by_other_images(table):
    stored = object_guidance.load(table)
    kinds = {key for *_, rdms in pool_bank.unpack(xr.load_dataset(table)) for key in rdms}
    assert {level for _, level in kinds} == {"image"} and len(kinds) == 1
    target = nasbench201.published_target(stored)
    judged = planned.judge_objects(stored.score, target, stored.shuffled, Bootstrap(100, 0))
    assert judged.n.values.tolist() == [6, 6] and judged.draws.values.tolist() == [20, 20]
    assert np.isfinite(judged.holm.values).sum() == 6
    assert (judged.holm >= judged.p).where(judged.primary, True).all()
    told = planned.told_objects(judged)
    assert told.count("tells more than") == 6 and told.count("of 20 permutations") == 2

    early = stored.score.sel(epoch=list(planned.PERMUTED))
    assessed = predictivity.assess(early, target, Bootstrap(100, 0))
    figure = objects(assessed, judged, OBJECTS_SHOWN)
    style.save(figure, table.parent, "05_objects", suffixes=(".png",))
    assert [len(axis.get_yticks()) for axis in figure.axes] == [len(OBJECTS_SHOWN)] * 2 + [6]
