"""Waiting for other processes, which may take long on a machine with other work."""

import time
from collections.abc import Callable

PATIENCE = 240  # seconds


def until(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain")
        time.sleep(0.02)
