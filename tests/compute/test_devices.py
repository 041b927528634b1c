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
    "gigabytes, cores, expected", [(80, 16, 8), (80, 4, 4), (24, 16, 3), (6, 16, 1)]
)
def test_a_gpu_trains_as_many_networks_as_fill_it_if_they_fit(
    monkeypatch, gigabytes, cores, expected
):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cuda"))
    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (gigabytes * 1e9, 96e9))
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: SimpleNamespace(available=64e9))
    assert devices.networks_at_once() == expected


def test_a_gpu_trains_no_more_networks_than_the_processor_has_memory_for(monkeypatch):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cuda"))
    monkeypatch.setattr(devices, "cores", lambda: 16)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (80e9, 96e9))
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: SimpleNamespace(available=5e9))
    assert devices.networks_at_once() == 3


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


@pytest.mark.parametrize("gigabytes, expected", [(24, 2), (2, 1), (1, 1)])
def test_a_processor_trains_a_network_per_core_if_they_fit(monkeypatch, gigabytes, expected):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cpu"))
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(
        devices.psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9)
    )
    assert devices.networks_at_once() == expected
