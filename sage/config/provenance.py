"""What a result rests on: keys for caches, and the commit, versions and hardware for the record."""

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from sage.compute import devices
from sage.config import paths


def key(**parts) -> str:
    """16 hexadecimal digits that change with any of the JSON-ready parts.

    Raises:
        TypeError: a part that JSON cannot express.
    """
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamp() -> dict[str, str]:
    """Commit, library versions, hardware and time, as attributes that NetCDF takes."""
    return {
        "commit": commit(),
        "versions": ", ".join(
            [f"python {platform.python_version()}"]
            + [
                f"{name} {version(name)}"
                for name in ("torch", "torchvision", "numpy", "scipy", "xarray")
            ]
        ),
        "hardware": hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """The checkout's commit, with "-modified" if the package or a notebook differs from it."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "sage", "notebooks/*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not a git checkout)"
    return head + ("-modified" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(paths.ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def hardware() -> str:
    """The GPU if there is one, else the processor and its number of usable cores."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"{devices.cores()} cores of {_processor()}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
