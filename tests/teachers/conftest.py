from dataclasses import replace

import pytest

from sage.config import profiles
from sage.config.run import Run


@pytest.fixture
def tiny_run(monkeypatch, images) -> Run:
    smoke = profiles.PROFILES["smoke"]
    tiny = replace(smoke, teacher_images=128, rdm_images=20)
    monkeypatch.setitem(profiles.PROFILES, "tiny", tiny)
    return Run(profile="tiny", dataset="mine", level="image")
