import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from sage.compute import devices


@pytest.mark.parametrize(
    "given, expected", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_threads_that_wait_leave_their_core_to_others(given, expected):
    """Importing sage sets the variable, which torch's library reads when it is loaded later."""
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = "import os, sys, sage; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=others | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", expected]


@pytest.mark.parametrize(
    "gigabytes, cores, memory, expected",
    [(80, 16, 64, 8), (80, 4, 64, 4), (24, 16, 64, 3), (6, 16, 64, 0), (80, 16, 5, 3)],
)
def test_a_gpu_trains_as_many_networks_as_fill_it_if_they_fit(
    monkeypatch, gigabytes, cores, memory, expected
):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cuda"))
    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (gigabytes * 1e9, 96e9))
    monkeypatch.setattr(devices, "memory", lambda: memory * 1e9)
    assert devices.networks_at_once() == expected


def test_a_gpu_that_others_fill_is_waited_for(monkeypatch):
    waited, left = [], [torch.OutOfMemoryError("full")] * 2
    monkeypatch.setattr(devices.time, "sleep", waited.append)

    @devices.patient
    def double(number):
        if left:
            raise left.pop()
        return 2 * number

    assert double(3) == 6
    assert waited == list(devices.WAITS[:2])
    left += [torch.OutOfMemoryError("full")] * 5
    with pytest.raises(torch.OutOfMemoryError):
        double(3)
    left[:] = [ValueError("wrong")]
    with pytest.raises(ValueError):
        double(3)
    assert len(waited) == 2 + len(devices.WAITS)


@pytest.mark.parametrize("gigabytes, expected", [(24, 2), (2, 1), (1, 0)])
def test_a_processor_trains_a_network_per_core_if_they_fit(monkeypatch, gigabytes, expected):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cpu"))
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(devices, "memory", lambda: gigabytes * 1e9)
    assert devices.networks_at_once() == expected


UNLIMITED = 9223372036854771712  # as version 1 has it


@pytest.mark.parametrize(
    "own, files, cores, megabytes",
    [
        # Version 2, in a container that sees its own group as the top.
        ("0::/", {"cpu.max": "150000 100000", "memory.max": "1400"}, 2, 900),
        # A job's limit holds for its steps, and a step's own is smaller still.
        ("0::/job/step", {"job/cpu.max": "100000 100000", "job/memory.max": "1400"}, 1, 900),
        ("0::/job", {"cpu.max": "max 100000", "job/memory.max": "max"}, 64, 64_000),
        # Version 1: a tree for each controller.
        (
            "3:cpu,cpuacct:/docker/ab\n2:memory:/docker/ab",
            {"cpu/cpu.cfs_quota_us": "250000", "memory/memory.limit_in_bytes": "1400"},
            3,
            900,
        ),
        ("2:memory:/a\n1:cpu:/", {"memory/a/memory.limit_in_bytes": "1400"}, 64, 900),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1"}, 64, 64_000),
        ("2:memory:/", {"memory/memory.limit_in_bytes": f"{UNLIMITED}"}, 64, 64_000),
    ],
)
def test_a_container_or_job_has_the_cores_and_memory_of_its_cgroups(
    monkeypatch, tmp_path, own, files, cores, megabytes
):
    """700 MB are in use, 200 of them by files that were read."""
    monkeypatch.setattr(devices, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(devices, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64))
    virtual = SimpleNamespace(available=64_000_000_000)
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: virtual)
    (tmp_path / "own").write_text(f"{own}\n")
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        in_bytes = f"{text}000000" if text == "1400" else text
        path.write_text(f"{in_bytes}\n")
        path.with_name("cpu.cfs_period_us").write_text("100000\n")
        for used in ("memory.current", "memory.usage_in_bytes"):
            path.with_name(used).write_text("700000000\n")
        counts = "active_file 150000000\ninactive_file 50000000\nanon 500000000\n"
        path.with_name("memory.stat").write_text(counts)
    assert (devices.cores(), devices.memory()) == (cores, megabytes * 1_000_000)


def test_a_system_without_cgroups_has_its_own_cores_and_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "OWN_CGROUPS", tmp_path / "missing")
    assert devices.cores() == len(os.sched_getaffinity(0)) and devices.memory() > 0
