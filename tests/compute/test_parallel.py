"""One training on several processes: the same network, and what a killed process leaves."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import xarray as xr
from torch import nn

from sage.compute import devices, parallel
from sage.compute.parallel import RankDied
from sage.compute.replicas import WholeBatchNorm
from sage.config import paths, profiles
from sage.config.run import CellRun
from sage.experiments import full_training
from sage.experiments.full_training import FullTraining
from tests.support import divided, ranks
from tests.support.waiting import PATIENCE, until

PYTHON = [sys.executable, "-W", "error"]
# Rounding after 12 steps is below 1e-5; a batch normalised by halves, or other drops, make 1e-2.
CLOSE = {"atol": 1e-4, "rtol": 1e-3}


@pytest.fixture(scope="module", autouse=True)
def cpu_in_float32():
    """Whatever GPUs there are, too few perhaps, and in numbers that can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setattr(torch.cuda, "device_count", lambda: 0)
        patch.setattr(devices, "has_bfloat16", lambda device: False)
        yield


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = set(psutil.Process().children(recursive=True))  # such as the database of other tests
    yield
    left = [each.cmdline() for each in set(psutil.Process().children(recursive=True)) - before]
    assert [command for command in left if "resource_tracker" not in " ".join(command)] == []


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> tuple[torch.Tensor, xr.Dataset]:
    """The network and the table of a training on one process."""
    networks, table = divided.train(tmp_path_factory.mktemp("alone") / "whole.pt")
    return networks[0], table


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """The checkpoint of a training on two processes of which one was killed."""
    path = tmp_path_factory.mktemp("killed") / "killed.pt"
    with pytest.raises(
        RankDied, match="^rank 1 of 2 was killed by SIGKILL, for lack of memory perhaps$"
    ):
        parallel.run(divided.train, path, divided.Mortal, processes=2)
    return path


def copied(checkpoint: Path, folder: Path) -> Path:
    return shutil.copy(checkpoint, folder / "begun.pt")


def test_a_killed_rank_leaves_the_last_checkpoint(killed, alone, tmp_path):
    assert [path.name for path in killed.parent.iterdir()] == ["killed.pt"]
    state = torch.load(killed, weights_only=True)
    assert state["trainer"]["step"] == 8 and "stem.0.weight" in state["trainer"]["model"]
    networks, table = divided.train(copied(killed, tmp_path))
    torch.testing.assert_close(networks[0], alone[0], **CLOSE)
    assert [start["processes"] for start in json.loads(table.provenance)] == ["2", "1"]
    np.testing.assert_allclose(table.training_loss, alone[1].training_loss, rtol=1e-5)


@pytest.fixture
def planned(images, monkeypatch) -> FullTraining:
    smoke = profiles.PROFILES["smoke"]
    monkeypatch.setitem(
        profiles.PROFILES, "tiny", replace(smoke, cells=replace(smoke.cells, full_images=128))
    )
    return FullTraining.of(CellRun(profile="tiny", dataset="mine"), divided.GENOTYPE, "mine")


def check_same(
    processes: int, checkpoint: Path, alone: tuple, planned: FullTraining, folder: Path
) -> None:
    whole = full_training.train_fully(planned, progress=False)
    shutil.rmtree(paths.cache())
    work = (folder, copied(checkpoint, folder), partial(full_training.train_fully, planned))
    found = parallel.run(divided.observe, *work, processes=processes)
    for name in ("networks", "resumed"):
        torch.testing.assert_close(found[name], alone[0].expand(processes, -1), **CLOSE)
        assert (found[name] == found[name][0]).all()
    np.testing.assert_allclose(found["table"].training_loss, alone[1].training_loss, rtol=1e-5)
    assert [start["processes"] for start in json.loads(found["table"].provenance)] == [
        str(processes)
    ]
    assert found["table"]["rank"].values.tolist() == 4 * [0]
    assert found["log"][:5] == 4 * ["whole.pt"] + ["begun.pt"]
    assert found["log"][-4:] == 3 * [f"{planned.key}.pt"] + [f"{planned.key}.nc"]
    assert found["written"].tolist() == [len(found["log"])] + (processes - 1) * [0]
    tables = [pickle.loads((folder / f"full {rank}").read_bytes()) for rank in range(processes)]
    for table in tables:
        xr.testing.assert_identical(table, tables[0])
    xr.testing.assert_allclose(tables[0], whole, rtol=1e-4)
    assert json.loads(tables[0].provenance)[0]["processes"] == str(processes)
    assert found["mean"][0] == (processes - 1) / 2 and found["mean"][1].isnan()
    assert (
        found["ends"]["odd"]
        == f"ValueError('batch size is 9, expected a multiple of {processes} processes')"
    )
    assert "Diverged('training loss is" in found["ends"]["steep"]
    assert "expected BatchNorm2d" in found["ends"]["one dimension"]
    assert found["listening"] == {"127.0.0.1"}


def test_two_processes_train_the_network_that_one_does(killed, alone, planned, tmp_path, capfd):
    check_same(2, killed, alone, planned, tmp_path)
    shown = capfd.readouterr().err
    bars = [line for line in shown.split("\n") if "small:" in line]
    assert len(bars) == 1 and "small: 100%" in bars[0]


@pytest.mark.slow
def test_four_processes_train_the_network_that_one_does(killed, alone, planned, tmp_path):
    check_same(4, killed, alone, planned, tmp_path)


def test_a_rank_that_raises_ends_the_others():
    with pytest.raises(
        LookupError, match="^a rank's own problem\nin rank 1 of 2:\n\nTraceback[^$]*in fail\n"
    ):
        parallel.run(ranks.fail, processes=2)


def test_one_process_is_this_one():
    assert parallel.run(os.getpid, processes=1) == os.getpid()
    with parallel.group():
        assert (parallel.size(), parallel.rank(), parallel.once(os.getpid)) == (1, 0, os.getpid())


def test_what_cannot_be_started_is_refused_first(monkeypatch):
    with pytest.raises(ValueError, match="processes is 0, expected 1 or more$"):
        parallel.run(os.getpid, processes=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="processes is 3, expected 1 or more, 2 GPUs at most$"):
        parallel.run(os.getpid, processes=3)
    for name, value in {"RANK": "2", "LOCAL_RANK": "2", "WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        ValueError, match="RANK is 2, expected MASTER_ADDR, MASTER_PORT in the environment too"
    ):
        parallel.group().__enter__()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")
    with pytest.raises(
        ValueError, match="local rank 2 has no GPU of its own, expected at most 2 processes"
    ):
        parallel.group().__enter__()


SCRIPT = """
import sys
from pathlib import Path
from sage.compute import parallel
from tests.support import ranks

if __name__ == "__main__":
    try:
        parallel.run(ranks.wait, Path(sys.argv[1]), processes=2)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    parallel.run(ranks.wait, Path(sys.argv[2]), processes=2)
"""


def begun(folder: Path) -> list[psutil.Process]:
    """The two ranks that have left a mark in a folder, once they have."""
    until(lambda: len([mark for mark in folder.iterdir() if mark.read_text()]) == 2)
    return [psutil.Process(int(mark.read_text())) for mark in folder.iterdir()]


def test_no_process_outlives_the_call(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    caller = subprocess.Popen(
        [*PYTHON, "script.py", "first", "second"],
        cwd=tmp_path,
        start_new_session=True,
        env=environment(),
        **pipes,
    )
    interrupted = begun(tmp_path / "first")
    os.killpg(caller.pid, signal.SIGINT)  # Ctrl-C in a terminal reaches the ranks too
    assert psutil.wait_procs(interrupted, timeout=PATIENCE)[1] == []
    assert caller.stdout.readline() == "stopped\n"
    orphaned = begun(tmp_path / "second")
    caller.kill()
    assert psutil.wait_procs(orphaned, timeout=PATIENCE)[1] == []
    assert caller.communicate(timeout=PATIENCE) == ("", "")


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(paths.ROOT)}


TORCHRUN = """
from pathlib import Path
import torch
from sage.compute import parallel
from tests.support import divided

with parallel.group():
    networks, _ = divided.train(Path("whole.pt"))
    parallel.once(torch.save, networks, "networks")
"""


def test_torchrun_starts_ranks_too(alone, tmp_path):
    (tmp_path / "script.py").write_text(TORCHRUN)
    torchrun = [
        *PYTHON,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "script.py",
    ]
    finished = subprocess.run(
        torchrun, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert finished.returncode == 0, finished.stderr
    networks = torch.load(tmp_path / "networks", weights_only=True)
    torch.testing.assert_close(networks, alone[0].expand(2, -1), **CLOSE)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_whole_batch_is_normalised_as_torch_does(kind):
    torch.manual_seed(0)
    usual, ours = nn.BatchNorm2d(3), WholeBatchNorm(3)
    usual.weight.data = ours.weight.data = torch.tensor([0.5, 2.0, -1.0])
    x = (3 + 2 * torch.randn(8, 3, 4, 5)).to(kind)
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    towards = torch.randn(8, 3, 4, 5).to(kind)
    ours(mine).backward(towards)
    usual(theirs).backward(towards)
    tolerance = (
        {"atol": 1e-5, "rtol": 1e-4} if kind == torch.float32 else {"atol": 2e-2, "rtol": 2e-2}
    )
    assert mine.grad.dtype == ours(mine).dtype == kind
    usual(theirs)
    torch.testing.assert_close(ours(mine), usual(theirs), **tolerance)
    torch.testing.assert_close(mine.grad, theirs.grad, **tolerance)
    for name in ("weight", "bias"):
        torch.testing.assert_close(getattr(ours, name).grad, getattr(usual, name).grad, **tolerance)
    torch.testing.assert_close(ours.state_dict(), usual.state_dict())
    torch.testing.assert_close(ours.eval()(x), usual.eval()(x))
