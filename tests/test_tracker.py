import numpy as np
import pytest

from sage.tracker import Evaluation, Snapshot, Tracker


def make_snapshot(epoch: float, seed: int, accuracy: float = 0.5) -> Snapshot:
    rdms = np.random.default_rng(seed).random((2, 6)).astype(np.float16)
    rdms[1, 0] = np.nan
    return Snapshot(
        epoch=epoch,
        examples=int(100 * epoch),
        accuracy=accuracy,
        loss=1.5,
        training_loss_sum=epoch,
        images_shown=20,
        seconds=0.1,
        rdms={("set", "class"): rdms, ("set", "image"): rdms[:, :3]},
    )


def make_evaluation(*snapshots: Snapshot, state: str = "finished", failure: str | None = None) -> Evaluation:
    return Evaluation(
        state=state, failure=failure, parameters=10, multiply_adds=20, seconds=3.0, snapshots=snapshots
    )


@pytest.fixture
def tracker(tmp_path) -> Tracker:
    tracker = Tracker(tmp_path / "folder" / "tracker.sqlite")
    tracker.open_study("key", {"width": 0.5})
    return tracker


def record(tracker: Tracker, number: int, evaluation: Evaluation, commit: str = "a") -> None:
    tracker.record(
        "key", number, architecture=(number, 1), hash=f"h{number}", seed=number, evaluation=evaluation,
        provenance={"commit": commit},
    )  # fmt: skip


def test_what_is_recorded_is_read_again_by_another_connection(tracker, tmp_path):
    snapshots = make_snapshot(0.5, 0), make_snapshot(2.0, 1, accuracy=0.75)
    record(tracker, 3, make_evaluation(*snapshots))
    record(tracker, 1, make_evaluation(make_snapshot(0.5, 2), state="diverged", failure="inf"), commit="b")
    other = Tracker(tmp_path / "folder" / "tracker.sqlite")
    assert other.finished("key") == {1, 3} and other.finished("another") == set()
    results = other.results("key", 10)
    assert results.network.values.tolist() == [1, 3] and results.epoch.values.tolist() == [0.5, 2.0]
    np.testing.assert_array_equal(results.accuracy, [[0.5, np.nan], [0.5, 0.75]])
    assert results.state.values.tolist() == ["diverged", "finished"]
    assert results.architecture.values.tolist() == ["[1, 1]", "[3, 1]"]
    assert results.attrs["description"] == '{"width": 0.5}'
    assert results.attrs["provenance"] == '[{"commit": "b"}, {"commit": "a"}]'
    stored = {(number, epoch): rdms for number, epoch, rdms in other.rdms("key", 10, "class")}
    assert stored.keys() == {(1, 0.5), (3, 0.5), (3, 2.0)}
    np.testing.assert_array_equal(stored[3, 2.0]["set", "class"], snapshots[1].rdms["set", "class"])
    assert stored[3, 2.0].keys() == {("set", "class")}


def test_results_are_those_of_the_first_candidates(tracker):
    for number in (0, 1, 5):
        record(tracker, number, make_evaluation(make_snapshot(1.0, number)))
    assert tracker.results("key", 5).network.values.tolist() == [0, 1]
    assert {number for number, _, _ in tracker.rdms("key", 5, "class")} == {0, 1}


def test_measures_that_are_not_finite_come_back_as_nan(tracker):
    record(tracker, 0, make_evaluation(make_snapshot(1.0, 0, accuracy=float("nan"))))
    assert np.isnan(tracker.results("key", 1).accuracy).all()


def test_a_candidate_is_recorded_whole_or_not_at_all(tracker):
    broken = make_snapshot(1.0, 0)
    broken.rdms["set", "other"] = None
    with pytest.raises(AttributeError):
        record(tracker, 0, make_evaluation(make_snapshot(0.5, 0), broken))
    assert tracker.finished("key") == set()
    record(tracker, 0, make_evaluation(make_snapshot(0.5, 0)))
    assert tracker.results("key", 1).sizes == {"network": 1, "epoch": 1}


def test_nothing_is_overwritten(tracker):
    record(tracker, 0, make_evaluation(make_snapshot(1.0, 0)))
    with pytest.raises(ValueError, match="candidate 0 of study key is on record already"):
        record(tracker, 0, make_evaluation(make_snapshot(1.0, 1, accuracy=0.9)))
    assert tracker.results("key", 1).accuracy.item() == 0.5


def test_opening_a_study_again_keeps_it(tracker):
    record(tracker, 0, make_evaluation(make_snapshot(1.0, 0)))
    tracker.open_study("key", {"width": 0.5})
    assert tracker.finished("key") == {0}


def test_an_empty_study_is_an_error(tracker):
    with pytest.raises(ValueError, match="no candidates on record"):
        tracker.results("key", 5)
