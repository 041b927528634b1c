import os
import subprocess
import sys

from types import SimpleNamespace

import pytest
import torch

from sage import devices


@pytest.mark.parametrize("given, expected", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_leave_their_core_to_others(given, expected):
    """Set by importing sage, which does not load torch: its library reads the variable when it is loaded."""
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = "import os, sys, sage; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", command], env=others | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", expected]


@pytest.mark.parametrize("gigabytes, cores, expected", [(80, 16, 8), (80, 4, 4), (24, 16, 3), (6, 16, 1)])
def test_a_gpu_trains_as_many_networks_as_fill_it_if_they_fit(monkeypatch, gigabytes, cores, expected):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cuda"))
    monkeypatch.setattr(devices, "cores", lambda: cores)
    card = SimpleNamespace(total_memory=gigabytes * 1e9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: card)
    assert devices.networks_at_once() == expected


@pytest.mark.parametrize("gigabytes, expected", [(24, 2), (2, 1), (1, 1)])
def test_a_processor_trains_a_network_per_core_if_they_fit(monkeypatch, gigabytes, expected):
    monkeypatch.setattr(devices, "default", lambda: torch.device("cpu"))
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9))
    assert devices.networks_at_once() == expected
