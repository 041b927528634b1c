"""Controls of many draws, on made-up RDMs."""

import numpy as np

from sage import teachers
from sage.config.run import Run
from sage.experiments import controls
from sage.rsa import guidance
from sage.rsa.teacher import Teacher
from tests.support.made_up_teachers import PAIRS, make_teacher


def make_snapshots() -> list:
    """Three networks at two epochs; layer 2 of network 1 does not vary at the last."""
    rng = np.random.default_rng(1)
    found = []
    for network in range(3):
        for epoch in (0.0, 2.0):
            rdms = rng.random((2, PAIRS))
            if (network, epoch) == (1, 2.0):
                rdms[1] = np.nan
            found.append((network, epoch, {("set a", "class"): rdms}))
    return found


def test_controls_are_many_draws_and_the_networks_themselves(monkeypatch):
    seeds = []

    def load(run: Run) -> Teacher:
        assert run.teacher == "resnet-untrained"
        seeds.append(run.seed)
        return make_teacher().shuffled(seed=1000 + run.seed)

    monkeypatch.setattr(teachers, "load_teacher", load)
    snapshots, teacher = make_snapshots(), make_teacher()
    found = controls.control_guidance(Run(teacher="mine.nc"), iter(snapshots), teacher)
    assert seeds == list(range(10)) and found.sizes["permutation"] == 100

    def alone(by: Teacher) -> np.ndarray:
        compared = guidance.compare(snapshots, by, level="class")
        return guidance.teacher_guidance(compared).values

    np.testing.assert_allclose(found.TG, alone(teacher))
    np.testing.assert_allclose(found.shuffled[7], alone(teacher.shuffled(seed=7)))
    np.testing.assert_allclose(found.untrained[3], alone(make_teacher().shuffled(seed=1003)))
    last = found.peer.sel(epoch=2)
    assert last.notnull().all() and found.teacher.values.tolist() == [0, 1, 2]
    np.testing.assert_allclose([last.sel(teacher=n, network=n) for n in range(3)], 1)
    by_hand = np.corrcoef(
        np.vstack([snapshots[3][2]["set a", "class"][:1], snapshots[1][2]["set a", "class"]])
    )
    np.testing.assert_allclose(last.sel(teacher=1, network=0), by_hand[0, 1:].max())
