import os

import pytest
import torch

# Tiny networks gain nothing from threads, and threads that wait for a busy core stall them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path_factory):
    """Tests neither read nor write the checkout's data and figures."""
    monkeypatch.setenv("SAGE_DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("SAGE_FIGURES", str(tmp_path_factory.mktemp("figures")))
