"""A pool's RDMs in a file of a byte a value."""

import numpy as np
import xarray as xr

from sage.config import paths
from sage.rsa import guidance, pool_bank
from tests.support.made_up_teachers import PAIRS, make_teacher


def test_saved_bank_gives_the_teacher_guidance_of_the_rdms(tmp_path):
    rng, teacher = np.random.default_rng(1), make_teacher()
    own = np.stack([layer.rdms["class"] for layer in teacher.layers])
    snapshots = []
    for network, layers in ((3, 2), (5, 4)):
        for epoch in (0.0, 2.0):
            near = own[rng.integers(2, size=layers)] + rng.normal(0, 0.3, (layers, PAIRS))
            near[0] = np.nan if (network, epoch) == (5, 2.0) else near[0]
            rdms = {("set a", "class"): near.clip(0, 2).astype(np.float16)}
            snapshots.append((network, epoch, rdms | {("other", "image"): np.zeros((1, 3))}))
    path = paths.save_table(pool_bank.pack(snapshots), tmp_path / "bank.nc")
    with xr.open_dataset(path, mask_and_scale=False) as stored:
        assert {variable.dtype for variable in stored.data_vars.values()} == {np.dtype("uint8")}
    read = list(pool_bank.unpack(xr.load_dataset(path)))
    assert [place[:2] for place in read] == [place[:2] for place in snapshots]
    found, exact = (guidance.compare(one, teacher, level="class") for one in (read, snapshots))
    assert exact.notnull().sum() == found.notnull().sum() == 2 * (2 + 2 + 4 + 3)
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.005)
