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
    bank = pool_bank.pack(snapshots).assign(depth=("network", [2, 4]))
    path = paths.save_table(bank, tmp_path / "bank.nc")
    with xr.open_dataset(path, mask_and_scale=False) as stored:
        assert stored.rdms_0.dtype == stored.rdms_1.dtype == np.dtype("uint8")
    read = list(pool_bank.unpack(xr.load_dataset(path)))
    assert [place[:2] for place in read] == [place[:2] for place in snapshots]
    again = [place[0] for place in pool_bank.unpack(xr.load_dataset(path), bank)]
    assert again == [3, 3, 5, 5, 9, 9, 11, 11]
    found, exact = (guidance.compare(one, teacher, level="class") for one in (read, snapshots))
    assert exact.notnull().sum() == found.notnull().sum() == 2 * (2 + 2 + 4 + 3)
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.005)
