"""What a result rests on: keys for caches, and the commit, versions and hardware for the record."""

import hashlib
import json
import platform
import re
import subprocess
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
import xarray as xr

from sage.compute import devices
from sage.config import paths


def key(**parts: object) -> str:
    """Return 16 hexadecimal digits that change with any of the JSON-ready parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def stamp() -> dict[str, str]:
    """Return commit, library versions, hardware and time, as attributes that NetCDF takes."""
    libraries = ("torch", "torchvision", "numpy", "scipy", "xarray")
    versions = [f"{name} {version(name)}" for name in libraries]
    return {
        "commit": commit(),
        "versions": ", ".join([f"python {platform.python_version()}", *versions]),
        "hardware": hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def stamps(table: xr.Dataset) -> pd.DataFrame:
    """Return the stamps in a table's attribute `provenance`, one a row, to be shown."""
    return pd.DataFrame(json.loads(table.attrs["provenance"])).fillna("")


def commit() -> str:
    """Return the checkout's commit, with "-modified" if package or notebooks differ from it."""
    try:
        head, changed = state(paths.ROOT)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not a git checkout)"
    return head + ("-modified" if changed else "")


def state(checkout: Path) -> list[str]:
    """Return a checkout's commit, and the files of package and notebooks that differ from it."""
    run = partial(subprocess.run, cwd=checkout, capture_output=True, text=True, check=True)
    asked = ["rev-parse", "HEAD"], ["status", "--porcelain", "--", "sage", "notebooks/*.py"]
    return [run(["git", *arguments]).stdout.rstrip() for arguments in asked]


def hardware() -> str:
    """Return the GPU if there is one, else the processor and its number of usable cores."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    about = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: *(.+)", about.read_text() if about.exists() else "")
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    return f"{devices.cores()} cores of {processor}"
