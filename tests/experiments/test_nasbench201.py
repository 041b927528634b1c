"""Brief trainings in NAS-Bench-201, at a tiny size."""

from sage import spaces
from sage.experiments import nasbench201
from sage.experiments.nasbench201 import Training

SIZES = {"dataset": "mine", "image_size": 16, "train_images": 128, "validation_images": 64}


def test_pool_and_pilot_share_no_network():
    pool, pilot = map(nasbench201.networks_of, ("pool", "pilot"))
    assert len({*pool}) == len(pool) == 6466 - 15 and len({*pilot}) == 15
    assert not {*pool} & {*pilot} and pool[:100] != sorted(pool)[:100]


def test_pool_grows_without_training_again(images):
    training = Training(batch_size=32, learning_rate=0.05, epochs=1, cells=1)
    small = SIZES | {"snapshots": (0, 1), "rdm_units": 50, "rdm_images": 20, "rivals": False}
    protocol = nasbench201.make_protocol(training, **small)
    first = nasbench201.train(protocol, "pool", 1, workers="0")
    both = nasbench201.train(protocol, "pool", 2, workers="0")
    assert both.state.values.tolist() == ["finished"] * 2
    assert both.seconds.values[0] == first.seconds.values[0]
    named = [spaces.from_nasbench201_string(name) for name in both.name.values.tolist()]
    assert named == nasbench201.networks_of("pool")[:2]
