"""What ranks do in the tests of how they start and end; every rank imports it again."""

import os
import time
from pathlib import Path

import torch

from sage.compute import parallel


def fail() -> None:
    """Rank 1 has a problem while rank 0 waits for it."""
    if parallel.rank() == 1:
        raise LookupError("a rank's own problem")
    parallel.gathered(torch.zeros(1))


def wait(folder: Path) -> None:
    """Leave a mark with this process' number, and train for long."""
    (folder / f"{parallel.rank()}").write_text(str(os.getpid()))
    time.sleep(1000)
